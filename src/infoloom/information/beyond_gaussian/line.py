"""Information through a scalar Gaussian channel y = v(s) + N(0, 1), by quadrature to 2e-7 nats.

J = I(s; y) = h(y) − ½ log 2πe. The density of y is a sum of Gaussians of width 1 at the values v; it is smooth on
that scale whatever the distribution of s is, except where the latter has kinks, so panels are refined towards them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
import scipy.special

from infoloom.law.equations import Array
from infoloom.law.sources.distributions import Distribution, gauss_legendre, panel_nodes
from infoloom.law.sources.features import Features

__all__ = [
    "TOLERANCE",
    "Mixture",
    "Resolution",
    "blurred_density",
    "cause_nodes",
    "feature_mixture",
    "linear_information",
    "log_sum",
    "mixture_information",
]

TOLERANCE: Final = 2e-7  # of one term: a quantity of up to five stays within 1e-6
HALF_LOG_2PI_E: Final = 0.5 * math.log(2.0 * math.pi * math.e)
_REACH: Final = 9.0  # beyond as many widths a Gaussian holds 1e-18
_INNER: Final = 40
_OUTER: Final = 20
_MAX_NODES: Final = 2_000_000
_MAX_PRODUCT: Final = 500_000
_MERGE: Final = 50_000
_NEAR: Final = 1e-3  # moves the variance by less than 1e-7
_CHUNK: Final = 256
_MAX_CELLS: Final = 4_000_000


def linear_information(distribution: Distribution, weight: float) -> float:
    """J of y = weight · s + N(0, 1) for a continuous s, at any weight.

    Args:
        distribution: Of s.
        weight: Signal to noise, > 0.

    Returns:
        Nats.
    """
    if distribution.normal:
        return 0.5 * math.log1p(weight**2)
    reach = _REACH / weight
    low, high = distribution.ends()
    points, weights = gauss_legendre(_OUTER)
    edges = _graded(distribution, min(1.0 / weight, distribution.width), low - reach, high + reach)
    half = 0.5 * np.diff(edges)[:, None]
    outer = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * points).ravel()
    density = blurred_density(distribution, outer, weight)
    entropy = -float((half * weights).ravel() @ scipy.special.xlogy(density, density))
    return entropy + math.log(weight) - HALF_LOG_2PI_E


def _graded(distribution: Distribution, finest: float, low: float, high: float) -> Array:
    """Edges of panels that grow geometrically away from every centre of a distribution."""
    count = max(2, math.ceil(math.log2((high - low) / finest)) + 2)
    steps = finest * 2.0 ** np.arange(-1, count)
    offsets = np.concatenate([-steps[::-1], [0.0], steps])
    edges = np.concatenate([centre + offsets for centre in distribution.centres] + [[low, high]])
    return np.asarray(np.unique(edges[(edges >= low) & (edges <= high)]))


def blurred_density(distribution: Distribution, at: Array, weight: float) -> Array:
    """Density of s + N(0, 1/weight²) at some values, shape (n,)."""
    points, weights = gauss_legendre(_INNER)
    edges = distribution.edges()
    reach = _REACH / weight
    result = np.zeros(len(at))
    for low, high in pairwise(edges):
        left, right = np.maximum(low, at - reach), np.minimum(high, at + reach)
        near = np.flatnonzero(right > left)
        half = 0.5 * (right - left)[near, None]
        s = 0.5 * (right + left)[near, None] + half * points
        kernel = np.exp(-0.5 * (weight * (at[near, None] - s)) ** 2)
        result[near] += (half * weights * distribution.density(s) * kernel).sum(axis=1)
    return result * weight / math.sqrt(2.0 * math.pi)


@dataclass(frozen=True)
class Mixture:
    """The law of y = v + N(0, 1), v with finitely many values.

    Attributes:
        values: Rising, shape (n,).
        mass: Their probabilities.
    """

    values: Array
    mass: Array

    @cached_property
    def log_mass(self) -> Array:
        """Logarithms of the probabilities."""
        return np.asarray(np.log(self.mass))

    def log_density(self, y: Array) -> Array:
        """log p(y) of every element, shape (n,)."""
        order = np.argsort(y, kind="stable")
        rising = y[order]
        result = np.empty(len(y))
        start = 0
        while start < len(y):
            stop = min(start + _CHUNK, int(np.searchsorted(rising, rising[start] + 4.0, side="right")))
            result[order[start:stop]] = self._near(rising[start:stop])
            start = stop
        return result - 0.5 * math.log(2.0 * math.pi)

    def _near(self, y: Array) -> Array:
        low, high = np.searchsorted(self.values, [y[0] - _REACH, y[-1] + _REACH])
        if high - low == 0:  # far from all values: the nearest ones decide
            low, high = max(0, low - 50), min(len(self.values), high + 50)
        step = max(1, _MAX_CELLS // max(1, high - low))
        parts = []
        for i in range(0, len(y), step):
            away = y[i : i + step, None] - self.values[None, low:high]
            parts.append(log_sum(self.log_mass[low:high] - 0.5 * away**2))
        return np.concatenate(parts)


def mixture_information(mixture: Mixture) -> float | None:
    """J of y = v + N(0, 1); nothing if the values are spread too wide for a grid."""
    low, high = mixture.values[0] - _REACH, mixture.values[-1] + _REACH
    before = None
    for step in (0.125, 0.0625, 0.03125):
        if (high - low) / step > _MAX_NODES:
            return None
        y = np.arange(low, high + step, step)
        log_density = mixture.log_density(y)
        entropy = -step * float(np.exp(log_density) @ log_density)
        if before is not None and abs(entropy - before) < 0.01 * TOLERANCE:
            break
        before = entropy
    return entropy - HALF_LOG_2PI_E


@dataclass(frozen=True)
class Resolution:
    """How close the points of a cause are: Gauss–Legendre points a panel, panels in kernel widths, where to stop."""

    order: int = 20
    panel: float = 2.5
    tail: float = 7.3

    @property
    def coarser(self) -> Resolution:
        """With half as many points."""
        return Resolution(self.order // 2, self.panel, self.tail)


def feature_mixture(
    features: Features,
    weights: Array,
    resolution: Resolution = Resolution(),
) -> Mixture | None:
    """Values v(s) = Σ weights · features and their probabilities, fine enough for noise of width 1.

    Args:
        features: Of one or more causes.
        weights: Shape (F,).
        resolution: How many points to take.

    Returns:
        The mixture, or nothing if too many points would be needed.
    """
    causes = list(features.distributions)
    fine = [cause_nodes(features, weights, cause, resolution) for cause in causes]
    if any(part is None for part in fine):
        return None
    nodes = [part for part in fine if part is not None]
    if len(nodes) > 1 and math.prod(len(values) for values, _ in nodes) > _MAX_PRODUCT:
        return None
    grids = np.meshgrid(*(values for values, _ in nodes), indexing="ij")
    mass = np.prod(np.meshgrid(*(part for _, part in nodes), indexing="ij"), axis=0).ravel()
    values = features.values({c: grid.ravel() for c, grid in zip(causes, grids, strict=True)}) @ weights
    return _merged(values[mass > 0.0], mass[mass > 0.0])


def _merged(values: Array, mass: Array) -> Mixture:
    """A mixture of rising values; if there are very many, neighbours within 1e-3 become one at their mean."""
    if len(values) > _MERGE:
        _, group = np.unique(np.floor(values / _NEAR), return_inverse=True)
        total = np.asarray(np.bincount(group, mass), dtype=np.float64)
        values, mass = np.asarray(np.bincount(group, mass * values) / total), total
    order = np.argsort(values, kind="stable")
    return Mixture(values[order], mass[order])


def cause_nodes(
    features: Features, weights: Array, cause: str, resolution: Resolution
) -> tuple[Array, Array] | None:
    """Points of one cause, close enough that its terms move by less than the kernel's width between them."""
    distribution = features.distributions[cause]
    if distribution.discrete:
        return distribution.atoms
    own = [(w, f) for w, f in zip(weights, features.features, strict=True) if cause in f.causes]
    panels = [feature.panels(cause) for _, feature in own]
    kinks = tuple({kink for kinks, _, _ in panels for kink in kinks})
    finest, widest = min(p[1] for p in panels), min(p[2] for p in panels)
    edges = distribution.edges(kinks, finest, widest, resolution.tail)
    points = np.concatenate([[-1.0], gauss_legendre(resolution.order)[0], [1.0]])
    while True:
        half = 0.5 * np.diff(edges)[:, None]
        s = 0.5 * (edges[1:] + edges[:-1])[:, None] + half * points
        others = {other: np.ones(s.shape) for other in features.distributions}
        moved = np.sum([abs(w) * np.ptp(f.values({**others, cause: s}), axis=1) for w, f in own], axis=0)
        parts = np.maximum(1, np.ceil(moved / resolution.panel)).astype(int)
        if parts.sum() * resolution.order > _MAX_NODES:
            return None
        if parts.max() == 1:
            return panel_nodes(edges, distribution, resolution.order)
        split = zip(edges[:-1], edges[1:], parts, strict=True)
        edges = np.concatenate([*(np.linspace(a, b, k, endpoint=False) for a, b, k in split), edges[-1:]])


def log_sum(values: Array) -> Array:
    """log Σ exp over the last axis."""
    largest = values.max(axis=-1, keepdims=True)
    return np.asarray(largest[..., 0] + np.log(np.exp(values - largest).sum(axis=-1)))
