"""Folders: parts to train on and to test, hidden and other files, labels beside pictures, and odd names of paths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from infoloom.errors import FlowError
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.training_data import TrainingData, load_training_data

RNG = np.random.default_rng(0)


def load(path: Path, **options: object) -> TrainingData:
    return load_training_data(str(path), Reading(**options))  # type: ignore[arg-type]


def pictures(folder: Path, count: int = 10, level: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("L", (8, 8), level).save(folder / f"{i}.png")


def rows(path: Path, count: int = 20, level: float = 0.0, **columns: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = (level + 0.1 * RNG.random((count, 3))).tolist()
    parquet.write_table(pa.table({"x": values, **columns}), path)


@pytest.mark.parametrize("name", ["test", "val", "valid", "validation", "dev", "Test"])
def test_parts_of_a_folder_of_pictures(tmp_path: Path, name: str) -> None:
    for kind in ("cat", "dog"):
        pictures(tmp_path / "train" / kind, 10, 0)
        pictures(tmp_path / name / kind, 4, 255)
    data = load(tmp_path)
    assert data.classes == ("cat", "dog")
    assert (len(data.values), len(data.held_out)) == (20, 8)
    assert set(np.unique(data.held_out)) == {1.0}


@pytest.mark.parametrize(
    "tops", [("train", "testimony"), ("train", "test", "cat"), ("test", "val"), ("train", "tests")]
)
def test_folders_of_other_names_are_classes(tmp_path: Path, tops: tuple[str, ...]) -> None:
    for top in tops:
        pictures(tmp_path / top)
    assert load(tmp_path).classes == tuple(sorted(tops))


def test_parts_without_classes(tmp_path: Path) -> None:
    pictures(tmp_path / "train", 20)
    pictures(tmp_path / "test", 5)
    data = load(tmp_path)
    assert data.classes is None
    assert (len(data.values), len(data.held_out)) == (20, 5)


def test_a_class_that_is_only_tested_is_refused(tmp_path: Path) -> None:
    for part, kinds in (("train", "ab"), ("test", "abc")):
        for kind in kinds:
            pictures(tmp_path / part / kind)
    with pytest.raises(
        FlowError, match="expected rows to train on of every class, `c` has held-out rows only"
    ):
        load(tmp_path)
    assert load(tmp_path, unconditional=True).classes is None


def test_tested_pictures_without_a_class_are_left_out(tmp_path: Path) -> None:
    for kind in "ab":
        pictures(tmp_path / "train" / kind)
        pictures(tmp_path / "test" / kind, 2)
    pictures(tmp_path / "test", 3)
    data = load(tmp_path)
    assert data.classes == ("a", "b")
    assert (len(data.values), len(data.held_out)) == (20, 4)
    assert "3 held-out rows without a class left out" in data.notes


def test_hidden_folders_and_files_are_skipped(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        pictures(tmp_path / kind)
    pictures(tmp_path / ".ipynb_checkpoints")
    (tmp_path / "cat" / "._0.png").write_text("of another system")
    rows(tmp_path / ".cache" / "t.parquet")
    data = load(tmp_path)
    assert data.classes == ("cat", "dog")
    assert len(data.values) + len(data.held_out) == 20


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_labels_beside_pictures(tmp_path: Path, kind: str) -> None:
    pictures(tmp_path / "train", 20)
    pictures(tmp_path / "test" / "deep", 4)
    for part, names in (
        ("train", [f"{i}.png" for i in range(20)]),
        ("test", [f"deep/{i}.png" for i in range(4)]),
    ):
        entries = [{"file_name": name, "label": ["odd", "even"][i % 2]} for i, name in enumerate(names)]
        lines = ["file_name,label"] + [f"{one['file_name']},{one['label']}" for one in entries]
        text = "\n".join(lines if kind == "csv" else map(json.dumps, entries))
        (tmp_path / part / f"metadata.{kind}").write_text(text)
    data = load(tmp_path)
    assert data.classes == ("even", "odd")
    assert (len(data.values), len(data.held_out)) == (20, 4)
    assert np.bincount(data.labels).tolist() == [10, 10]
    Image.new("L", (8, 8)).save(tmp_path / "train" / "more.png")
    with pytest.raises(FlowError, match=r"more\.png`: expected its label in a file of metadata"):
        load(tmp_path)
    assert len(load(tmp_path, unconditional=True).values) == 21


def test_metadata_without_labels_leave_the_folders(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        pictures(tmp_path / kind)
    (tmp_path / "metadata.csv").write_text("file_name,caption\ncat/0.png,a cat")
    assert load(tmp_path).classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("name", "held"),
    [("test", True), ("validation-00000-of-00001", True), ("dev", True), ("val", True), ("validation_matched", True),
     ("testimony", False), ("develop", False), ("latest", False)],
)  # fmt: skip
def test_tables_are_held_out_by_their_name(tmp_path: Path, name: str, held: bool) -> None:
    rows(tmp_path / "train-00000-of-00001.parquet")
    rows(tmp_path / f"{name}.parquet", 5, 100.0)
    data = load(tmp_path)
    assert len(data.held_out) == (5 if held else 2)
    assert (data.held_out[:, 0] > 50.0).all() == held
    assert (data.values[:, 0] > 50.0).any() != held


def test_a_tested_class_of_tables_must_be_trained(tmp_path: Path) -> None:
    rows(tmp_path / "train.parquet", label=["a", "b"] * 10)
    rows(tmp_path / "test.parquet", label=["a", "c"] * 10)
    with pytest.raises(FlowError, match="`c` has held-out rows only"):
        load(tmp_path)
    rows(tmp_path / "test.parquet", label=["a"] * 20)
    assert load(tmp_path).classes == ("a", "b")


@pytest.mark.parametrize("named", [True, False])
def test_tested_rows_whose_labels_are_kept_back_add_no_class(tmp_path: Path, named: bool) -> None:
    features = {"label": {"names": ["no", "yes"]}}
    meta = {"huggingface": json.dumps({"info": {"features": features}})} if named else None
    for part, label in (("train", [0, 1] * 10), ("test", [-1] * 20)):
        table = pa.table({"x": RNG.random((20, 3)).tolist(), "label": label}).replace_schema_metadata(meta)
        parquet.write_table(table, tmp_path / f"{part}.parquet")
    data = load(tmp_path)
    assert data.classes == (("no", "yes") if named else ("0", "1"))
    assert (len(data.values), len(data.held_out)) == (18, 2)
    assert "20 held-out rows without a class left out" in data.notes


def test_what_hugging_face_keeps_of_its_computing_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hf = pytest.importorskip("datasets", reason="Hugging Face datasets is an extra")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "saved"
    hf.Dataset.from_dict({"x": RNG.random((40, 3)).tolist()}).save_to_disk(str(folder))
    before = load(folder)
    hf.load_from_disk(str(folder)).map(lambda row: {"y": [1.0]}).shuffle(seed=0)
    assert list(folder.glob("cache-*.arrow"))
    np.testing.assert_array_equal(load(folder).values, before.values)


@pytest.mark.parametrize("name", ["a[1].npy", "a,b.npy", "a?.npy", " a.npy"])
def test_the_path_of_a_file_is_no_pattern(tmp_path: Path, name: str) -> None:
    values = RNG.random((40, 3)).astype(np.float32)
    np.save(tmp_path / name, values)
    np.save(tmp_path / "a1.npy", values + 100.0)
    assert load(tmp_path / name).values.max() < 2.0
    if "," not in name and name.strip() == name:
        assert len(load_training_data(f"{tmp_path / name}, {tmp_path}/a1.npy").values) == 72


def test_a_long_list_of_files_is_a_list(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", RNG.random((40, 3)))
    source = ",".join([str(tmp_path / "a.npy")] * 200)
    assert len(load_training_data(source).values) == 36
