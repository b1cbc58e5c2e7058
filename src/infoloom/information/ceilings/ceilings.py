"""Ceilings: what no learner can beat, whatever it is (theory, section 6).

For a scalar Gaussian target θ with I = I(θ; x), and θ̂ = E[θ | x] / √Var, everything is a function of I, because
(θ, θ̂) are jointly Gaussian with correlation r = √(1 − e^(−2I)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import scipy.special

from infoloom.law.equations import Array

__all__ = ["bayes_accuracy", "class_bounds", "class_information", "mmse", "r_squared"]

_REACH: Final = 9.5  # beyond it a standard normal variable has a probability of 2e-21
_GRID: Final = 0.25
_NODES: Final = 12
_CHUNK: Final = 2_000_000
_INDEPENDENT: Final = 1e-9
_CERTAIN: Final = 30.0


def r_squared(information: float) -> float:
    """The largest R² of any predictor of a scalar Gaussian target, R² = 1 − e^(−2I).

    Args:
        information: I(θ; x), nats.

    Example:
        >>> round(r_squared(0.5), 6)
        0.632121
    """
    return -math.expm1(-2.0 * information)


def mmse(information: float, variance: float = 1.0) -> float:
    """The smallest mean squared error of any predictor of a scalar Gaussian target, Var(θ) e^(−2I).

    Args:
        information: I(θ; x), nats.
        variance: Var(θ).
    """
    return variance * math.exp(-2.0 * information)


def class_bounds(classes: int, variance: float = 1.0) -> Array:
    """Where a Gaussian target is cut into equally likely classes, shape (classes − 1,)."""
    bounds: Array = math.sqrt(variance) * scipy.special.ndtri(np.arange(1, classes) / classes)
    return bounds


def bayes_accuracy(information: float, classes: int) -> float:
    """The largest accuracy in telling the quantile class of a scalar Gaussian target, E max_k P(class k | θ̂).

    Args:
        information: I(θ; x), nats.
        classes: Number of equally likely classes K.

    Returns:
        Probability, from 1/K to 1, to 1e-8.

    Example:
        >>> round(bayes_accuracy(0.5, 2), 6)  # ½ + arcsin(r) / π
        0.792561
    """
    if information < _INDEPENDENT:  # the first terms of a series in r; the next is of order r³
        slope = math.exp(-0.5 * float(class_bounds(classes)[-1]) ** 2) / math.sqrt(2.0 * math.pi)
        return 1.0 / classes + math.sqrt(2.0 * r_squared(information) / math.pi) * slope
    if information > _CERTAIN:
        return 1.0
    posterior = _Posterior(information, classes)
    edges = np.concatenate([posterior.edges(), np.array(list(posterior.switches()))])
    return sum(
        (float(weights @ posterior(at).max(axis=1)) for at, weights in _nodes(np.unique(edges), classes)), 0.0
    )


def class_information(information: float, classes: int) -> float:
    """I(class; x) of the quantile class of a scalar Gaussian target, log K − E H(class | θ̂).

    Args:
        information: I(θ; x), nats.
        classes: Number of equally likely classes K.

    Returns:
        Nats, from 0 to log K, to 1e-8.
    """
    if information < _INDEPENDENT:  # the first term of a series in r²
        density = np.exp(-0.5 * class_bounds(classes) ** 2) / math.sqrt(2.0 * math.pi)
        steps = np.diff(np.concatenate([[0.0], density, [0.0]]))
        return 0.5 * classes * r_squared(information) * float(steps @ steps)
    if information > _CERTAIN:
        return math.log(classes)
    posterior = _Posterior(information, classes)
    doubt = sum(
        (
            float(weights @ scipy.special.entr(posterior(at)).sum(axis=1))
            for at, weights in _nodes(np.unique(posterior.edges()), classes)
        ),
        0.0,
    )
    return math.log(classes) - doubt


class _Posterior:
    """P(class k | θ̂) = Φ((b_{k+1} − rθ̂)/s) − Φ((b_k − rθ̂)/s), s = √(1 − r²) = e^(−I)."""

    def __init__(self, information: float, classes: int) -> None:
        self.correlation = math.sqrt(r_squared(information))
        self.spread = math.exp(-information)
        self.bounds = np.concatenate([[-np.inf], class_bounds(classes), [np.inf]])

    def __call__(self, at: Array) -> Array:
        """Probabilities of the classes, shape (n, K), at values of θ̂."""
        steps = (self.bounds - self.correlation * at[:, None]) / self.spread
        below, above = scipy.special.ndtr(steps), scipy.special.ndtr(-steps)
        # The smaller tail keeps its digits.
        probability: Array = np.where(
            steps[:, :-1] > 0, above[:, :-1] - above[:, 1:], below[:, 1:] - below[:, :-1]
        )
        return probability

    def edges(self) -> Array:
        """Ends of intervals so short that the integrands are smooth in each: dense where a class ends."""
        width = self.spread / self.correlation
        offsets = np.arange(-_REACH, _REACH + _GRID, 2.0 * _GRID) * width
        near = ((self.bounds[1:-1, None] / self.correlation) + offsets).ravel()
        near = np.unique(np.clip(near, -_REACH, _REACH))
        apart = np.diff(near, prepend=-np.inf) > 0.1 * _GRID * min(width, 1.0)
        return np.concatenate([np.arange(-_REACH, _REACH + _GRID, _GRID), near[apart]])

    def switches(self) -> Iterator[float]:
        """Where the most probable class changes: it grows with θ̂, since ratios of the probabilities do."""
        ends = (-_REACH, _REACH)
        first, last = (int(np.argmax(self(np.array([end]))[0])) for end in ends)
        open_parts = [(ends[0], first, ends[1], last)]
        while open_parts:
            low, left, high, right = open_parts.pop()
            if left == right:
                continue
            at = self._crossing(low, left, high, right)
            best = int(np.argmax(self(np.array([at]))[0]))
            if best in (left, right):
                yield at
            else:
                open_parts += [(low, left, at, best), (at, best, high, right)]

    def _crossing(self, low: float, left: int, high: float, right: int) -> float:
        def difference(at: float) -> float:
            probability = self(np.array([at]))[0]
            return float(probability[right] - probability[left])

        if difference(low) >= 0:
            return low
        if difference(high) <= 0:
            return high
        from scipy.optimize import brentq  # slow to import, and few stories need it

        return float(brentq(difference, low, high, xtol=1e-13))


def _nodes(edges: Array, classes: int) -> Iterator[tuple[Array, Array]]:
    """Gauss–Legendre nodes of every interval and their weights times the normal density, a few at a time."""
    at, weight = np.polynomial.legendre.leggauss(_NODES)
    half, middle = np.diff(edges) / 2.0, (edges[1:] + edges[:-1]) / 2.0
    step = max(1, _CHUNK // (classes * _NODES))
    for i in range(0, len(half), step):
        part = slice(i, i + step)
        nodes = (middle[part, None] + half[part, None] * at).ravel()
        density = np.exp(-0.5 * nodes**2) / math.sqrt(2.0 * math.pi)
        yield nodes, (half[part, None] * weight).ravel() * density
