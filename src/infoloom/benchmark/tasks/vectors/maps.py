"""Injective maps of vectors behind which a law hides; none changes an information value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtr, ndtri

from infoloom.benchmark.tasks.base import Array

__all__ = [
    "ASINH",
    "BIMODAL_X",
    "BIMODAL_Y",
    "HALF_CUBE",
    "IDENTITY",
    "NORMAL_CDF",
    "SWISS_ROLL",
    "WIGGLY_X",
    "WIGGLY_Y",
    "Map",
    "bent_cubic",
    "bent_asinh",
    "chain",
    "rotation",
    "spiral",
    "turned",
    "waves",
]

Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Map:
    """A map of rows (n, d) with its inverse.

    Attributes:
        forward: (n, d) → (n, d + added).
        inverse: (n, d + added) → (n, d).
        added: Columns that the map adds.
    """

    forward: Function
    inverse: Function
    added: int = 0


def chain(*maps: Map) -> Map:
    """One map after another, in the order given."""

    def forward(rows: Array) -> Array:
        for one in maps:
            rows = one.forward(rows)
        return rows

    def inverse(rows: Array) -> Array:
        for one in reversed(maps):
            rows = one.inverse(rows)
        return rows

    return Map(forward, inverse, sum(one.added for one in maps))


def rotation(dim: int, seed: int) -> Array:
    """A uniformly random orthogonal matrix (dim, dim)."""
    basis, corner = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))
    return np.asarray(basis * np.sign(np.diag(corner)))


def turned(dim: int, seed: int) -> Map:
    """Every row times the same random orthogonal matrix."""
    matrix = rotation(dim, seed)
    return Map(lambda rows: rows @ matrix, lambda rows: rows @ matrix.T)


def spiral(dim: int, first: int, speed: float | None = None) -> Map:
    """Columns `first` and `first + 1` turn by the angle speed·|v|², v the whole row; speed is 1/dim where left out.

    Source:
        Czyż et al. 2023, spiral diffeomorphism.
    """

    def turn(rows: Array, sign: float) -> Array:
        angle = sign * (rows**2).sum(axis=1) * (1.0 / dim if speed is None else speed)
        cosine, sine = np.cos(angle), np.sin(angle)
        moved, (a, b) = rows.copy(), (rows[:, first], rows[:, first + 1])
        moved[:, first], moved[:, first + 1] = cosine * a - sine * b, sine * a + cosine * b
        return moved

    return Map(lambda rows: turn(rows, 1.0), lambda rows: turn(rows, -1.0))


def waves(amplitude: float, frequency: float) -> Map:
    """Two columns: the first moves by the sine of the second; then both to about (−1, 1).

    Source:
        Czyż et al. 2023, second version of the benchmark.
    """

    def forward(rows: Array) -> Array:
        moved = rows[:, 0] + amplitude * np.sin(frequency * rows[:, 1])
        return np.stack([0.1 * moved - 0.8, 0.5 * rows[:, 1]], axis=1)

    def inverse(rows: Array) -> Array:
        second = 2.0 * rows[:, 1]
        return np.stack([10.0 * (rows[:, 0] + 0.8) - amplitude * np.sin(frequency * second), second], axis=1)

    return Map(forward, inverse)


def bent_cubic() -> Map:
    """v + 0.3 v³ of standard normal components, scaled to variance 1."""
    scale = math.sqrt(
        1.0 + 2.0 * 0.3 * 3.0 + 0.09 * 15.0
    )  # moments of a standard normal: E v⁴ = 3, E v⁶ = 15
    return Map(lambda rows: (rows + 0.3 * rows**3) / scale, lambda rows: _solve_cubic(rows * scale))


def bent_asinh() -> Map:
    """asinh(3 v) of standard normal components, scaled to variance 1."""
    scale = math.sqrt(_asinh_variance())
    return Map(lambda rows: np.arcsinh(3.0 * rows) / scale, lambda rows: np.sinh(rows * scale) / 3.0)


@cache
def _asinh_variance() -> float:
    """E asinh(3 v)² of a standard normal v."""
    density = 1.0 / math.sqrt(2.0 * math.pi)
    value, _ = quad(
        lambda v: math.asinh(3.0 * v) ** 2 * density * math.exp(-0.5 * v * v), -40.0, 40.0, points=[0.0]
    )
    return float(value)


def _solve_cubic(values: Array) -> Array:
    """v with v + 0.3 v³ equal to the values, by the hyperbolic form of Cardano's formula."""
    scale = math.sqrt(1.0 / 0.9)
    return np.asarray(2.0 * scale * np.sinh(np.arcsinh(1.5 * values / scale) / 3.0))


