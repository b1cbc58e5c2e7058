"""Loadings and log-determinants in rational arithmetic, for the few laws where float64 loses digits.

Weights are read as the decimals that were written, templates as the numbers that they are; sums, products and
determinants of them are then exact, and the logarithm at the end has more digits than a float64.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

__all__ = ["RATIONAL", "Arithmetic", "half_log_det", "leading", "moved"]

Exact = np.ndarray[Any, np.dtype[Any]]
_DIGITS: Final = 192
_STEP: Final = 2.0**-52


@dataclass(frozen=True)
class Arithmetic:
    """What the equations are composed in: float64, or exact rational numbers.

    Attributes:
        rational: Whether numbers are `Fraction`.
        wiggle: Whether templates are moved by a rounding error, to see what follows from it.
    """

    rational: bool = False
    wiggle: bool = False

    @property
    def one(self) -> Any:
        """The number 1."""
        return Fraction(1) if self.rational else 1.0

    def zeros(self, rows: int, columns: int) -> Exact:
        """A matrix of zeros."""
        return (
            np.full((rows, columns), Fraction(0), dtype=object)
            if self.rational
            else np.zeros((rows, columns))
        )

    def eye(self, size: int) -> Exact:
        """The identity."""
        found = self.zeros(size, size)
        np.fill_diagonal(found, self.one)
        return found

    def weight(self, coefficient: float, parameters: Sequence[float]) -> Any:
        """Product of a coefficient and values of parameters."""
        found: Any = _decimal(coefficient) if self.rational else coefficient
        for value in parameters:
            found = found * (_decimal(value) if self.rational else value)
        return found

    def array(self, values: Exact) -> Exact:
        """Given numbers, such as a template in a basis."""
        if not self.rational:
            return values
        found = np.empty(np.shape(values), dtype=object)
        for at, value in np.ndenumerate(moved(np.asarray(values)) if self.wiggle else values):
            found[at] = Fraction(float(value))
        return found


RATIONAL: Final = Arithmetic(rational=True)


def moved(values: Exact) -> Exact:
    """Numbers moved by about a rounding error each; the same numbers always move in the same way."""
    draws = np.random.default_rng(zlib.crc32(np.ascontiguousarray(values).tobytes())).standard_normal(
        values.shape
    )
    return np.asarray(values * (1.0 + 2.0 * _STEP * draws))


def half_log_det(rows: Sequence[Sequence[Fraction]]) -> float | None:
    """½ log det(rows · rowsᵀ), rounded once at the end; None where it is exactly singular."""
    import flint  # only where float64 does not suffice

    if not rows:
        return 0.0
    matrix = _matrix(rows)
    det = (matrix * matrix.transpose()).det()
    if det == 0:
        return None
    before = flint.ctx.prec
    flint.ctx.prec = _DIGITS
    try:
        return 0.5 * float(flint.arb(det.p).log() - flint.arb(det.q).log())
    finally:
        flint.ctx.prec = before


def leading(rows: Sequence[Sequence[Fraction]]) -> list[int]:
    """Numbers of the rows that are no combination of rows before them."""
    if not rows:
        return []
    reduced, rank = _matrix(rows).transpose().rref()
    return [next(j for j in range(len(rows)) if reduced[i, j] != 0) for i in range(rank)]


def _matrix(rows: Sequence[Sequence[Fraction]]) -> Any:
    import flint

    entries = [flint.fmpq(*Fraction(value).as_integer_ratio()) for row in rows for value in row]
    return flint.fmpq_mat(len(rows), len(rows[0]), entries)


def _decimal(value: float) -> Fraction:
    """The shortest decimal that is read as this number, which is how a person wrote it."""
    return Fraction(repr(float(value)))
