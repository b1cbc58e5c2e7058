"""Averages over many causes that are normal given a random scale: Laplace, Student, mixtures.

A Laplace variable is normal with a variance that is exponential, a Student variable one whose precision is gamma
(Andrews and Mallows 1974). Given the scales y = A s + N(0, I) is Gaussian, so only scales are averaged over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.special

from infoloom.information.beyond_gaussian.averages.importance import less_bias, sobol
from infoloom.information.beyond_gaussian.averages.reduced import Reduced
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.law.equations import Array
from infoloom.law.sources.distributions import Distribution

__all__ = ["Scales", "scaled"]

_CELLS: Final = 4_000_000
_MORE: Final = 4  # points for each one of importance sampling: they cost less


def scaled(part: Component) -> bool:
    """Whether all features are causes that are normal given a scale."""
    laws = part.features.distributions.values()
    return all(f.linear for f in part.features.features) and all(
        d.name in ("normal", "laplace", "student_t", "mixture") for d in laws
    )


@dataclass(frozen=True)
class Scales:
    """The channel as a mixture of Gaussians of equal probability.

    Attributes:
        volume: ½ log det of each covariance, plus what means add, shape (n,).
        linear: Factors of y, shape (k, n).
        square: Factors of products of two components of y, shape (k (k + 1) / 2, n).
    """

    volume: Array
    linear: Array
    square: Array
    grows: bool = True

    @staticmethod
    def of(part: Component, reduced: Reduced, size: int, seed: int) -> Scales:
        """Draw the scales."""
        size *= _MORE
        labels = [feature.causes[0] for feature in part.features.features]
        laws = [part.features.distributions[label] for label in labels]
        drawn = [i for i, law in enumerate(laws) if not law.normal]
        uniform = scipy.special.ndtr(sobol(len(drawn), size, seed))
        mean, variance = np.zeros((size, len(laws))), np.ones((size, len(laws)))
        for place, i in enumerate(drawn):
            mean[:, i], variance[:, i] = _given_scale(laws[i], uniform[:, place])
        axes = reduced.axes
        k = len(axes)
        covariance = np.eye(k) + np.einsum("if,nf,jf->nij", axes, variance, axes)
        precision = np.linalg.inv(covariance)
        shift = mean @ axes.T
        pulled = np.einsum("nij,nj->ni", precision, shift)
        volume = 0.5 * np.linalg.slogdet(covariance)[1] + 0.5 * np.einsum("ni,ni->n", shift, pulled)
        taken = np.eye(k) - precision
        one, two = np.triu_indices(k)
        square = taken[:, one, two] * np.where(one == two, 0.5, 1.0)
        return Scales(volume, pulled.T, square.T)

    @property
    def cells(self) -> float:
        """Work for one row."""
        return 30.0 * len(self.volume)

    def log_average(self, y: Array, s: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        """From all scales and from half of them, each less its bias, and the standard error."""
        one, two = np.triu_indices(y.shape[1])
        found = np.empty((3, len(y)))
        step = max(1, _CELLS // len(self.volume))
        for i in range(0, len(y), step):
            rows = y[i : i + step]
            terms = (rows[:, one] * rows[:, two]) @ self.square + rows @ self.linear - self.volume
            found[:, i : i + step] = less_bias(terms)
        return found[0], found[1], found[2]


def _given_scale(law: Distribution, uniform: Array) -> tuple[Array, Array]:
    """Means and variances of the normal law of a cause, from uniform values."""
    zero = np.zeros_like(uniform)
    match law.name:
        case "laplace":
            return zero, np.asarray(-np.log1p(-uniform))
        case "student_t":
            df = law.args[0]
            return zero, np.asarray((df - 2.0) / 2.0 / scipy.special.gammaincinv(df / 2.0, uniform))
    weights, means, widths = law.parts
    chosen = np.minimum(np.searchsorted(np.cumsum(weights), uniform), len(weights) - 1)
    return means[chosen], widths[chosen] ** 2
