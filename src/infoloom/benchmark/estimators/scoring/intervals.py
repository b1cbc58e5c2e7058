"""Whether intervals hold the truth, and at which width."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any, Final

from infoloom.benchmark.estimators.problem_sets import ProblemKey, ProblemSet

__all__ = ["LEVEL", "Intervals", "interval_score", "intervals"]

#: The share of intervals that should hold the truth.
LEVEL: Final = 0.95


@dataclass(frozen=True)
class Intervals:
    """The intervals of an estimator.

    Attributes:
        count: Intervals given.
        coverage: Share that holds the truth.
        coverage_error: Its standard error over groups.
        width: Median width (nats).
        score: Median interval score (nats): the width, and 40 times what the truth is outside.
    """

    count: int
    coverage: float
    coverage_error: float | None
    width: float
    score: float


def interval_score(low: float, high: float, truth: float) -> float:
    """Width plus 2/α times what the truth is outside, α = 0.05: smallest in the mean for the honest interval.

    Source:
        Gneiting and Raftery 2007, equation 43.

    Example:
        >>> interval_score(0.0, 1.0, 0.5), round(interval_score(0.0, 1.0, 1.1), 9)
        (1.0, 5.0)
    """
    outside = max(low - truth, 0.0) + max(truth - high, 0.0)
    return high - low + 2.0 / (1.0 - LEVEL) * outside


def intervals(found: ProblemSet, given: Mapping[ProblemKey, Mapping[str, Any]]) -> Intervals | None:
    """The intervals among answers; None where there is none.

    Args:
        found: The set.
        given: Rows that ended well, by problem.
    """
    shares, scores, widths, held = [], [], [], []
    for _, group in found.groups():
        inside = []
        for key, problem in zip(group.keys, group.problems, strict=True):
            ends = given[key]["interval"] if key in given else None
            if ends:
                inside.append(ends[0] <= problem.truth <= ends[1])
                scores.append(interval_score(ends[0], ends[1], problem.truth))
                widths.append(ends[1] - ends[0])
        held += inside
        shares += [fmean(inside)] if inside else []
    if not held:
        return None
    error = stdev(shares) / math.sqrt(len(shares)) if len(shares) > 1 else None
    return Intervals(len(held), fmean(held), error, median(widths), median(scores))
