"""Entropy of words where quadrature does not reach: randomised quasi Monte Carlo, with its standard error."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import scipy.special

from infoloom.information.words.boxes import shifted_points
from infoloom.information.words.clusters import Cluster
from infoloom.information.words.quadrature import Estimate, grid
from infoloom.information.words.tables import joint_tables
from infoloom.law.equations import Array

__all__ = ["by_quasi_monte_carlo", "inner_points", "log_probabilities", "quasi_normal"]

_REPLICATES: Final = 8
_OUTER: Final = 1024
_SAMPLED: Final = 1024
_INNER: Final = 1024
_CELLS: Final = 20_000
_EFFORT: Final = 2.5e9  # nanoseconds or so
_STEP: Final = 0.42
_LIGHT: Final = 1e-16
_FEW: Final = 4096
_SHARP: Final = 1e4
_FLOOR: Final = 1e-6  # nats; what a grid inside may be off
_CHUNK: Final = 2**21
_HITS: Final = 20.0  # points in a strip that make its share known


def quasi_normal(count: int, dim: int, generator: np.random.Generator) -> Array:
    """Standard normal points of low discrepancy, randomly shifted, shape (count, dim).

    A Kronecker sequence of the generalised golden ratio with a random shift: every point alone is exactly normal.
    """
    uniform = shifted_points(count, dim, generator)
    return np.asarray(scipy.special.ndtri(np.clip(uniform, 1e-16, 1.0 - 1e-16)))


def inner_points(
    cluster: Cluster, generator: np.random.Generator, count: int = _INNER
) -> tuple[Array, Array, bool]:
    """Points and weights for what ties the words, and whether they are a grid that leaves no bias."""
    ties = cluster.inner.shape[1]
    narrow = np.max((cluster.inner / cluster.spread[:, None]) ** 2, axis=0, initial=0.0)
    if ties <= 2 and narrow.max(initial=0.0) < _SHARP:
        points, weights = _inner_grid(narrow)
        if len(points) <= _FEW:
            return points, weights, True
    points = quasi_normal(count, ties, generator)
    return points, np.full(len(points), 1.0 / len(points)), False


def _inner_grid(narrow: Array) -> tuple[Array, Array]:
    """A product grid for what ties the words, without points of no weight."""
    points, weights = np.zeros((1, 0)), np.ones(1)
    for step in _STEP / np.sqrt(1.0 + narrow):
        axis, shares = grid(float(step))
        weights = (weights[:, None] * shares).ravel()
        points = np.concatenate(
            [np.repeat(points, len(axis), axis=0), np.tile(axis, len(points))[:, None]], axis=1
        )
        points, weights = points[weights > _LIGHT], weights[weights > _LIGHT]
    return points, weights / weights.sum()


def by_quasi_monte_carlo(cluster: Cluster, seed: int = 0, level: int = 0) -> Estimate:
    """E_s H(words | s) of a cluster, nats, with the standard error over independent shifts of the points.

    The average inside a logarithm has a bias. Half of its points have at least twice the bias, so the difference of
    the two bounds it; it is added to the standard error.

    Args:
        cluster: The words.
        seed: Of the shifts.
        level: 2^level times as many points, inside and outside.
    """
    found = np.array(
        [_replicate(cluster, np.random.default_rng([seed, i]), level) for i in range(_REPLICATES)]
    )
    value, half, points = found.mean(axis=0)
    error = float(found[:, 0].std(ddof=1)) / math.sqrt(_REPLICATES)
    missed = _between_points(cluster, _REPLICATES * float(points))
    return Estimate(float(value), 0.0, math.hypot(error, float(value - half), _FLOOR, missed))


def _between_points(cluster: Cluster, points: float) -> float:
    """What points may miss of words that are nearly certain, nats.

    A word is in doubt within about its width w beside a bound: that is ∫ h(Φ(u)) du ≈ 1.81 nats times w times the
    density there, which is at most 0.4 in units of the variable's deviation. Few points fall into a narrow strip.
    """
    width = cluster.doubt / np.hypot(cluster.doubt, np.sqrt(np.sum(cluster.outer**2, axis=1)))
    bounds = np.array([len(edges) - 2 for edges in cluster.edges])
    return float((0.73 * width * bounds)[width * points < _HITS].sum())


def _replicate(cluster: Cluster, generator: np.random.Generator, level: int) -> tuple[float, float, int]:
    """The entropy, that with half of the points inside, and the number of points outside."""
    more = 2**level
    inner, weights, grid = inner_points(cluster, generator, _INNER * more)
    cells = math.prod(cluster.cells)
    if cells > _CELLS:
        return *_by_samples(cluster, inner, weights, grid, generator, _SAMPLED * more), _SAMPLED * more
    each = 1.5 * len(inner) * (60.0 * sum(cluster.cells) + 0.3 * cells) + 20.0 * cells
    count = max(64, min(_OUTER * more, int(more**2 * _EFFORT / _REPLICATES / each)))
    outer = quasi_normal(count, cluster.outer.shape[1], generator)
    if not outer.shape[1]:
        outer = outer[:1]

    def entropy(kept: int) -> float:
        tables = joint_tables(cluster, outer, inner[:kept], weights[:kept] / weights[:kept].sum())
        return sum(float(scipy.special.entr(table).sum()) for _, table in tables) / len(outer)

    whole = entropy(len(inner))
    return whole, whole if grid else entropy(len(inner) // 2), count


def _by_samples(
    cluster: Cluster, inner: Array, weights: Array, grid: bool, generator: np.random.Generator, count: int
) -> tuple[float, float]:
    """−E log P(words | s) over drawn words: where there are too many to list."""
    (m, q), r = cluster.outer.shape, cluster.inner.shape[1]
    drawn = quasi_normal(count, q + r + m, generator)
    told = drawn[:, :q] @ cluster.outer.T
    values = told + drawn[:, q : q + r] @ cluster.inner.T + drawn[:, q + r :] * cluster.spread
    ends = [
        np.stack([edges[(k := np.searchsorted(edges[1:-1], values[:, j], side="right"))], edges[k + 1]])
        for j, edges in enumerate(cluster.edges)
    ]
    low, high = np.stack(ends, axis=2)
    half = len(inner) // 2
    whole = -float(log_probabilities(cluster, told, low, high, inner, weights).mean())
    if grid:
        return whole, whole
    return whole, -float(
        log_probabilities(cluster, told, low, high, inner[:half], 2.0 * weights[:half]).mean()
    )


def log_probabilities(
    cluster: Cluster, told: Array, low: Array, high: Array, inner: Array, weights: Array
) -> Array:
    """log P(low < f < high | conditional mean) of rows, shape (n,), nats.

    Args:
        cluster: The variables.
        told: Conditional means of the members given what is known, shape (n, m).
        low: Lower ends of the words, less the variables' means, shape (n, m).
        high: Upper ends.
        inner: Points for what ties the words, shape (V, r).
        weights: Their weights.
    """
    more = inner @ cluster.inner.T
    found = np.empty(len(told))
    step = max(1, _CHUNK // (len(inner) * len(cluster.edges)))
    for i in range(0, len(told), step):
        part = slice(i, i + step)
        at = told[part, None] + more
        above = (low[part, None] - at) / cluster.spread
        below = (high[part, None] - at) / cluster.spread
        flip = above > 0.0  # the smaller tail keeps its digits
        chance = scipy.special.ndtr(np.where(flip, -above, below)) - scipy.special.ndtr(
            np.where(flip, -below, above)
        )
        found[part] = np.prod(chance, axis=2) @ weights
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(found))
