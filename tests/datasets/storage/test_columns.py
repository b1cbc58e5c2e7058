"""Arrays to Arrow and back, for every rank, and the metadata other readers need."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infoloom.datasets.storage.columns import (
    Column,
    arrow_schema,
    leaf,
    row_bytes,
    rows_at_once,
    to_arrow,
    to_numpy,
    to_table,
)
from infoloom.errors import DatasetError


@given(
    shape=st.lists(st.integers(1, 4), max_size=6).map(tuple),
    rows=st.integers(0, 7),
    dtype=st.sampled_from(["float32", "float64", "int64"]),
    seed=st.integers(0, 99),
)
def test_every_shape_comes_back(shape: tuple[int, ...], rows: int, dtype: str, seed: int) -> None:
    array = (np.random.default_rng(seed).standard_normal((rows, *shape)) * 100).astype(dtype)
    column = Column("x", "modality", dtype, shape)
    table = to_table({"x": array}, [column])
    back = to_numpy(table.column("x"), column)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    joined = to_numpy(pa.chunked_array([to_arrow(array, column)] * 2), column)
    np.testing.assert_array_equal(joined, np.concatenate([array, array]))


def test_slices_of_arrow_arrays_come_back_as_slices() -> None:
    array = np.arange(5 * 12, dtype=np.float32).reshape(5, 3, 4)
    column = Column("x", "modality", "float32", (3, 4))
    cut = pa.chunked_array([to_arrow(array, column).slice(1, 3)])
    np.testing.assert_array_equal(to_numpy(cut, column), array[1:4])


def test_python_lists_are_the_same_numbers() -> None:
    array = np.arange(2 * 6, dtype=np.float32).reshape(2, 2, 3)
    assert to_arrow(array, Column("x", "modality", "float32", (2, 3))).to_pylist() == array.tolist()


def test_schema_carries_hugging_face_metadata() -> None:
    columns = [
        Column("id", "id", "int64"),
        Column("x", "modality", "float32", (3, 8, 9)),
        Column("z", "latent", "float32", (7,)),
    ]
    schema = arrow_schema(columns)
    assert (
        schema.field("x").metadata[b"ARROW:extension:name"]
        == b"datasets.features.features.Array3DExtensionType"
    )
    assert json.loads(schema.field("x").metadata[b"ARROW:extension:metadata"]) == [[3, 8, 9], "float32"]
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["z"] == {"feature": {"dtype": "float32", "_type": "Value"}, "length": 7, "_type": "List"}
    assert [leaf(c) for c in columns] == ["id", "x.list.element.list.element.list.element", "z.list.element"]
    assert row_bytes(columns) == 8 + 4 * 3 * 8 * 9 + 4 * 7


def test_batches_of_huge_rows_are_small() -> None:
    assert rows_at_once([Column("x", "modality", "float32", (8,))], 1024) == 1024
    assert rows_at_once([Column("x", "modality", "float32", (10**6,))] * 2, 1024) == 33
    assert rows_at_once([Column("x", "modality", "float32", (10**8,))], 1024) == 1


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"column `x` \(3,\): expected rows of shape \(4,\)\."):
        to_arrow(np.zeros((2, 3), np.float32), Column("x", "modality", "float32", (4,)))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (pa.array([[1.0, 2.0], None], pa.list_(pa.float32())), "a missing value"),
        (pa.array([[1.0, 2.0], [3.0]], pa.list_(pa.float32())), "3 numbers in 2 rows"),
        (pa.array([[1.0, None], [3.0, 4.0]], pa.list_(pa.float32())), "values of type float"),
        (pa.array([[1.0, 2.0]], pa.list_(pa.float64())), "values of type double"),
    ],
)
def test_damaged_columns_are_refused(data: pa.Array, found: str) -> None:
    column = Column("x", "modality", "float32", (2,))
    with pytest.raises(
        DatasetError, match=rf"column `x`: expected float32 rows of shape \(2,\), got {found}"
    ):
        to_numpy(pa.chunked_array([data]), column)
