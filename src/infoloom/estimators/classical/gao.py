"""Nearest neighbours in mixtures of discrete and continuous parts, after Gao et al."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.cells import joint_cells
from infoloom.estimators.classical.neighbors import INSIDE, neighbor_distances, points_within
from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["GaoEstimator"]


@dataclass(frozen=True)
class GaoEstimator(ArrayEstimator):
    """k-nearest-neighbour information of any pair: discrete, continuous, or columns that are now one, now the other.

    ⟨ψ(k̃) + log n − ψ(nx) − ψ(ny)⟩. Where the k-th joint neighbour of a row lies at a distance ρ > 0, k̃ = k and nx, ny
    are the rows strictly nearer than ρ, itself included, which is the estimate of Kraskov et al. Where ρ = 0, all three
    count the copies of the row, which is the plug-in estimate with the correction of Miller and Madow. Where several
    neighbours share a distance ρ > 0, as values on a grid do, all three count the rows within ρ.

    Whole numbers are taken as they are ordered: for counts, ratings and words cut from a scale. Where the order of
    categories means nothing take `ross`, `miller-madow` or `classifier`.

    Args:
        neighbors: k; fewer have less bias and more variance.
        standardise: Whether each column is divided by its standard deviation.

    Source:
        Gao, Kannan, Oh and Viswanath 2017 (arXiv:1709.06212), algorithm 1, with ψ in place of the logarithm of counts
        as in the authors' program; ties at a positive distance as by Mesner and Shalizi 2021.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.integers(0, 5, 2000)
        >>> y = x + 2 * rng.random(2000)
        >>> round(GaoEstimator().estimate(x, y), 1)  # the truth is log 5 − 4/5 log 2 = 1.05
        1.1
    """

    neighbors: int = 5
    standardise: bool = True

    source: ClassVar[str] = "Gao, Kannan, Oh and Viswanath 2017"
    accepts: ClassVar[tuple[str, ...]] = ("continuous", "mixed", "discrete")
    least_rows: ClassVar[int] = 4

    def __post_init__(self) -> None:
        expect(self.neighbors >= 1, "neighbors", self.neighbors, "1 or more", "Use 3 to 10.")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        expect(
            self.neighbors < len(x),
            "neighbors",
            self.neighbors,
            f"fewer than the rows, {len(x)}",
            "Lower it or draw more rows.",
        )
        x, y = (np.asarray(side, dtype=np.float64) for side in (x, y))
        if self.standardise:
            x, y = (_standardised(side) for side in (x, y))
        copies = [_copies(side) for side in (np.hstack([x, y]), x, y)]
        counts = np.stack(copies).astype(np.float64)
        apart = np.flatnonzero(copies[0] <= self.neighbors)  # the k-th neighbour is no copy
        tied = 0
        if len(apart):
            counts[:, apart], tied = _around(x, y, apart, self.neighbors)
        terms = digamma(counts[0]) - digamma(counts[1]) - digamma(counts[2])
        details = {
            "copies": 1.0 - len(apart) / len(x),
            "tied": tied / len(x),
            "dim_x": x.shape[1],
            "dim_y": y.shape[1],
        }
        return Estimate(float(np.log(len(x)) + terms.mean()), details=details)


def _standardised(rows: Array) -> Array:
    """Columns less their mean, over their deviation where they vary: a constant one among whole numbers stays 0."""
    scale = rows.std(axis=0)
    return np.asarray((rows - rows.mean(axis=0)) / np.where(scale > 0.0, scale, 1.0), dtype=np.float64)


def _copies(rows: Array) -> NDArray[np.intp]:
    """How often each row occurs, itself included, (n,)."""
    cells = joint_cells(rows)
    return np.bincount(cells)[cells]


def _around(x: Array, y: Array, chosen: NDArray[np.intp], neighbors: int) -> tuple[Array, int]:
    """k̃, nx and ny (3, rows) of rows whose k-th neighbour is no copy, and how many have ties at its distance."""
    both = np.hstack([x, y])
    radius, beyond = neighbor_distances(both[chosen], both, neighbors, neighbors + 1).T
    inside = [points_within(side[chosen], side, radius * INSIDE) for side in (x, y)]
    counts = np.stack([np.full(len(chosen), float(neighbors)), *inside])
    tied = np.flatnonzero(beyond * INSIDE <= radius)
    if len(tied):
        rows, within = chosen[tied], radius[tied] / INSIDE
        counts[:, tied] = [points_within(side[rows], side, within) for side in (both, x, y)]
    return counts, len(tied)
