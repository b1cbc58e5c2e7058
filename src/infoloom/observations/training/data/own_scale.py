"""Centre and scale of training data: one pair, or one for each column or channel where they differ."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.observations.flows.scaling import Numbers, checked_numbers

__all__ = ["own_scale", "standardised"]

DIFFER: Final = 3.0
"""Columns differ where their deviations do by this factor, or their means by this many deviations."""


def own_scale(values: NDArray[np.generic]) -> tuple[Numbers, Numbers]:
    """Mean and deviation of all numbers, or of each column of a table and each channel of a signal where these differ.

    One deviation for columns of different size would leave the small ones nothing but the path's own noise.

    Args:
        values: Training rows, (n, *shape).

    Returns:
        Center and scale; a constant column has scale 1.

    Example:
        >>> own_scale(np.array([[0.0, 100.0], [2.0, 300.0]]))
        ((1.0, 200.0), (1.0, 100.0))
    """
    wide = np.asarray(values, np.float64)
    center, scale = float(wide.mean()), float(wide.std()) or 1.0
    if wide.ndim not in (2, 3) or wide.shape[1] == 1:
        return center, scale
    along = (0,) if wide.ndim == 2 else (0, 2)
    means, deviations = wide.mean(axis=along, keepdims=True)[0], wide.std(axis=along, keepdims=True)[0]
    varying = deviations[deviations > 0.0]
    if not varying.size:
        return center, scale
    apart = np.ptp(means[deviations > 0.0]) > DIFFER * varying.max()
    if varying.max() <= DIFFER * varying.min() and not apart:
        return center, scale
    shape = wide.shape[1:]
    return (
        checked_numbers(means, shape, "center"),
        checked_numbers(np.where(deviations > 0.0, deviations, 1.0), shape, "scale", positive=True),
    )


def standardised(values: NDArray[Any], center: Numbers, scale: Numbers) -> NDArray[np.float32]:
    """Rows in units of training, (n, *shape) float32."""
    if isinstance(center, float) and isinstance(scale, float):
        return np.asarray((values - center) / scale, np.float32)
    wide = (np.asarray(values, np.float64) - np.asarray(center)) / np.asarray(scale)
    return np.asarray(wide, np.float32)
