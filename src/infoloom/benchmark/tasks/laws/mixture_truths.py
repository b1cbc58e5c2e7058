"""Information of mixtures as integrals over one or two numbers, refined until they stand still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import logsumexp
from scipy.stats import chi2

from infoloom.benchmark.tasks.base import Array
from infoloom.errors import TaskError
from infoloom.information.quantity import QUADRATURE, Quantity

__all__ = ["chi_panels", "log_density", "plane_information", "radial_information", "refined"]

_NODES: Final = 12  # of a panel
_TOLERANCE: Final = 1e-7  # nats
_REACH: Final = 9.0  # standard deviations of the components
_LEFT_OUT: Final = 1e-18  # probability beyond an integral over a radius
_MOST_PANELS: Final = 256
_FEW: Final = 16  # components up to which densities are summed one by one
_CHUNK: Final = 256  # rows of a table of densities


def log_density(rows: Array, weights: Array, means: Array, covariances: Array) -> Array:
    """Log density (n,) of a mixture at rows (n, d): weights (k,), means (k, d), covariances (k, d, d)."""
    terms = []
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        root = np.linalg.cholesky(covariance)
        white = np.linalg.solve(root, (rows - mean).T)
        constant = np.log(np.diag(root)).sum() + 0.5 * len(mean) * np.log(2.0 * np.pi)
        terms.append(np.log(weight) - 0.5 * (white**2).sum(axis=0) - constant)
    return np.asarray(logsumexp(terms, axis=0))


def plane_information(weights: Array, means: Array, covariances: Array) -> Quantity:
    """Information between the two coordinates of a mixture of normal laws in the plane.

    Args:
        weights: (k,).
        means: (k, 2).
        covariances: (k, 2, 2).

    Raises:
        TaskError: No convergence, because components are too narrow.
    """
    spread = _REACH * np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    low, high = (means - spread).min(axis=0), (means + spread).max(axis=0)

    def own(side: int, places: Array) -> Array:
        part = slice(side, side + 1)
        return log_density(places[:, None], weights, means[:, part], covariances[:, part, part])

    def integral(panels: int) -> float:
        (u, wu), (v, wv) = (_panels(low[side], high[side], panels) for side in (0, 1))
        one, other, total = own(0, u), own(1, v), 0.0
        for place, weight, known in zip(u, wu, one, strict=True):
            line = np.stack([np.full_like(v, place), v], axis=1)
            joint = log_density(line, weights, means, covariances)
            total += weight * float(wv @ (np.exp(joint) * (joint - known - other)))
        return total

    def product(panels: int) -> float:
        (u, wu), (v, wv) = (_panels(low[side], high[side], panels) for side in (0, 1))
        first, second = (_bumps(t, means[:, k], covariances[:, k, k]) for k, t in enumerate((u, v)))
        one, other, total = np.log(first @ weights), np.log(second @ weights), 0.0
        for start in range(0, len(u), _CHUNK):
            part = slice(start, start + _CHUNK)
            joint = (first[part] * weights) @ second.T
            ratio = np.log(np.maximum(joint, 1e-300)) - one[part, None] - other
            total += float(wu[part] @ (joint * ratio) @ wv)
        return total

    aligned = not covariances[:, 0, 1].any()
    return refined(product if aligned and len(weights) > _FEW else integral)


def _bumps(places: Array, means: Array, variances: Array) -> Array:
    """Normal densities (n, k) of all components at places (n,)."""
    white = (places[:, None] - means) ** 2 / variances
    return np.asarray(np.exp(-0.5 * white) / np.sqrt(2.0 * np.pi * variances))


def radial_information(deviations: Array, dim: int) -> Quantity:
    """I(x; k) of x ~ N(0, σ_k² I) with k uniform, an integral over the radius, which has the law of σ_k χ_dim.

    Args:
        deviations: σ_k, (k,).
        dim: Dimension of x.
    """

    def integral(panels: int) -> float:
        radius, weights = chi_panels(dim, panels, float(deviations.max()))
        squares = (radius[:, None] / deviations) ** 2
        logs = chi2.logpdf(squares, dim) + np.log(2.0 * radius[:, None] / deviations**2)
        mixed = logsumexp(logs, axis=1) - np.log(len(deviations))
        return float(weights @ (np.exp(logs) * (logs - mixed[:, None])).mean(axis=1))

    return refined(integral)


def chi_panels(freedom: int, count: int, scale: float = 1.0) -> tuple[Array, Array]:
    """Nodes and weights over the values that scale·χ takes."""
    return _panels(0.0, scale * float(np.sqrt(chi2.isf(_LEFT_OUT, freedom))), count)


def _panels(low: float, high: float, count: int) -> tuple[Array, Array]:
    """Nodes and weights of a composite Gauss–Legendre rule."""
    nodes, weights = leggauss(_NODES)
    edges = np.linspace(low, high, count + 1)
    half = 0.5 * np.diff(edges)[:, None]
    places = 0.5 * (edges[:-1] + edges[1:])[:, None] + half * nodes
    return places.ravel(), (half * weights).ravel()


def refined(integral: Callable[[int], float]) -> Quantity:
    """The integral on more and more panels until it moves by less than 1e-7 nats.

    Raises:
        TaskError: It does not.
    """
    panels, value = 8, integral(8)
    while panels < _MOST_PANELS:
        panels *= 2
        finer = integral(panels)
        if abs(finer - value) < _TOLERANCE:
            return Quantity(max(finer, 0.0), method=QUADRATURE, tolerance=_TOLERANCE)
        value = finer
    raise TaskError(
        f"mixture `{value:g} nats`: expected an integral that converges, because components are so narrow that "
        f"{_MOST_PANELS} panels do not resolve them. Choose a less extreme setting."
    )
