"""Sums of informations through vector Gaussian channels by Monte Carlo, with a standard error.

Rows come from scrambled Sobol points in independent replicates, whose spread gives the standard error. All sets of
variables see the same row, so a term is that of a pointwise information. Control variates of known mean are taken off
it with their regression weights: the same term of the Gaussian law with the same moments, the terms' quadratic part,
and terms whose mean is known by quadrature. Rows are added until the error is small enough or the budget is spent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.averages.importance import sobol
from infoloom.information.beyond_gaussian.averages.inner import Inner, inner_average
from infoloom.information.beyond_gaussian.averages.reduced import Reduced, reduce
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.information.beyond_gaussian.effort import Purse
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features

__all__ = ["Cloud", "Estimate", "Term"]

REPLICATES: Final = 32
_FIRST: Final = 32  # rows a replicate; each further segment doubles them
_FEWEST: Final = 128
_MOST: Final = 2**15
_INNER: Final = (64, 256, 1024, 4096)
_APART: Final = 7919  # inner points share no seed with rows
_LAST: Final = len(_INNER) - 1
_CHEAP: Final = 1e6
_ACCURATE: Final = 1e-4
_NEGLIGIBLE: Final = 1e-6
_UNRESOLVED: Final = (
    0.5  # mean error of the inner averages, nats, beyond which their bias is not known either
)


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error, the bias that was found in the inner averages, and their mean error; in nats."""

    value: float
    standard_error: float
    bias: float
    unresolved: float = 0.0

    @property
    def error(self) -> float:
        """Both together."""
        return math.hypot(self.standard_error, self.bias)


@dataclass(frozen=True, eq=False)
class Term:
    """A multiple of J of one component.

    Attributes:
        factor: The multiple.
        part: The component.
        noise: Loadings of its statistics b on the story's noise, shape (F, sources): b = gram · f + noise · ε.
        mean: J, if it is known.
    """

    factor: float
    part: Component
    noise: Array
    mean: float | None = None

    @property
    def key(self) -> object:
        """Equal for terms with the same rows."""
        return self.part.key, np.round(self.noise, 12).tobytes()


@dataclass(frozen=True)
class _Rows:
    """Terms of J, their coarse version, two control variates, and how far the inner averages may be off; each (n,)."""

    term: Array
    coarse: Array
    quadratic: Array
    gaussian: Array
    error: Array


class Cloud:
    """Estimates for one story; everything drawn is kept.

    Args:
        features: All features of the story.
        basis: Orthonormal, shape (sources, sources): directions of the noise, the ones that matter most first.
        seed: Of the rows.
    """

    def __init__(self, features: Features, basis: Array, seed: int) -> None:
        self.features = features
        self.basis = basis
        self.seed = seed
        self._sides: dict[object, _Side] = {}
        self._kept: dict[object, _Rows] = {}

    def estimate(self, terms: Sequence[Term], wanted: Callable[[float], float], purse: Purse) -> Estimate:
        """Σ factor · J.

        Args:
            terms: The sum; those of known mean only help.
            wanted: The error that is small enough for a value of the sum.
            purse: What may be spent.

        Raises:
            QueryError: The inner averages cannot be made accurate enough.
        """
        for size in range(len(_INNER)):
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
                found, more = self._grown(terms, size, wanted, purse)
            if (
                not math.isfinite(found.value)
                or abs(found.bias) <= max(0.5 * found.standard_error, _NEGLIGIBLE)
                or not purse.affords(more)
            ):
                break
        small = abs(found.bias) <= max(0.5 * found.standard_error, wanted(found.value), _NEGLIGIBLE)
        if small and found.unresolved <= _UNRESOLVED:
            return found
        names = ", ".join(dict.fromkeys(c for term in terms for c in term.part.features.distributions))
        if not math.isfinite(found.value):
            raise QueryError(
                f"information about {names}: functions of these causes are too large for float64 at some of their "
                "values. Use smaller numbers inside `exp` and in powers."
            )
        if found.unresolved > _UNRESOLVED:
            raise QueryError(
                f"information about {names}: averages over the causes are uncertain by {found.unresolved:.1g} nats a "
                "row, because they are seen too sharply. Use more noise, or fewer special causes."
            )
        raise QueryError(
            f"information about {names}: the estimate {found.value:.4g} nats has a bias of {found.bias:.1g}, which is "
            f"not below its standard error {found.standard_error:.1g}. Use more noise, or fewer special causes."
        )

    def _grown(
        self, terms: Sequence[Term], size: int, wanted: Callable[[float], float], purse: Purse
    ) -> tuple[Estimate, float]:
        """Rows added until the error is small enough, and what a start with more inner points would cost."""
        start = time.monotonic()  # what is prepared counts too
        accurate = wanted(0.0) <= _ACCURATE
        kept = [term for term in terms if term.mean is None or self._helps(term, size, accurate)]
        offset = sum(term.factor * (term.mean or 0.0) for term in terms if term not in kept)
        terms = kept
        sides = [self._side(term, size, accurate) for term in terms]
        grows = size < _LAST and any(side.inner.grows for side in sides)
        cells = sum(side.inner.cells for side in sides)
        segments: list[list[_Rows]] = []
        rows, found = 0, Estimate(0.0, math.inf, 0.0)
        while rows < _MOST:
            more = _FIRST if not segments else rows
            if segments and not purse.affords(REPLICATES * more * cells):
                break
            start = time.monotonic() if segments else start
            segments.append([self._segment(side, rows, more) for side in sides])
            purse.spend(REPLICATES * more * cells, time.monotonic() - start)
            rows += more
            found = _combined(terms, sides, segments, offset)
            biased = grows and abs(found.bias) > max(0.5 * found.standard_error, _NEGLIGIBLE)
            if rows >= _FEWEST and (found.error <= 0.5 * wanted(found.value) or biased):
                break
        return found, 4.0 * REPLICATES * _FIRST * cells if grows else math.inf

    def _helps(self, term: Term, size: int, accurate: bool) -> bool:
        """Whether a term of known mean costs little."""
        try:
            return self._side(term, size, accurate).inner.cells < _CHEAP
        except QueryError:
            return False

    def _side(self, term: Term, size: int, accurate: bool) -> _Side:
        key = term.key, size, accurate
        if key not in self._sides:
            reduced = reduce(term.part)
            count = _INNER[size]
            first = inner_average(term.part, reduced, count, self.seed + _APART, accurate)
            inners = [first]
            if first.grows:  # every replicate has points of its own, so that their error shows in the spread
                seeds = range(self.seed + _APART + 2, self.seed + _APART + 2 * REPLICATES, 2)
                inners += [inner_average(term.part, reduced, count, own, accurate) for own in seeds]
            self._sides[key] = _Side(term, reduced, inners, key)
        return self._sides[key]

    def _segment(self, side: _Side, start: int, count: int) -> _Rows:
        key = side.key, start
        if key not in self._kept:
            causes = self.features.distributions
            size = len(causes) + len(self.basis)
            normals = np.concatenate([sobol(size, count, self.seed + r, start) for r in range(REPLICATES)])
            s = {c: d.from_normal(normals[:, i]) for i, (c, d) in enumerate(causes.items())}
            self._kept[key] = side.rows(s, normals[:, len(causes) :] @ (side.term.noise @ self.basis).T)
        return self._kept[key]


