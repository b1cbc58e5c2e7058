"""Centre and scale of observations: one number, or one for each component or channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from infoloom.errors import FlowError

__all__ = ["Numbers", "as_array", "as_factor", "checked_numbers", "log_volume"]

Numbers = float | tuple[Any, ...]
"""A number, or numbers in nested tuples that spread over the shape of an observation."""


def checked_numbers(value: ArrayLike, shape: Sequence[int], what: str, *, positive: bool = False) -> Numbers:
    """One number or an array that spreads over a shape, as plain values.

    Args:
        value: A number, or numbers of a shape that spreads over `shape`, such as (channels, 1, 1).
        shape: Of one observation.
        what: What to call it in messages.
        positive: Whether every number must be above 0.

    Raises:
        FlowError: Not finite numbers of such a shape.

    Example:
        >>> checked_numbers([[1], [2]], (2, 3), "scale", positive=True)
        ((1.0,), (2.0,))
    """
    kind = "positive finite" if positive else "finite"
    try:
        numbers = np.asarray(value, dtype=np.float64)
        fits = numbers.ndim <= len(shape) and np.broadcast_shapes(numbers.shape, tuple(shape)) == tuple(shape)
    except (TypeError, ValueError):
        numbers, fits = np.zeros(0), False
    if not fits or not np.isfinite(numbers).all() or (positive and not (numbers > 0.0).all()):
        got = f"of shape {numbers.shape}" if numbers.size > 4 else f"`{str(value)[:60]}`"
        raise FlowError(
            f"{what} {got}: expected {kind} numbers, one or as many as spread over observations of {tuple(shape)}."
        )
    return _plain(numbers.tolist())


def as_array(numbers: Numbers) -> NDArray[np.float64]:
    """The numbers as an array; 0-dimensional for one number."""
    return np.asarray(numbers, dtype=np.float64)


def as_factor(numbers: Numbers, dtype: torch.dtype, device: torch.device | str) -> float | Tensor:
    """What to multiply observations by: the number itself, or a tensor that spreads over rows."""
    if isinstance(numbers, (int, float)):
        return float(numbers)
    return torch.tensor(numbers, dtype=torch.float64).to(device, dtype)


def log_volume(scale: Numbers, shape: Sequence[int]) -> float:
    """Sum of the logarithms of the scales of all components, in nats."""
    if isinstance(scale, (int, float)):
        return math.prod(shape) * math.log(scale)
    return float(np.log(np.broadcast_to(as_array(scale), tuple(shape))).sum())


def _plain(value: Any) -> Numbers:
    return tuple(_plain(one) for one in value) if isinstance(value, list) else float(value)
