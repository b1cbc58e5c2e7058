"""Folders of tasks: the same bytes however they are made, resumed, read by others, checked, and refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from infoloom.benchmark.meta.folder import make, table
from infoloom.benchmark.meta.folder.card import card_text
from infoloom.benchmark.meta.folder.make import make_tasks
from infoloom.benchmark.meta.folder.manifest import Manifest, Plan, is_task_folder, read_manifest
from infoloom.benchmark.meta.folder.table import COLUMNS, read_tasks
from infoloom.benchmark.meta.folder.verify import verify_tasks
from infoloom.benchmark.meta.request import request
from infoloom.benchmark.meta.stream import TaskStream
from infoloom.errors import DatasetError

ASKED = request(7, dims=(1, 5), rows=(50, 60))
COUNT, SHARD = 150, 64


def content(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made") / "tasks"
    make_tasks(root, ASKED, COUNT, tasks_per_shard=SHARD)
    return root


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made, tmp_path / "copy")


def test_two_workers_write_the_same_bytes(made, tmp_path):
    make_tasks(tmp_path / "two", ASKED, COUNT, tasks_per_shard=SHARD, workers=2)
    assert content(tmp_path / "two") == content(made)


def test_what_was_interrupted_goes_on(made, tmp_path, monkeypatch):
    root, seen, write = tmp_path / "cut", [], make.write_tasks

    def once(path, tasks, count):
        if seen:
            raise KeyboardInterrupt
        seen.append(path)
        write(path, tasks, count)

    monkeypatch.setattr(make, "write_tasks", once)
    with pytest.raises(KeyboardInterrupt):
        make_tasks(root, ASKED, COUNT, tasks_per_shard=SHARD)
    with pytest.raises(
        DatasetError, match=r"expected a finished folder of tasks with `manifest.json`. Run the same"
    ):
        read_manifest(root)
    assert is_task_folder(root)
    written = []

    def counted(path, tasks, count):
        written.append(count)
        write(path, tasks, count)

    monkeypatch.setattr(make, "write_tasks", counted)
    told = []
    make_tasks(root, ASKED, COUNT, tasks_per_shard=SHARD, progress=lambda *counts: told.append(counts))
    assert written == [64, 22]  # the first shard is kept
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert content(root) == content(made)


def test_a_damaged_shard_is_seen_and_made_again(made, copy):
    shard = copy / "data" / "train-00001-of-00003.parquet"
    damaged = bytearray(shard.read_bytes())
    damaged[1000] ^= 255
    shard.write_bytes(damaged)
    report = verify_tasks(copy)
    assert not report.passed
    assert report.checks[0].detail == "data/train-00001-of-00003.parquet: another checksum"
    make_tasks(copy, ASKED, COUNT, tasks_per_shard=SHARD)
    assert content(copy) == content(made)


def test_a_missing_shard_is_seen(copy):
    (copy / "data" / "train-00002-of-00003.parquet").unlink()
    assert "train-00002-of-00003.parquet: No such file" in verify_tasks(copy).checks[0].detail


def test_rows_are_those_of_the_stream(made):
    stream = TaskStream(ASKED)
    rows = [row for record in read_manifest(made).records for row in read_tasks(made / record.shard.file)]
    assert len(rows) == COUNT
    for row in rows:
        task = next(stream)
        assert row.keys() == COLUMNS.keys()
        assert (row["index"], row["family"], row["nats"]) == (
            task.index,
            task.family,
            task.mutual_information,
        )
        assert (row["map_x"], row["map_y"]) == task.maps
        assert (row["discrete_x"], row["discrete_y"]) == task.discrete
        assert json.loads(row["params"]) == task.params
        np.testing.assert_array_equal(row["x"], task.x)
        np.testing.assert_array_equal(row["y"], task.y)


def test_a_whole_folder_is_verified(made):
    report = verify_tasks(made)
    assert report.passed
    assert [check.name for check in report.checks] == ["files", "truth", "rows"]
    assert (report.rows, report.counted) == (COUNT, "tasks")


def test_truths_and_rows_that_are_not_the_streams_are_seen(copy):
    """Files with honest checksums of another seed's tasks."""
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["request"]["seed"] = 8
    (copy / "manifest.json").write_text(json.dumps(manifest))
    files, truth, rows = verify_tasks(copy).checks
    assert files.passed
    assert not truth.passed
    assert not rows.passed


def test_hugging_face_reads_it(made):
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(made), split="train", cache_dir=str(made.parent / "cache"))
    assert loaded.num_rows == COUNT
    assert loaded.column_names == list(COLUMNS)
    row, task = loaded.with_format("numpy")[70], TaskStream(ASKED)[70]
    assert row["x"].dtype == np.float32
    np.testing.assert_array_equal(row["x"].reshape(row["rows"], row["dim_x"]), task.x)
    assert row["nats"] == task.mutual_information


def test_the_command_of_the_card_asks_for_every_digit():
    exact = request(0, nats=(1e-12, 1.23456789))
    text = card_text(Manifest(Plan(exact, 64, 64), {}, ()))
    assert "--nats 1e-12 1.23456789 --family" in text
    assert "Information: 1e-12 to 1.23456789 nats, evenly in each family\n" in text


