"""How far the mean of n rows may lie from its expectation by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["FALSE_ALARM", "Spread", "fresh_rows", "gaussian_bound", "unseen_information"]

FALSE_ALARM: Final = 6.3e-5  # of a two-sided test at four standard errors
_NEGLOG: Final = math.log(2.0 / FALSE_ALARM)
_FRESH: Final = 2048
_NUMBERS: Final = 2**24
_FEWEST: Final = 1024
_SEED: Final = 20_261_130


def gaussian_bound(information: float, rows: int, variance: float) -> float:
    """Bound on the mean pointwise information of Gaussian variables about their information, for every n.

    With canonical correlations r_i the variance of one row's is Σ r_i², at most twice the information, and no r_i
    is above √(1 − exp(−2I)).

    Args:
        information: I in nats.
        rows: n.
        variance: Σ r_i², or more.

    Source:
        Laurent and Massart 2000, lemma 1: the pointwise information is a sum of weighted squares of N(0, 1).
    """
    largest = math.sqrt(-math.expm1(-2.0 * max(information, 0.0)))
    return math.sqrt(2.0 * _NEGLOG * variance / rows) + _NEGLOG * largest / rows


@dataclass(frozen=True)
class Spread:
    """Standard deviation and largest absolute value of what one row adds to a mean, less its expectation.

    The law is known by sampling it only, so both are the larger of those of the checked rows and of rows drawn anew.
    Then rows that are rare, and are among the checked ones by chance or are not, do not fail a check.

    Args:
        deviation: Of one row; a number or an array.
        largest: Of one row.
    """

    deviation: Any
    largest: Any

    @staticmethod
    def of(values: np.ndarray[Any, Any], expected: float) -> Spread:
        """Of values (n,) about their expectation."""
        off = values - expected
        return Spread(float(np.sqrt((off**2).mean())), float(np.abs(off).max()))

    def joined(self, other: Spread) -> Spread:
        """The larger of both."""
        return Spread(np.maximum(self.deviation, other.deviation), np.maximum(self.largest, other.largest))

    def bound(self, rows: int, tests: int = 1) -> Any:
        """What the mean of n rows exceeds with a probability below 6.3e-5, in all of so many tests.

        Source:
            Bernstein's inequality.
        """
        size = _NEGLOG + math.log(tests)
        return self.deviation * math.sqrt(2.0 * size / rows) + 2.0 * size * self.largest / (3.0 * rows)


def unseen_information(rows: int) -> float:
    """Information that rows too rare to be among n may carry, in nats: p log(1/p) + p, with p their share."""
    share = min(1.0, _NEGLOG / rows)
    return share * (1.0 - math.log(share))


def fresh_rows(story: Story, numbers: int, most: int = _FRESH) -> tuple[int, dict[str, Any]]:
    """Rows of a story that no dataset has, to see how far they spread.

    Args:
        story: The story.
        numbers: In a row.
        most: Rows, at most; fewer where a row is large.

    Returns:
        How many, and their values by name.
    """
    rows = max(_FEWEST, min(most, _NUMBERS // max(1, numbers)))
    return rows, story.sample(rows, seed=_SEED)
