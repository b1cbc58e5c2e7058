"""How many rows are as near in x, and in y, as the k-th neighbour is in both: the counts of KSG, for several k."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

__all__ = ["NEIGHBOURS", "counts", "estimates"]

Rows = NDArray[Any]
NEIGHBOURS: Final = (1, 2, 4, 8, 16, 32)


def counts(u: Rows, v: Rows) -> Rows:
    """Rows as near as the k-th neighbour, in u, in v and in both, for every k: (n, 3 · len(NEIGHBOURS)).

    Distances of each side are Euclidean, that of both the larger one. Where rows are copies, more than k are as near.

    Source:
        Kraskov, Stögbauer and Grassberger 2004; Mesner and Shalizi 2021 (ties).
    """
    near_u, near_v = _squares(u), _squares(v)
    both = np.maximum(near_u, near_v)
    nearest = np.sort(np.partition(both, NEIGHBOURS[-1], axis=1)[:, : NEIGHBOURS[-1] + 1], axis=1)
    radii = nearest[:, NEIGHBOURS]  # place 0 is the row itself
    found = [
        np.count_nonzero(side <= radii[:, [place]], axis=1)
        for place in range(len(NEIGHBOURS))
        for side in (near_u, near_v, both)
    ]
    return np.stack(found, axis=1) - 1


def estimates(found: Rows) -> NDArray[np.float64]:
    """The estimate of Mesner and Shalizi for every k, from counts (len(NEIGHBOURS),) nats."""
    in_u, in_v, in_both = digamma(found).mean(axis=0).reshape(-1, 3).T
    return np.asarray(in_both + digamma(len(found)) - in_u - in_v)


def _squares(rows: Rows) -> Rows:
    """Squared distances of all rows (n, n), −1 of a row to itself: nearer than any other."""
    norms = (rows**2).sum(axis=1)
    squares = rows @ (-2.0 * rows.T)
    squares += norms
    squares += norms[:, None]
    np.maximum(squares, 0.0, out=squares)
    np.fill_diagonal(squares, -1.0)
    return np.asarray(squares)
