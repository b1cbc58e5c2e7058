"""Joint laws with discrete sides or atoms whose information is a closed form or an integral, and that of their rows.

Whole numbers are int64. Every ingredient has a random stream of its own, so a sample begins with the rows of a smaller
one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, logsumexp, xlogy

from infoloom.benchmark.tasks.base import Array
from infoloom.benchmark.tasks.laws.closed_form import stream

__all__ = ["AtomsLaw", "ChannelLaw", "ClassesLaw", "StepsLaw", "ZeroInflatedLaw"]

_NODES: Final = 40  # of Gauss and Legendre in every unit of length
_REACH: Final = 12.0  # standard deviations
_PANELS: Final = 500_000  # numbers of a table, over which an integral is summed in parts
_SEEN: Final = 40.0  # standard deviations beyond which a density is 0 in floating point
_TERMS: Final = 400  # of a sum that falls by a half from term to term


@dataclass(frozen=True)
class StepsLaw:
    """x uniform on the whole numbers 0 … m − 1, y uniform on (x, x + 2), several independent copies side by side.

    I = copies · (log m − (m − 1) / m log 2).

    Source:
        Gao, Kannan, Oh and Viswanath 2017, section 5.
    """

    values: int
    copies: int = 1
    gaussian: bool = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.copies

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.copies

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        m = self.values
        return self.copies * (math.log(m) - (m - 1) / m * math.log(2.0))

    def draw(self, rows: int, seed: int) -> tuple[NDArray[Any], Array]:
        """x (rows, copies), int64, and y (rows, copies)."""
        x = stream(seed, 0).integers(0, self.values, (rows, self.copies))
        return x, x + 2.0 * stream(seed, 1).uniform(size=(rows, self.copies))

    def pmi(self, x: Array, y: Array) -> Array:
        """log m less the logarithm of how many x allow this y, for every row (n,), nats."""
        last = np.minimum(np.floor(y), self.values - 1)
        first = np.maximum(np.ceil(y - 2.0), 0)
        return np.asarray(np.sum(math.log(self.values) - np.log(last - first + 1.0), axis=1))


@dataclass(frozen=True)
class ChannelLaw:
    """x uniform on K symbols, y the same one, or with probability e any other one; independent copies side by side.

    I = copies · (log K + (1 − e) log(1 − e) + e log(e / (K − 1))).
    """

    symbols: int
    error: float
    copies: int = 1
    gaussian: bool = False

    @property
    def dim_x(self) -> int:
        """Columns of x."""
        return self.copies

    @property
    def dim_y(self) -> int:
        """Columns of y."""
        return self.copies

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        k, e = self.symbols, self.error
        nats = math.log(k) + float(xlogy(1.0 - e, 1.0 - e) + xlogy(e, e / (k - 1)))
        return self.copies * (0.0 if abs(nats) < 1e-15 else nats)

    def draw(self, rows: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """x (rows, copies) and y (rows, copies), int64."""
        shape = (rows, self.copies)
        x = stream(seed, 0).integers(0, self.symbols, shape)
        wrong = stream(seed, 1).uniform(size=shape) < self.error
        return x, (x + wrong * stream(seed, 2).integers(1, self.symbols, shape)) % self.symbols

    def pmi(self, x: Array, y: Array) -> Array:
        """log P(y | x) K of every row (n,), nats."""
        with np.errstate(divide="ignore"):  # what never happens is asked of no row
            right, wrong = np.log(
                self.symbols * np.array([1.0 - self.error, self.error / (self.symbols - 1)])
            )
        return np.asarray(np.where(x == y, right, wrong).sum(axis=1))


@dataclass(frozen=True)
class ClassesLaw:
    """x one of K equally likely classes, y normal around the mean of its class; means are `apart` on a line.

    With several columns the line is their diagonal, so that all columns together hold what one would:
    I = log K − ⟨log Σ_j exp(½ (t − μ_x)² − ½ (t − μ_j)²)⟩, an integral over t = Σ y / √d.
    """

    classes: int
    apart: float
    dim_y: int = 1
    dim_x: int = 1
    gaussian: bool = False

    @cached_property
    def means(self) -> Array:
        """Where the classes lie on the line, (K,)."""
        return np.asarray(self.apart * (np.arange(self.classes) - (self.classes - 1) / 2.0), dtype=np.float64)

    @cached_property
    def mutual_information(self) -> float:
        """The truth (nats), by Gauss and Legendre in panels of length 1, of means in reach where there are many."""
        if self.apart == 0.0:
            return 0.0
        low = self.means[0] - _REACH
        panels = math.ceil(self.means[-1] + _REACH - low)
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        whole = panels * _NODES * self.classes <= _PANELS
        step, total = panels if whole else 50, 0.0
        for first in range(0, panels, step):
            starts = low + np.arange(first, min(first + step, panels))
            t = (starts[:, None] + (nodes + 1.0) / 2.0).ravel()
            near = (self.means >= t[0] - _SEEN) & (self.means <= t[-1] + _SEEN)
            log_p = -0.5 * (t[:, None] - self.means[whole | near]) ** 2 - 0.5 * math.log(2.0 * math.pi)
            ratio = log_p - logsumexp(log_p, axis=1, keepdims=True) + math.log(self.classes)
            each = np.tile(weights / 2.0, len(starts))[:, None] * np.exp(log_p) * ratio
            total += float(np.sum(each))
        return total / self.classes

    def draw(self, rows: int, seed: int) -> tuple[NDArray[Any], Array]:
        """x (rows, 1), int64, and y (rows, dim_y)."""
        x = stream(seed, 0).integers(0, self.classes, (rows, 1))
        noise = stream(seed, 1).standard_normal((rows, self.dim_y))
        return x, self.means[x[:, 0], None] / math.sqrt(self.dim_y) + noise

    def pmi(self, x: Array, y: Array) -> Array:
        """log p(y | x) − log p(y) of every row (n,), nats."""
        t = y.sum(axis=1) / math.sqrt(self.dim_y)
        log_p = -0.5 * (t[:, None] - self.means) ** 2
        own = log_p[np.arange(len(t)), x[:, 0].astype(np.intp)]
        return np.asarray(own - logsumexp(log_p, axis=1) + math.log(self.classes))


@dataclass(frozen=True)
class ZeroInflatedLaw:
    """x exponential with mean 1; y is 0 with probability p, else a Poisson count of mean x.

    With P₀ = p + (1 − p) / 2 for y = 0 and (1 − p) 2^−(k+1) for y = k,
    I = [p² / 4 − 1 / 4 − ½ p² log p] / (1 − p) − P₀ log P₀
    + (1 − p) Σ_{k ≥ 1} 2^−(k+1) [log 2 − (k + 1) / 2 + k ψ(k + 1) − log k!].

    For p = 0 it is the published 2 log 2 − γ − Σ log k 2^−k = 0.3012. For p > 0 the published (1 − p) 0.3012 is larger:
    it is what a zero would tell if one saw whether it was counted.

    Source:
        Gao, Kannan, Oh and Viswanath 2017, section 5 (the law, and the value for p = 0).
    """

    share: float
    dim_x: int = 1
    dim_y: int = 1
    gaussian: bool = False

    @cached_property
    def mutual_information(self) -> float:
        """The truth (nats); the sum ends below 1e-100."""
        p = self.share
        k = np.arange(1.0, _TERMS)
        inside = math.log(2.0) - (k + 1.0) / 2.0 + k * digamma(k + 1.0) - gammaln(k + 1.0)
        zero = p + (1.0 - p) / 2.0
        known = (0.25 * p**2 - 0.25 - 0.5 * float(xlogy(p**2, p))) / (1.0 - p)
        return float(known - zero * math.log(zero) + (1.0 - p) * np.sum(np.exp2(-k - 1.0) * inside))

    def draw(self, rows: int, seed: int) -> tuple[Array, NDArray[Any]]:
        """x (rows, 1) and y (rows, 1), int64."""
        x = stream(seed, 0).standard_exponential((rows, 1))
        lost = stream(seed, 2).uniform(size=(rows, 1)) < self.share
        return x, np.where(lost, 0, stream(seed, 1).poisson(x))

    def pmi(self, x: Array, y: Array) -> Array:
        """log P(y | x) − log P(y) of every row (n,), nats."""
        x, y, p = x[:, 0], np.asarray(y[:, 0], dtype=np.float64), self.share
        with np.errstate(divide="ignore"):
            lost = np.where(y == 0.0, np.log(p), -np.inf)
        log_counted = math.log1p(-p) + xlogy(y, x) - x - gammaln(y + 1.0)
        log_count = math.log1p(-p) - (y + 1.0) * math.log(2.0)
        return np.asarray(np.logaddexp(lost, log_counted) - np.logaddexp(lost, log_count))


@dataclass(frozen=True)
class AtomsLaw:
    """With probability s a normal pair of correlation r, else a pair of signs that agree with probability a.

    Each side shows where it comes from, so I = h(s) − s ½ log(1 − r²) + (1 − s) (log 2 − h(a)), h the binary entropy.

    Source:
        Gao, Kannan, Oh and Viswanath 2017, section 5, with r = 0.9, s = 0.5, a = 0.9.
    """

    correlation: float
    share: float
    agree: float
    dim_x: int = 1
    dim_y: int = 1
    gaussian: bool = False

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        normal, signs = self._parts
        return _binary(self.share) + self.share * normal + (1.0 - self.share) * signs

    @property
    def _parts(self) -> tuple[float, float]:
        return -0.5 * math.log1p(-(self.correlation**2)), math.log(2.0) - _binary(self.agree)

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, 1) and y (rows, 1), float64."""
        x, noise = (stream(seed, number).standard_normal((rows, 1)) for number in (0, 1))
        y = self.correlation * x + math.sqrt(1.0 - self.correlation**2) * noise
        sign = 2.0 * stream(seed, 2).integers(0, 2, (rows, 1)) - 1.0
        same = np.where(stream(seed, 3).uniform(size=(rows, 1)) < self.agree, sign, -sign)
        normal = stream(seed, 4).uniform(size=(rows, 1)) < self.share
        return np.where(normal, x, sign), np.where(normal, y, same)

    def pmi(self, x: Array, y: Array) -> Array:
        """Pointwise mutual information of every row (n,), nats; values of ±1 are signs."""
        x, y, r = x[:, 0], y[:, 0], self.correlation
        quadratic = (x**2 + y**2 - 2.0 * r * x * y) / (1.0 - r**2) - x**2 - y**2
        normal = self._parts[0] - 0.5 * quadratic - math.log(self.share)
        with np.errstate(divide="ignore"):
            right, wrong = np.log(2.0 * np.array([self.agree, 1.0 - self.agree]) / (1.0 - self.share))
        return np.asarray(np.where(np.abs(x) == 1.0, np.where(x == y, right, wrong), normal))


def _binary(probability: float) -> float:
    """Entropy of a coin (nats)."""
    return -float(xlogy(probability, probability) + xlogy(1.0 - probability, 1.0 - probability))
