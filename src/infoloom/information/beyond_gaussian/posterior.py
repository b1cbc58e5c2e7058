"""What is known of a target after looking: its law given other variables, an average over the special causes.

Given the special causes s and what is seen, a target is normal, θ ~ N(c + g·y + h·f(s), σ²). Its law given
what is seen is the average of that over the causes that matter, by a sum over nodes or by importance sampling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import scipy.special

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.averages.importance import Importance, Scatter, plain
from infoloom.information.beyond_gaussian.averages.inner import MAX_NODES, Points
from infoloom.information.beyond_gaussian.averages.reduced import Reduced, reduce
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features

__all__ = ["Posterior"]

_CELLS: Final = 2_000_000
_POINTS: Final = 1024
_SEED: Final = 20_251_019
_NOTHING: Final = 1e-12


@dataclass(frozen=True)
class _Target:
    """θ = constant + gain · y + slope · f(s) + width · noise, y the whitened coordinates of what is seen."""

    constant: float
    gain: Array
    slope: Array
    width: float


class Posterior:
    """The law of a scalar given some variables.

    Args:
        special: The story's information, with its channels.
        target: Name of the scalar.
        given: Names of what is seen.

    Raises:
        QueryError: The target does not fit, or what is seen shows causes without noise.
    """

    def __init__(self, special: Special, target: str, given: Sequence[str]) -> None:
        self.law = special.covariance.system.law
        self.name = f"prediction of `{target}` from {', '.join(f'`{name}`' for name in given) or 'nothing'}"
        special.covariance.blocks([target, *given])
        scalar = target not in special.covariance.system.complement and special.covariance.dim(target) == 1
        if not scalar or target in given or not given:
            raise QueryError(f"{self.name}: expected a scalar that is predicted from other variables.")
        self.channel = special.channel(frozenset(given))
        if self.channel.known:
            known = ", ".join(f"`{cause}`" for cause in sorted(self.channel.known))
            raise QueryError(
                f"{self.name}: not found where {known} is shown without noise. Add noise to what shows it, such as "
                "`+ 0.1*noise`."
            )
        self.target = self._target(special, target)

    def _target(self, special: Special, name: str) -> _Target:
        at = list(self.law.columns)
        loadings = self.law.drawn[name][0]
        own, rest = loadings[at], np.delete(loadings, at)
        gain = self.channel.noise @ rest
        mean = float(self.law.mean.get(name, np.zeros(1))[0]) - float(own @ self.law.features.mean)
        left = float(rest @ rest - gain @ gain)
        width = np.sqrt(left) if left > _NOTHING * float(rest @ rest) else 0.0
        return _Target(mean, gain, own - gain @ self.channel.weights, float(width))

    @cached_property
    def part(self) -> Component:
        """The features that tell about the causes in θ, whether they are seen or not."""
        features = self.law.features
        size = np.abs(self.target.slope) * np.sqrt(np.diag(features.covariance))
        causes = {
            c
            for i, f in enumerate(features.features)
            if size[i] > _NOTHING * size.max(initial=0.0)
            for c in f.causes
        }
        for _ in features.distributions:  # until no further component is touched
            for part in self.channel.components:
                if causes & part.features.distributions.keys():
                    causes |= part.features.distributions.keys()
        chosen = [i for i, f in enumerate(features.features) if set(f.causes) <= causes]
        gram = self.channel.weights[:, chosen].T @ self.channel.weights[:, chosen]
        laws = {c: d for c, d in features.distributions.items() if c in causes}
        return Component(Features(tuple(features.features[i] for i in chosen), laws), gram, tuple(chosen))

    @cached_property
    def reduced(self) -> Reduced:
        """The channel of these features."""
        return reduce(self.part)

    def moments(self, y: Array) -> tuple[Array, Array, Array]:
        """E[θ | y], Var[θ | y] and the error of the former, each of shape (n,).

        Args:
            y: Whitened coordinates of what is seen, shape (n, k).
        """
        centre = self.target.constant + y @ self.target.gain
        mean, variance, error = (np.zeros(len(y)) for _ in range(3))
        for rows, weights, h in self._weighted(y):
            mean[rows] = (weights * h).sum(axis=1)
            variance[rows] = (weights * (h - mean[rows, None]) ** 2).sum(axis=1)
            if self.part.columns and self.points is None:  # of self-normalised importance sampling
                error[rows] = np.sqrt((weights**2 * (h - mean[rows, None]) ** 2).sum(axis=1))
        return centre + mean, variance + self.target.width**2, error

    def classes(self, y: Array, bounds: Array) -> Array:
        """P(class k | y) of the classes that bounds cut θ into, shape (n, K)."""
        centre = self.target.constant + y @ self.target.gain
        result = np.empty((len(y), len(bounds) + 1))
        for rows, weights, h in self._weighted(y, bounds.tolist()):
            at = centre[rows, None] + h
            below = [np.zeros(len(at))]
            for bound in bounds:
                step = (
                    scipy.special.ndtr((bound - at) / self.target.width)
                    if self.target.width
                    else (at < bound).astype(np.float64)
                )
                below.append((weights * step).sum(axis=1))
            result[rows] = np.diff(np.stack([*below, np.ones(len(at))], axis=1), axis=1)
        return np.maximum(result, 0.0)

    @cached_property
    def points(self) -> Points | None:
        """Nodes for the causes, if there are few enough."""
        return self._nodes(())

    def _nodes(self, bounds: Sequence[float]) -> Points | None:
        for level in (2, 1):
            found = Points.of(self.part, self.reduced, level, MAX_NODES, self._cuts(bounds))
            if found is not None:
                return found
        return None

    def _cuts(self, bounds: Sequence[float]) -> dict[str, tuple[float, ...]]:
        """Where classes end in the cause that θ is a multiple of, so that nodes do not straddle their ends."""
        slope = self.target.slope[list(self.part.columns)]
        used = np.flatnonzero(slope)
        if self.target.width or len(used) != 1 or not self.part.features.features[used[0]].linear:
            return {}
        cause = self.part.features.features[used[0]].causes[0]
        return {cause: tuple((bound - self.target.constant) / slope[used[0]] for bound in bounds)}

    def _weighted(self, y: Array, bounds: Sequence[float] = ()) -> Iterator[tuple[slice, Array, Array]]:
        """Rows, weights of the points of each that add up to 1, and h·f there; a few rows at a time."""
        if not self.part.columns:  # θ has no special cause, nor a cause that meets one
            yield slice(None), np.ones((len(y), 1)), np.zeros((1, 1))
            return
        seen = y @ self.channel.weights[:, list(self.part.columns)] @ self.reduced.back
        slope = self.target.slope[list(self.part.columns)]
        points = self._nodes(bounds) if len(bounds) and not self.target.width else self.points
        if points is not None:
            h = self.part.features.values(points.causes) @ slope
            base = points.log_mass - 0.5 * np.einsum("ij,ij->i", points.centres, points.centres)
            step = max(1, _CELLS // len(h))
            for i in range(0, len(y), step):
                terms = base + seen[i : i + step] @ points.centres.T
                yield slice(i, i + step), _normalised(terms), h[None]
            return
        if not plain(self.part.features) and any(
            d.discrete for d in self.part.features.distributions.values()
        ):
            raise QueryError(
                f"{self.name}: too many values of {', '.join(self.part.features.distributions)} meet for a sum over "
                "all of them. Use more noise, or fewer special causes."
            )
        kind = Importance if plain(self.part.features) else Scatter
        sampler = kind.of(self.part, self.reduced, _POINTS, _SEED)
        step = max(1, _CELLS // (_POINTS * len(self.part.features.features)))
        for i in range(0, len(y), step):
            terms, causes = sampler.weighted(seen[i : i + step])
            yield slice(i, i + step), _normalised(terms), self.part.features.values(causes) @ slope


def _normalised(terms: Array) -> Array:
    weights = np.exp(terms - terms.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
