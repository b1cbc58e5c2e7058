"""What float32 can hold: observations are float32, so numbers that it would spoil are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.training.data.own_scale import constant

__all__ = ["refuse_coarse", "refuse_rounding", "refuse_unheld"]

_COARSE: Final = 1e-3  # rounding of float32 in units of a column's deviation
_WHOLE: Final = 2.0**53  # whole numbers up to here are exact in float64


def refuse_unheld(values: NDArray[Any], source: object) -> None:
    """Refuse numbers that are not finite, or beyond float32.

    Raises:
        FlowError: There are such numbers.
    """
    if not np.isfinite(values).all():
        raise FlowError(
            f"training data `{source}`: expected finite numbers. Remove rows with NaN or infinity."
        )
    largest = _largest(values)
    if largest > float(np.finfo(np.float32).max):
        raise FlowError(
            f"training data `{source}`: expected numbers that float32 can hold, got {largest:.3g}. Change the unit."
        )


def refuse_coarse(values: NDArray[Any], source: object) -> None:
    """Refuse a column whose offset is so large that float32 loses its digits.

    Raises:
        FlowError: There is such a column.
    """
    flat = values.reshape(len(values), -1)
    largest = np.maximum(
        np.abs(flat.min(axis=0).astype(np.float64)), np.abs(flat.max(axis=0).astype(np.float64))
    )
    step = np.spacing(largest.astype(np.float32)).astype(np.float64)
    spread = _above_lowest(flat).std(axis=0)
    lost = np.flatnonzero(~constant(flat, (0,))[0] & (step > _COARSE * spread))
    if len(lost):
        at = int(lost[0])
        raise FlowError(
            f"training data `{source}`: component {at} lies around {flat[:, at].mean():.6g} with a deviation of "
            f"{spread[at]:.3g}, and float32 tells apart steps of {step[at]:.2g} only. Subtract the offset "
            f"({len(lost)} of {flat.shape[1]} components), or set a column that differs by rounding only to one number."
        )


def refuse_rounding(parts: Sequence[NDArray[Any]], source: object) -> None:
    """Refuse large whole numbers beside other numbers: numpy joins them as float64, which rounds them.

    Raises:
        FlowError: There are whole numbers beyond 2⁵³ beside numbers with a fraction.
    """
    if np.issubdtype(np.result_type(*(part.dtype for part in parts)), np.integer):
        return
    for part in parts:
        if np.issubdtype(part.dtype, np.integer) and part.size and _largest(part) > _WHOLE:
            raise FlowError(
                f"training data `{source}`: expected whole numbers up to 2^53 beside other kinds of numbers, got "
                f"{_largest(part):.6g}, which float64 rounds. Subtract the offset."
            )


def _largest(values: NDArray[Any]) -> float:
    return max(abs(float(values.min())), abs(float(values.max())))


def _above_lowest(flat: NDArray[Any]) -> NDArray[np.float64]:
    """Rows less the lowest of each column; the differences of whole numbers are exact, however large they are."""
    if np.issubdtype(flat.dtype, np.signedinteger):
        flat = flat.astype(np.int64)
        low = flat.min(axis=0)
        return np.asarray(flat.view(np.uint64) - low.view(np.uint64), np.float64)
    if np.issubdtype(flat.dtype, np.integer):
        return np.asarray(flat - flat.min(axis=0), np.float64)
    wide = np.asarray(flat, np.result_type(flat.dtype, np.float64))
    return np.asarray(wide - wide.min(axis=0), np.float64)
