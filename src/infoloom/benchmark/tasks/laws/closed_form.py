"""Joint laws of two vectors whose information has a closed form, with the pointwise information of their rows.

Every ingredient has a random stream of its own, so a sample begins with the rows of a smaller one, and tasks that
share a law share its draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from scipy.special import digamma, gammaln

from infoloom.benchmark.tasks.base import Array

__all__ = [
    "AdditiveLaw",
    "CanonicalLaw",
    "DenseLaw",
    "Law",
    "StudentLaw",
    "canonical",
    "correlated",
    "stream",
]

_SALT: Final = 0x10F010
_LIGHT: Final = 100.0  # degrees of freedom from which a series is exact and differences lose digits
_SERIES: Final = (1 / 6, -1 / 90, 1 / 210, -1 / 210, 5 / 594)  # B_2k / (2k − 1)


class Law(Protocol):
    """A joint law of x (dim_x,) and y (dim_y,)."""

    @property
    def dim_x(self) -> int: ...
    @property
    def dim_y(self) -> int: ...
    @property
    def gaussian(self) -> bool: ...
    @property
    def mutual_information(self) -> float: ...
    def draw(self, rows: int, seed: int) -> tuple[Array, Array]: ...
    def pmi(self, x: Array, y: Array) -> Array: ...


def stream(seed: int, ingredient: int) -> np.random.Generator:
    """Random numbers of one ingredient, apart from those that a user draws with the same seed."""
    return np.random.default_rng([_SALT, ingredient, seed])


@dataclass(frozen=True)
class CanonicalLaw:
    """Standard normal columns; columns i of x and of y share `nats[i]`, the rest is independent.

    ρ_i² = 1 − exp(−2 nats_i), I = Σ nats_i.
    """

    dim_x: int
    dim_y: int
    nats: tuple[float, ...]
    gaussian: bool = True

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        return math.fsum(self.nats)

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, dim_x) and y (rows, dim_y)."""
        x = stream(seed, 0).standard_normal((rows, self.dim_x))
        y = stream(seed, 1).standard_normal((rows, self.dim_y))
        rho, rest = self._weights()
        pairs = len(rho)
        y[:, :pairs] = rho * x[:, :pairs] + np.sqrt(rest) * y[:, :pairs]
        return x, y

    def pmi(self, x: Array, y: Array) -> Array:
        """log p(y | x) − log p(y) of every row (n,), nats."""
        own = (y[:, : len(self.nats)] ** 2).sum(axis=1)
        return np.asarray(self.mutual_information + 0.5 * (own - self.residual(x, y)))

    def residual(self, x: Array, y: Array) -> Array:
        """Squares of the pairs' y less what x says about them, in units of their variance, (n,)."""
        rho, rest = self._weights()
        pairs = len(rho)
        return np.asarray(((y[:, :pairs] - rho * x[:, :pairs]) ** 2 / rest).sum(axis=1))

    def _weights(self) -> tuple[Array, Array]:
        """Correlations ρ and what they leave, 1 − ρ²."""
        doubled = -2.0 * np.asarray(self.nats, dtype=np.float64)
        return np.sqrt(-np.expm1(doubled)), np.exp(doubled)


def canonical(dim_x: int, dim_y: int, nats: float, pairs: int) -> CanonicalLaw:
    """The law whose information is spread evenly over some pairs of columns."""
    return CanonicalLaw(dim_x, dim_y, (nats / pairs,) * pairs if pairs else ())


def correlated(dim_x: int, dim_y: int, correlation: float, pairs: int) -> CanonicalLaw:
    """The law with some pairs of columns of one correlation."""
    return CanonicalLaw(dim_x, dim_y, (-0.5 * math.log1p(-(correlation**2)),) * pairs)