@dataclass(frozen=True)
class _Side:
    """One component's terms: their mean over rows is J."""

    term: Term
    reduced: Reduced
    inners: Sequence[Inner]
    key: object

    @property
    def inner(self) -> Inner:
        """One of them."""
        return self.inners[0]

    def rows(self, s: dict[str, Array], noise: Array) -> _Rows:
        """Terms of rows whose causes are s and whose statistics have some noise, shape (n, F)."""
        axes = self.reduced.axes
        v = self.term.part.features.values(s) @ axes.T
        y = v + noise @ self.reduced.back
        pure = np.einsum("ij,ij->i", y, v) - 0.5 * np.einsum("ij,ij->i", v, v)
        rows = [slice(None)]
        if len(self.inners) > 1:
            rows = [
                slice(r * len(y) // REPLICATES, (r + 1) * len(y) // REPLICATES) for r in range(REPLICATES)
            ]
        found = [inner.log_average(y[own], s) for inner, own in zip(self.inners, rows, strict=True)]
        fine, coarse, error = (np.concatenate(parts) for parts in zip(*found, strict=True))
        mean, signal, _ = self.moments
        away = y - mean
        gaussian = 0.5 * (np.einsum("ij,ij->i", y, y) - away**2 @ (1.0 / (1.0 + signal)))
        return _Rows(pure - fine, pure - coarse, pure, gaussian, error)

    @cached_property
    def moments(self) -> tuple[Array, Array, tuple[float, float]]:
        """Mean and variances of v, and means of the two control variates."""
        features, axes = self.term.part.features, self.reduced.axes
        mean = axes @ features.mean
        signal = np.diag(axes @ features.covariance @ axes.T)
        power = 0.5 * float(signal.sum() + mean @ mean)
        return mean, signal, (power, power)

    @cached_property
    def tame(self) -> bool:
        """Whether the control variates have variances that rows can be trusted with."""
        features = self.term.part.features
        heavy = any(d.name == "student_t" for d in features.distributions.values())
        steep = any(
            f.function == "exp" or f.power > 2 for feature in features.features for f in feature.factors
        )
        return not heavy and not steep


def _combined(
    terms: Sequence[Term], sides: Sequence[_Side], segments: Sequence[Sequence[_Rows]], offset: float
) -> Estimate:
    """The regression estimate from all rows of all replicates."""

    def joined(place: int, name: str) -> Array:
        return np.concatenate(
            [getattr(rows[place], name).reshape(REPLICATES, -1) for rows in segments], axis=1
        )

    total = sum(term.factor * joined(i, "term") for i, term in enumerate(terms))
    coarse = sum(term.factor * joined(i, "coarse") for i, term in enumerate(terms))
    values = np.asarray(total)
    bias = float((values - np.asarray(coarse)).mean())
    controls, means = [], []
    if all(side.tame for side in sides):
        for name in ("quadratic", "gaussian"):
            controls.append(sum(term.factor * joined(i, name) for i, term in enumerate(terms)))
            means.append(
                sum(term.factor * side.moments[2][0] for term, side in zip(terms, sides, strict=True))
            )
    for i, term in enumerate(terms):
        if term.mean is not None:
            controls.append(joined(i, "term"))
            means.append(term.mean)
    if controls:
        flat = np.stack([np.asarray(c).ravel() for c in controls], axis=1)
        centred = flat - flat.mean(axis=0)
        scale = np.maximum(centred.std(axis=0), 1e-300)
        weights = np.linalg.lstsq(centred / scale, values.ravel() - values.mean(), rcond=1e-8)[0] / scale
        values = values - ((flat - np.array(means)) @ weights).reshape(values.shape)
    means_of = values.mean(axis=1)
    error = float(means_of.std(ddof=1) / math.sqrt(REPLICATES))
    unresolved = max(float(joined(i, "error").mean()) for i in range(len(terms))) if terms else 0.0
    return Estimate(offset + float(means_of.mean()), error, bias, unresolved)
