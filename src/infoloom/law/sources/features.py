"""Functions of causes: what enters an equation when it is not linear, or when its cause is not normal.

A *feature* is a product of functions of causes, `sin(mass)*spin**2`, or a cause itself. Given the causes that
stand in features everything else in a story is Gaussian, so features are all that a story's law needs beyond
a covariance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from infoloom.law.sources.distributions import Array, Distribution
from infoloom.spec.equations.expression import Factor

__all__ = ["Feature", "Features", "feature_of", "no_features"]

_DEPENDENT: Final = 1e-10
_FAR: Final = 28.0  # moments are integrated up to probabilities of 1e-172
_OVERFLOW: Final = 300.0


@dataclass(frozen=True)
class Feature:
    """A product of functions of scalar causes; one plain factor is the cause itself."""

    factors: tuple[Factor, ...]

    def __str__(self) -> str:
        return "*".join(str(factor) for factor in self.factors)

    @property
    def causes(self) -> tuple[str, ...]:
        """Labels of its scalar causes, each once: `mass`, `style[2]`."""
        return tuple(dict.fromkeys(factor.source for factor in self.factors))

    @property
    def linear(self) -> bool:
        """Whether it is a cause itself."""
        return len(self.factors) == 1 and self.factors[0].linear

    def of(self, cause: str) -> Feature:
        """The part that is a function of one cause."""
        return Feature(tuple(factor for factor in self.factors if factor.source == cause))

    def values(self, causes: Mapping[str, Array]) -> Array:
        """The feature's value at some values of its causes, all of one shape."""
        return np.asarray(math.prod(evaluate(factor, causes[factor.source]) for factor in self.factors))

    def slope(self, cause: str, causes: Mapping[str, Array]) -> Array:
        """The feature's derivative by one of its causes at some values of its causes, all of one shape.

        At a kink of `relu`, `abs` or `sign`, which no draw of a continuous cause hits, it is 0.
        """
        total = np.zeros_like(causes[cause])
        for i, factor in enumerate(self.factors):
            if factor.source == cause:
                rest = Feature(self.factors[:i] + self.factors[i + 1 :])
                total = total + slope(factor, causes[cause]) * rest.values(causes)
        return total

    def panels(self, cause: str) -> tuple[tuple[float, ...], float, float]:
        """Its kinks in one cause, how fine panels must be there, and how wide they may be anywhere."""
        own = [factor for factor in self.factors if factor.source == cause]
        kinks = (0.0,) if any(f.function in ("relu", "abs", "sign", "tanh") for f in own) else ()
        fastest = sum(abs(f.scale) * f.power for f in own if f.function in ("tanh", "exp"))
        turns = sum(abs(f.scale) * f.power for f in own if f.function in ("sin", "cos"))
        return kinks, 1.0 / max(fastest, 1e-9), 6.0 / turns if turns else math.inf


def feature_of(factors: tuple[Factor, ...]) -> Feature:
    """The feature that a term's factors make, the same whatever their order and place in the text."""
    return Feature(tuple(sorted((replace(factor, position=0) for factor in factors), key=str)))


def evaluate(factor: Factor, values: Array) -> Array:
    """One factor at some values of its cause."""
    inside = factor.scale * values
    match factor.function:
        case "relu":
            result = np.maximum(inside, 0.0)
        case "sin" | "cos" | "tanh" | "exp" | "abs" | "sign":
            result = getattr(np, factor.function)(inside)
        case _:
            result = inside
    return np.asarray(result**factor.power)


def slope(factor: Factor, values: Array) -> Array:
    """The derivative of one factor by its cause at some values of it."""
    inside = factor.scale * values
    match factor.function:
        case "sin":
            inner = np.cos(inside)
        case "cos":
            inner = -np.sin(inside)
        case "tanh":
            inner = 1.0 - np.tanh(inside) ** 2
        case "exp":
            inner = np.exp(inside)
        case "relu":
            inner = np.where(inside > 0.0, 1.0, 0.0)
        case "abs":
            inner = np.sign(inside)
        case "sign":
            inner = np.zeros_like(inside)
        case _:
            inner = np.ones_like(inside)
    outer = evaluate(replace(factor, power=factor.power - 1), values) if factor.power > 1 else 1.0
    return np.asarray(factor.power * factor.scale * inner * outer)


