"""Labels that are no classes are refused, whatever holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from infoloom.errors import FlowError
from infoloom.observations.training.data.labels import group_texts, label_texts
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.training_data import TrainingData, load_training_data

RNG = np.random.default_rng(0)
X = RNG.random((40, 3))
HALF = np.arange(40) % 2


def load(path: Path, **options: object) -> TrainingData:
    return load_training_data(str(path), Reading(**options))  # type: ignore[arg-type]


def pictures(path: Path, label: np.ndarray) -> Path:
    image = np.zeros((20, 8, 8), np.uint8)
    np.savez(path, train_image=image, test_image=image, train_label=label[:20], test_label=label[20:])
    return path


@pytest.mark.parametrize(
    ("label", "got"),
    [(HALF + 0.7, "0.7"), (np.where(HALF, 1e20, 2e20), "2e"), (np.where(HALF, 1.0, np.inf), "inf"),
     (np.where(HALF, 1.0, np.nan), "nan"), (HALF.astype(np.uint64) + 2**63, "9223372036854775808")],
)  # fmt: skip
def test_numbers_that_are_no_places_of_classes_are_refused(
    tmp_path: Path, label: np.ndarray, got: str
) -> None:
    with pytest.raises(FlowError, match=f"expected class labels as whole numbers, got {got}"):
        load(pictures(tmp_path / "p.npz", label))
    np.savez(tmp_path / "n.npz", x=X, label=label, classes=np.array(["no", "yes"]))
    with pytest.raises(FlowError, match=f"expected class labels as whole numbers, got {got}"):
        load(tmp_path / "n.npz")


@pytest.mark.parametrize("large", [1e20, np.inf])
def test_labels_beyond_whole_numbers_are_not_made_one_class(tmp_path: Path, large: float) -> None:
    np.savez(tmp_path / "x.npz", x=X, label=np.where(HALF, large, 1.0))
    with pytest.raises(FlowError, match="expected class labels as whole numbers, got"):
        load(tmp_path / "x.npz")


def test_only_labels_that_occur_are_classes(tmp_path: Path) -> None:
    data = load(pictures(tmp_path / "p.npz", np.where(HALF, 10**9, 3_000_000)))
    assert data.classes == ("3000000", "1000000000")
    assert load(pictures(tmp_path / "p.npz", HALF.astype(bool))).classes == ("0", "1")
    assert load(pictures(tmp_path / "p.npz", np.where(HALF, "b", "a"))).classes == ("a", "b")


def test_a_thousand_numbered_classes_are_no_labels(tmp_path: Path) -> None:
    image, label = np.zeros((1001, 2, 2), np.uint8), np.arange(1001)
    np.savez(tmp_path / "p.npz", train_image=image, test_image=image, train_label=label, test_label=label)
    with pytest.raises(FlowError, match="expected class labels, got 1001 different values in 1001 rows"):
        load(tmp_path / "p.npz")


@pytest.mark.parametrize("kind", [float, bool, np.int8])
def test_numbers_of_any_kind_have_the_names_beside_them(tmp_path: Path, kind: type) -> None:
    np.savez(tmp_path / "x.npz", x=X, labels=HALF.astype(kind), classes=np.array(["no", "yes"]))
    assert load(tmp_path / "x.npz").classes == ("no", "yes")


@pytest.mark.parametrize("kind", ["complex128", "m8[s]", "V4"])
def test_labels_of_odd_kinds_are_refused(tmp_path: Path, kind: str) -> None:
    label = np.zeros(40, kind)
    np.savez(tmp_path / "x.npz", x=X, label=label)
    with pytest.raises(
        FlowError, match=r"expected class labels as whole numbers or text, got .*\. Change their dtype"
    ):
        load(tmp_path / "x.npz")
    assert load(tmp_path / "x.npz", unconditional=True).classes is None


def test_labels_that_look_like_numbers_need_not_be_some(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=X, label=np.where(HALF, "--1", "2"))
    assert load(tmp_path / "x.npz").classes == ("--1", "2")
    np.savez(tmp_path / "x.npz", x=X, label=np.where(HALF, "9" * 5000, "2"))
    with pytest.raises(FlowError, match="names of classes of 1 to 256 characters, got '999"):
        load(tmp_path / "x.npz")


@pytest.mark.parametrize("column", ["label", "star"])
def test_texts_that_numpy_would_cut_are_refused(tmp_path: Path, column: str) -> None:
    parquet.write_table(pa.table({"x": X.tolist(), column: ["a", "a\0"] * 20}), tmp_path / "t.parquet")
    with pytest.raises(FlowError, match=r"without the character NUL at their end, got 'a.x00'. Remove it"):
        load(tmp_path / "t.parquet", group="star" if column == "star" else None)


def test_labels_of_bytes_are_text() -> None:
    path = Path("rows")
    texts = label_texts(np.array(["é".encode(), b"a"] * 2), 4, path)
    assert texts is not None
    assert texts.tolist() == ["é", "a", "é", "a"]
    with pytest.raises(FlowError, match=r"got bytes that are no UTF-8. Save them as text"):
        label_texts(np.array([b"\xff", b"a"] * 2), 4, path)


def test_groups_are_never_empty() -> None:
    with pytest.raises(FlowError, match=r"expected a group in every row, 1 are empty. Fill them"):
        group_texts(np.array(["a", None], object), 2, Path("rows"))
