"""Files of rows: npz, npy, Parquet and CSV, each by its ending."""

from __future__ import annotations

from pathlib import Path

from infoloom.errors import FlowError
from infoloom.observations.training.data.reading import Reading, refuse_names
from infoloom.observations.training.data.rows import Rows
from infoloom.observations.training.data.sources.archives import rows_of_archive
from infoloom.observations.training.data.sources.arrays import rows_of_array
from infoloom.observations.training.data.sources.opening import opened_archive, opened_array, opened_table
from infoloom.observations.training.data.sources.tables import (
    refuse_no_header,
    refuse_spoilt,
    rows_of_table,
)

__all__ = ["read_file"]


def read_file(path: Path, reading: Reading | None = None) -> Rows:
    """Read one file.

    Args:
        path: `.npz`, `.npy`, `.parquet` or `.csv`.
        reading: Which array or column, and which one groups the rows.

    Raises:
        FlowError: Another kind of file, or nothing that can be read as rows of numbers.
    """
    reading = reading or Reading()
    if not path.is_file():
        raise FlowError(f"training data `{path}`: expected a file. Check the path.")
    match path.suffix.lower():
        case ".npz":
            with opened_archive(path) as arrays:
                return rows_of_archive(arrays, path, reading)
        case ".npy":
            refuse_names(reading, path)
            return rows_of_array(opened_array(path), path)
        case ".parquet":
            return rows_of_table(opened_table(path), path, reading)
        case ".csv":
            table = opened_table(path)
            refuse_no_header(table, path)
            refuse_spoilt(table, path, reading)
            return rows_of_table(table, path, reading)
    raise FlowError(f"training data `{path}`: expected a folder, .npz, .npy, .parquet or .csv.")
