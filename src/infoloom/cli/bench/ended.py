"""How the runs of a benchmark ended: one line of counts, the first reasons of failures, learners without weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infoloom.units import number_of

if TYPE_CHECKING:
    from infoloom.benchmark.running.runner import Summary

__all__ = ["summary_lines"]

_REASONS: Final = 3
_LONGEST: Final = 300  # characters of a reason
_UNTRAINED: Final = "random"  # the learner that is not to be trained


def summary_lines(path: Path, summary: Summary, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is printed after the runs.

    Args:
        path: The results file.
        summary: Counts of the runs.
        rows: The new rows, in the order in which they came.
    """
    spared = f"{summary.not_taken} not taken, " if summary.not_taken else ""
    yield (
        f"{path}: {number_of(summary.ok, 'run')} ok, {summary.failed} failed, {summary.timeout} not done in time, "
        f"{spared}{summary.skipped} there before; {summary.seconds:.0f} s"
    )
    yield from _reasons(path, rows)
    yield from _without_weights(rows)


def _reasons(path: Path, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The first different reasons, a line each, and where all are."""
    lost = Counter(_reason(row) for row in rows if row["status"] in ("failed", "timeout"))
    for reason, count in list(lost.items())[:_REASONS]:
        yield f"  {number_of(count, 'run')}: {reason}"
    if lost:
        more = len(lost) - _REASONS
        others = f"{number_of(more, 'other reason')} and " if more > 0 else ""
        yield f"  {others}whole messages: `message` of the rows in {path}, or `infoloom report {path}`"


def _reason(row: Mapping[str, Any]) -> str:
    """A message in one line: its first, and the last that a program said."""
    lines = [line.strip() for line in str(row["message"] or "no reason").splitlines() if line.strip()]
    said = f"{lines[0]} … {lines[-1]}" if len(lines) > 1 else lines[0]
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST // 2]} … {said[-_LONGEST // 2 :]}"


def _without_weights(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Learners of which nothing was trained, because they have no weights."""
    names = [
        row["objective"]
        for row in rows
        if row["status"] == "ok"
        and row.get("objective", _UNTRAINED) != _UNTRAINED
        and (row.get("details") or {}).get("steps") == 0
    ]
    for name, count in Counter(names).items():
        runs = number_of(count, "run")
        yield f"  {runs}: `{name}` has no weights to train (0 steps); its features were measured as they are"
