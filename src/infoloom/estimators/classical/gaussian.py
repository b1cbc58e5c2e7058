"""Gaussian log-determinants with the exact bias correction of Wishart matrices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, polygamma

from infoloom.errors import EstimatorError
from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate

__all__ = [
    "GaussianEstimator",
    "canonical_correlations",
    "gaussian_information",
    "null_variance",
    "wishart_bias",
]

Order: TypeAlias = NDArray[np.intp]
_LOST: Final = 1e-8  # nats that rounding may cost a log-determinant
_DEPENDENT: Final = 1e-11  # share of a column that others leave open, below which rounding made it


@dataclass(frozen=True)
class GaussianEstimator(ArrayEstimator):
    """Mutual information of the Gaussian with the covariance of the data.

    ½ (log|Sx| + log|Sy| − log|S|) less its exact expectation under independence of estimation, which for
    Gaussian data makes the estimate unbiased at every n > d. Where there are at least as many columns as
    rows, correlations are shrunk towards zero and the mean over random pairings is subtracted instead.
    For data that are not Gaussian, it sees the linear part only.

    Args:
        shrinkage: Weight of the identity in the correlation matrix, in [0, 1]; None chooses 0 where the rows
            suffice, and the intensity of Schäfer and Strimmer where they do not.
        shuffles: Random pairings that measure the bias of a shrunk estimate.
        seed: Seed of those pairings.

    Source:
        Goodman 1963 (log-determinant of a Wishart matrix); Schäfer and Strimmer 2005 (shrinkage).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((4000, 3))
        >>> y = x[:, :1] + rng.standard_normal((4000, 1))
        >>> round(GaussianEstimator().estimate(x, y), 1)  # the truth is log(2) / 2 = 0.35
        0.3
    """

    shrinkage: float | None = None
    shuffles: int = 8
    seed: int = 0

    source: ClassVar[str] = "Goodman 1963; Schäfer and Strimmer 2005"
    least_rows: ClassVar[int] = 4

    def __post_init__(self) -> None:
        expect(
            self.shrinkage is None or 0.0 <= self.shrinkage <= 1.0,
            "shrinkage",
            self.shrinkage,
            "a weight from 0 to 1, or None",
            "Leave it out to have it chosen.",
        )
        expect(self.shuffles >= 1, "shuffles", self.shuffles, "1 or more", "Use 8.")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        rows, columns = len(x), x.shape[1] + y.shape[1]
        if self.shrinkage is None and rows > columns + 1:
            return _unshrunk(x, y)
        return self._shrunk(x, y)

    def _shrunk(self, x: Array, y: Array) -> Estimate:
        """Shrunk correlations; what random pairings hold on average is the bias."""
        rng = np.random.default_rng(self.seed)
        orders = [np.arange(len(y)), *(rng.permutation(len(y)) for _ in range(self.shuffles))]
        shrunk = _by_rows if len(x) < x.shape[1] + y.shape[1] else _by_columns
        weights, values = zip(*shrunk(_standard(x), _standard(y), orders, self.shrinkage), strict=True)
        bias = float(np.mean(values[1:]))
        spread = 1.96 * float(np.std(values[1:])) if self.shuffles > 1 else math.inf
        nats = values[0] - bias
        details = {"shrinkage": weights[0], "bias": bias, "canonical_correlations": None}
        interval = (nats - spread, nats + spread) if math.isfinite(spread) else None
        return Estimate(nats, interval, False, details=details)


def wishart_bias(rows: int, dim_x: int, dim_y: int) -> float:
    """Expected excess of the plug-in Gaussian information over the truth (nats), n > dx + dy.

    ½ (f(dx) + f(dy) − f(dx + dy)), f(k) = Σ_{i≤k} ψ((n − i) / 2); the terms k log(2 / (n − 1)) cancel.

    Source:
        Goodman 1963.

    Example:
        >>> round(wishart_bias(5000, 25, 25), 3)
        0.063
    """

    def excess(columns: int) -> float:
        return float(np.sum(digamma((rows - np.arange(1, columns + 1)) / 2)))

    return 0.5 * (excess(dim_x) + excess(dim_y) - excess(dim_x + dim_y))


def gaussian_information(x: Array, y: Array) -> float:
    """Plug-in Gaussian mutual information ½ (log|Rx| + log|Ry| − log|R|), nats.

    Raises:
        EstimatorError: If columns depend on each other exactly.
    """
    both = np.hstack([x, y])
    correlation = np.asarray(np.corrcoef(both.T), dtype=np.float64)
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    if smallest * _LOST > np.finfo(np.float64).eps * len(correlation):
        return _information(correlation, x.shape[1])
    # Log-determinants of nearly dependent columns lose their digits; orthogonal bases lose half as many.
    standard = (both - both.mean(axis=0)) / both.std(axis=0)
    ends = np.abs(np.diag(np.linalg.qr(standard, mode="r"))) / math.sqrt(len(both))
    if not ends.min() > _DEPENDENT:
        raise _dependent(len(correlation))
    return float(-0.5 * np.sum(np.log1p(-(canonical_correlations(x, y) ** 2))))


def canonical_correlations(x: Array, y: Array) -> Array:
    """Sample canonical correlations, largest first, (min(dx, dy),)."""
    left, right = (np.linalg.qr(rows - rows.mean(axis=0))[0] for rows in (x, y))
    return np.asarray(np.linalg.svd(left.T @ right, compute_uv=False), dtype=np.float64)


def null_variance(rows: int, dim_x: int, dim_y: int) -> float:
    """Variance (nats²) of the estimate where both sides are independent Gaussians, n > dx + dy.

    exp(−2 · plug-in information) is Wilks' Λ, a product of dy independent Beta((n − dx − i) / 2, dx / 2), so the
    variance is ¼ Σ_{i≤dy} (ψ′((n − dx − i) / 2) − ψ′((n − i) / 2)), about dx dy / (2 n²).

    Source:
        Wilks 1932; Anderson 2003, theorem 8.4.1.
    """
    index = np.arange(1, dim_y + 1)
    spread = polygamma(1, (rows - dim_x - index) / 2) - polygamma(1, (rows - index) / 2)
    return 0.25 * float(np.sum(spread))


def _unshrunk(x: Array, y: Array) -> Estimate:
    """The corrected log-determinant and its 95 % interval.

    Each canonical pair adds about ρ² / n to the variance that independent sides have.
    """
    rows, dim_x, dim_y = len(x), x.shape[1], y.shape[1]
    nats = gaussian_information(x, y) - wishart_bias(rows, dim_x, dim_y)
    correlations = canonical_correlations(x, y)
    squares = max(float(np.sum(correlations**2)) - dim_x * dim_y / rows, 0.0)
    spread = 1.96 * math.sqrt(squares / rows + null_variance(rows, dim_x, dim_y))
    details = {"shrinkage": 0.0, "canonical_correlations": [float(value) for value in correlations[:10]]}
    return Estimate(nats, (nats - spread, nats + spread), details=details)


def _information(correlation: Array, dim_x: int) -> float:
    """½ (log|Rx| + log|Ry| − log|R|) from a correlation matrix."""
    parts = (correlation[:dim_x, :dim_x], correlation[dim_x:, dim_x:], correlation)
    signs, log_dets = zip(*(map(float, np.linalg.slogdet(part)) for part in parts), strict=True)
    if min(signs) <= 0 or not np.all(np.isfinite(log_dets)):
        raise _dependent(len(correlation))
    nats: float = 0.5 * (log_dets[0] + log_dets[1] - log_dets[2])
    return nats


def _dependent(columns: int) -> EstimatorError:
    return EstimatorError(
        f"`x, y` `{columns} columns`: expected columns that do not determine each other, "
        "because the covariance is singular. Drop the columns that repeat others, or set `shrinkage`."
    )


def _standard(rows: Array) -> Array:
    return np.asarray((rows - rows.mean(axis=0)) / rows.std(axis=0), dtype=np.float64)


def _by_columns(
    x: Array, y: Array, orders: Iterable[Order], shrinkage: float | None
) -> Iterator[tuple[float, float]]:
    """The weight used and the information of (1 − weight) R + weight I, for each order of the rows of y."""
    for order in orders:
        both = np.hstack([x, y[order]])
        correlation = both.T @ both / len(both)
        squares = float(np.sum(correlation**2))
        weight = _intensity(_squares(x) + _squares(y)[order], _fourth(x) + _fourth(y), both.shape, squares)
        weight = weight if shrinkage is None else shrinkage
        shrunk = (1.0 - weight) * correlation
        np.fill_diagonal(shrunk, 1.0)
        yield weight, _information(shrunk, x.shape[1])


def _by_rows(
    x: Array, y: Array, orders: Iterable[Order], shrinkage: float | None
) -> Iterator[tuple[float, float]]:
    """The same from the products of rows, (n, n): R = BᵀB / n has the eigenvalues of BBᵀ / n, and zeros."""
    rows, columns = len(x), x.shape[1] + y.shape[1]
    of_x, of_y = x @ x.T / rows, y @ y.T / rows
    for order in orders:
        both = of_x + of_y[np.ix_(order, order)]
        squares = float(np.sum(both**2))
        sums = _squares(x) + _squares(y)[order]
        weight = _intensity(sums, _fourth(x) + _fourth(y), (rows, columns), squares)
        weight = weight if shrinkage is None else shrinkage
        parts = ((of_x, x.shape[1]), (of_y, y.shape[1]), (both, columns))
        log_dets = [_shrunk_log_det(products, size, weight) for products, size in parts]
        yield weight, 0.5 * (log_dets[0] + log_dets[1] - log_dets[2])


def _shrunk_log_det(products: Array, columns: int, weight: float) -> float:
    """log|(1 − weight) R + weight I| of so many columns from BBᵀ / n."""
    if weight == 0.0:
        raise _dependent(columns)
    inner = (1.0 - weight) * products
    inner[np.diag_indices_from(inner)] += weight
    return float(np.linalg.slogdet(inner)[1]) + (columns - len(products)) * math.log(weight)


def _intensity(sums: Array, fourth: float, shape: tuple[int, ...], squares: float) -> float:
    """Shrinkage of least expected squared error: Σ var(r_ij) / Σ r_ij² over i ≠ j.

    Args:
        sums: Σ_i s_ki² of each standardised row k (n,).
        fourth: Σ_i ⟨s_i⁴⟩ over the columns.
        shape: Rows and columns.
        squares: Σ r_ij² over all i, j.
    """
    rows, columns = shape
    products = float(np.sum(sums**2)) / rows - fourth  # Σ ⟨s_i² s_j²⟩ over i ≠ j
    off = squares - columns
    variance = (products - off) * rows / (rows - 1) ** 2
    return float(min(1.0, variance / off))


def _squares(standard: Array) -> Array:
    return np.asarray(np.sum(standard**2, axis=1), dtype=np.float64)


def _fourth(standard: Array) -> float:
    return float(np.sum(np.mean(standard**4, axis=0)))
