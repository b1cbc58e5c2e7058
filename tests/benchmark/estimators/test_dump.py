"""Dumps: what is read back is the sample, its truth and its description."""

from __future__ import annotations

import json

import numpy as np
import pytest

from infoloom.benchmark.estimators.dump import FORMAT, dump, file_name
from infoloom.benchmark.tasks import BeyondNormalTask, StoryTask, build, from_mi, names
from infoloom.errors import TaskError


@pytest.mark.parametrize(
    "task",
    [from_mi(0.5, (2, 3)), BeyondNormalTask("1v1-additive-0.1"), StoryTask("stress-normal", "x1", "theta")],
)
def test_what_is_read_back_is_the_sample(task, tmp_path):
    place = dump(task, 20, 1, tmp_path / "out")
    assert {path.name for path in place.iterdir()} == {"rows.npz", "truth.npz", "task.json"}
    x, y = task.sample(20, 1)
    with np.load(place / "rows.npz", allow_pickle=False) as rows:
        np.testing.assert_array_equal(rows["x"], x)
        np.testing.assert_array_equal(rows["y"], y)
        assert set(rows) == {"x", "y"}
    with np.load(place / "truth.npz", allow_pickle=False) as truth:
        np.testing.assert_allclose(truth["pmi"], task.pmi(x, y), atol=1e-5)
    about = json.loads((place / "task.json").read_text(encoding="utf-8"))
    assert (about["format"], about["rows"], about["seed"], about["unit"]) == (FORMAT, 20, 1, "nats")
    assert build(about["id"]) == task
    assert about["mutual_information"] == task.mutual_information
    assert about["files"]["rows.npz"]["x"]["shape"] == list(x.shape)


def test_rows_of_stories_are_narrow_without_loss(tmp_path):
    place = dump(StoryTask("stress-normal", "x1", "theta"), 5, 0, tmp_path)
    with np.load(place / "rows.npz", allow_pickle=False) as rows:
        assert rows["x"].dtype == np.float32


def test_every_task_has_a_file_name_of_its_own():
    found = {file_name(name) for name in names()}
    assert len(found) == len(names())
    assert not any(set(name) & set(':*?"<>|/\\,= ') for name in found)


def test_nothing_is_overwritten(tmp_path):
    task = from_mi(1.0)
    dump(task, 5, 0, tmp_path)
    with pytest.raises(TaskError, match=r"folder `.*`: cannot be written \(File exists\)\. Choose another"):
        dump(task, 5, 0, tmp_path)
    with pytest.raises(TaskError, match="n_samples=0"):
        dump(task, 0, 0, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TaskError, match=r"folder `.*`: cannot be written \(File exists\)\."):
        dump(task, 5, 0, tmp_path / "file")
