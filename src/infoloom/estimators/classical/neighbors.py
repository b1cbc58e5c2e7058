"""Distances to neighbours and numbers of points around each point, in the Chebyshev norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from infoloom.estimators.protocol import Array

__all__ = ["INSIDE", "neighbor_distances", "points_within"]

#: Factor of a radius within which points count as strictly nearer: equal steps of a grid differ in their last digits.
INSIDE: Final = 1.0 - 1e-9
_TREE_COLUMNS: Final = 10
_PAIRS: Final = 2**21  # distances held at a time


def neighbor_distances(rows: Array, among: Array, *neighbors: int) -> Array:
    """Distances of each row to its k-th nearest other row for some k, (n, len(neighbors)).

    Args:
        rows: (n, d), each of them also in `among`.
        among: (m, d).
        neighbors: Each k, increasing; infinite where there are not so many other rows.
    """
    if rows.shape[1] <= _TREE_COLUMNS:
        found, _ = cKDTree(among).query(rows, [k + 1 for k in neighbors], p=np.inf)
        return np.asarray(found, dtype=np.float64)
    known = [k for k in neighbors if k < len(among)]
    found = np.full((len(rows), len(neighbors)), np.inf)
    found[:, : len(known)] = _in_blocks(
        rows, among, lambda far, _: np.partition(far, known, axis=1)[:, known]
    )
    return found


def points_within(rows: Array, among: Array, radius: Array) -> Array:
    """How many rows of `among` (m, d) lie within a closed radius (n,) of each of `rows` (n, d), itself included."""
    if rows.shape[1] == 1:
        return _on_a_line(rows[:, 0], np.sort(among[:, 0]), radius)
    if rows.shape[1] <= _TREE_COLUMNS:
        found = cKDTree(among).query_ball_point(rows, radius, p=np.inf, return_length=True)
        return np.asarray(found, dtype=np.float64)
    return _in_blocks(
        rows, among, lambda far, part: np.count_nonzero(far <= radius[part, None], axis=1).astype(np.float64)
    )


def _on_a_line(values: Array, ordered: Array, radius: Array) -> Array:
    """Counts by bisection."""
    first = np.searchsorted(ordered, values - radius, side="left")
    last = np.searchsorted(ordered, values + radius, side="right")
    return np.asarray(last - first, dtype=np.float64)


def _in_blocks(rows: Array, among: Array, reduce: Callable[[Array, NDArray[np.intp]], Array]) -> Array:
    """Reduce the distances of all pairs row by row, some rows at a time: with many columns a tree is slower."""
    count = max(1, -(-len(rows) * len(among) // _PAIRS))
    parts = np.array_split(np.arange(len(rows)), count)
    return np.concatenate([reduce(cdist(rows[part], among, "chebyshev"), part) for part in parts])
