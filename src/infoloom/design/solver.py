"""The inverse problem: from wanted information to weights (theory, section 7).

Requirements are solved by least squares on the logarithms of the weights, from several scales, then polished by
Gauss–Newton steps. Where the requirements leave freedom, the smallest weights are taken. Every start is fixed, so
a problem has one solution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, product
from typing import Final

import numpy as np

from infoloom.design.descent import least_squares
from infoloom.design.quantities import Quantities
from infoloom.information.requirements import Requirement
from infoloom.law.equations import Array

__all__ = [
    "RANK",
    "TOLERANCE",
    "Chart",
    "Problem",
    "Solution",
    "chart_of",
    "descend",
    "inside",
    "more_solutions",
    "nearest",
    "polish",
    "solve",
]

TOLERANCE: Final = 1e-9
_POLISHED: Final = 1e-13
_HEAVY: Final = 1e4
_NEAR: Final = 1e-6
_SCALES: Final = (1.0, 0.3, 0.1, 0.03, 0.01, 0.001)
_RANDOM: Final = 6
_STARTS: Final = 24
_MANY: Final = 30
_EACH: Final = 1
_TRIED: Final = 5
_SAME: Final = 1e-6
_SIGNS: Final = 12
SMALLEST: Final = 1e-9
LARGEST: Final = 1e9
RANK: Final = 1e-9


@dataclass(frozen=True)
class Problem:
    """Requirements on some quantities, and the bounds of the free parameters.

    Attributes:
        quantities: Computes the required quantities, in the order of the requirements.
        lower: Smallest values of the parameters, −inf where there is no bound; shape (P,).
        upper: Largest values.
    """

    quantities: Quantities
    requirements: tuple[Requirement, ...]
    lower: Array
    upper: Array

    def excess(self, weights: Array) -> tuple[Array, Array]:
        """How far each requirement is from being met, nats, shape (M,), and its derivatives, shape (M, P)."""
        values, slopes = self.quantities.at(weights)
        excess = np.array([r.excess(v) for r, v in zip(self.requirements, values.tolist(), strict=True)])
        bound = np.array([r.relation != "=" for r in self.requirements])
        return excess, np.where((bound & (excess == 0))[:, None], 0.0, slopes)


@dataclass(frozen=True)
class Solution:
    """Weights, and how far they are from meeting the requirements.

    Attributes:
        weights: Values of the free parameters, shape (P,).
        excess: Distance of every requirement from being met, nats, shape (M,).
        determined: Whether the requirements leave no freedom, at least nearby.
        note: What was done with the freedom.
    """

    weights: Array
    excess: Array
    determined: bool = True
    note: str = ""

    @property
    def worst(self) -> float:
        """The largest distance, nats."""
        return float(np.max(np.abs(self.excess), initial=0.0))

    @property
    def met(self) -> bool:
        """Whether all requirements are met."""
        return self.worst <= TOLERANCE


@dataclass(frozen=True)
class Chart:
    """Coordinates of the weights: logarithms of those with a sign, the others as they are (sign 0)."""

    signs: Array

    def weights(self, x: Array) -> Array:
        """Weights of coordinates."""
        result: Array = np.where(self.signs == 0, x, self.signs * np.exp(np.where(self.signs == 0, 0.0, x)))
        return result

    def slopes(self, weights: Array) -> Array:
        """Derivatives of weights by their coordinates."""
        return np.where(self.signs == 0, 1.0, weights)

    def coordinates(self, weights: Array) -> Array:
        """Coordinates of weights."""
        return np.where(self.signs == 0, weights, np.log(np.clip(np.abs(weights), SMALLEST, LARGEST)))

    def bounds(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Coordinates of bounds."""
        low = np.log(np.clip(np.where(self.signs < 0, -upper, lower), SMALLEST, LARGEST))
        high = np.log(np.clip(np.where(self.signs < 0, -lower, upper), SMALLEST, LARGEST))
        return np.where(self.signs == 0, lower, low), np.where(self.signs == 0, upper, high)


def solve(problem: Problem, first: Array | None = None, starts: int = _STARTS) -> Solution:
    """The weights that meet the requirements, or come as near as was found.

    Args:
        problem: Requirements and bounds.
        first: Weights to start from before all others.
        starts: How many starts to try.
    """
    tried = 0
    best = Solution(np.zeros_like(problem.lower), np.full(len(problem.requirements), np.inf))
    for phase in _phases(problem, first):
        worst: list[float] = []
        for start, chart in islice(phase, starts - tried):
            found = polish(problem, descend(problem, start, chart))
            best = min(best, found, key=lambda one: one.worst)
            if best.met:
                return best
            worst.append(found.worst)
            tried += 1
            if len(worst) > 1 and abs(worst[-1] - worst[-2]) < _SAME * worst[-1]:
                break  # two starts that end alike: others of their kind would too
    return best


