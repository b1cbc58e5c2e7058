"""Plug-in mutual information of binned columns, with the correction of Miller and Madow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["HistogramEstimator"]


@dataclass(frozen=True)
class HistogramEstimator(ArrayEstimator):
    """Information between cells of equal counts: a baseline for a few columns.

    Σ p log(p / (px py)) − (Kxy − Kx − Ky + 1) / (2n), with K the occupied cells. Binning only loses
    information, so it reads low.

    Args:
        bins: Bins a column; None takes as many as leave five rows a joint cell on average.
        corrected: Whether the bias of Miller and Madow is subtracted.

    Source:
        Miller 1955; Roulston 1999.
    """

    bins: int | None = None
    corrected: bool = True

    source: ClassVar[str] = "Miller 1955; Roulston 1999"

    def __post_init__(self) -> None:
        expect(self.bins is None or self.bins >= 2, "bins", self.bins, "2 or more, or None", "Leave it out.")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        columns = x.shape[1] + y.shape[1]
        bins = self.bins or int((len(x) / 5.0) ** (1.0 / columns))
        expect(
            bins >= 2 and bins**columns <= len(x),
            "bins",
            f"{bins} for each of {columns} columns",
            f"2 or more bins and no more cells than rows, {len(x)}",
            "Use fewer columns, more rows, or another estimator.",
        )
        left, right = _cells(x, bins), _cells(y, bins)
        counts = [
            np.unique(cells, return_counts=True)[1] for cells in (left, right, left * bins**columns + right)
        ]
        entropy_x, entropy_y, entropy_xy = (_entropy(count) for count in counts)
        excess = (len(counts[2]) - len(counts[0]) - len(counts[1]) + 1) / (2.0 * len(x))
        nats = entropy_x + entropy_y - entropy_xy - (excess if self.corrected else 0.0)
        return Estimate(nats, details={"bins": bins, "bias": excess})


def _cells(rows: Array, bins: int) -> Array:
    """Number of the cell of each row, bins of equal counts a column."""
    index = np.floor((rankdata(rows, axis=0, method="average") - 0.5) / len(rows) * bins)
    return np.asarray(index @ (bins ** np.arange(rows.shape[1], dtype=np.float64)), dtype=np.float64)


def _entropy(counts: NDArray[np.intp]) -> float:
    """Plug-in entropy (nats)."""
    share = counts / counts.sum()
    return -float(np.sum(share * np.log(share)))
