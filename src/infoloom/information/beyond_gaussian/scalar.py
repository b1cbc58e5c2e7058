"""The law of one scalar variable of a story that is not Gaussian: functions of special causes, and normal noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.special

from infoloom.information.beyond_gaussian.averages.boxes import LEVELS, Level, Nodes, prior_nodes
from infoloom.information.beyond_gaussian.averages.importance import sobol
from infoloom.information.quantity import MONTE_CARLO, QUADRATURE, Quantity
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features

__all__ = ["Scalar", "class_entropy"]

_NODES: Final = 400_000
_SMOOTH: Final = 3
_REPLICATES: Final = 16
_ROWS: Final = 2**13
_SEED: Final = 20_251_018
_FLOOR: Final = 1e-9
_TAIL: Final = 38.0  # in standard normal units
_BISECTIONS: Final = 80
_EQUAL: Final = 1e-9


@dataclass(frozen=True)
class Scalar:
    """constant + slope · f(s) + N(0, width²), s the special causes.

    Attributes:
        features: f, only those that the variable has.
    """

    constant: float
    slope: Array
    width: float
    features: Features

    @classmethod
    def of(cls, covariance: StructuredCovariance, name: str) -> Scalar:
        """A scalar variable of a story."""
        law = covariance.system.law
        at = list(law.columns)
        loadings = law.drawn[name][0]
        slope, width = loadings[at], float(np.linalg.norm(np.delete(loadings, at)))
        used = np.flatnonzero(slope)
        chosen = tuple(law.features.features[i] for i in used)
        features = Features(chosen, {c: law.features.distributions[c] for f in chosen for c in f.causes})
        constant = float(law.mean.get(name, np.zeros(1))[0]) - float(slope @ law.features.mean)
        return cls(constant, slope[used], width, features)

    @property
    def smooth(self) -> int:
        """How many of its special causes are continuous."""
        return sum(not d.discrete for d in self.features.distributions.values())

    @property
    def one_cause(self) -> bool:
        """Whether it is a multiple of one continuous cause, without noise."""
        features = self.features.features
        return self.width == 0.0 and len(features) == 1 and features[0].linear and self.smooth == 1

    def nodes(self, level: Level) -> Nodes | None:
        """Values of its causes for a sum; None where there are too many."""
        if self.smooth > _SMOOTH or (self.smooth and self.width == 0.0):
            return None
        axes = self.slope[None] / (self.width or 1.0)
        return prior_nodes(self.features, axes, level, _NODES)

    def values(self, nodes: Nodes) -> Array:
        """slope · f(s) at some nodes."""
        return np.asarray(self.features.values(nodes.causes) @ self.slope)

    def below(self, values: Array, mass: Array, bounds: Array) -> Array:
        """P(variable < bound) of every bound, an average over values of slope · f(s)."""
        away = bounds[:, None] - self.constant - values
        step = scipy.special.ndtr(away / self.width) if self.width else (away > 0.0).astype(np.float64)
        return np.asarray(step @ mass)


def class_entropy(covariance: StructuredCovariance, target: str, bounds: Array) -> Quantity:
    """H of the classes into which bounds cut a scalar variable, whatever their probabilities are.

    Args:
        covariance: The joint law of a story that is not Gaussian; an intervention may hold some of its nodes.
        target: Name of the variable.
        bounds: Where one class ends and the next begins, ascending.

    Returns:
        Nats: in closed form, by a sum over nodes with what fewer nodes change, or by Monte Carlo over the special
        causes with its standard error.
    """
    scalar = Scalar.of(covariance, target)
    known = _exactly_below(scalar, bounds)
    if known is not None:
        return Quantity(_entropy(_shares(known)))
    fine, coarse = (scalar.nodes(level) for level in (LEVELS[2], LEVELS[1]))
    if fine is None or coarse is None:
        return _by_draws(scalar, bounds)
    shares = _shares(scalar.below(scalar.values(fine), np.asarray(fine.mass), bounds))
    value, count = _entropy(shares), len(bounds) + 1
    if np.abs(shares - 1.0 / count).max() < _EQUAL:
        return Quantity(math.log(count))
    if not scalar.smooth:
        return Quantity(value)
    other = _entropy(_shares(scalar.below(scalar.values(coarse), np.asarray(coarse.mass), bounds)))
    return Quantity(value, None, QUADRATURE, max(abs(value - other), _FLOOR))


def _exactly_below(scalar: Scalar, bounds: Array) -> Array | None:
    """P(variable < bound) where the variable has no special cause, or is a multiple of one."""
    if not scalar.features.features:
        return scalar.below(np.zeros(1), np.ones(1), bounds)
    if not scalar.one_cause:
        return None
    (distribution,) = scalar.features.distributions.values()
    slope = float(scalar.slope[0])
    wanted = (bounds - scalar.constant) / slope
    low, high = np.full(len(wanted), -_TAIL), np.full(len(wanted), _TAIL)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        less = distribution.from_normal(middle) < wanted
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.asarray(scipy.special.ndtr(math.copysign(1.0, slope) * 0.5 * (low + high)))


def _by_draws(scalar: Scalar, bounds: Array) -> Quantity:
    """Shares over replicates of drawn causes; the error is that of the entropy, linear in the shares."""
    found = np.stack([_shares(scalar.below(*drawn, bounds)) for drawn in _drawn(scalar)])
    mean = found.mean(axis=0)
    seen = mean > 0.0
    terms = -found[:, seen] @ np.log(mean[seen])
    error = float(terms.std(ddof=1)) / math.sqrt(len(terms))
    rows = _REPLICATES * _ROWS
    unseen = 0.0 if seen.all() else math.log(rows) / rows  # of a class with one row
    return Quantity(_entropy(mean), math.hypot(error, unseen), MONTE_CARLO)


def _drawn(scalar: Scalar) -> Iterator[tuple[Array, Array]]:
    laws = scalar.features.distributions
    for replicate in range(_REPLICATES):
        normals = sobol(len(laws), _ROWS, _SEED + replicate)
        causes = {c: d.from_normal(normals[:, i]) for i, (c, d) in enumerate(laws.items())}
        yield np.asarray(scalar.features.values(causes) @ scalar.slope), np.full(_ROWS, 1.0 / _ROWS)


def _shares(below: Array) -> Array:
    return np.asarray(np.maximum(np.diff(below, prepend=0.0, append=1.0), 0.0))


def _entropy(shares: Array) -> float:
    return float(scipy.special.entr(shares).sum())
