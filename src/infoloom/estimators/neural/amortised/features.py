"""What the network sees of paired rows: nothing of it changes when a column goes through an increasing function.

Each column becomes its normal scores. A row has the counts of its neighbours, in all columns and in the canonical
variates; the sample has canonical correlations, informations of single pairs of columns, KSG's estimates and its sizes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import ndtri
from scipy.stats import rankdata

from infoloom.estimators.neural.amortised.neighbours import NEIGHBOURS, counts, estimates

__all__ = ["MAX_COLUMNS", "OF_ROWS", "OF_SAMPLE", "features"]

Rows = NDArray[Any]
MAX_COLUMNS: Final = 16
OF_ROWS: Final = 6 * len(NEIGHBOURS)
_BINS: Final = (4, 10)
_TOP: Final = 8
_RIDGE: Final = 1e-3
#: Sizes, ties, canonical correlations with what they say, those of squares, pairs of columns, KSG.
OF_SAMPLE: Final = 7 + 4 + (MAX_COLUMNS + 1) + (_TOP + 1) + len(_BINS) * (_TOP + 2) + 2 * len(NEIGHBOURS)


def features(x: Rows, y: Rows) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features of every row and of the whole sample.

    Args:
        x: (n, dim_x), at most `MAX_COLUMNS` columns; more rows than the largest of `NEIGHBOURS`.
        y: (n, dim_y), likewise.

    Returns:
        (n, OF_ROWS) and (OF_SAMPLE,).
    """
    n, (ranks_x, ranks_y) = len(x), (rankdata(side, axis=0) for side in (x, y))
    z_x, z_y = (ndtri((ranks - 0.5) / n).astype(np.float32) for ranks in (ranks_x, ranks_y))
    u, v, correlations = _canonical(z_x, z_y)
    plain = counts(*(z * np.float32(z.shape[1] ** -0.5) for z in (z_x, z_y)))
    turned = counts(u, v)
    of_rows = np.log(np.hstack([plain, turned]) / n)
    squares = _canonical(z_x**2, z_y**2)[2]
    pairs = [value for bins in _BINS for value in _pairs(ranks_x, ranks_y, bins)]
    of_sample = np.concatenate([
        _sizes(n, x.shape[1], y.shape[1]),
        _ties(x, y),
        _filled(correlations, MAX_COLUMNS),
        [_gaussian(correlations)],
        _filled(squares, _TOP),
        [_gaussian(squares)],
        pairs,
        estimates(plain),
        estimates(turned),
    ])  # fmt: skip
    return of_rows.astype(np.float32), of_sample.astype(np.float32)


def _sizes(n: int, dim_x: int, dim_y: int) -> list[float]:
    spent = dim_x * dim_y / n
    sizes = [np.log(n), np.log(dim_x), np.log(dim_y), dim_x / n, dim_y / n]
    return [float(value) for value in (*sizes, np.log(spent), abs(dim_x - dim_y) / MAX_COLUMNS)]


def _ties(x: Rows, y: Rows) -> list[float]:
    """Shares of different values in the columns, and of different rows, of x and of y."""
    shares = []
    for side in (x, y):
        ordered = np.sort(side, axis=0)
        shares.append(float((np.diff(ordered, axis=0) > 0).mean()))
        shares.append(len({row.tobytes() for row in np.ascontiguousarray(side)}) / len(side))
    return shares


def _canonical(x: Rows, y: Rows) -> tuple[Rows, Rows, NDArray[np.float64]]:
    """Canonical variates, each times its correlation, and the correlations, largest first."""
    x, y = (side - side.mean(axis=0) for side in (x, y))
    white_x, white_y = _whitener(x), _whitener(y)
    left, correlations, right = np.linalg.svd(white_x.T @ (x.T @ y / len(x)) @ white_y, full_matrices=False)
    kept = np.clip(correlations, 0.0, 1.0)
    u, v = x @ (white_x @ left * kept), y @ (white_y @ right.T * kept)
    return u.astype(np.float32), v.astype(np.float32), kept


def _whitener(rows: Rows) -> NDArray[np.float64]:
    """W with Wᵀ Σ W = 1, Σ the covariance with a thousandth of its mean variance added."""
    covariance = (rows.T @ rows / len(rows)).astype(np.float64)
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors / np.sqrt(np.maximum(values, 0.0) + _RIDGE * max(values.mean(), 1e-12)))


def _gaussian(correlations: NDArray[np.float64]) -> float:
    """−½ Σ log(1 − ρ²), ρ² at most 1 − 1e-6."""
    return float(-0.5 * np.log1p(-np.minimum(correlations**2, 1.0 - 1e-6)).sum())


def _pairs(ranks_x: Rows, ranks_y: Rows, bins: int) -> list[float]:
    """Informations of pairs of columns in bins of ranks: the largest ones, their sum, the best matching's sum."""
    n = len(ranks_x)
    one, other = (_cells(ranks, bins) for ranks in (ranks_x, ranks_y))
    joint = (one.T @ other / n).reshape(ranks_x.shape[1], bins, ranks_y.shape[1], bins)
    apart = np.multiply.outer(one.mean(axis=0), other.mean(axis=0)).reshape(joint.shape)
    full = joint > 0.0
    terms = np.zeros_like(joint)
    terms[full] = joint[full] * np.log(joint[full] / apart[full])
    table = terms.sum(axis=(1, 3)) - (bins - 1) ** 2 / (2.0 * n)
    matched = table[linear_sum_assignment(-table)]
    return [*_filled(np.sort(matched)[::-1], _TOP), float(matched.sum()), float(table.sum()) / len(matched)]


def _cells(ranks: Rows, bins: int) -> Rows:
    """1 where a value lies in a bin (n, columns · bins)."""
    n, columns = ranks.shape
    place = np.minimum((ranks - 0.5) * (bins / n), bins - 1).astype(np.int64) + bins * np.arange(columns)
    cells = np.zeros((n, columns * bins), dtype=np.float32)
    cells[np.arange(n)[:, None], place] = 1.0
    return cells


def _filled(values: Rows, length: int) -> list[float]:
    """The first values, filled up with zeros."""
    kept = [float(value) for value in values[:length]]
    return kept + [0.0] * (length - len(kept))
