"""Centre and scale of training data: one pair, or one for each column or channel where they differ."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.observations.flows.scaling import Numbers, checked_numbers

__all__ = ["constant", "of_brightness", "of_loudness", "of_size", "own_scale", "standardised"]

DIFFER: Final = 3.0
"""Columns differ where their deviations do by this factor, or their means by this many deviations."""
_ROUNDING: Final = 16.0 * float(np.finfo(np.float64).eps)


def constant(values: NDArray[Any], along: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where numbers are all the same along some axes, but for the rounding of float64; these axes are kept.

    The deviation cannot say it: that of 0.1, 0.1, 0.1, … is above 0, because the mean is rounded.

    Example:
        >>> constant(np.array([[0.1, 1.0], [0.1, 2.0]]), (0,))
        array([[ True, False]])
    """
    low, high = values.min(axis=along, keepdims=True), values.max(axis=along, keepdims=True)
    if not np.issubdtype(values.dtype, np.inexact):
        return np.asarray(low == high)
    wide = np.result_type(values.dtype, np.float64)
    low, high = low.astype(wide), high.astype(wide)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite numbers are refused elsewhere
        return np.asarray(high - low <= _ROUNDING * np.maximum(np.abs(low), np.abs(high)))


def own_scale(values: NDArray[np.generic]) -> tuple[Numbers, Numbers]:
    """Mean and deviation of all numbers, or of each column or channel where these differ.

    One deviation for columns of different size would leave the small ones nothing but the path's own noise.

    Args:
        values: Training rows, (n, *shape): a table (columns), or a signal of one channel (n, 1, length) (columns); else
            the first axis of a row counts channels.

    Returns:
        Center and scale; a constant column has scale 1.

    Example:
        >>> own_scale(np.array([[0.0, 100.0], [2.0, 300.0]]))
        ((1.0, 200.0), (1.0, 100.0))
    """
    wide = np.asarray(values, np.float64)
    center = float(wide.mean())
    scale = 1.0 if constant(values, tuple(range(values.ndim))).all() else float(wide.std())
    along = _shared_axes(wide.shape)
    if along is None:
        return center, scale
    means, deviations = wide.mean(axis=along, keepdims=True)[0], wide.std(axis=along, keepdims=True)[0]
    varies = ~constant(values, along)[0]
    varying = deviations[varies]
    if not varying.size:
        return center, scale
    apart = np.ptp(means[varies]) > DIFFER * varying.max()
    if varying.max() <= DIFFER * varying.min() and not apart:
        return center, scale
    shape = wide.shape[1:]
    return (
        checked_numbers(means, shape, "center"),
        checked_numbers(np.where(varies, deviations, 1.0), shape, "scale", positive=True),
    )


def of_brightness(values: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Values of a known range, −1 to 1, as they are."""
    return 0.0, 1.0


def of_loudness(values: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Decibels: their mean, and two deviations."""
    return float(values.mean()), float(2.0 * values.std())


def of_size(values: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Signals about zero: their deviation alone; of signals that lie elsewhere, or differ in size, their own scale."""
    if not np.isfinite(values).all():
        return 0.0, 1.0  # they are refused later
    center, scale = own_scale(values)
    if isinstance(center, float) and isinstance(scale, float) and abs(center) <= scale:
        return (0.0, scale) if constant(values, tuple(range(values.ndim))).all() else (0.0, _size(values))
    return center, scale


def standardised(values: NDArray[Any], center: Numbers, scale: Numbers) -> NDArray[np.float32]:
    """Rows in units of training, (n, *shape) float32."""
    if isinstance(center, float) and isinstance(scale, float):
        return np.asarray((values - center) / scale, np.float32)
    wide = (np.asarray(values, np.float64) - np.asarray(center)) / np.asarray(scale)
    return np.asarray(wide, np.float32)


def _shared_axes(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes that share a scale; None where all do."""
    if len(shape) == 2 or (len(shape) == 3 and shape[1] == 1):
        return (0,)
    if len(shape) == 1 or shape[1] == 1:
        return None
    return (0, *range(2, len(shape)))


def _size(values: NDArray[Any]) -> float:
    return float(np.asarray(values, np.float32).std())
