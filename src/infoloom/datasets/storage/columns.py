"""Columns: numpy arrays to Arrow with the Hugging Face array metadata, and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import pyarrow as pa

from infoloom.errors import DatasetError

__all__ = [
    "KINDS",
    "TEXT",
    "Column",
    "Kind",
    "arrow_schema",
    "leaf",
    "row_bytes",
    "rows_at_once",
    "to_arrow",
    "to_numpy",
    "to_table",
]

Kind = Literal[
    "id",
    "modality",
    "channel",
    "target",
    "label",
    "cause",
    "latent",
    "pmi",
    "prediction",
    "text",
    "words",
    "tokens",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_TYPES: Final = {"int64": pa.int64(), "uint8": pa.uint8(), "float32": pa.float32(), "float64": pa.float64()}
TEXT: Final = re.compile(r"<U[1-9]\d{0,5}")  # numpy's name for text of at most so many characters
_BATCH_BYTES: Final = 256 * 2**20
_NESTED_RANKS: Final = (2, 3, 4, 5)  # what Hugging Face names Array2D … Array5D


@dataclass(frozen=True)
class Column:
    """One column: what it holds, its type and the shape of one row of it.

    Attributes:
        dtype: Numpy's name; `<U40` is text of at most 40 characters, stored as strings.
        levels: Of a column of 8-bit levels: what 0 and 255 stand for, in the unit of the observation.
    """

    name: str
    kind: Kind
    dtype: str
    shape: tuple[int, ...] = ()
    levels: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """The column as plain values."""
        levels = {} if self.levels is None else {"levels": list(self.levels)}
        return {
            "name": self.name,
            "kind": self.kind,
            "dtype": self.dtype,
            "shape": list(self.shape),
            **levels,
        }

    @property
    def textual(self) -> bool:
        """Whether rows are texts."""
        return TEXT.fullmatch(self.dtype) is not None

    @property
    def stored(self) -> str:
        """Type of the values as other packages name it."""
        return "string" if self.textual else self.dtype

    @property
    def size(self) -> int:
        """Numbers a row."""
        return math.prod(self.shape)

    @property
    def nested(self) -> bool:
        """Whether rows are stored as lists of lists; otherwise as one flat list, or as a number."""
        return len(self.shape) in _NESTED_RANKS

    @property
    def bytes(self) -> int:
        """Bytes a row, uncompressed."""
        return self.size * np.dtype(self.dtype).itemsize


def row_bytes(columns: Sequence[Column]) -> int:
    """Bytes a row of all columns together, uncompressed."""
    return sum(column.bytes for column in columns)


def rows_at_once(columns: Sequence[Column], most: int) -> int:
    """Rows that fit together into 256 MiB, at least one and at most `most`."""
    return max(1, min(most, _BATCH_BYTES // max(1, row_bytes(columns))))


def leaf(column: Column) -> str:
    """Path of the column's numbers inside a Parquet schema."""
    depth = len(column.shape) if column.nested else min(len(column.shape), 1)
    return ".".join([column.name, *["list.element"] * depth])


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The Arrow schema, with what `datasets.load_dataset` needs to see `Array2D` … `Array5D`."""
    features = {column.name: _feature(column) for column in columns}
    metadata = {"huggingface": json.dumps({"info": {"features": features}}, sort_keys=True)}
    return pa.schema([_field(column) for column in columns], metadata=metadata)


def to_table(arrays: Mapping[str, np.ndarray[Any, Any]], columns: Sequence[Column]) -> pa.Table:
    """An Arrow table of the named arrays, without copying their numbers."""
    return pa.Table.from_arrays(
        [to_arrow(arrays[column.name], column) for column in columns], schema=arrow_schema(columns)
    )


def to_arrow(array: np.ndarray[Any, Any], column: Column) -> pa.Array:
    """One column's rows as an Arrow array.

    Args:
        array: (n, *shape).
        column: Its description.

    Raises:
        DatasetError: The array does not have the column's shape.
    """
    if array.shape[1:] != column.shape:
        raise DatasetError(
            f"column `{column.name}` {array.shape[1:]}: expected rows of shape {column.shape}."
        )
    if column.textual:
        return pa.array(array.tolist(), pa.string())
    flat = pa.array(np.ascontiguousarray(array, dtype=column.dtype).reshape(-1))
    if not column.shape:
        return flat
    if not column.nested:
        return pa.FixedSizeListArray.from_arrays(flat, column.size)
    for depth in range(len(column.shape), 0, -1):
        lists = len(array) * math.prod(column.shape[: depth - 1])
        offsets = np.arange(lists + 1, dtype=np.int32) * np.int32(column.shape[depth - 1])
        flat = pa.ListArray.from_arrays(pa.array(offsets), flat)
    return flat


def to_numpy(data: pa.ChunkedArray, column: Column) -> np.ndarray[Any, Any]:
    """One column's rows as a numpy array (n, *shape).

    Raises:
        DatasetError: Null values, ragged lists or another type than the column's.
    """
    parts = [_chunk_to_numpy(chunk, column) for chunk in data.chunks]
    return parts[0] if len(parts) == 1 else np.concatenate([_empty(column), *parts])


def _empty(column: Column) -> np.ndarray[Any, Any]:
    return np.empty((0, *column.shape), dtype=column.dtype)


def _chunk_to_numpy(chunk: pa.Array, column: Column) -> np.ndarray[Any, Any]:
    rows = len(chunk)
    if column.textual:
        return _texts(chunk, column)
    while not pa.types.is_primitive(chunk.type):
        if chunk.null_count:
            raise _damaged(column, "a missing value")
        # Once `datasets` has been imported, pyarrow hands out its extension arrays here.
        chunk = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk.flatten()
    if chunk.null_count or chunk.type != _TYPES[column.dtype]:
        raise _damaged(column, f"values of type {chunk.type}")
    values: np.ndarray[Any, Any] = chunk.to_numpy(zero_copy_only=True)
    if values.size != rows * column.size:
        raise _damaged(column, f"{values.size} numbers in {rows} rows")
    return values.reshape(rows, *column.shape)


def _texts(chunk: pa.Array, column: Column) -> np.ndarray[Any, Any]:
    if chunk.null_count or not pa.types.is_string(chunk.type):
        raise _damaged(column, f"values of type {chunk.type}")
    values = np.array(chunk.to_pylist(), dtype=str)
    if len(values) and np.dtype(column.dtype).itemsize < values.dtype.itemsize:
        raise _damaged(column, "longer texts")
    return values.astype(column.dtype)


def _damaged(column: Column, found: str) -> DatasetError:
    return DatasetError(
        f"column `{column.name}`: expected {column.dtype} rows of shape {column.shape}, got {found}. "
        "The file was not written by this version of the manifest; run `infoloom verify`."
    )


def _field(column: Column) -> pa.Field:
    kind: pa.DataType = pa.string() if column.textual else _TYPES[column.dtype]
    if not column.nested:
        return pa.field(column.name, pa.list_(kind, column.size) if column.shape else kind)
    for _ in column.shape:
        kind = pa.list_(kind)
    rank = len(column.shape)
    return pa.field(
        column.name,
        kind,
        metadata={
            "ARROW:extension:name": f"datasets.features.features.Array{rank}DExtensionType",
            "ARROW:extension:metadata": json.dumps([list(column.shape), column.dtype]),
        },
    )


def _feature(column: Column) -> dict[str, Any]:
    value = {"dtype": column.stored, "_type": "Value"}
    if not column.shape:
        return value
    if not column.nested:
        return {"feature": value, "length": column.size, "_type": "List"}
    return {"shape": list(column.shape), "dtype": column.dtype, "_type": f"Array{len(column.shape)}D"}
