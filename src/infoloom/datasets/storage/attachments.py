"""The files that a spec refers to travel with the dataset: `files/<checksum>.npy`, named by their content."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from infoloom.datasets.storage.files import aside
from infoloom.datasets.storage.layout import FILES, inside
from infoloom.errors import DatasetError
from infoloom.foreign.files import require_regular
from infoloom.spec.files import content_hash, rename_files
from infoloom.spec.load import parse_spec
from infoloom.spec.model import Spec, build_spec

__all__ = ["attach", "check_attached"]

_OWN: Final = re.compile(rf"{FILES}/[0-9a-f]{{16}}\.[A-Za-z0-9]+")


def attach(spec: Spec, root: Path) -> str:
    """Copy the files of a spec into a dataset's folder.

    Returns:
        The spec as YAML that names the copies.

    Raises:
        OSError: A file cannot be copied.
    """
    text, sources = _renamed(spec)
    for name, source in sources.items():
        if not (root / name).is_file():
            (root / FILES).mkdir(parents=True, exist_ok=True)
            with aside(root / name) as part:
                require_regular(source)
                shutil.copyfile(source, part)
    return text


def check_attached(text: str, root: Path) -> None:
    """Refuse a spec that would read anything but the files of its own dataset.

    Raises:
        DatasetError: It names other files.
    """

    def check(name: str) -> str:
        if not _OWN.fullmatch(name):
            raise DatasetError(
                f"file `{name}` in the spec: expected `{FILES}/<checksum>.<kind>`, because opening a dataset "
                "reads "
                "no other files of the machine. Do not use this dataset."
            )
        inside(root, name)
        return name

    rename_files(parse_spec(text).to_dict(), check)


def _renamed(spec: Spec) -> tuple[str, dict[str, Path]]:
    sources: dict[str, Path] = {}

    def rename(name: str) -> str:
        source = (spec.directory or Path()) / Path(name).expanduser()
        own = f"{FILES}/{content_hash(name, spec.directory)[:16]}{source.suffix}"
        sources[own] = source
        return own

    tree = rename_files(spec.to_dict(), rename)
    return (build_spec(tree).to_yaml(), sources) if sources else (spec.to_yaml(), {})
