"""One entrance to all exports, and what they share."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infoloom.datasets.columns import Column
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.read import Dataset

__all__ = ["KINDS", "export", "fresh", "modalities", "splits"]

KINDS: Final = {
    "hdf5": "hdf5:write_hdf5",
    "mmu": "universe:write_universe",
    "webdataset": "tars:write_webdataset",
    "4m": "tars:write_folders",
    "npz": "npz:write_npz",
}


def export(data: Dataset, out: str | Path, kind: str) -> Path:
    """Write a dataset, with its selected columns, in another format.

    Args:
        data: An open dataset.
        out: The file (`hdf5`) or folder to write; it must not exist.
        kind: `hdf5` (a group a split), `mmu` (keys of Multimodal Universe v1), `webdataset`, `4m` (a folder of tars a
            modality) or `npz` (layout of the paper's own code).

    Returns:
        The path written.

    Raises:
        DatasetError: Unknown kind, or a dataset that does not fit into it.
    """
    if kind not in KINDS:
        raise DatasetError(f"format `{kind}`: expected one of {', '.join(KINDS)}.")
    module, _, name = KINDS[kind].partition(":")
    path = fresh(Path(out))
    try:
        getattr(import_module(f"infoloom.datasets.exports.{module}"), name)(data, path)
    except OSError as error:
        raise DatasetError(
            f"export `{path}`: cannot be written ({error.strerror or error}). Make room, or choose another place."
        ) from error
    return path


def fresh(path: Path) -> Path:
    """A path where nothing is yet, its folder made.

    Raises:
        DatasetError: Something is there.
    """
    if path.exists():
        raise DatasetError(
            f"export `{path}`: expected a new path, because nothing is overwritten. Choose another."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(
            f"export `{path}`: cannot be written ({error.strerror}). Choose another place."
        ) from error
    return path


def modalities(data: Dataset) -> tuple[Column, ...]:
    """The observations among the selected columns.

    Raises:
        DatasetError: There are none.
    """
    found = tuple(column for column in data.columns if column.kind == "modality")
    if not found:
        raise DatasetError("export: expected at least one modality among the selected columns.")
    return found


def splits(data: Dataset) -> list[tuple[str, Dataset]]:
    """The splits that a view covers, each cut to the view's rows."""
    from dataclasses import replace

    cut = []
    for name in data.splits:
        split = data.split(name)
        start, stop = max(data.start, split.start), min(data.stop, split.stop)
        if start < stop:
            cut.append((name, replace(data, start=start, stop=stop)))
    return cut