@dataclass(frozen=True)
class Features:
    """All features of a story: the special causes themselves first, then their functions.

    Attributes:
        features: In the order of the loadings' columns.
        distributions: Of every special cause, by label.
    """

    features: tuple[Feature, ...]
    distributions: Mapping[str, Distribution]

    @property
    def labels(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(str(feature) for feature in self.features)

    @property
    def normal_given_categories(self) -> bool:
        """Whether each is constant or linear in one normal cause where all categories are known, as `kind*mass` is."""
        free = [
            [factor for factor in feature.factors if not self.distributions[factor.source].discrete]
            for feature in self.features
        ]
        return all(
            len(factors) <= 1 and all(f.linear and self.distributions[f.source].normal for f in factors)
            for factors in free
        )

    def values(self, causes: Mapping[str, Array]) -> Array:
        """Values of all features, shape (n, F), at values of the special causes, each of shape (n,)."""
        columns = [feature.values(causes) for feature in self.features]
        return np.stack(columns, axis=-1) if columns else np.zeros((0, 0))

    @cached_property
    def mean(self) -> Array:
        """Means, shape (F,)."""
        return np.array([0.0 if f.linear else self._moment(f) for f in self.features])

    @cached_property
    def covariance(self) -> Array:
        """Covariance, shape (F, F): moments of products are products of one-dimensional integrals."""
        size = len(self.features)
        joint = np.eye(size)
        if all(feature.linear for feature in self.features):
            return joint
        for i, a in enumerate(self.features):
            for j, b in enumerate(self.features[: i + 1]):
                if a.linear and b.linear:
                    continue
                shared = set(a.causes) & set(b.causes)
                product = (
                    self._moment(Feature(a.factors + b.factors)) if shared else self.mean[i] * self.mean[j]
                )
                joint[i, j] = joint[j, i] = product - self.mean[i] * self.mean[j]
        return joint

    @cached_property
    def factor(self) -> Array:
        """Lower triangle L with L Lᵀ = covariance; columns of features that others determine are zero."""
        joint = self.covariance
        size = len(joint)
        if all(feature.linear for feature in self.features):
            return joint
        lower = np.zeros((size, size))
        for j in range(size):
            rest = joint[j, j] - lower[j] @ lower[j]
            if rest <= _DEPENDENT * max(joint[j, j], 1e-300):
                continue
            lower[j:, j] = (joint[j:, j] - lower[j:] @ lower[j]) / math.sqrt(rest)
        return lower

    def problems(self) -> list[str]:
        """Why some feature has no finite variance, one line each."""
        found = []
        for feature in self.features:
            for cause in feature.causes:
                distribution = self.distributions[cause]
                if not _has_variance(feature.of(cause), distribution):
                    text = (
                        f"{distribution.name}({', '.join(f'{a:g}' for a in distribution.args)})".removesuffix(
                            "()"
                        )
                    )
                    found.append(
                        f"`{feature}` has no finite variance, because `{cause}` is {text}. "
                        "Use a bounded function such as `tanh`, a lower power, or lighter tails."
                    )
        return found

    def _moment(self, feature: Feature) -> float:
        """Expectation of a feature: the product over its causes."""
        return math.prod(self._one_cause(feature.of(cause), cause) for cause in feature.causes)

    def _one_cause(self, feature: Feature, cause: str) -> float:
        kinks, finest, widest = feature.panels(cause)
        values, mass = self.distributions[cause].nodes(kinks, finest, widest, _FAR)
        with np.errstate(over="ignore", invalid="ignore"):
            summed = np.where(mass > 0.0, mass * feature.values({cause: values}), 0.0)
        return float(summed[np.isfinite(summed)].sum())


def no_features() -> Features:
    """Of a story whose causes are all normal and whose equations are all linear."""
    return Features((), {})


def _has_variance(feature: Feature, distribution: Distribution) -> bool:
    """Whether the square of a function of one cause has an expectation, small enough for a float."""
    rate = 2.0 * sum(abs(f.scale) * f.power for f in feature.factors if f.function == "exp")
    degree = 2.0 * sum(f.power for f in feature.factors if f.function in (None, "relu", "abs"))
    if distribution.plugin is not None:  # moments up to an order are all that is known
        return rate == 0.0 and degree < min(
            float(distribution.plugin.moments(distribution.args)), _OVERFLOW / 2.0
        )
    match distribution.name:
        case "student_t":
            return rate == 0.0 and degree < distribution.args[0]
        case "laplace":
            return rate < math.sqrt(2.0) and degree < _OVERFLOW / 2.0
        case "uniform" | "categorical":
            return rate * distribution.ends()[1] < _OVERFLOW
    return rate**2 / 2.0 < _OVERFLOW and degree < _OVERFLOW / 2.0
