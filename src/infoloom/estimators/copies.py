"""Pairs that stand in the rows several times: exact copies, and copies that differ by rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.estimators.inputs import flat
from infoloom.estimators.protocol import Array

__all__ = ["near_copies", "repeated_rows"]

_COPIED: Final = 0.05  # share of rows that may repeat others by chance
_LEAST: Final = 5  # different pairs of which nearly all rows are copies; fewer are values of a variable
_GRID: Final = 1000  # steps of a grid on which values are taken for levels
_DIGITS: Final = 6  # decimals of values that are taken for levels
_NEAR: Final = (
    2e-7,
    0.02,
)  # of a column's deviation, and over the rows: by chance pairs lie that near on a line
_LOOKED_AT: Final = 1000  # rows that say how wide a column is


def repeated_rows(x: Array, y: Array) -> int:
    """How many pairs are exact copies of another pair, where that looks like copying and not like a few atoms.

    Args:
        x: (n, …).
        y: (n, …).

    Returns:
        Pairs less different pairs; 0 where copies are rare, where so few pairs repeat that they are atoms of a mixture,
        and where values repeat by nature: whole numbers on both sides, or levels.
    """
    if x.dtype.kind == y.dtype.kind == "i":
        return 0
    times = _distinct(np.concatenate([flat(x), flat(y)], axis=1))[1]
    copies = len(x) - len(times)
    if copies <= _COPIED * len(x):
        return 0
    return copies if np.sum(times > 1) > np.sqrt(len(x)) or _few_over_and_over(x, y, times) else 0


def near_copies(x: Array, y: Array) -> int:
    """How many different pairs lie next to another one, no further than rounding to float32 moves them.

    Rows are sorted along one random direction, in which such pairs are neighbours.

    Args:
        x: (n, …).
        y: (n, …).

    Returns:
        Their number; 0 where they are rare, and where both sides are whole numbers.
    """
    if x.dtype.kind == y.dtype.kind == "i":
        return 0
    rows = _distinct(np.concatenate([flat(x), flat(y)], axis=1))[0]
    width = _widths(rows)
    kept = width > 0.0
    direction = np.random.default_rng(0).standard_normal(int(kept.sum())) / width[kept]
    rows = rows[np.argsort((rows[:, kept] - rows[0, kept]) @ direction, kind="stable")]
    most = min(_NEAR[0], _NEAR[1] / len(x)) * width
    found = sum(
        int(np.all(np.abs(rows[1:][part] - rows[:-1][part]) <= most, axis=1).sum())
        for part in (slice(first, first + _LOOKED_AT) for first in range(0, len(rows) - 1, _LOOKED_AT))
    )
    return found if found > _COPIED * len(x) else 0


def _distinct(both: Array) -> tuple[Array, NDArray[np.intp]]:
    """The different rows, and how often each stands there."""
    both = np.ascontiguousarray(both)
    rows = both.view(np.dtype((np.void, both.dtype.itemsize * both.shape[1])))
    _, first, times = np.unique(rows, return_index=True, return_counts=True)
    return both[first], times


def _few_over_and_over(x: Array, y: Array, times: NDArray[np.intp]) -> bool:
    """Whether nearly all rows are copies of few pairs whose real values stand in one pair each and are no levels.

    Levels of a variable stand in several pairs, as where a channel is noisy, or lie on a grid.
    """
    if len(times) < _LEAST or np.sum(times[times > 1]) < (1.0 - _COPIED) * np.sum(times):
        return False
    real: Sequence[Any] = [flat(side) for side in (x, y) if side.dtype.kind != "i"]
    return all(len(_distinct(side)[1]) == len(times) and not _levels(side) for side in real)


def _levels(side: Array) -> bool:
    """Whether all columns hold few decimals, or whole multiples of a step."""
    return all(_rounded(values) or _on_a_grid(values) for values in map(np.unique, side.T))


def _rounded(values: Array) -> bool:
    short = np.round(values, _DIGITS)
    return bool(np.all(short == values) or np.all(short.astype(np.float32) == values))


def _on_a_grid(values: Array) -> bool:
    """Whether ascending values are multiples of their least difference from the first one."""
    if len(values) < 2:
        return True
    steps = (values - values[0]) / np.diff(values).min()
    return bool(steps[-1] <= _GRID and np.all(np.abs(steps - np.rint(steps)) < 1e-3))


def _widths(rows: Array) -> Array:
    """How wide the middle half of each column is: what few far rows do not change."""
    low, high = np.quantile(rows[:: -(-len(rows) // _LOOKED_AT)], (0.25, 0.75), axis=0)
    return np.asarray(high - low, dtype=np.float64)