def more_solutions(problem: Problem) -> Iterator[Solution]:
    """Other weights that meet the requirements, from some starts of every kind; none for many parameters."""
    if len(problem.lower) > _MANY:
        return
    for phase in _phases(problem, None):
        for start, chart in islice(phase, _EACH):
            found = polish(problem, descend(problem, start, chart))
            if found.met:
                yield found


def nearest(problem: Problem, number: int, first: Array) -> Solution:
    """Weights that bring one requirement as near as the others allow, which are met.

    Args:
        problem: Requirements and bounds.
        number: The requirement that gives way.
        first: Weights that meet the others.
    """
    others = np.arange(len(problem.requirements)) != number
    tried = []
    for start, chart in islice(chain(*_phases(problem, first)), _TRIED):
        weights = descend(problem, start, chart, np.where(others, _HEAVY, 1.0))
        excess = problem.excess(weights)[0]
        met = float(np.max(np.abs(excess[others]), initial=0.0)) <= _NEAR
        tried.append((not met, abs(float(excess[number])), Solution(weights, excess)))
    return min(tried, key=lambda one: one[:2])[2]


def descend(problem: Problem, start: Array, chart: Chart, importance: Array | float = 1.0) -> Array:
    """Weights of least squared excess near a start.

    Args:
        problem: Requirements and bounds.
        start: Weights, shape (P,).
        chart: Coordinates in which to move.
        importance: Of every requirement, shape (M,).
    """

    def residual(x: Array) -> tuple[Array, Array]:
        weights = chart.weights(x)
        excess, slopes = problem.excess(weights)
        return excess * importance, ((slopes * chart.slopes(weights)).T * importance).T

    lower, upper = chart.bounds(problem.lower, problem.upper)
    start = np.clip(chart.coordinates(start), lower, upper)
    return chart.weights(least_squares(residual, start, lower, upper))


def polish(problem: Problem, weights: Array) -> Solution:
    """Gauss–Newton steps of smallest norm, as long as they help."""
    excess, slopes = problem.excess(weights)
    for _ in range(30):
        worst = np.max(np.abs(excess), initial=0.0)
        if worst <= _POLISHED:
            break
        step = np.linalg.lstsq(slopes, -excess, rcond=RANK)[0]
        tried = np.clip(weights + step, problem.lower, problem.upper)
        after, slopes = problem.excess(tried)
        if not np.max(np.abs(after)) < worst:
            break
        weights, excess = tried, after
    return Solution(weights, excess)


def chart_of(problem: Problem, weights: Array) -> Chart:
    """Logarithms, except of parameters whose bounds ask for both signs."""
    both = (problem.lower < 0) & (problem.upper > 0) & np.isfinite(problem.lower)
    return Chart(np.where(both, 0.0, np.where(weights < 0, -1.0, 1.0)))


def _phases(problem: Problem, first: Array | None) -> Iterator[Iterator[tuple[Array, Chart]]]:
    """Weights to start from: given ones; all of one scale, the most promising first; random ones; other signs."""
    size = len(problem.lower)
    generator = np.random.default_rng(7)
    sign = np.where(problem.upper <= 0, -1.0, 1.0)
    scales = [inside(problem, scale * sign) for scale in _SCALES]
    scales.sort(key=lambda weights: float(np.sum(problem.excess(weights)[0] ** 2)))
    randoms = (sign * np.exp(generator.uniform(np.log(0.003), np.log(3.0), size)) for _ in range(_RANDOM))
    signed = (
        np.abs(scales[0]) * signs * np.exp(generator.normal(0.0, 0.3, size))
        for signs in _sign_patterns(problem, generator)
    )
    for phase in (() if first is None else (first,), scales, randoms, signed):
        kept = (inside(problem, weights) for weights in phase)
        yield ((weights, chart_of(problem, weights)) for weights in kept)


def _sign_patterns(problem: Problem, generator: np.random.Generator) -> Iterator[Array]:
    """Signs other than those of the first starts, for parameters that may have either."""
    either = np.flatnonzero((problem.lower < 0) & (problem.upper > 0))
    patterns = [generator.choice([-1.0, 1.0], len(either)) for _ in range(_SIGNS)]
    if 2 ** len(either) <= _SIGNS:
        patterns = [np.array(pattern) for pattern in product((1.0, -1.0), repeat=len(either))][1:]
    for pattern in patterns:
        signs = np.ones(len(problem.lower))
        signs[either] = pattern
        yield signs


def inside(problem: Problem, weights: Array) -> Array:
    """The nearest weights within the bounds."""
    return np.clip(weights, problem.lower, problem.upper)
