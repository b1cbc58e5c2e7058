"""Entropy of words by quadrature: the trapezoidal rule, which converges exponentially for these integrands.

In canonical coordinates what ties the words, c, and what is known of it, s, are standard normal with

    c_i = √(1 − b_i) s_i + √b_i v_i,

each pair independent of the others. So P(words | s) = Σ_c Π_i p(c_i | s_i) Π_j P(word_j | c), a sum over one axis after
the other. Fourier transforms of the integrands fall like that of the narrowest Gaussian in them: the step of every axis
follows from the loadings, and a smaller step tells what is left (Trefethen & Weideman 2014).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.special

from infoloom.information.words.clusters import Cluster
from infoloom.information.words.tables import class_probabilities, product_rows, split_at
from infoloom.law.equations import Array

__all__ = ["TOLERANCE", "Canonical", "Estimate", "by_quadrature", "canonical", "free_grid", "grid", "tables"]

TOLERANCE: Final = 1e-6
_GOOD: Final = 1e-8
_REACH: Final = 7.0
_FINEST: Final = 1e-5
_STEPS: Final = (1.1, 0.9, 0.7, 0.54, 0.42, 0.32, 0.24, 0.18, 0.13)
_MOST: Final = 6e9  # nanoseconds or so a level
_DEAR: Final = 5e8  # a level that takes longer is looked at only if it is needed for the tolerance
_HERMITE: Final = 13.0  # digits of rules of few points: −log error · step
_FEWEST: Final = 4
_DIMENSIONS: Final = 4
_POINTS: Final = 1_000_000
_FREE: Final = 200_000
_CHUNK: Final = 2**21
_EXACT: Final = 1e-12
_FLOOR: Final = 1e-9  # nats; rounding and tails beyond the reach


@dataclass(frozen=True)
class Estimate:
    """A value in nats with a bound on its numerical error, or a standard error."""

    value: float
    tolerance: float = 0.0
    standard_error: float = 0.0


@dataclass(frozen=True)
class Canonical:
    """A cluster in canonical coordinates; known axes first.

    Attributes:
        loadings: Of the members on c, shape (m, k).
        doubt: What is unknown of each coordinate b, shape (k,), from 0 (known) to 1 (nothing known), ascending.
    """

    loadings: Array
    doubt: Array

    @property
    def known(self) -> int:
        """Number of axes of which something is known."""
        return int(np.sum(self.doubt < 1.0))


def canonical(cluster: Cluster) -> Canonical:
    """Canonical coordinates of what is known and what ties the words."""
    q = cluster.outer.shape[1]
    joint = np.concatenate([cluster.outer, cluster.inner], axis=1)
    u, s, v = np.linalg.svd(joint, full_matrices=False)
    kept = s > _EXACT * float(s.max(initial=0.0))
    rest = v[kept, q:]
    doubt, axes = np.linalg.eigh(rest @ rest.T)
    doubt = np.where(doubt < _EXACT, 0.0, np.where(doubt > 1.0 - _EXACT, 1.0, doubt))
    return Canonical(u[:, kept] * s[kept] @ axes, doubt)


def by_quadrature(cluster: Cluster) -> Estimate | None:
    """E_s H(words | s) of a cluster, nats, to 1e-6 or better; None where quadrature does not get there.

    The tolerance is the change by the last refinement, which is far more than what is left.
    """
    axes = canonical(cluster)
    if len(axes.doubt) > _DIMENSIONS:
        return None
    if not len(axes.doubt):  # one variable of which nothing is known: no integral
        return Estimate(_level(cluster, axes, 1.0) or 0.0)
    before, change = math.nan, math.inf
    for step in _STEPS:
        found = _level(cluster, axes, step)
        if found is None:
            break
        change = math.inf if math.isnan(before) else abs(found - before)
        before = found
        if change <= _GOOD or (change <= TOLERANCE and _dear(cluster, axes, 0.8 * step)):
            break
    return Estimate(before, max(change, _FLOOR)) if change <= TOLERANCE else None


def _dear(cluster: Cluster, axes: Canonical, step: float) -> bool:
    """Whether a level takes long."""
    outer, inner = _axes(cluster, axes, step)
    return _effort(cluster, [len(one[0]) for one in inner], [len(one[0]) for one in outer]) > _DEAR


def grid(step: float) -> tuple[Array, Array]:
    """Points of an axis and their standard normal weights, which add up to 1."""
    count = math.ceil(_REACH / step)
    points = np.asarray(step * np.arange(-count, count + 1), dtype=np.float64)
    density = np.exp(-0.5 * points**2)
    return points, np.asarray(density / density.sum())


def _few(told: float, step: float) -> tuple[Array, Array] | None:
    """Gauss–Hermite points of an axis that tells little, where they are fewer than those of the trapezoidal rule.

    What is averaged is a function of words of which the axis explains the share told / (1 + told): its Hermite
    coefficients fall by the root of that share, and a rule of n points is right up to degree 2n − 1.
    """
    count = max(_FEWEST, math.ceil(_HERMITE / step / math.log1p(1.0 / told))) if told > 0.0 else _FEWEST
    if count >= 2 * math.ceil(_REACH * math.sqrt(1.0 + told) / step) + 1:
        return None
    points, weights = np.polynomial.hermite_e.hermegauss(count)
    return np.asarray(points), np.asarray(weights / weights.sum())


def _axes(
    cluster: Cluster, axes: Canonical, step: float
) -> tuple[list[tuple[Array, Array]], list[tuple[Array, Array]]]:
    """Points and weights of the axes of s that are known, and of the axes of c."""
    outer, inner = _steps(cluster, axes, step)
    told = _told_by(cluster, axes)
    seen = []
    for i in range(axes.known):
        few = _few(float(told[i]), step) if axes.doubt[i] > 0.0 else None
        seen.append(few or grid(float(outer[i])))
    return seen, [grid(float(one)) for one in inner]


def _told_by(cluster: Cluster, axes: Canonical) -> Array:
    """How much every axis of s moves a word's variable, relative to what stays unknown of it: variance ratios."""
    b = axes.doubt
    doubt = cluster.spread**2 + axes.loadings**2 @ b
    return np.asarray(np.max((1.0 - b) * axes.loadings**2 / doubt[:, None], axis=0, initial=0.0))


