"""From a file, a text or a tree of values to a spec."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import yaml

from infoloom.errors import SpecError
from infoloom.foreign.files import TooLargeError, read_bytes
from infoloom.spec.files import file_names
from infoloom.spec.model import Spec, build_spec
from infoloom.spec.yaml12 import Loader

__all__ = ["PRESETS", "load_spec", "parse_spec", "preset_names", "preset_text", "read_yaml", "spec_text"]

PRESETS: Final = Path(__file__).resolve().parent / "presets"
MAX_BYTES: Final = 2 * 2**20


def load_spec(source: str | Path | dict[str, Any]) -> Spec:
    """Load a spec from a file, the name of a preset, or a dict.

    Raises:
        SpecError: Nothing of these, a file that cannot be read, or every problem that the spec has.
    """
    if isinstance(source, dict):
        return build_spec(source)
    if not isinstance(source, (str, Path)):
        raise SpecError(
            [f"spec of type `{type(source).__name__}`: expected a file, the name of a preset, or a dict."]
        )
    text, directory = spec_text(source)
    return parse_spec(text, directory)


def spec_text(source: str | Path) -> tuple[str, Path]:
    """The text of a spec file or of a preset, and the folder that its file names are relative to.

    Raises:
        SpecError: It cannot be read.
    """
    path = Path(source)
    if not path.suffix and path.name == str(source) and not _exists(path):
        path = _preset_path(str(source))
    try:
        content = read_bytes(path, MAX_BYTES)
        text = content.decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise SpecError([f"spec `{source}`: cannot be read ({error.strerror}). Check the path."]) from error
    except TooLargeError as error:
        raise SpecError([f"spec `{path}`: {error}."]) from error
    except UnicodeDecodeError as error:
        raise SpecError([f"spec `{source}`: expected UTF-8 text, byte {error.start} is not."]) from error
    except ValueError as error:
        raise SpecError([f"spec `{source}`: cannot be read ({error}). Check the path."]) from error
    return text, path.resolve().parent


def parse_spec(text: str, directory: Path | None = None, *, files: Collection[str] | None = None) -> Spec:
    """Read a spec from YAML text.

    Args:
        text: The YAML document.
        directory: Folder that relative file names are relative to.
        files: The only file names that the text may use, for text of strangers; any when left out.

    Raises:
        SpecError: Not YAML, a file name that is not allowed, or with every problem that the spec has.
    """
    tree = read_yaml(text)
    if files is not None:
        _refuse_files(tree, files)
    return build_spec(tree, directory)


def _refuse_files(tree: object, allowed: Collection[str]) -> None:
    """Before anything is opened."""
    problems = [
        f"{path}: file `{name[:100]}`: expected one that the spec named from the start, because this text may come "
        "from elsewhere. Start again with a spec that names it."
        for path, name in file_names(tree)
        if name not in allowed
    ]
    if problems:
        raise SpecError(problems)


def read_yaml(text: str) -> object:
    """The tree of plain values of a YAML text, whatever it is.

    Raises:
        SpecError: Too long, or not YAML.
    """
    if len(text) > MAX_BYTES:
        raise SpecError([f"spec: expected at most {MAX_BYTES:,} characters, got {len(text):,}."])
    try:
        tree: object = yaml.load(text, Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SpecError([f"spec: {place}not valid YAML: {error.problem or error.context}."]) from error
    except (yaml.YAMLError, ValueError, OverflowError, TypeError, LookupError, AttributeError) as error:
        raise SpecError([f"spec: not valid YAML: {' '.join(str(error).split())[:200]}."]) from error
    except RecursionError as error:
        raise SpecError(["spec: not valid YAML: nested too deeply."]) from error
    return tree


def preset_names() -> tuple[str, ...]:
    """Names of the stories that come with the package."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


def preset_text(name: str) -> str:
    """The YAML of a preset with its comments.

    Raises:
        SpecError: No preset of that name.
    """
    return _preset_path(name).read_text(encoding="utf-8")


def _exists(path: Path) -> bool:
    """Whether a file is there; a folder named as a preset, such as a dataset made of it, does not hide the preset."""
    try:
        return path.exists() and not (path.is_dir() and path.name in preset_names())
    except OSError:  # such as a name that is too long
        return False


def _preset_path(name: str) -> Path:
    import difflib

    path = PRESETS / f"{name}.yaml"
    if name not in preset_names():
        near = difflib.get_close_matches(name, preset_names(), n=1)
        hint = f" Did you mean `{near[0]}`?" if near else " `infoloom presets` lists them."
        raise SpecError([f"spec `{name}`: no such file or preset.{hint}"])
    return path
