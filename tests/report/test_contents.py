"""What a report is made from, and what it refuses."""

from __future__ import annotations

import json
import re

import pytest
from benchmark.estimators.estimator_rows import row

from infoloom.errors import BenchmarkError, DatasetError, InfoloomError
from infoloom.report.contents import read_contents
from infoloom.report.estimators.report import sections


def results(path, *benches):
    lines = [{"format": 1, "bench": bench, "run": f"{i}", "status": "ok"} for i, bench in enumerate(benches)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_results_of_several_files_are_one_page(tmp_path):
    rows = [row("gaussian"), row("ksg", status="failed"), row("gaussian", task="u")]
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_text("".join(json.dumps(one) + "\n" for one in rows[:2]))
    second.write_text(json.dumps(rows[2]) + "\n")
    found = read_contents([first, second])
    assert (found.title, found.lead) == (
        "Estimators against the truth",
        "3 runs, 1 of them without a result.",
    )
    assert [one.title for one in found.sections] == [one.title for one in sections(rows)]


def refused(error, message, *sources):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        read_contents(sources)


def test_one_dataset_or_results(tmp_path):
    file = results(tmp_path / "results.jsonl", "estimators")
    text = f"report of `{file}, {tmp_path}`: expected one dataset, or results files only. "
    refused(InfoloomError, text + "Write one report for each dataset.", file, tmp_path)


def test_folders_and_files_that_hold_nothing(tmp_path):
    text = f"dataset `{tmp_path}`: expected a folder with `manifest.json`. Check the path."
    refused(DatasetError, text, tmp_path)
    file = tmp_path / "none.jsonl"
    text = f"results `{file}`: expected a readable file (No such file or directory)."
    refused(BenchmarkError, text, file)
    file.write_text("")
    refused(InfoloomError, f"report of `{file}`: expected at least one result.", file)


def test_results_of_an_unknown_benchmark(tmp_path):
    file = results(tmp_path / "results.jsonl", "estimators", "cooking")
    text = "results of `cooking`: expected estimators or ssl. They were made by another version; update infoloom."
    refused(InfoloomError, text, file)
