"""Standings: everything that was asked counts, whatever became of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from benchmark.estimators.estimator_rows import row

from infoloom.benchmark.estimators.first_version.leaderboard import is_right, markdown, problems, standings
from infoloom.benchmark.running.results import read_results
from infoloom.errors import BenchmarkError


def by_name(rows):
    return {one.estimator: one for one in standings(rows)}


@pytest.mark.parametrize(
    ("truth", "estimate", "right"),
    [(0.0, 0.1, True), (0.0, -0.11, False), (0.5, 0.6, True), (5.0, 5.5, True), (5.0, 5.51, False)],
)
def test_right_is_within_a_tenth(truth, estimate, right):
    assert is_right(row("a", truth=truth, estimate=estimate)) is right


def test_what_is_not_taken_is_as_if_it_had_not_been_asked():
    rows = [row("good", "t0"), row("good", "t1"), row("words", "t0"), row("words", "t1", status="not-taken")]
    one = by_name(rows)["words"]
    assert (one.ok, one.failed, one.missing) == (1, 0, 1)


def test_failures_time_outs_and_missing_runs_are_not_right():
    tasks = [f"t{number}" for number in range(4)]
    good = [row("good", task) for task in tasks]
    lost = [row("lost", "t0"), row("lost", "t1", status="failed"), row("lost", "t2", status="timeout")]
    found = by_name([*good, *lost])
    assert (found["good"].right, found["lost"].right) == (1.0, 0.25)
    one = found["lost"]
    assert (one.problems, one.ok, one.failed, one.timeout, one.missing) == (4, 1, 1, 1, 1)
    assert standings([*lost, *good])[0].estimator == "good"


def test_an_estimator_without_any_result_is_listed():
    one = by_name([row("good"), row("lost", status="failed")])["lost"]
    assert (one.right, one.ok, one.failed) == (0.0, 0, 1)
    assert (one.median_error, one.null_mean, one.null_worst, one.seconds) == (None, None, None, None)


def test_problems_are_those_that_half_of_the_estimators_tried():
    rows = [
        row("a", "both"),
        row("b", "both"),
        row("c", "both", status="failed"),
        row("a", "one"),
        row("oracle", "one"),
    ]
    assert problems(rows) == {("both", 100, 101)}
    assert problems([row("a", "half"), row("b", "other")]) == {("half", 100, 101), ("other", 100, 101)}


def test_references_are_not_ranked():
    found = standings([row("a", estimate=9.0), row("oracle")])
    assert [(one.estimator, one.ranked) for one in found] == [("a", True), ("oracle", False)]


def test_null_tasks_intervals_and_trust():
    rows = [
        row("a", "n0", truth=0.0, estimate=0.02, interval=[-0.1, 0.1], reliable=True),
        row("a", "n1", truth=0.0, estimate=-0.3, interval=[-0.4, -0.2], reliable=True),
        row("a", "t", truth=1.0, estimate=1.4, reliable=False),
    ]
    one = by_name(rows)["a"]
    assert one.null_mean == pytest.approx(-0.14)
    assert one.null_worst == -0.3
    assert (one.covered, one.intervals) == (1, 2)
    assert (one.trusted_right, one.trusted) == (1, 2)
    assert one.median_error == pytest.approx(0.3)


def test_the_error_of_the_share_is_that_of_tasks():
    """Two seeds of a task that fare alike count once: two tasks, one all right and one all wrong."""
    rows = [
        row("a", task, estimate=estimate, seed=seed)
        for task, estimate in (("x", 1.0), ("y", 9.0))
        for seed in (1, 2)
    ]
    one = by_name(rows)["a"]
    assert one.right == 0.5
    assert one.right_error == pytest.approx(math.sqrt(0.5 / 2) * math.sqrt(2) * math.sqrt(0.5))
    assert by_name([row("a", "x")])["a"].right_error is None


def test_as_markdown():
    text = markdown(
        standings([row("a", "x", interval=[0.9, 1.1]), row("a", "y", estimate=5.0), row("oracle", "x")])
    )
    lines = text.splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2].startswith("| `a` | 50 ± 50 % of 2 | – | 2.000 |")
    assert lines[3].startswith("| `oracle`, a reference | 50 ± 50 % of 2 | 0, 0, 1 |")


def test_other_results_are_refused():
    with pytest.raises(BenchmarkError, match=r"^results: expected rows of the estimator benchmark\. Run "):
        standings([{**row("a"), "bench": "ssl"}])


def test_the_documented_leaderboard_is_that_of_the_committed_results():
    root = Path(__file__).resolve().parents[4]
    rows = read_results(root / "benchmarks" / "results" / "estimators-paper.jsonl")
    page = (root / "docs" / "benchmark-first.md").read_text(encoding="utf-8")
    assert markdown(standings(rows)) in page
    minutes = sum(one["estimator_processor_seconds"] for one in rows) / 60
    assert f"All {len(rows):,} runs of the suite" in page
    assert f"the estimates took {minutes:.0f} processor minutes" in page
