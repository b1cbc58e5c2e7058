"""One entrance to all exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infoloom.datasets.exports.base import fresh
from infoloom.datasets.exports.hdf5 import write_hdf5
from infoloom.datasets.exports.npz import write_npz
from infoloom.datasets.exports.tars import write_folders, write_webdataset
from infoloom.datasets.exports.universe import write_universe
from infoloom.errors import DatasetError
from infoloom.plugins import load, offered

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["KINDS", "export"]

KINDS: Final[Mapping[str, Callable[[View, Path], None]]] = {
    "hdf5": write_hdf5,
    "mmu": write_universe,
    "webdataset": write_webdataset,
    "4m": write_folders,
    "npz": write_npz,
}


def export(data: View, out: str | Path, kind: str) -> Path:
    """Write a dataset, with its selected columns, in another format.

    Args:
        data: An open dataset.
        out: The file (`hdf5`) or folder to write; it must not exist.
        kind: `hdf5` (a group a split), `mmu` (keys of Multimodal Universe v1), `webdataset`, `4m` (a folder of tars a
            modality) or `npz` (layout of the paper's own code); or the name of an installed plug-in.

    Returns:
        The path written.

    Raises:
        DatasetError: Unknown kind, or a dataset that does not fit into it.
    """
    others = offered("exports")
    if kind not in KINDS and kind not in others:
        raise DatasetError(f"format `{kind}`: expected one of {', '.join([*KINDS, *sorted(others)])}.")
    write = KINDS[kind] if kind in KINDS else load("exports", kind)
    path = fresh(Path(out))
    try:
        write(data, path)
    except OSError as error:
        raise DatasetError(
            f"export `{path}`: cannot be written ({error.strerror or error}). Make room, or choose another place."
        ) from error
    return path
