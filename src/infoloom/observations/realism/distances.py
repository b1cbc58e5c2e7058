"""Distances between two sets of rows, by their features: how real do samples look?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["frechet_distance", "kernel_distance", "nearest_ratio", "precision_recall"]

Array = NDArray[np.float64]


def frechet_distance(first: Array, second: Array) -> float:
    """‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁C₂)^½), the Fréchet distance of two normal fits.

    Args:
        first: Features, (n, f).
        second: Features, (m, f).

    Source:
        Heusel et al., GANs trained by a two time-scale update rule (2017), equation 6.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((50, 3))
        >>> round(frechet_distance(rows, rows + 2.0), 6)
        12.0
    """
    shift = first.mean(axis=0) - second.mean(axis=0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ two @ root), 0.0)).sum()
    return float(shift @ shift + np.trace(one) + np.trace(two) - 2.0 * cross)


def kernel_distance(first: Array, second: Array) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x·y / f + 1)³.

    Args:
        first: Features, (n, f).
        second: Features, (m, f).

    Source:
        Bińkowski et al., Demystifying MMD GANs (2018), section 4.
    """

    def kernel(a: Array, b: Array) -> Array:
        return np.asarray((a @ b.T / a.shape[1] + 1.0) ** 3)

    def within(rows: Array) -> float:
        square, count = kernel(rows, rows), len(rows)
        return float((square.sum() - np.trace(square)) / (count * (count - 1)))

    return within(first) + within(second) - 2.0 * float(kernel(first, second).mean())


def precision_recall(real: Array, made: Array, neighbours: int = 3) -> tuple[float, float]:
    """Share of made rows within reach of real ones, and of real rows within reach of made ones.

    A row is in reach of another if it is nearer than the other's `neighbours`-th neighbour of its own kind.

    Source:
        Kynkäänniemi et al., Improved precision and recall metric for assessing generative models (2019), equation 1.
    """

    def covered(points: Array, by: Array) -> float:
        reach = np.sort(_squares(by, by), axis=1)[:, neighbours]
        return float((_squares(points, by) <= reach[None, :]).any(axis=1).mean())

    return covered(made, real), covered(real, made)


def nearest_ratio(made: Array, held_out: Array, trained: Array) -> float:
    """Median distance of made rows to the nearest training row, over that of rows held out; far below 1 is
    memorising."""

    def nearest(points: Array) -> float:
        return float(np.median(np.sqrt(np.maximum(_squares(points, trained), 0.0).min(axis=1))))

    return nearest(made) / nearest(held_out)


def _squares(first: Array, second: Array) -> Array:
    one, two = (first**2).sum(axis=1), (second**2).sum(axis=1)
    return np.asarray(one[:, None] + two[None, :] - 2.0 * first @ second.T)
