"""How the runs of a benchmark ended, in a few lines."""

from __future__ import annotations

from pathlib import Path

from infoloom.benchmark.running.runner import Summary
from infoloom.cli.bench.ended import summary_lines

PATH = Path("r.jsonl")


def lines(rows, **counts):
    given = {"skipped": 0, "ok": 0, "failed": 0, "timeout": 0, "not_taken": 0, "seconds": 2.4, **counts}
    return list(summary_lines(PATH, Summary(**given), rows))


def row(status, message=None, **more):
    return {"status": status, "message": message, **more}


def test_counts():
    assert lines([]) == ["r.jsonl: 0 runs ok, 0 failed, 0 not done in time, 0 there before; 2 s"]
    assert lines([row("ok"), row("not-taken", "x")], ok=1, not_taken=1, skipped=3) == [
        "r.jsonl: 1 run ok, 0 failed, 0 not done in time, 1 not taken, 3 there before; 2 s"
    ]


def test_at_most_three_different_reasons():
    end = "whole messages: `message` of the rows in r.jsonl, or `infoloom report r.jsonl`"
    rows = [row("failed", "a: no"), row("failed", "a: no"), row("timeout", "b\n\nfirst\nlast"), row("ok")]
    assert lines(rows)[1:] == ["  2 runs: a: no", "  1 run: b … last", f"  {end}"]
    rows += [row("failed", "c" * 1000), row("failed", "d"), row("failed", "e")]
    found = lines(rows)
    assert found[3] == f"  1 run: {'c' * 150} … {'c' * 150}"
    assert found[4:] == [f"  2 other reasons and {end}"]
    assert lines([row("failed")])[1] == "  1 run: no reason"


def test_learners_without_weights_are_named():
    rows = [
        row("ok", objective="mine:make@1a2b3c4d", details={"steps": 0}),
        row("ok", objective="mine:make@1a2b3c4d", details={"steps": 0}),
        row("ok", objective="random", details={"steps": 0}),
        row("ok", objective="clip", details={"steps": 5}),
        row("ok", estimator="ksg", details={}),
    ]
    assert lines(rows)[1:] == [
        "  2 runs: `mine:make@1a2b3c4d` has no weights to train (0 steps); its features were measured as they are"
    ]
