"""Nearest neighbours between a discrete and a continuous variable, after Ross."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from infoloom.errors import EstimatorError
from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.cells import joint_cells
from infoloom.estimators.classical.neighbors import INSIDE, neighbor_distances, points_within
from infoloom.estimators.classical.subsamples import with_interval
from infoloom.estimators.inputs import expect, tied_values
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["RossEstimator"]

_TIED: Final = 0.25  # share of values that repeat, as for the estimators of Kraskov et al.


@dataclass(frozen=True)
class RossEstimator(ArrayEstimator):
    """k-nearest-neighbour information between categories and real numbers.

    ψ(n) + ⟨ψ(k)⟩ − ⟨ψ(N)⟩ − ⟨ψ(m)⟩: N rows have the category of a row, and m rows in all, itself included, are
    strictly nearer than the k-th neighbour of its own category, in the Chebyshev norm. A category with k rows or fewer
    takes as many neighbours as it has; one of a single row has none and is left out, which `details` and the verdict
    say. Several columns of whole numbers are one variable of joint cells; their order plays no part. Read it up to
    about ten real columns.

    The interval, from 200 rows on, is that of ten disjoint parts of the rows. It counts the scatter and no bias: with
    few columns 88 to 100 of 100 intervals of 500 rows hold the truth, and none does where bias is what errs, as with
    three columns of sharp edges (docs/estimators.md).

    Args:
        neighbors: k; fewer have less bias and more variance.
        standardise: Whether each real column is divided by its standard deviation.

    Source:
        Ross 2014 (PLoS ONE 9, e87357), equations 3 and 6.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> side = rng.integers(0, 2, 2000)
        >>> value = 2 * side + rng.standard_normal(2000)
        >>> round(RossEstimator().estimate(side, value), 1)  # the truth is 0.34
        0.3
    """

    neighbors: int = 3
    standardise: bool = True

    source: ClassVar[str] = "Ross 2014"
    accepts: ClassVar[tuple[str, ...]] = ("mixed",)
    least_rows: ClassVar[int] = 4

    def __post_init__(self) -> None:
        expect(self.neighbors >= 1, "neighbors", self.neighbors, "1 or more", "Use 3 to 10.")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from whole numbers on one side and real numbers on the other, (n, dx) and (n, dy)."""
        return with_interval(self._of(x, y), lambda x, y: self._of(x, y).nats, x, y)

    def _of(self, x: Array, y: Array) -> Estimate:
        categories, values = (x, y) if x.dtype.kind == "i" else (y, x)
        if self.standardise:
            values = (values - values.mean(axis=0)) / values.std(axis=0)
        cells = joint_cells(categories)
        sizes = np.bincount(cells)[cells]
        kept = sizes > 1
        single = int(np.sum(~kept))
        expect(
            bool(kept.any()),
            "x, y",
            f"{len(cells)} categories of one row each",
            "categories with several rows, because a neighbour has the same category",
            "Take `gao`, or .astype(float) where the numbers are quantities.",
        )
        terms = _terms(cells[kept], sizes[kept], values[kept], self.neighbors)
        found = Estimate(
            float(digamma(len(terms)) + terms.mean()),
            details={"categories": int(cells.max()) + 1, "single_rows": single, "columns": values.shape[1]},
        )
        if single:
            found = found.doubted(f"{single} rows are the only ones of their category and are left out")
        tied = tied_values(values)
        doubt = f"{tied:.0%} of the values of a real column repeat others: rounded or discrete"
        return found.doubted(doubt) if tied > _TIED else found


def _terms(cells: NDArray[np.intp], sizes: NDArray[np.intp], values: Array, neighbors: int) -> Array:
    """ψ(k) − ψ(N) − ψ(m) of every row (n,)."""
    order = np.argsort(cells, kind="stable")
    radius, used = np.empty(len(cells)), np.minimum(neighbors, sizes - 1)
    for members in np.split(order, np.flatnonzero(np.diff(cells[order])) + 1):
        own = values[members]
        radius[members] = neighbor_distances(own, own, int(used[members[0]]))[:, 0]
    ties = int(np.sum(radius == 0.0))
    if ties:
        raise EstimatorError(
            f"`x, y` `{ties} rows with k or more exact copies`: expected continuous values beside the categories, "
            "because a distance of zero has no neighbours within it. Take `gao`, which knows repeated values, or drop "
            "the copies."
        )
    near = points_within(values, values, radius * INSIDE)
    return np.asarray(digamma(used) - digamma(sizes) - digamma(near), dtype=np.float64)
