"""Loadings decomposed into triangles: log-volumes, ranks and independent rows, stable for rows of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.linalg

from infoloom.errors import DegenerateError
from infoloom.law.equations import Array

__all__ = ["SINGULAR", "Numbers", "Triangle", "independent", "log_volume", "triangle", "unit_rows"]

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.intp]]

SINGULAR: Final = 1e-13
_SAFE: Final = 1e-4


@dataclass(frozen=True)
class Triangle:
    """R with RᵀR = rows · rowsᵀ, its rows and columns in the given order.

    Attributes:
        r: Upper triangle, shape (n, n), or fewer rows if there are fewer sources.
        order: Which row of the block each column of R is.
        rank: How many rows in that order no others determine.
        lengths: Lengths of the rows, in that order.
    """

    r: Array
    order: Numbers
    rank: int
    lengths: Array

    @property
    def log_volume(self) -> float:
        """½ log det of the rows' covariance."""
        return float(np.sum(np.log(np.abs(np.diagonal(self.r)))))

    @property
    def singular(self) -> bool:
        """Whether some rows are determined by others."""
        return self.rank < len(self.order)


def triangle(rows: Array) -> Triangle:
    """Decompose loadings, shape (n, sources).

    Rows that nearly repeat each other are decomposed once more with pivoting and the sources sorted by size:
    then rounding stays relative to each source (Cox & Higham 1998), and a tiny noise keeps its digits.
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    unit = (rows / np.where(lengths > 0, lengths, 1.0)[:, None]).T
    order = np.arange(len(rows))
    r = np.asarray(np.linalg.qr(unit, mode="r"))
    if rows.size and (len(r) < len(rows) or np.abs(np.diagonal(r)).min() < _SAFE):
        largest = np.argsort(-np.abs(unit).max(axis=1), kind="stable")
        whole, pivots = scipy.linalg.qr(unit[largest], mode="r", pivoting=True, check_finite=False)
        r, order = np.asarray(whole[: len(rows)]), np.asarray(pivots, dtype=order.dtype)
    rank = int(np.sum(np.abs(np.diagonal(r)) > SINGULAR))
    return Triangle(r * lengths[order], order, rank, lengths[order])


def log_volume(rows: Array) -> float:
    """½ log det(rows · rowsᵀ) of linearly independent rows.

    Raises:
        DegenerateError: The rows are linearly dependent.
    """
    found = triangle(rows)
    if found.singular:
        raise DegenerateError(f"{len(rows)} rows of loadings have rank {found.rank}.")
    return found.log_volume


def independent(rows: Array, base: Array) -> Numbers:
    """Numbers of as many of the rows as are linearly independent of each other and of `base`.

    Args:
        rows: Loadings, shape (n, sources).
        base: Linearly independent rows, shape (m, sources).
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rest = rows / np.where(lengths > 0, lengths, 1.0)[:, None]
    if not rest.size:
        return np.arange(0)
    if len(base):
        q = np.linalg.qr(unit_rows(base).T)[0]
        for _ in range(2):  # once more removes what rounding left
            rest = rest - (rest @ q) @ q.T
    r, order = scipy.linalg.qr(rest.T, mode="r", pivoting=True)
    return np.sort(order[: int(np.sum(np.abs(np.diagonal(r)) > SINGULAR))])


def unit_rows(rows: Array) -> Array:
    """Rows of length one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))
