"""Two estimators on the problems that both met: which one is nearer to the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from infoloom.benchmark.estimators.problem_sets import ProblemKey, ProblemSet
from infoloom.benchmark.estimators.scoring.scores import answers, met

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """One against another.

    Attributes:
        one: Name of the one.
        other: Name of the other.
        share: Share of the problems on which the one is nearer; a tie counts half.
        error: Its standard error over groups, None for a single group.
        problems: Problems that both met.
    """

    one: str
    other: str
    share: float
    error: float | None
    problems: int

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON-able values."""
        return asdict(self)


def compare(found: ProblemSet, rows: Sequence[Mapping[str, Any]]) -> list[Comparison]:
    """Every pair of estimators that met a problem in common which both take, in alphabetical order.

    Args:
        found: The set.
        rows: Rows of the estimator benchmark.

    Raises:
        BenchmarkError: No row of the set.
    """
    by_estimator = answers(found, rows)
    pairs = [(one, other) for one in by_estimator for other in by_estimator if one < other]
    made = (_pair(one, other, found, by_estimator) for one, other in pairs)
    return [comparison for comparison in made if comparison is not None]


def _pair(
    one: str, other: str, found: ProblemSet, given: Mapping[str, Mapping[ProblemKey, Mapping[str, Any]]]
) -> Comparison | None:
    groups = []
    count = 0
    for _, group in found.groups():
        wins = []
        for key, problem in zip(group.keys, group.problems, strict=True):
            if all(met(given[name].get(key)) for name in (one, other)):
                wins.append(_win(*(_away(given[name][key], problem.truth) for name in (one, other))))
        count += len(wins)
        groups += [fmean(wins)] if wins else []
    if not groups:
        return None
    error = stdev(groups) / math.sqrt(len(groups)) if len(groups) > 1 else None
    return Comparison(one, other, fmean(groups), error, count)


def _away(row: Mapping[str, Any], truth: float) -> float:
    return abs(row["estimate"] - truth) if row["status"] == "ok" else math.inf


def _win(own: float, theirs: float) -> float:
    return 0.5 if own == theirs else float(own < theirs)
