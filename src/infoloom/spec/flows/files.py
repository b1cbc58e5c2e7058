"""Files of trained flows: where they lie, and the description that each carries, read without torch."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from infoloom.errors import FlowError
from infoloom.foreign.files import open_regular
from infoloom.foreign.trees import checked, parse_json
from infoloom.spec.flows.trees import FORMAT, HeaderTree

__all__ = ["ZOO", "flow_header", "flow_path", "zoo_names"]

ZOO: Final = Path(__file__).resolve().parents[2] / "observations" / "zoo"
_MAX_HEADER: Final = 16 * 2**20


def zoo_names() -> tuple[str, ...]:
    """Names of the trained flows that come with the package."""
    return tuple(sorted(path.stem for path in ZOO.glob("*.safetensors")))


def flow_path(name: str, directory: Path | None = None) -> Path:
    """File of a trained flow: a zoo name or a path ending in `.safetensors`."""
    if not name.endswith(".safetensors"):
        return ZOO / f"{name}.safetensors"
    path = Path(name)
    with suppress(RuntimeError):  # no such user: the plain name will not be found either
        path = path.expanduser()
    return path if path.is_absolute() or directory is None else directory / path


def flow_header(path: Path) -> dict[str, Any]:
    """The description that a trained flow's file carries, read without torch and without its weights.

    Raises:
        FlowError: No such file, not safetensors, or without infoloom's description.
    """
    try:
        with open_regular(path) as file:
            size = struct.unpack("<Q", file.read(8))[0]
            if size > _MAX_HEADER:
                raise ValueError(f"its header claims {size} bytes")
            description = parse_json(_metadata(parse_json(file.read(size))), constants=True)
        if not isinstance(description, dict):
            raise ValueError("its description is not an object")
        if description.get("format", FORMAT) == FORMAT:  # of another one its reader knows what to say
            checked(HeaderTree, description)
    except OSError as error:
        if path.parent == ZOO and not path.exists():
            if "[" in path.stem:
                raise FlowError(
                    f"flow `{path.stem}`: expected a flow with all of its classes. Leave `[…]` out."
                ) from error
            raise FlowError(
                f"flow `{path.stem}`: unknown; expected one of {', '.join(zoo_names())} or a path to a .safetensors "
                "file."
            ) from error
        raise FlowError(
            f"flow `{path}`: expected a readable file ({error.strerror}). Check the path."
        ) from error
    except (ValueError, struct.error) as error:
        raise FlowError(
            f"flow `{path}`: expected a safetensors file with infoloom's description, made by "
            f"`infoloom flow train`; got something else ({error})."
        ) from error
    return description


def _metadata(header: Any) -> str:
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    description = metadata.get("infoloom") if isinstance(metadata, dict) else None
    if not isinstance(description, str):
        raise ValueError("no description in its header")
    return description
