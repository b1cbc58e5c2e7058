"""Least squares within bounds: Levenberg–Marquardt with a damping that follows the gain (Nielsen 1999).

Problems here are small and smooth and their derivatives exact, so normal equations of a few dozen unknowns are enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from infoloom.law.equations import Array

__all__ = ["least_squares"]

_SOLVED: Final = 1e-26
_FLAT: Final = 1e-30
_STALLS: Final = 4
_DAMPING: Final = 1e-3
_MAX_DAMPING: Final = 1e10


def least_squares(
    residual: Callable[[Array], tuple[Array, Array]],
    x: Array,
    lower: Array,
    upper: Array,
    *,
    largest: float = 3.0,
    steps: int = 100,
    stalled: float = 1e-4,
) -> Array:
    """A point of least ‖residual‖² near a start.

    Args:
        residual: Residuals, shape (M,), and their derivatives, shape (M, P), at a point.
        x: The start, shape (P,), within the bounds.
        lower: Smallest coordinates.
        upper: Largest coordinates.
        largest: The longest step in a coordinate.
        steps: How many steps to try.
        stalled: Relative decrease below which a few steps in a row are the last ones.
    """
    r, slopes = residual(x)
    cost = float(r @ r)
    damping, growth, stalls = _DAMPING, 2.0, 0
    for _ in range(steps):
        gradient = slopes.T @ r
        # A coordinate at its bound that wants to leave stays where it is.
        inner = ~(((x <= lower) & (gradient > 0)) | ((x >= upper) & (gradient < 0)))
        if (
            cost <= _SOLVED
            or stalls == _STALLS
            or damping > _MAX_DAMPING
            or not np.any(np.abs(gradient[inner]) > _FLAT)
        ):
            break
        step = np.zeros_like(x)
        step[inner] = _step(slopes[:, inner], gradient[inner], damping)
        step *= min(1.0, largest / max(float(np.abs(step).max()), 1e-300))
        tried = np.clip(x + step, lower, upper)
        r_tried, slopes_tried = residual(tried)
        after = float(r_tried @ r_tried)
        moved: Array = tried - x
        promised = -float(2.0 * gradient @ moved + np.sum((slopes @ moved) ** 2))
        if not after < cost:
            damping, growth = damping * growth, 2.0 * growth
            continue
        stalls = stalls + 1 if cost - after < stalled * cost else 0
        gain = (cost - after) / promised if promised > 0 else 0.5
        damping, growth = max(damping * max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3), 1e-15), 2.0
        x, r, slopes, cost = tried, r_tried, slopes_tried, after
    return x


def _step(slopes: Array, gradient: Array, damping: float) -> Array:
    """The minimiser of the damped quadratic model."""
    normal = slopes.T @ slopes
    size = np.diagonal(normal)
    floor = max(float(size.max()), 1e-300) * 1e-12
    damped = normal + np.diag(damping * np.maximum(size, floor) + floor)
    return np.asarray(-np.linalg.solve(damped, gradient), dtype=np.float64)