def _steps(cluster: Cluster, axes: Canonical, step: float) -> tuple[Array, Array]:
    """Steps of the axes of s and of c."""
    b = axes.doubt
    narrow = np.max(axes.loadings**2 / cluster.spread[:, None] ** 2, axis=0, initial=0.0)
    told = _told_by(cluster, axes)
    fine = step / np.sqrt(np.where(b > 0.0, 1.0 / np.where(b > 0.0, b, 1.0), 1.0) + narrow)
    return np.where(b > 0.0, step / np.sqrt(1.0 + told), fine), fine


def _level(cluster: Cluster, axes: Canonical, step: float) -> float | None:
    found = tables(cluster, axes, step)
    if found is None:
        return None
    weights, parts = found
    return sum(float(weights @ scipy.special.entr(table).sum(axis=1)) for table in parts)


def free_grid(cluster: Cluster, axes: Canonical, step: float) -> tuple[Array, Array] | None:
    """Points of all axes and their weights, shapes (n, k) and (n,); None where there are too many."""
    steps = _steps(cluster, axes, step)[1]
    if steps.min(initial=1.0) < _FINEST:
        return None
    inner = list(map(grid, steps))
    if math.prod(len(points) for points, _ in inner) > _FREE:
        return None
    return _product([points for points, _ in inner]), _weights([share for _, share in inner])


def tables(cluster: Cluster, axes: Canonical, step: float) -> tuple[Array, Iterator[Array]] | None:
    """P(words | s) on a grid of s, some words at a time; None where it takes too long.

    Returns:
        Weights of the points s, shape (S,), and arrays of shape (S, some words), in the order of the words.
    """
    steps = _steps(cluster, axes, step)
    if min(one.min(initial=1.0) for one in steps) < _FINEST:
        return None
    outer, inner = _axes(cluster, axes, step)
    known = axes.known
    sizes = [len(points) for points, _ in inner]
    seen = [len(points) for points, _ in outer[:known]]
    cells = math.prod(cluster.cells)
    if math.prod(sizes) > _POINTS or math.prod(seen) > _POINTS:
        return None
    if _effort(cluster, sizes, seen) > _MOST:
        return None
    at = _product([points for points, _ in inner])
    each = [
        class_probabilities(at @ axes.loadings[j], edges, float(cluster.spread[j]))
        for j, edges in enumerate(cluster.edges)
    ]
    free = _weights([share for _, share in inner[known:]])
    shape = (math.prod(sizes[:known]), len(free))
    cut = split_at(cluster.cells)
    left = product_rows(each[:cut], (len(at),)).reshape(*shape, -1)
    right = product_rows(each[cut:], (len(at),)).reshape(*shape, -1) * free[:, None]
    kernels = [
        _kernel(outer[i][0], inner[i], float(axes.doubt[i])) if axes.doubt[i] > 0.0 else None
        for i in range(known)
    ]
    step_of = max(1, _CHUNK // (max(math.prod(seen), shape[0]) * right.shape[-1]))
    parts = (
        _told(left[..., i : i + step_of].swapaxes(1, 2) @ right, kernels, sizes[:known])
        for i in range(0, cells // right.shape[-1], step_of)
    )
    return _weights([share for _, share in outer[:known]]), parts


def _kernel(at: Array, axis: tuple[Array, Array], doubt: float) -> Array:
    """p(c | s) of an axis, shape (points of s, points of c), rows adding up to 1."""
    away = axis[0] - math.sqrt(1.0 - doubt) * at[:, None]
    log = -0.5 * away**2 / doubt
    density = np.exp(log - log.max(axis=1, keepdims=True))
    return np.asarray(density / density.sum(axis=1, keepdims=True))


def _told(table: Array, kernels: list[Array | None], sizes: list[int]) -> Array:
    """Average over c given s, one axis after the other, shape (S, words)."""
    joint = table.reshape(*sizes, -1)
    for i, kernel in enumerate(kernels):
        if kernel is not None:
            joint = np.moveaxis(np.tensordot(kernel, joint, axes=(1, i)), 0, i)
    return np.asarray(joint.reshape(-1, joint.shape[-1]))


def _product(axes: list[Array]) -> Array:
    if not axes:
        return np.zeros((1, 0))
    return np.stack([part.ravel() for part in np.meshgrid(*axes, indexing="ij")], axis=1)


def _weights(axes: list[Array]) -> Array:
    joint = np.ones(1)
    for share in axes:
        joint = (joint[:, None] * share).ravel()
    return joint


def _effort(cluster: Cluster, sizes: list[int], seen: list[int]) -> float:
    """Nanoseconds or so of a level."""
    cells, points = math.prod(cluster.cells), math.prod(sizes)
    cut = split_at(cluster.cells)
    halves = math.prod(cluster.cells[:cut]) + math.prod(cluster.cells[cut:])
    known = len(seen)
    tables_ = 40.0 * points * (sum(cluster.cells) + halves) + 0.3 * points * cells
    averages = sum(0.3 * math.prod(seen[: i + 1]) * math.prod(sizes[i:known]) * cells for i in range(known))
    return tables_ + averages + 20.0 * math.prod(seen) * cells
