"""HDF5, plain: a group a split, a contiguous dataset a column, the truth as attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infoloom.datasets.exports.base import splits
from infoloom.datasets.storage.columns import rows_at_once
from infoloom.datasets.storage.files import aside, read_text
from infoloom.datasets.storage.layout import SPEC, inside
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["h5", "keep_truth", "write_hdf5"]

_ROWS: Final = 1024


def h5() -> Any:
    """The package h5py.

    Raises:
        DatasetError: It is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise DatasetError(
            "package `h5py`: expected it for HDF5. Install it: pip install 'infoloom[hdf5]'."
        ) from error
    return h5py


def keep_truth(data: View, file: Any) -> None:
    """Write the truth in nats as an attribute, and why it is an upper bound where it is one."""
    file.attrs["truth_nats"] = json.dumps(data.truth)
    if data.upper_bounds:
        file.attrs["upper_bounds"] = json.dumps(data.upper_bounds)


def write_hdf5(data: View, path: Path) -> None:
    """Write one HDF5 file; attributes hold the truth (nats, JSON), the spec and its digest."""
    with aside(path) as part, h5().File(part, "w", track_order=True) as file:
        keep_truth(data, file)
        file.attrs["spec"] = read_text(inside(data.root, SPEC))
        file.attrs["spec_digest"] = data.manifest.digest
        file.attrs["seed"] = data.manifest.seed
        for name, view in splits(data):
            group = file.create_group(name, track_order=True)
            for column in data.columns:
                kind = h5().string_dtype() if column.textual else column.dtype
                target = group.create_dataset(column.name, (len(view), *column.shape), kind)
                target.attrs["kind"] = column.kind
                if column.levels is not None:
                    target.attrs["levels"] = column.levels
            place = 0
            for batch in view.batches(rows_at_once(data.columns, _ROWS)):
                rows = len(next(iter(batch.values())))
                for key, values in batch.items():
                    group[key][place : place + rows] = (
                        values.astype(object) if values.dtype.kind == "U" else values
                    )
                place += rows
