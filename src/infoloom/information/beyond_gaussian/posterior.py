"""What is known of a target after looking: its law given other variables, an average over the special causes.

Given the special causes s and what is seen, a target is normal, θ ~ N(c + g·y + h·f(s), σ²). Its law given
what is seen is the average of that over the causes that matter, by a sum over nodes or by importance sampling.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
_CLASS_POINTS: Final = 4096
# Widths of θ's noise around the end of a class at which nodes are cut.
_AROUND: Final = np.array([-7.5, -5.0, -2.5, 0.0, 2.5, 5.0, 7.5])
_BLUNT: Final = (0.02, 0.05, 0.2, 1.0)  # widths of noise that nodes resolve at least, in spreads of θ
_MOST_CUTS: Final = 4000
_REACH: Final = 8.0
_SCORES: Final = 4001
_BISECTIONS: Final = 50
_SEED: Final = 20_251_019
_NOTHING: Final = 1e-12

_NO_CAUSE: Final = Points(np.zeros((1, 1)), np.zeros(1), {})


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
        self._known: dict[tuple[float, ...], tuple[Points, Points] | None] = {}

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

    def classes(self, y: Array, bounds: Array) -> tuple[Array, tuple[Array, ...]]:
        """P(class k | y) of the classes that bounds cut θ into, and the same from coarser sums.

        Args:
            y: Whitened coordinates of what is seen, shape (n, k).
            bounds: Where one class ends and the next begins, shape (K − 1,).

        Returns:
            Probabilities, shape (n, K), and those of a coarser sum over nodes, or of each half of the sampled points.
            How much these differ says how far the first may be off.
        """
        sums = self._sums(tuple(bounds.tolist()))
        if sums is None:
            return self._sampled_classes(y, bounds)
        fine, coarse = (self._shares(y, bounds, self._over(y, points)) for points in sums)
        return fine, (coarse,)

    def work(self, bounds: Array) -> float:
        """Cells of the sums that `classes` needs for a row."""
        sums = self._sums(tuple(bounds.tolist()))
        points = 2 * _CLASS_POINTS if sums is None else sum(len(one.log_mass) for one in sums)
        return float(points * (len(self.channel.weights) + 4 * (len(bounds) + 1)))

    def _sampled_classes(self, y: Array, bounds: Array) -> tuple[Array, tuple[Array, Array]]:
        found = np.empty((3, len(y), len(bounds) + 1))
        for rows, terms, h in self._drawn(y, _CLASS_POINTS):
            points = np.arange(terms.shape[1])
            for i, chosen in enumerate((points, *np.split(points, 2))):
                part = [(slice(None), _normalised(terms[:, chosen]), h[:, chosen])]
                found[i, rows] = self._shares(y[rows], bounds, part)
        return found[0], (found[1], found[2])

    def _shares(self, y: Array, bounds: Array, parts: Iterable[tuple[slice, Array, Array]]) -> Array:
        centre = self.target.constant + y @ self.target.gain
        result = np.empty((len(y), len(bounds) + 1))
        for rows, weights, h in parts:
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
        if not self.part.columns:  # θ has no special cause, nor a cause that meets one
            return _NO_CAUSE
        for level in (2, 1):
            found = Points.of(self.part, self.reduced, level, MAX_NODES)
            if found is not None:
                return found
        return None

    def _sums(self, bounds: tuple[float, ...]) -> tuple[Points, Points] | None:
        """Fine and coarse nodes between which a class neither begins nor ends unseen, if there are few enough."""
        if bounds not in self._known:
            self._known[bounds] = self._found_sums(bounds)
        return self._known[bounds]

    def _found_sums(self, bounds: tuple[float, ...]) -> tuple[Points, Points] | None:
        if not self.part.columns:
            return _NO_CAUSE, _NO_CAUSE
        slope, width, axes = self.target.slope[list(self.part.columns)], self.target.width, self.reduced.axes
        cuts = self._cuts(bounds)
        if cuts is not None:
            return self._levels(cuts, axes, axes)
        found = self._levels({}, *[np.vstack([axes, slope[None] / width])] * 2) if width else None
        if found is None and any(d.discrete for d in self.part.features.distributions.values()):
            # They cannot be sampled. Where θ has hardly any noise, nodes are as close as their number allows.
            spread = np.sqrt(slope @ self.part.features.covariance @ slope)
            for share in _BLUNT:
                blunt = [np.vstack([axes, slope[None] / (size * spread)]) for size in (share, 2.0 * share)]
                found = found or self._levels({}, *blunt)
        return found

    def _levels(
        self, cuts: Mapping[str, Sequence[float]], fine: Array, coarse: Array
    ) -> tuple[Points, Points] | None:
        for level in (2, 1):
            one, other = (
                Points.of(self.part, self.reduced, at, MAX_NODES, cuts, axes)
                for at, axes in ((level, fine), (level - 1, coarse))
            )
            if one is not None and other is not None:
                return one, other
        return None

    def _cuts(self, bounds: Sequence[float]) -> dict[str, list[float]] | None:
        """Where a cause brings θ to the bounds, and a few widths of its noise around them.

        None where θ depends on several continuous causes, or on noise that is seen too.
        """
        slope = self.target.slope[list(self.part.columns)]
        features = self.part.features
        used = [(f, size) for f, size in zip(features.features, slope, strict=True) if size]
        causes = list(dict.fromkeys(cause for feature, _ in used for cause in feature.causes))
        laws = {cause: features.distributions[cause] for cause in causes}
        smooth = [cause for cause in causes if not laws[cause].discrete]
        own = np.abs(self.target.gain).max(initial=0.0)
        if len(smooth) > 1 or own > _NOTHING * (self.target.width + np.abs(slope).max(initial=0.0)):
            return None
        if not smooth:
            return {}
        (cause,) = smooth
        levels = np.add.outer(np.asarray(bounds) - self.target.constant, self.target.width * _AROUND).ravel()
        steps = [other for other in causes if other != cause]
        ends: list[float] = []
        for values in itertools.product(*(laws[step].atoms[0] for step in steps)):

            def height(scores: Array, values: tuple[float, ...] = values) -> Array:
                at = {step: np.full_like(scores, value) for step, value in zip(steps, values, strict=True)}
                at[cause] = laws[cause].from_normal(scores)
                return np.asarray(np.sum([size * feature.values(at) for feature, size in used], axis=0))

            ends += laws[cause].from_normal(_crossings(height, np.unique(levels))).tolist()
            if len(ends) > _MOST_CUTS:
                return None
        return {cause: ends}

    def _over(self, y: Array, points: Points) -> Iterator[tuple[slice, Array, Array]]:
        """Rows, weights of the nodes in each that add up to 1, and h·f there; a few rows at a time."""
        if not self.part.columns:
            yield slice(None), np.ones((len(y), 1)), np.zeros((1, 1))
            return
        h = self.part.features.values(points.causes) @ self.target.slope[list(self.part.columns)]
        base = points.log_mass - 0.5 * np.einsum("ij,ij->i", points.centres, points.centres)
        seen, step = self._signal(y), max(1, _CELLS // len(h))
        for i in range(0, len(y), step):
            terms = base + seen[i : i + step] @ points.centres.T
            yield slice(i, i + step), _normalised(terms), h[None]

    def _signal(self, y: Array) -> Array:
        return np.asarray(y @ self.channel.weights[:, list(self.part.columns)] @ self.reduced.back)

    def _weighted(self, y: Array) -> Iterator[tuple[slice, Array, Array]]:
        """Rows, weights of the points of each that add up to 1, and h·f there; a few rows at a time."""
        if self.points is not None:
            yield from self._over(y, self.points)
            return
        for rows, terms, h in self._drawn(y, _POINTS):
            yield rows, _normalised(terms), h

    def _drawn(self, y: Array, count: int) -> Iterator[tuple[slice, Array, Array]]:
        """Rows, log weights of their sampled points, and h·f there; a few rows at a time."""
        if not plain(self.part.features) and any(
            d.discrete for d in self.part.features.distributions.values()
        ):
            raise QueryError(
                f"{self.name}: too many values of {', '.join(self.part.features.distributions)} meet for a sum over "
                "all of them. Use more noise, or fewer special causes."
            )
        slope, seen = self.target.slope[list(self.part.columns)], self._signal(y)
        kind = Importance if plain(self.part.features) else Scatter
        sampler = kind.of(self.part, self.reduced, count, _SEED)
        step = max(1, _CELLS // (count * len(self.part.features.features)))
        for i in range(0, len(y), step):
            terms, causes = sampler.weighted(seen[i : i + step])
            yield slice(i, i + step), terms, self.part.features.values(causes) @ slope


def _crossings(height: Callable[[Array], Array], levels: Array) -> Array:
    """Normal scores at which a function crosses levels, by bisection between many scores."""
    scores = np.linspace(-_REACH, _REACH, _SCORES)
    values = height(scores)
    low, high = np.minimum(values[:-1], values[1:]), np.maximum(values[:-1], values[1:])
    cell, level = np.nonzero((low[:, None] < levels) & (levels <= high[:, None]))
    left, right = scores[cell], scores[cell + 1]
    rises = values[cell] < values[cell + 1]
    for _ in range(_BISECTIONS):
        middle = 0.5 * (left + right)
        before = (height(middle) < levels[level]) == rises
        left, right = np.where(before, middle, left), np.where(before, right, middle)
    return np.unique(0.5 * (left + right))


def _normalised(terms: Array) -> Array:
    weights = np.exp(terms - terms.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
