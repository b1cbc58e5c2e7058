"""Tasks as a table: one row a task, its rows of x and y as ragged lists of float32."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from infoloom.benchmark.meta.stream import RandomTask, TaskStream
from infoloom.errors import DatasetError

__all__ = ["COLUMNS", "SCHEMA", "read_tasks", "write_tasks"]

_GROUP: Final = 128  # tasks of a row group

#: Column → its Arrow type and meaning.
COLUMNS: Final[dict[str, tuple[pa.DataType, str]]] = {
    "index": (pa.int64(), "number of the task; the task depends on the request and this number only"),
    "family": (pa.string(), "family of the joint law"),
    "map_x": (pa.string(), "what x hides behind"),
    "map_y": (pa.string(), "what y hides behind"),
    "rows": (pa.int32(), "rows of the task"),
    "dim_x": (pa.int32(), "columns of x"),
    "dim_y": (pa.int32(), "columns of y"),
    "discrete_x": (pa.bool_(), "whether x holds whole numbers"),
    "discrete_y": (pa.bool_(), "whether y holds whole numbers"),
    "nats": (pa.float64(), "mutual information of x and y (nats)"),
    "method": (pa.string(), "how it was found: closed form or quadrature"),
    "tolerance": (pa.float64(), "how far it may be off (nats)"),
    "x": (pa.list_(pa.float32()), "rows of x, one after another: (rows, dim_x) in C order"),
    "y": (pa.list_(pa.float32()), "rows of y, likewise (rows, dim_y)"),
    "params": (pa.string(), "settings of the law, JSON"),
}
SCHEMA: Final = pa.schema([pa.field(name, kind, nullable=False) for name, (kind, _) in COLUMNS.items()])
_FLOATS: Final = ("nats", "tolerance", "x.list.element", "y.list.element")


def write_tasks(path: Path, tasks: TaskStream, count: int) -> None:
    """Write the next tasks of a stream as one Parquet file; memory is that of a row group.

    Raises:
        DatasetError: A row is not finite.
    """
    plain = [name for name, (kind, _) in COLUMNS.items() if not pa.types.is_floating(kind)]
    with pq.ParquetWriter(
        path,
        SCHEMA,
        version="2.6",
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in plain if name in ("family", "map_x", "map_y", "method")],
        use_byte_stream_split=list(_FLOATS),
        write_statistics=[name for name in COLUMNS if name not in ("x", "y", "params")],
        write_page_index=True,
        write_page_checksum=True,
    ) as writer:
        for first in range(0, count, _GROUP):
            group = [next(tasks) for _ in range(min(_GROUP, count - first))]
            writer.write_table(table(group), row_group_size=_GROUP)


def table(tasks: Sequence[RandomTask]) -> pa.Table:
    """Some tasks as rows of a table."""
    bad = next((t for t in tasks if not (np.isfinite(t.x).all() and np.isfinite(t.y).all())), None)
    if bad is not None:
        raise DatasetError(
            f"task `{bad.index}`: expected finite rows, got others of family `{bad.family}` behind "
            f"`{bad.maps[0]}` and `{bad.maps[1]}`. Name families or maps without it, and report its seed and number."
        )
    values: dict[str, Any] = {
        "index": [task.index for task in tasks],
        "family": [task.family for task in tasks],
        "map_x": [task.maps[0] for task in tasks],
        "map_y": [task.maps[1] for task in tasks],
        "rows": [len(task.x) for task in tasks],
        "dim_x": [task.x.shape[1] for task in tasks],
        "dim_y": [task.y.shape[1] for task in tasks],
        "discrete_x": [task.discrete[0] for task in tasks],
        "discrete_y": [task.discrete[1] for task in tasks],
        "nats": [task.truth.value for task in tasks],
        "method": [task.truth.method for task in tasks],
        "tolerance": [task.truth.tolerance for task in tasks],
        "params": [json.dumps(task.params) for task in tasks],
    }
    arrays = {name: pa.array(column, COLUMNS[name][0]) for name, column in values.items()}
    arrays |= {"x": _ragged([task.x for task in tasks]), "y": _ragged([task.y for task in tasks])}
    return pa.table([arrays[name] for name in COLUMNS], schema=SCHEMA)


def _ragged(sides: Sequence[NDArray[np.float32]]) -> pa.Array:
    """Arrays of different sizes, each as a list of its numbers in C order."""
    ends = np.cumsum([0, *(side.size for side in sides)], dtype=np.int64)
    numbers = np.concatenate([side.ravel() for side in sides])
    return pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), pa.array(numbers))


def read_tasks(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a shard as dicts, x and y as arrays (rows, dim), a row group at a time."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            part = file.read_row_group(group)
            plain = part.drop_columns(["x", "y"]).to_pylist()
            for row, x, y in zip(plain, part.column("x"), part.column("y"), strict=True):
                sides = ((x, row["dim_x"]), (y, row["dim_y"]))
                arrays = [side.values.to_numpy().reshape(row["rows"], dim) for side, dim in sides]
                yield {**row, "x": arrays[0], "y": arrays[1]}