@dataclass(frozen=True)
class DenseLaw:
    """Standard normal columns, every two of them with the same correlation: one common factor in all.

    I = ½ [log|R_m| + log|R_n| − log|R_(m+n)|] with |R_k| = (1 − c)^(k−1) (1 + (k − 1) c).
    """

    dim_x: int
    dim_y: int
    correlation: float
    gaussian: bool = True

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        c, m, n = self.correlation, self.dim_x, self.dim_y
        one, other, both = (math.log1p((k - 1) * c) for k in (m, n, m + n))
        return 0.5 * (one + other - both - math.log1p(-c))

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, dim_x) and y (rows, dim_y)."""
        common = math.sqrt(self.correlation) * stream(seed, 2).standard_normal((rows, 1))
        x = stream(seed, 0).standard_normal((rows, self.dim_x))
        y = stream(seed, 1).standard_normal((rows, self.dim_y))
        own = math.sqrt(1.0 - self.correlation)
        return common + own * x, common + own * y

    def pmi(self, x: Array, y: Array) -> Array:
        """log p(x, y) − log p(x) − log p(y) of every row (n,), nats."""
        both = np.concatenate([x, y], axis=1)
        return np.asarray(
            self.mutual_information + 0.5 * (self._quadratic(x) + self._quadratic(y) - self._quadratic(both))
        )

    def _quadratic(self, values: Array) -> Array:
        """vᵀ R⁻¹ v, R = (1 − c) I + c 11ᵀ, by the formula of Sherman and Morrison."""
        c, columns = self.correlation, values.shape[1]
        sums = values.sum(axis=1)
        inside = (values**2).sum(axis=1) - c * sums**2 / (1.0 + (columns - 1) * c)
        return np.asarray(inside / (1.0 - c))


@dataclass(frozen=True)
class StudentLaw:
    """A normal law divided by a common √(χ²_ν / ν): the multivariate Student-t law.

    I = I_normal + f(ν) + f(ν + m + n) − f(ν + m) − f(ν + n), f(x) = log Γ(x/2) − (x/2) ψ(x/2).

    Source:
        Arellano-Valle, Contreras-Reyes and Genton 2013 (entropies).
    """

    normal: CanonicalLaw
    freedom: float
    gaussian: bool = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.normal.dim_x

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.normal.dim_y

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        nu, m, n = self.freedom, self.dim_x, self.dim_y
        if nu >= _LIGHT:
            return self.normal.mutual_information + _light(nu, m, n)
        return self.normal.mutual_information + _f(nu) + _f(nu + m + n) - _f(nu + m) - _f(nu + n)

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, dim_x) and y (rows, dim_y)."""
        x, y = self.normal.draw(rows, seed)
        scale = np.sqrt(self.freedom / stream(seed, 3).chisquare(self.freedom, (rows, 1)))
        return x * scale, y * scale

    def pmi(self, x: Array, y: Array) -> Array:
        """log p(x, y) − log p(x) − log p(y) of every row (n,), nats."""
        nu, m, n = self.freedom, self.dim_x, self.dim_y
        one, other = (x**2).sum(axis=1), (y**2).sum(axis=1)
        paired = (y[:, : len(self.normal.nats)] ** 2).sum(axis=1)
        both = one + other - paired + self.normal.residual(x, y)
        sizes = ((nu + m + n, both), (nu + m, one), (nu + n, other))
        joint, left, right = (gammaln(k / 2.0) - k / 2.0 * np.log1p(q / nu) for k, q in sizes)
        constant = self.normal.mutual_information + gammaln(nu / 2.0)
        return np.asarray(constant + joint - left - right)


@dataclass(frozen=True)
class AdditiveLaw:
    """x uniform on (0, 1), y = x + uniform on (−ε, ε).

    I = 1 / (4 ε) for ε ≥ ½, else ε − log(2 ε).
    """

    epsilon: float
    dim_x: int = 1
    dim_y: int = 1
    gaussian: bool = False

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        return 0.25 / self.epsilon if self.epsilon >= 0.5 else self.epsilon - math.log(2.0 * self.epsilon)

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, 1) and y (rows, 1)."""
        x = stream(seed, 0).uniform(size=(rows, 1))
        return x, x + stream(seed, 1).uniform(-self.epsilon, self.epsilon, (rows, 1))

    def pmi(self, x: Array, y: Array) -> Array:
        """−log of the length of the x that y allows, within (0, 1), for every row (n,), nats."""
        allowed = np.minimum(y + self.epsilon, 1.0) - np.maximum(y - self.epsilon, 0.0)
        return np.asarray(-np.log(allowed[:, 0]))


def _light(nu: float, m: int, n: int) -> float:
    """f(ν) + f(ν + m + n) − f(ν + m) − f(ν + n) for many degrees of freedom, by the series of Stirling.

    f(2z) = const − z − ½ log z + Σ B_2k / (2k − 1) z^(1 − 2k).
    """
    low, left, right, high = (value / 2.0 for value in (nu, nu + m, nu + n, nu + m + n))
    first = 0.25 * m * n * (low + high) / (low * left * right * high)
    rest = [low**-k + high**-k - left**-k - right**-k for k in (3, 5, 7, 9)]
    terms = [a * change for a, change in zip(_SERIES, [first, *rest], strict=True)]
    return 0.5 * math.log1p(m * n / (nu * (nu + m + n))) + math.fsum(terms)


def _f(x: float) -> float:
    return float(gammaln(x / 2.0) - x / 2.0 * digamma(x / 2.0))
