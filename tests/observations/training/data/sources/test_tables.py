"""Tables: what each kind of column becomes."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from infoloom.errors import FlowError
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.rows import BRIGHTNESS
from infoloom.observations.training.data.training_data import TrainingData, load_training_data

RNG = np.random.default_rng(0)
A, B = RNG.random(64), RNG.random(64)
OTHERS = {
    "bool": pa.array([True, False] * 32),
    "date": pa.array([datetime.date(2020, 1, 1)] * 64),
    "time": pa.array([0] * 64, pa.timestamp("ns")),
    "large": pa.array(["a"] * 64, pa.large_string()),
    "named": pa.array(["a", "b"] * 32).dictionary_encode(),
    "null": pa.nulls(64),
    "struct": pa.array([{"lat": 1.0}] * 64),
    "tags": pa.array([["a"]] * 64),
}


def table(path: Path, columns: dict[str, Any], meta: dict[str, str] | None = None) -> Path:
    parquet.write_table(pa.table(columns).replace_schema_metadata(meta), path / "t.parquet")
    return path / "t.parquet"


def load(path: Path, **options: object) -> TrainingData:
    return load_training_data(str(path), Reading(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OTHERS)
def test_columns_that_are_no_numbers_are_left_out(tmp_path: Path, name: str) -> None:
    data = load(table(tmp_path, {"a": A, "b": B, name: OTHERS[name]}))
    assert data.shape == (2,)
    assert f"left out: {name}" in data.notes
    assert load(table(tmp_path, {"spectrum": np.c_[A, B].tolist(), name: OTHERS[name]})).shape == (2,)
    with pytest.raises(FlowError, match=f"expected arrays or pictures in column `{name}`, got "):
        load(table(tmp_path, {"a": A, name: OTHERS[name]}), array=name)


def test_decimal_and_dictionary_numbers_are_numbers(tmp_path: Path) -> None:
    tenths = pa.array([decimal.Decimal(i) / 10 for i in range(64)])
    data = load(table(tmp_path, {"a": A, "d": tenths, "n": pa.array(np.arange(64)).dictionary_encode()}))
    assert data.shape == (3,)
    rows = np.concatenate([data.values, data.held_out])
    assert sorted(rows[:, 1]) == pytest.approx(np.arange(64) / 10)
    assert sorted(rows[:, 2]) == list(range(64))
    label = pa.array([decimal.Decimal(i % 2) for i in range(64)])
    assert load(table(tmp_path, {"a": A, "label": label})).classes == ("0", "1")


def test_a_text_among_numbers_of_csv_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "\n".join(f"{i},{'x' if i == 5 else i}" for i in range(64)))
    with pytest.raises(
        FlowError, match="expected numbers in column `b`, got `x`, and 1 texts in all among 64 values"
    ):
        load(path)
    path.write_text(
        "a,town,label\n" + "\n".join(f"{i},{'xyz'[i % 3]},{i % 2 if i else 'x'}" for i in range(64))
    )
    with pytest.raises(FlowError, match="expected at least two rows of class `x`"):
        load(path)  # labels may be anything
    path.write_text("a,town,id\n" + "\n".join(f"{i},{'xyz'[i % 3]},id-{i}" for i in range(64)))
    assert "left out: town, id" in load(path).notes


def list_of(values: np.ndarray) -> pa.Array:
    kind: pa.DataType = pa.from_numpy_dtype(values.dtype)
    for _ in values.shape[1:]:
        kind = pa.list_(kind)
    return pa.array(values.tolist(), kind)


@pytest.mark.parametrize("shape", [(8, 9, 3), (3, 8, 9), (8, 9)])
def test_columns_of_pictures_are_read_as_arrays_are(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = RNG.integers(0, 256, (64, *shape), dtype=np.uint8)
    np.save(tmp_path / "x.npy", values)
    wanted = load(tmp_path / "x.npy")
    assert wanted.unit == BRIGHTNESS
    columns = [list_of(values), pa.FixedShapeTensorArray.from_numpy_ndarray(values)]
    for column in columns:
        data = load(table(tmp_path, {"image": column}))
        assert (data.unit, data.scale, data.center) == (BRIGHTNESS, wanted.scale, wanted.center)
        np.testing.assert_array_equal(data.values, wanted.values)


def test_columns_of_hugging_face_arrays_are_read_as_arrays_are(tmp_path: Path) -> None:
    hf = pytest.importorskip("datasets", reason="Hugging Face datasets is an extra")
    values = RNG.integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    np.save(tmp_path / "x.npy", values)
    features = hf.Features({"image": hf.Array3D((8, 8, 3), "uint8")})
    hf.Dataset.from_dict({"image": list(values)}, features=features).to_parquet(str(tmp_path / "t.parquet"))
    data = load(tmp_path / "t.parquet")
    assert data.unit == BRIGHTNESS
    np.testing.assert_array_equal(data.values, load(tmp_path / "x.npy").values)


@pytest.mark.parametrize("kind", [np.int64, np.float32, np.float16])
def test_columns_keep_their_numbers(tmp_path: Path, kind: type) -> None:
    values = RNG.integers(0, 99, (64, 2, 5)).astype(kind)
    size = pa.list_(pa.list_(pa.from_numpy_dtype(values.dtype), 5), 2)
    for column in (
        list_of(values),
        pa.array(values.tolist(), size),
        pa.chunked_array([list_of(values[:9]), list_of(values[9:])]),
    ):
        data = load(table(tmp_path, {"x": column}))
        known = {row.tobytes() for row in values.astype(np.float32)}
        assert {row.tobytes() for row in np.concatenate([data.values, data.held_out])} == known
    flags = load(table(tmp_path, {"x": (values > 50).tolist()}))
    assert set(np.unique(flags.values)) == {0.0, 1.0}


def test_arrays_with_empty_places_or_of_several_shapes_are_named(tmp_path: Path) -> None:
    for rows in ([[1.0, None]] * 64, [[1.0, 2.0]] * 63 + [None]):
        with pytest.raises(FlowError, match=r"in every place of column `x`, [0-9]+ are empty. Fill them"):
            load(table(tmp_path, {"x": rows}))
    ragged = pa.chunked_array([[[1.0]] * 32, [[1.0, 2.0]] * 32])
    with pytest.raises(
        FlowError, match=r"expected arrays of one shape in column `x`, got several. Cut or fill them"
    ):
        load(table(tmp_path, {"x": ragged}))
    with pytest.raises(FlowError, match="expected at least 16 rows, got 0"):
        load(table(tmp_path, {"x": pa.array([], pa.list_(pa.float64()))}))


@pytest.mark.parametrize("column", ["label", "star"])
@pytest.mark.parametrize("values", [[{"a": 1}] * 64, [[0, 1]] * 64])
def test_labels_and_groups_of_several_values_are_refused(
    tmp_path: Path, column: str, values: list[Any]
) -> None:
    path = table(tmp_path, {"a": A, column: values})
    with pytest.raises(
        FlowError, match=f"expected a number or a text a row in column `{column}`, got (struct|list)"
    ):
        load(path, group="star" if column == "star" else None)


def test_named_labels_must_be_whole(tmp_path: Path) -> None:
    names = {"info": {"features": {"label": {"names": ["no", "yes"]}}}}
    meta = {"huggingface": json.dumps(names)}
    with pytest.raises(FlowError, match=r"expected class labels as whole numbers, got 0\.7"):
        load(table(tmp_path, {"a": A, "label": [0.7, 1.0] * 32}, meta))
    assert load(table(tmp_path, {"a": A, "label": [0.0, 1.0] * 32}, meta)).classes == ("no", "yes")
    with pytest.raises(FlowError, match="expected a label in every row, 32 are empty"):
        load(table(tmp_path, {"a": A, "label": [None, 1] * 32}, meta))


def test_a_struct_of_pictures_needs_their_bytes(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"expected the bytes of pictures. Save the dataset with its files"):
        load(table(tmp_path, {"image": [{"bytes": None, "path": "a.png"}] * 64}))
