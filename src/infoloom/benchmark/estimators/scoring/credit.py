"""What an answer is worth: right answers of a group beyond those that one constant answer would get."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from infoloom.benchmark.estimators.problem_sets import Group, ProblemSet, SetProblem

__all__ = ["BASELINES", "TOLERANCE", "baselines", "best_guess", "credit", "is_near", "tolerance"]

#: Nats, and the same as a share of the truth: an estimate is right to within the larger of the two.
TOLERANCE: Final = 0.1

#: Answers that look at no row.
BASELINES: Final = ("always-the-median", "always-0", "log-of-the-columns")


def tolerance(truth: float) -> float:
    """How far from a truth an estimate may be (nats)."""
    return max(TOLERANCE, TOLERANCE * truth)


def is_near(estimate: float, truth: float) -> bool:
    """Whether an estimate is right: within 0.1 nats of the truth or a tenth of it, whichever is larger."""
    return abs(estimate - truth) <= tolerance(truth)


def best_guess(problems: Sequence[SetProblem]) -> int:
    """The most problems that one constant gets right, or the logarithm of the columns.

    Example:
        >>> best_guess([SetProblem(task="a", truth=t, columns=2) for t in (1.0, 1.1, 5.0)])
        2
    """
    ends = [problem.truth - tolerance(problem.truth) for problem in problems]
    constant = max(
        sum(is_near(end, problem.truth) or end == low for problem, low in zip(problems, ends, strict=True))
        for end in ends
    )
    columns = sum(is_near(math.log(problem.columns), problem.truth) for problem in problems)
    return max(constant, columns)


def credit(group: Group, right: Sequence[bool]) -> float | None:
    """(right − guessed) / (asked − guessed), at least 0, with what the best guess gets right.

    Args:
        group: The problems.
        right: Whether each was answered right.

    Returns:
        0 to 1; None where a guess is right everywhere, so that nothing can be told.
    """
    guessed, asked = best_guess(group.problems), len(group.problems)
    return None if guessed == asked else max(0, sum(right) - guessed) / (asked - guessed)


def baselines(found: ProblemSet) -> Mapping[str, Callable[[SetProblem], float]]:
    """The answers of the baselines to the problems of a set.

    The median is that of the truths of all blocks that are ranked.
    """
    truths = sorted(
        problem.truth
        for block, group in found.groups()
        if block.kind not in ("null", "order")
        for problem in group.problems
    )
    middle = 0.5 * (truths[(len(truths) - 1) // 2] + truths[len(truths) // 2]) if truths else 0.0
    answers = (lambda _: middle, lambda _: 0.0, lambda problem: math.log(problem.columns))
    return dict(zip(BASELINES, answers, strict=True))