def test_the_card_says_what_the_columns_can_carry():
    def said(asked):
        text = card_text(Manifest(Plan(asked, 64, 64), {}, ()))
        return next(line for line in text.splitlines() if line.startswith("- Information"))

    assert said(request(0)) == "- Information: 0 to 6 nats, evenly in each family"
    asked = request(3, (1, 3), (50, 60), (0, 1000), ["gaussian", "mixed"])
    assert said(asked) == (
        "- Information: 0 to 24 nats, evenly in each family (0 to 1000 were asked for); at most, because their columns "
        "carry no more: gaussian 24, mixed 3.6"
    )
    stream = TaskStream(asked)
    recipes = [stream.recipe(index) for index in range(256)]
    for family, most in asked.most.items():
        found = [one.truth.value for one in recipes if one.family == family]
        assert 0.9 * most < max(found) <= most * (1 + 1e-6)


def test_the_card_says_what_is_in_it(made):
    card = (made / "README.md").read_text()
    assert "150 tasks" in card
    assert (
        "infoloom bench meta --count 150 --out FOLDER --tasks-per-shard 64 --seed 7 --dims 1 5 --rows 50 60"
        in card
    )
    assert all(f"| `{name}` |" in card for name in COLUMNS)


def test_floats_are_stored_as_streams_of_bytes(made):
    column = pq.ParquetFile(made / "data" / "train-00000-of-00003.parquet").metadata.row_group(0).column(12)
    assert column.path_in_schema == "x.list.element"
    assert "BYTE_STREAM_SPLIT" in column.encodings


def test_another_folder_is_left_alone(made, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        DatasetError, match=r"expected an empty folder or unfinished tasks, because nothing is over"
    ):
        make_tasks(tmp_path, ASKED, COUNT)
    with pytest.raises(
        DatasetError, match=r"expected the tasks that were begun here, .*got .*Ask for the same again"
    ):
        make_tasks(made, ASKED, COUNT + 1, tasks_per_shard=SHARD)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        DatasetError, match=r"file/tasks`: cannot be written \(Not a directory\). Choose another"
    ):
        make_tasks(tmp_path / "file" / "tasks", ASKED, COUNT)


def test_a_shard_that_fails_leaves_the_others(tmp_path, monkeypatch):
    write = make.write_tasks

    def full(path, tasks, count):
        if tasks.position == 64:
            raise OSError(28, "No space left on device")
        write(path, tasks, count)

    monkeypatch.setattr(make, "write_tasks", full)
    with pytest.raises(DatasetError) as caught:
        make_tasks(tmp_path / "full", ASKED, COUNT, tasks_per_shard=SHARD)
    assert "shards: expected 3, 2 are made and kept, 1 failed." in str(caught.value)
    assert "train-00001-of-00003.parquet`: cannot be written (No space left on device)" in str(caught.value)


def test_rows_that_are_not_finite_are_refused():
    task = TaskStream(ASKED)[3]
    task.x[0, 0] = np.inf
    with pytest.raises(
        DatasetError,
        match=r"task `3`: expected finite rows, got others of family `\w+` behind `\w+` and `\w+`. Name",
    ):
        table.table([task])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count `0`: expected a whole number from 1 to 1,000,000,000. Choose one."),
        ({"count": 1.5}, "count `1.5`: expected"),
        ({"workers": 0}, "workers `0`: expected a whole number from 1 to 1,024."),
        ({"tasks_per_shard": 100}, "tasks per shard `100`: expected a multiple of 64, because so many are made at"),
        ({"tasks_per_shard": 32}, "tasks per shard `32`: expected a whole number from 64 to"),
        ({"count": 10**9, "tasks_per_shard": 64}, "count `1000000000`: expected at most 99,999 shards. Take"),
    ],
)  # fmt: skip
def test_numbers_that_do_not_fit_are_refused(tmp_path, options, message):
    with pytest.raises(DatasetError) as caught:
        make_tasks(tmp_path / "none", ASKED, **{"count": 10, **options})
    assert message in str(caught.value)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.pop("shards"), "shards"),
        (lambda tree: tree.update(extra=1), "extra"),
        (lambda tree: tree["request"].update(dims=[0, 3]), "dims=[0, 3]"),
        (lambda tree: tree["shards"].pop(), "other shards than those of its plan"),
        (
            lambda tree: tree["shards"][0].update(file="../../etc/passwd"),
            "no other path of a manifest is ever opened",
        ),
        (lambda tree: tree["shards"][0].update(sha256="x"), "sha256"),
        (lambda tree: tree.update(tasks=True), "tasks"),
    ],
)
def test_a_manifest_that_does_not_hold_together_is_refused(copy, change, message):
    tree = json.loads((copy / "manifest.json").read_text())
    change(tree)
    (copy / "manifest.json").write_text(json.dumps(tree))
    with pytest.raises(DatasetError) as caught:
        read_manifest(copy)
    assert message in str(caught.value)
