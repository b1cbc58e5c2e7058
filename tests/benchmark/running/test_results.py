"""Result files: a torn line, a wrong line, a run twice, two writers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from infoloom.benchmark.running.results import append, open_results, plain, read_results
from infoloom.errors import BenchmarkError

ROW = {"format": 1, "bench": "estimators", "run": "a", "status": "ok"}


def row(run, **fields):
    return {**ROW, "run": run, **fields}


def write(path, *rows, torn=""):
    path.write_text("".join(json.dumps(each) + "\n" for each in rows) + torn)
    return path


def keep_all(row):
    return False


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [row("a", nats=1.0 / 3.0, message=None), row("ä", details={"parts": [1, 2]})]
    for each in rows:
        append(tmp_path / "r.jsonl", each)
    assert read_results(tmp_path / "r.jsonl") == rows


def test_several_files_are_read_one_after_the_other(tmp_path):
    files = [write(tmp_path / f"{name}.jsonl", row(name)) for name in "ab"]
    assert [each["run"] for each in read_results(files)] == ["a", "b"]


def test_a_torn_last_line_is_no_row(tmp_path):
    path = write(tmp_path / "r.jsonl", row("a"), torn='{"format": 1, "run": "b')
    assert [each["run"] for each in read_results(path)] == ["a"]
    with open_results(path, forget=keep_all):
        append(path, row("c"))
    assert [each["run"] for each in read_results(path)] == ["a", "c"]


def test_a_line_torn_within_a_character_is_no_row(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(write(path, row("a")).read_bytes() + '{"run": "ä'.encode()[:-1])
    with open_results(path, forget=keep_all):
        pass
    assert path.read_bytes() == write(tmp_path / "whole.jsonl", row("a")).read_bytes()


def test_rows_to_forget_leave_and_the_others_stay_as_they_were(tmp_path):
    path = write(tmp_path / "r.jsonl", row("a"), row("b", status="failed"))
    first = path.read_text().splitlines()[0]
    with open_results(path, forget=lambda each: each["status"] != "ok"):
        assert path.read_text() == first + "\n"


def test_a_file_and_its_folder_are_made(tmp_path):
    with open_results(tmp_path / "new" / "r.jsonl", forget=keep_all) as path:
        assert read_results(path) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", r"line 2: expected JSON \(.*\)\. Remove the line\.$"),
        ("3", r"line 2: expected an object with format, bench, run and status\. Remove the line\.$"),
        (
            '{"run": "b"}',
            r"line 2: expected an object with format, bench, run and status\. Remove the line\.$",
        ),
        (json.dumps(row("b", format=9)), r"line 2: expected format 1, got `9`\. Update infoloom\.$"),
        (
            json.dumps(row("b", status="odd")),
            r"line 2: expected status ok, failed, timeout, not-taken, got `odd`\.$",
        ),
    ],
)
def test_a_line_that_is_no_row_is_refused(tmp_path, text, problem):
    path = write(tmp_path / "r.jsonl", row("a"), torn=text + "\n")
    with pytest.raises(BenchmarkError, match=problem):
        read_results(path)


def test_a_run_that_is_there_twice_is_refused(tmp_path):
    path = write(tmp_path / "r.jsonl", row("a"))
    with pytest.raises(BenchmarkError, match=r"^run `a`: expected once in .*\. Give each result once\.$"):
        read_results([path, path])
    write(path, row("a"), row("a", bench="ssl"), row("a", suite="mine/1"), row("a", suite="mine/2"))
    assert len(read_results(path)) == 4


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BenchmarkError, match=r"expected a readable file \(No such file or directory\)\.$"):
        read_results(tmp_path / "none.jsonl")


def test_two_writers_of_one_file_are_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    problem = r"^results `.*`: another run is writing them\. Wait for it, or write to another file\.$"
    first = open_results(path, forget=keep_all)
    with first, pytest.raises(BenchmarkError, match=problem), open_results(path, forget=keep_all):
        pass
    with open_results(path, forget=keep_all):
        pass


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("file/r.jsonl", r"that can be written \(its folder is a file\)\. Choose another place\.$"),
        ("file/new/r.jsonl", r"that can be written \(Not a directory\)\. Choose another place\.$"),
        (".", r"expected a readable file \(Is a directory\)\.$"),
    ],
)
def test_results_that_cannot_be_written(tmp_path, place, problem):
    (tmp_path / "file").touch()
    with pytest.raises(BenchmarkError, match=problem), open_results(tmp_path / place, forget=keep_all):
        pass
    with pytest.raises(
        BenchmarkError, match=r"^results `.*`: expected a file that can be written \(.*directory"
    ):
        append(tmp_path / place, row("a"))


def test_plain_values_are_json():
    value = {1: np.float32(0.5), "a": np.arange(2), "b": (True, None, "x", float("-inf")), "c": {3}}
    expected = {"1": 0.5, "a": [0, 1], "b": [True, None, "x", "-inf"], "c": "{3}"}
    assert plain(value) == expected
    odd = {"\ud800": "a\udcff", "large": 2**63, "larger": -(10**400), "whole": -(2**63)}
    assert plain(odd) == {"?": "a?", "large": 2.0**63, "larger": "-inf", "whole": -(2**63)}
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == expected