def _inverted(function: Function, low: float, high: float, moves: float | None = None) -> Function:
    """The inverse of an increasing function of numbers between two bounds, by bisection to the last bit.

    Beyond the bounds too, where the function moves no number by more than `moves`.
    """

    def inverse(values: Array) -> Array:
        below, above = np.full_like(values, low), np.full_like(values, high)
        if moves is not None:
            far = (values < low + moves) | (values > high - moves)
            below, above = np.where(far, values - moves, below), np.where(far, values + moves, above)
        for _ in range(64):
            middle = 0.5 * (below + above)
            less = function(middle) < values
            below, above = np.where(less, middle, below), np.where(less, above, middle)
        return 0.5 * (below + above)

    return inverse


def _wiggly_x(v: Array) -> Array:
    return np.asarray(v + 0.4 * np.sin(v) + 0.2 * np.sin(1.7 * v + 1.0) + 0.03 * np.sin(3.3 * v - 2.5))


def _wiggly_y(v: Array) -> Array:
    return np.asarray(v - 0.4 * np.sin(0.4 * v) + 0.17 * np.sin(1.3 * v + 3.5) + 0.02 * np.sin(4.3 * v - 2.5))


def _bimodal(weight: float, left: float, right: float) -> Map:
    """Normal numbers to a mixture of two normal laws with variance 1: weight·N(left, 1) + (1 − weight)·N(right, 1).

    Where little is left of a tail its own share is inverted, which floating point resolves.
    """

    def share(v: Array) -> Array:
        return np.asarray(weight * ndtr(v - left) + (1.0 - weight) * ndtr(v - right))

    def rest(v: Array) -> Array:
        return np.asarray(weight * ndtr(left - v) + (1.0 - weight) * ndtr(right - v))

    lower, upper = _inverted(share, -60.0, 60.0), _inverted(lambda v: -rest(v), -60.0, 60.0)

    def forward(rows: Array) -> Array:
        return np.where(rows < 0.0, lower(ndtr(rows)), upper(-ndtr(-rows)))

    def inverse(rows: Array) -> Array:
        return np.where(share(rows) < 0.5, ndtri(share(rows)), -ndtri(rest(rows)))

    return Map(forward, inverse)


def _roll(rows: Array) -> Array:
    angle = 1.5 * math.pi * (1.0 + 2.0 * rows[:, :1])
    return np.concatenate([angle * np.cos(angle), angle * np.sin(angle)], axis=1) / 21.0


def _unroll(rows: Array) -> Array:
    angle = 21.0 * np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.asarray((angle / (1.5 * math.pi) - 1.0) / 2.0)


IDENTITY = Map(lambda rows: rows, lambda rows: rows)
NORMAL_CDF = Map(lambda rows: np.asarray(ndtr(rows)), lambda rows: np.asarray(ndtri(rows)))
HALF_CUBE = Map(
    lambda rows: rows * np.sqrt(np.abs(rows)), lambda rows: np.sign(rows) * np.abs(rows) ** (2.0 / 3.0)
)
ASINH = Map(lambda rows: np.arcsinh(rows), lambda rows: np.sinh(rows))
WIGGLY_X = Map(_wiggly_x, _inverted(_wiggly_x, -1e3, 1e3, 1.0))
WIGGLY_Y = Map(_wiggly_y, _inverted(_wiggly_y, -1e3, 1e3, 1.0))
BIMODAL_X = _bimodal(0.3, 0.0, 5.0)
BIMODAL_Y = _bimodal(0.5, -1.0, 3.0)
#: One column in (0, 1) to a spiral in the plane.
SWISS_ROLL = Map(_roll, _unroll, added=1)
