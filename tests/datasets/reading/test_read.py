"""Reading: every access gives the rows that a plain read of the Parquet files gives."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import infoloom
from infoloom.datasets import Dataset, open_dataset
from infoloom.errors import DatasetError

ROWS = 900


@pytest.fixture(scope="module")
def plain(small: Dataset) -> dict[str, np.ndarray]:
    """All columns by pyarrow and Python lists alone: the slow way."""
    tables = [pq.read_table(small.root / record.shard.file) for record in small.manifest.shards]
    return {
        column.name: np.concatenate(
            [np.array(t.column(column.name).to_pylist(), column.dtype) for t in tables]
        )
        for column in small.columns
    }


@pytest.fixture(scope="module", params=["parquet", "memmap"])
def data(request: pytest.FixtureRequest, small: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return small if request.param == "parquet" else small.memmap(tmp_path_factory.mktemp("copy"))


def test_whole_columns(data: Dataset, plain: dict[str, np.ndarray]) -> None:
    for column in data.columns:
        assert data[column.name].dtype == np.dtype(column.dtype)
        np.testing.assert_array_equal(data[column.name], plain[column.name])


@given(st.data())
def test_slices_rows_and_batches(
    data: Dataset, plain: dict[str, np.ndarray], given_data: st.DataObject
) -> None:
    start, stop = sorted(given_data.draw(st.tuples(st.integers(0, ROWS), st.integers(0, ROWS))))
    view = data.select("curve", "sample_id")
    for name, array in view[start:stop].items():
        np.testing.assert_array_equal(array, plain[name][start:stop])
    picked = given_data.draw(st.lists(st.integers(-ROWS, ROWS - 1), max_size=20))
    for name, array in view[picked].items():
        np.testing.assert_array_equal(array, plain[name][np.array(picked, int)])
    size = given_data.draw(st.integers(1, 400))
    batches = [batch["sample_id"] for batch in view.split("test").batches(size)]
    assert all(len(batch) == size for batch in batches[:-1])
    np.testing.assert_array_equal(np.concatenate(batches), np.arange(630, 900))


def test_single_rows_negative_steps_and_masks(data: Dataset, plain: dict[str, np.ndarray]) -> None:
    assert data[5]["theta"] == plain["theta"][5]
    assert data[-1]["sample_id"] == ROWS - 1
    np.testing.assert_array_equal(data[5]["image"], plain["image"][5])
    np.testing.assert_array_equal(data[20:10:-3]["sample_id"], [20, 17, 14, 11])
    np.testing.assert_array_equal(data[plain["theta"] > 1]["theta"], plain["theta"][plain["theta"] > 1])
    assert data[7:3]["curve"].shape == (0, 24)
    assert data[np.array([], np.int64)]["curve"].shape == (0, 24)


def test_iterating_gives_rows(data: Dataset, plain: dict[str, np.ndarray]) -> None:
    rows = list(data.select("map", "theta").split("test"))
    assert [row["theta"] for row in rows] == list(plain["theta"][630:])
    np.testing.assert_array_equal(rows[-1]["map"], plain["map"][-1])


def test_splits_and_columns(data: Dataset, plain: dict[str, np.ndarray]) -> None:
    assert data.splits == {"train": 630, "test": 270}
    test = data.split("test").select("theta", "map")
    assert test.names == ("map", "theta")
    assert (len(test), test.rows) == (270, 270)
    np.testing.assert_array_equal(test["map"], plain["map"][630:])
    np.testing.assert_array_equal(test[[0, 269]]["theta"], plain["theta"][[630, 899]])


def test_what_it_says_about_itself(small: Dataset) -> None:
    assert small.truth == small.story.truth_table()
    assert small.card.startswith("---\npretty_name: small\n")
    assert small.manifest.made_with[0]["versions"].keys() == {"infoloom", "numpy", "torch", "pyarrow"}
    assert infoloom.open(small.root).manifest == small.manifest


def test_it_shows_what_it_is(small: Dataset) -> None:
    shown = repr(small.select("image", "theta").split("test"))
    assert (
        shown
        == f"Dataset small in {small.root}, 270 rows\n    image: modality, float32[1, 4, 6]\n    theta: target, float32"
    )


def test_a_view_travels_to_other_processes(data: Dataset) -> None:
    copy = pickle.loads(pickle.dumps(data.split("test").select("theta")))  # noqa: S301 (our own object)
    np.testing.assert_array_equal(copy["theta"], data.split("test")["theta"])


def test_the_copy_is_made_once(small: Dataset, tmp_path) -> None:
    small.memmap(tmp_path)
    (folder,) = tmp_path.iterdir()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    small.memmap(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_copy_that_cannot_be_written_is_explained(small: Dataset, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"copy `.*`: cannot be written .* choose another folder"):
        small.memmap(tmp_path / "file")


def test_a_damaged_copy_is_refused(small: Dataset, tmp_path) -> None:
    copy = small.memmap(tmp_path)
    (folder,) = tmp_path.iterdir()
    np.save(folder / "000000.npy", np.zeros(3))
    with pytest.raises(DatasetError, match=r"it is damaged\. Remove the folder"):
        copy["sample_id"]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda d: d["speed"], "column `speed`: expected one of sample_id, image"),
        (lambda d: d.select("theta", "speed"), "column `speed`: expected one of"),
        (lambda d: d.split("dev"), "split `dev`: expected one of train, test"),
        (lambda d: d[[900]], "row `900`: expected a position from 0 to 899"),
        (lambda d: d[-901], "row `-901`: expected a position from 0 to 899"),
        (lambda d: d[[0.5]], "expected positions, a mask of 900 rows, or a slice"),
        (lambda d: d.batches(0), "batch `0`: expected at least one row"),
    ],
)
def test_wrong_questions_are_answered(small: Dataset, ask, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        ask(small)


def test_opening_needs_neither_torch_nor_the_story(small: Dataset) -> None:
    code = f"""
import sys, infoloom
data = infoloom.open({str(small.root)!r})
data["image"], data[3], data.truth, list(data.batches(100))
heavy = [name for name in ("torch", "scipy", "matplotlib", "datasets") if name in sys.modules]
sys.exit(str(heavy) if heavy else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_reading_after_importing_datasets(small: Dataset, plain: dict[str, np.ndarray]) -> None:
    pytest.importorskip("datasets", reason="the package `datasets` is an extra")
    code = f"""
import datasets, infoloom, numpy
data = infoloom.open({str(small.root)!r})
numpy.save(sys.argv[1], data["image"])
"""
    path = small.root.parent / "after.npy"
    subprocess.run(
        [sys.executable, "-c", "import sys" + code, str(path)],
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "HOME": str(small.root.parent)},
    )
    np.testing.assert_array_equal(np.load(path), plain["image"])


def test_open_says_what_is_missing(tmp_path) -> None:
    with pytest.raises(DatasetError, match=r"expected a folder with `manifest.json`. Check the path"):
        open_dataset(tmp_path)
