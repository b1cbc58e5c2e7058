"""Nearest neighbours in mixtures of discrete and continuous parts, after Gao et al."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.cells import joint_cells
from infoloom.estimators.classical.neighbors import INSIDE, neighbor_distances, points_within
from infoloom.estimators.classical.subsamples import with_interval
from infoloom.estimators.inputs import expect, float32_steps, rounded_doubt
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["GaoEstimator"]


@dataclass(frozen=True)
class GaoEstimator(ArrayEstimator):
    """k-nearest-neighbour information of any pair: discrete, continuous, or columns that are now one, now the other.

    ⟨ψ(k̃) + log n − ψ(nx) − ψ(ny)⟩. Where the k-th joint neighbour of a row lies at a distance ρ > 0, k̃ = k and nx, ny
    are the rows strictly nearer than ρ, itself included, which is the estimate of Kraskov et al. Where ρ = 0, all three
    count the copies of the row, which is the plug-in estimate with the correction of Miller and Madow. Where several
    neighbours share a distance ρ > 0, as values on a grid do, all three count the rows within ρ.

    Whole numbers are equal or infinitely far apart. Beside real numbers that is the estimate of Ross, with as many
    neighbours as a category has where it has no k of them; a row that is alone in its category tells about nothing.
    Real numbers that repeat, counts given as .astype(float) among them, are compared by distance.

    The interval, from 200 rows on, is that of ten disjoint parts of the rows. It counts the scatter and no bias: with
    few columns 88 to 100 of 100 intervals of 500 rows hold the truth, and none does where bias is what errs, as with
    three columns of sharp edges (docs/estimators.md).

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
        found = with_interval(self._of(x, y), lambda x, y: self._of(x, y).nats, x, y)
        coarse = [side for side in (x, y) if side.dtype.kind != "i" and float32_steps(side)]
        doubt = rounded_doubt(*coarse) if coarse else ""
        return found.doubted(f"{doubt}; float32 keeps few digits around an offset") if doubt else found

    def _of(self, x: Array, y: Array) -> Estimate:
        expect(
            self.neighbors < len(x),
            "neighbors",
            self.neighbors,
            f"fewer than the rows, {len(x)}",
            "Lower it or draw more rows.",
        )
        sides = [_Side.of(side, self.standardise) for side in (x, y)]
        counts, tied = _counts(sides, self.neighbors)
        terms = digamma(counts[0]) - digamma(counts[1]) - digamma(counts[2])
        details = {"tied": tied / len(x), "dim_x": x.shape[1], "dim_y": y.shape[1]}
        return Estimate(float(np.log(len(x)) + terms.mean()), details=details)


@dataclass(frozen=True)
class _Side:
    """One side: its cells and how often each row occurs (n,), and its scaled columns (n, d), none of whole numbers."""

    cells: NDArray[np.intp]
    copies: NDArray[np.intp]
    real: Array
    whole: bool

    @classmethod
    def of(cls, rows: Array, standardise: bool) -> _Side:
        """A side of int64 or float64 rows (n, d)."""
        whole = rows.dtype.kind == "i"
        real = np.empty((len(rows), 0)) if whole else _standardised(rows) if standardise else rows
        cells = joint_cells(rows if whole else real)
        return cls(cells, np.bincount(cells)[cells], real, whole)

    def within(self, rows: NDArray[np.intp], radius: Array) -> Array:
        """Rows within a closed radius of each of some rows, itself included; of whole numbers its copies."""
        return (
            self.copies[rows].astype(np.float64)
            if self.whole
            else points_within(self.real[rows], self.real, radius)
        )


def _counts(sides: Sequence[_Side], neighbors: int) -> tuple[Array, int]:
    """k̃, nx and ny of every row, (3, n), and how many rows have ties at a distance above 0."""
    copies = joint_cells(*(side.cells for side in sides))
    times = np.bincount(copies)[copies]
    counts = np.stack([times, *(side.copies for side in sides)]).astype(np.float64)
    both = np.hstack([side.real for side in sides])
    if not both.shape[1]:
        return counts, 0
    whole = [side.cells for side in sides if side.whole]
    groups = _members(joint_cells(*whole)) if whole else [np.arange(len(both))]
    used, radius, beyond = np.zeros(len(both)), np.full(len(both), np.inf), np.full(len(both), np.inf)
    for members in groups:
        used[members] = k = min(neighbors, len(members) - 1)
        apart = members[times[members] <= k]  # the k-th neighbour is no copy
        if len(apart):
            radius[apart], beyond[apart] = neighbor_distances(both[apart], both[members], k, k + 1).T
    alone, apart = np.flatnonzero(used == 0), np.flatnonzero(np.isfinite(radius))
    counts[1:, alone] = [side.within(alone, radius[alone]) for side in sides]
    counts[0, apart] = used[apart]
    counts[1:, apart] = [side.within(apart, radius[apart] * INSIDE) for side in sides]
    tied = apart[beyond[apart] * INSIDE <= radius[apart]]
    counts[1:, tied] = [side.within(tied, radius[tied] / INSIDE) for side in sides]
    for members in groups:
        rows = np.intersect1d(members, tied, assume_unique=True) if len(tied) else tied
        if len(rows):
            counts[0, rows] = points_within(both[rows], both[members], radius[rows] / INSIDE)
    return counts, len(tied)


def _members(groups: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Row numbers of each group."""
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def _standardised(rows: Array) -> Array:
    """Columns less their mean, over their deviation."""
    return np.asarray((rows - rows.mean(axis=0)) / rows.std(axis=0), dtype=np.float64)
