"""Sample covariances of a dataset's rows against the covariances of its story."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.checking.chance import FALSE_ALARM, Spread

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["Features", "Moments", "Worst", "deviation", "spread_spans", "story_features"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_PROBES: Final = 3
_MAX_SPAN: Final = 32
_ROUNDING: Final = 1e-7
_SEED: Final = 20_251_021


@dataclass(frozen=True)
class Features:
    """Scalars of every row whose joint covariance is known: scalar variables, and projections of latents.

    A latent is projected on its group's template span (at most 32 directions) and on three random directions
    of the complement, the same for all modalities of a group.

    Attributes:
        names: One name a feature.
        directions: For each modality the directions, shape (k, d).
        covariance: Of the features, shape (F, F).
        mean: Of the features, shape (F,).
        gaussian: Whether their joint law is Gaussian.
    """

    names: tuple[str, ...]
    scalars: tuple[str, ...]
    directions: Mapping[str, Array]
    covariance: Array
    mean: Array
    gaussian: bool = True

    def values(self, rows: Mapping[str, np.ndarray[Any, Any]], prefix: str = "") -> Array:
        """The features of some rows less their means, shape (n, F).

        Args:
            rows: Arrays by name.
            prefix: What stands before a modality's name in `rows`.
        """
        parts = [
            np.asarray(rows[name], dtype=np.float64).reshape(len(rows[name]), -1) for name in self.scalars
        ]
        parts += [rows[prefix + name].astype(np.float64) @ k.T for name, k in self.directions.items()]
        if not parts:
            return np.zeros((len(next(iter(rows.values()))), 0))
        return np.asarray(np.concatenate(parts, axis=1) - self.mean)


def story_features(story: Story, scalars: Sequence[str], modalities: Sequence[str]) -> Features:
    """Features of the given variables of a story, with their exact covariance."""
    system = story.covariance.system
    generator = np.random.default_rng(_SEED)
    probes = [_probes(group.basis, group.dim, generator) for group in system.groups]
    names: list[str] = []
    means: list[Array] = []
    spans: list[Array] = []
    complements: list[tuple[int, Array]] = []
    directions: dict[str, Array] = {}
    for name in scalars:
        loadings = system.in_span[name]
        names += [name] if len(loadings) == 1 else [f"{name}[{i}]" for i in range(len(loadings))]
        means.append(system.law.mean.get(name, np.zeros(len(loadings))))
        spans.append(loadings)
        complements += [(-1, np.zeros(0))] * len(loadings)
    for name in modalities:
        group, own = system.complement[name]
        kept = _some(system.in_span[name].shape[0], generator)
        centre = system.law.mean.get(name, np.zeros(len(system.in_span[name])))
        means.append(np.concatenate([centre[kept], np.zeros(len(probes[group]))]))
        directions[name] = np.concatenate([system.groups[group].basis[kept], probes[group]])
        names += [f"{name}, span {i}" for i in kept] + [
            f"{name}, random {i}" for i in range(len(probes[group]))
        ]
        spans += [system.in_span[name][kept], np.zeros((len(probes[group]), system.in_span[name].shape[1]))]
        complements += [(-1, np.zeros(0))] * len(kept)
        complements += [(group * _PROBES + i, own) for i in range(len(probes[group]))]
    loadings = np.concatenate(spans) if spans else np.zeros((0, 1))
    covariance = loadings @ loadings.T
    for i, (place, one) in enumerate(complements):
        for j, (other_place, other) in enumerate(complements):
            if place >= 0 and place == other_place:
                covariance[i, j] = one @ other
    mean = np.concatenate(means) if means else np.zeros(0)
    return Features(tuple(names), tuple(scalars), directions, covariance, mean, story.gaussian)


@dataclass(frozen=True)
class Moments:
    """Second moments about the known means, which are zero, of n rows, and the largest absolute values."""

    rows: int
    products: Array
    squares: Array
    largest: Array

    @staticmethod
    def none(features: int) -> Moments:
        """Of no row yet."""
        return Moments(0, np.zeros((features, features)), np.zeros((features, features)), np.zeros(features))

    def add(self, values: Array) -> Moments:
        """With more rows, shape (n, F)."""
        squares = self.squares + (values**2).T @ values**2
        largest = np.maximum(self.largest, np.abs(values).max(axis=0, initial=0.0))
        return Moments(self.rows + len(values), self.products + values.T @ values, squares, largest)

    @property
    def covariance(self) -> Array:
        """Sample covariance, shape (F, F)."""
        return self.products / max(self.rows, 1)

    def spread(self, exact: Array) -> Spread:
        """Of the products of one row about these covariances (F, F); the largest is at most so."""
        rows = max(self.rows, 1)
        square = self.squares / rows - 2.0 * exact * self.products / rows + exact**2
        return Spread(np.sqrt(np.maximum(square, 0.0)), np.outer(self.largest, self.largest) + np.abs(exact))


@dataclass(frozen=True)
class Worst:
    """The entry that is furthest from its expectation, in units of what chance allows."""

    ratio: float
    names: tuple[str, str]
    value: float
    expected: float
    standard_error: float


def deviation(moments: Moments, features: Features, fresh: Moments | None = None) -> Worst:
    """Compare a sample covariance with the exact one.

    The mean of n products of zero-mean Gaussians x, y leaves S_xy by more than z·se + z²·(√(S_xx S_yy) +
    |S_xy|)/(2n), se² = (S_xx S_yy + S_xy²)/n, with probability below 2·exp(−z²/2), for every n. z is chosen
    so that no entry of the whole matrix exceeds it with probability 6.3e-5, which is that of four standard
    errors for one entry.

    Args:
        moments: Of the rows.
        features: Of their story.
        fresh: Of other rows of the story where it is not Gaussian; see `Spread`.

    Returns:
        The worst entry; its ratio is above 1 when the covariances differ.

    Source:
        Laurent and Massart 2000, lemma 1, for the two eigenvalues of a product.
    """
    exact = features.covariance
    scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
    pairs = len(exact) * (len(exact) + 1) // 2
    z = math.sqrt(2.0 * math.log(2.0 * pairs / FALSE_ALARM))
    error = np.sqrt((scale**2 + exact**2) / moments.rows)
    bound = z * error + z**2 * (scale + np.abs(exact)) / (2.0 * moments.rows)
    if fresh is not None:
        spread = moments.spread(exact).joined(fresh.spread(exact))
        error = np.maximum(error, spread.deviation / math.sqrt(moments.rows))
        bound = np.maximum(bound, spread.bound(moments.rows, pairs))
    size = np.sqrt(1.0 + np.diag(exact) + features.mean**2)
    bound = np.maximum(bound, _ROUNDING * np.outer(size, size))  # rows are float32
    difference = np.abs(moments.covariance - exact)
    ratio = np.divide(difference, bound, out=np.where(difference > 0, np.inf, 0.0), where=bound > 0)
    i, j = (int(k) for k in np.unravel_index(np.argmax(ratio), ratio.shape))
    return Worst(
        float(ratio[i, j]),
        (features.names[i], features.names[j]),
        float(moments.covariance[i, j]),
        float(exact[i, j]),
        float(error[i, j]),
    )


def _probes(basis: Array, dim: int, generator: np.random.Generator) -> Array:
    """Orthonormal random directions of the complement, as many as there is room for."""
    count = min(_PROBES, dim - len(basis))
    drawn = generator.standard_normal((count, dim))
    drawn -= (drawn @ basis.T) @ basis
    return np.linalg.qr(drawn.T)[0].T if count else np.zeros((0, dim))


def _some(rank: int, generator: np.random.Generator) -> list[int]:
    return sorted(int(i) for i in generator.choice(rank, min(rank, _MAX_SPAN), replace=False))


def spread_spans(firsts: Sequence[tuple[int, int]], limit: int) -> Iterator[tuple[int, int]]:
    """Spans of rows, some from every shard, at most about `limit` rows in all.

    Args:
        firsts: First row and rows of every shard.
        limit: Rows in all.
    """
    share = max(1, -(-limit // max(len(firsts), 1)))
    for first, rows in firsts:
        if limit <= 0:
            return
        taken = min(rows, share, limit)
        limit -= taken
        yield first, first + taken
