"""`infoloom bench tasks` and `infoloom bench dump`: what they list and write."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from infoloom.benchmark import tasks
from infoloom.cli import main as cli


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the program in this process: (status, output, errors)."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["infoloom", "bench", *map(str, words)])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_tasks_are_listed_by_group(run):
    status, out, err = run("tasks", "hard", "staircase")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "hard, 3 tasks"
    assert "   2.000000     64 × 64     gaussian:dims=64v64,nats=2.0,pairs=5,hidden=bent,turn=0" in out
    assert all(name in out for name in (*tasks.names("hard"), *tasks.names("staircase")))


def test_tasks_as_json(run):
    status, out, _ = run("tasks", "hard", "--json")
    listed = json.loads(out)
    assert status == 0
    assert listed["unit"] == "nats"
    assert [one["id"] for one in listed["groups"]["hard"]] == list(tasks.names("hard"))
    assert [one["mutual_information"] for one in listed["groups"]["hard"]] == [2.0, 2.0, 0.0]


def test_tasks_and_groups_are_dumped(run, tmp_path):
    status, out, err = run("dump", "1v1-additive-0.1", "hard", "--rows", 20, "--seed", 3, "-o", tmp_path)
    assert (status, err) == (0, "")
    assert len(out.split()) == len(list(tmp_path.iterdir())) == 4
    folder = tmp_path / "1v1-additive-0.1-rows_20-seed_3"
    with np.load(folder / "rows.npz", allow_pickle=False) as rows:
        np.testing.assert_array_equal(rows["x"], tasks.build("1v1-additive-0.1").sample(20, 3)[0])


def test_nothing_is_written_where_one_is_wrong(run, tmp_path):
    status, out, err = run("dump", "1v1-additive-0.1", "1v1-normal-2", "-o", tmp_path / "out")
    assert (status, out) == (2, "")
    assert "task `1v1-normal-2`: expected an id such as" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rows", [10**11, 10**20])
def test_rows_that_fit_into_no_memory(run, tmp_path, monkeypatch, rows):
    def too_large(*_):
        raise MemoryError

    monkeypatch.setattr(type(tasks.build("1v1-additive-0.1")), "behind", too_large)
    status, out, err = run("dump", "1v1-additive-0.1", "--rows", rows, "-o", tmp_path)
    assert (status, out) == (2, "")
    assert err == f"infoloom: rows `{rows}`: expected as many as fit into memory. Use fewer.\n"


def test_an_unknown_group_is_refused(run):
    status, _, err = run("tasks", "easy")
    assert status == 2
    assert "group of tasks `easy`: expected one of" in err
