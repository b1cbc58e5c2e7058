"""Columns of tables: which are numbers, arrays or pictures, and their values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infoloom.errors import FlowError
from infoloom.observations.training.data.labels import texts_or_numbers
from infoloom.observations.training.data.rows import Array
from infoloom.observations.training.data.sources.opening import readable

__all__ = ["Kind", "as_array", "keys", "kind_of", "numbers", "plain"]

Kind = Literal["number", "array", "picture", "other"]


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without what only says how it is kept: a dictionary, or a type of a package on top of lists."""
    if isinstance(column.type, pa.FixedShapeTensorType):
        return column
    if isinstance(column.type, pa.BaseExtensionType):
        kept = column.type.storage_type
        return plain(pa.chunked_array([chunk.storage for chunk in column.chunks], type=kept))
    if pa.types.is_dictionary(column.type):
        decoded = [chunk.dictionary_decode() for chunk in column.chunks]
        return plain(pa.chunked_array(decoded, type=column.type.value_type))
    return column


def kind_of(of: pa.DataType) -> Kind:
    """What a column of a type can be: dates, texts and truth values are no numbers."""
    if _is_number(of):
        return "number"
    if pa.types.is_binary(of) or pa.types.is_large_binary(of):
        return "picture"
    if pa.types.is_struct(of):
        return "picture" if of.get_field_index("bytes") >= 0 else "other"
    if isinstance(of, pa.FixedShapeTensorType):
        return "array"
    if not _is_list(of):
        return "other"
    while _is_list(of):
        of = of.value_type
    return "array" if _is_number(of) or pa.types.is_boolean(of) else "other"


def numbers(column: pa.ChunkedArray) -> Array:
    """A column of one number a row."""
    return np.asarray(_as_numbers(column).to_numpy())


def as_array(column: pa.ChunkedArray, name: str, path: Path) -> Array:
    """A column of arrays, (n, *shape), in the dtype in which it was saved.

    Raises:
        FlowError: Arrays of several shapes, or empty places.
    """
    parts = [_chunk(chunk, name, path) for chunk in column.chunks if len(chunk)]
    if not parts:
        return np.zeros((0, 1))
    if len({part.shape[1:] for part in parts}) > 1:
        raise _several_shapes(name, path)
    return np.concatenate(parts)


def keys(column: pa.ChunkedArray, name: str, path: Path) -> Array:
    """A column of labels or groups.

    Raises:
        FlowError: A column of several values a row.
    """
    if pa.types.is_nested(column.type):
        raise FlowError(
            f"training data `{path}`: expected a number or a text a row in column `{name}`, got {column.type}. Of "
            "one-hot labels give the place of the 1."
        )
    with readable(path):
        return texts_or_numbers(_as_numbers(column).to_pylist(), path)


def _chunk(chunk: pa.Array, name: str, path: Path) -> Array:
    if isinstance(chunk.type, pa.FixedShapeTensorType):
        _refuse_empty(chunk, name, path)
        return np.asarray(chunk.to_numpy_ndarray())
    shape = [len(chunk)]
    while _is_list(chunk.type):
        _refuse_empty(chunk, name, path)
        lengths = pc.unique(pc.list_value_length(chunk))
        if len(lengths) > 1:
            raise _several_shapes(name, path)
        shape.append(lengths[0].as_py() if len(lengths) else 0)
        chunk = chunk.flatten()
    _refuse_empty(chunk, name, path)
    if pa.types.is_boolean(chunk.type):
        chunk = chunk.cast(pa.uint8()).cast(pa.float64())
    return np.asarray(_as_numbers(chunk).to_numpy(zero_copy_only=False).reshape(shape))


def _as_numbers(values: Any) -> Any:
    """Decimal numbers as float64; all else as it is."""
    return values.cast(pa.float64()) if pa.types.is_decimal(values.type) else values


def _refuse_empty(chunk: pa.Array, name: str, path: Path) -> None:
    if chunk.null_count:
        raise FlowError(
            f"training data `{path}`: expected a number in every place of column `{name}`, {chunk.null_count} are "
            "empty. Fill them, or leave those rows out."
        )


def _several_shapes(name: str, path: Path) -> FlowError:
    return FlowError(
        f"training data `{path}`: expected arrays of one shape in column `{name}`, got several. Cut or fill them."
    )


def _is_number(of: pa.DataType) -> bool:
    return bool(pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of))


def _is_list(of: pa.DataType) -> bool:
    return bool(pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of))
