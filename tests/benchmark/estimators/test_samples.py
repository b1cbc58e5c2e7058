"""Kept samples: the same rows, one file a sample, nothing kept unless asked for."""

from __future__ import annotations

import numpy as np

from infoloom.benchmark.estimators.samples import FOLDER, drawn
from infoloom.benchmark.tasks import StoryTask, from_mi

FLOW = StoryTask("digits-pair", "three", "theta")


def test_a_kept_sample_is_the_sample(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept"))
    first, again = drawn(FLOW, 2, 0), drawn(FLOW, 2, 0)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
        assert other.dtype == np.float64
    (kept,) = (tmp_path / "kept").iterdir()
    with np.load(kept, allow_pickle=False) as rows:
        changed = {"x": rows["x"] + 1.0, "y": rows["y"]}
    np.savez(kept, **changed)
    np.testing.assert_array_equal(drawn(FLOW, 2, 0)[0], changed["x"])  # it is read, not drawn


def test_rows_and_seed_are_part_of_the_key(tmp_path):
    for rows, seed in ((1, 0), (1, 1), (2, 0)):
        drawn(FLOW, rows, seed, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_what_is_quickly_drawn_is_not_kept(tmp_path):
    for task in (
        from_mi(1.0),
        StoryTask("stress-normal", "x1", "x2"),
        StoryTask("digits-pair", "three", "eight", "latent"),
    ):
        x, _ = drawn(task, 5, 0, tmp_path)
        np.testing.assert_array_equal(x, task.sample(5, 0)[0])
    assert not list(tmp_path.iterdir())


def test_nothing_is_kept_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    drawn(FLOW, 1, 0)
    assert not list(tmp_path.iterdir())
