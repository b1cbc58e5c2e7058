"""Information through a vector Gaussian channel y = gram^½ f(s) + N(0, I), by Monte Carlo with a standard error.

Rows (s, y) come from scrambled Sobol points in independent replicates, whose spread gives the standard error. The
density p(y) is an average over s: over all points of a product grid if the channel is blunt enough for one, else by
importance sampling around the posterior. What that inner average is biased by is estimated by halving its points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import scipy.linalg
import scipy.special

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.channel import Component, direction
from infoloom.information.beyond_gaussian.cloud_given import density_given
from infoloom.information.beyond_gaussian.line import (
    Mixture,
    Resolution,
    cause_nodes,
    feature_mixture,
    log_sum,
)
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features

__all__ = ["Cloud", "Estimate", "feature_grid"]

REPLICATES: Final = 32
_ROWS: Final = 128
_INNER: Final = (256, 1024, 4096)
_MAX_GRID: Final = 200_000
_SMALL_GRID: Final = 1000
_BLUNT: Final = Resolution(order=8, panel=2.5, tail=6.0)
_WIDE: Final = 0.02
_ROW_CHUNK: Final = 64
_REACH: Final = 9.0
_CELLS: Final = 2_000_000
_SEED: Final = 20_251_021
_NEGLIGIBLE: Final = 1e-6


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and the bias that was found in the inner averages, in nats."""

    value: float
    standard_error: float
    bias: float


class _Density(Protocol):
    """log p(y), up to the constant −½ F log 2π, from all inner points and from half of them."""

    def __call__(self, y: Array) -> tuple[Array, Array]: ...


class Cloud:
    """Estimates for one story: all from the same rows, so that what two quantities share cancels in them.

    Args:
        features: All features of the story.
    """

    def __init__(self, features: Features) -> None:
        self.features = features
        self._means: dict[object, tuple[Array, Array]] = {}

    def estimate(self, parts: Sequence[tuple[float, Component]]) -> Estimate:
        """Σ coefficient · J(component).

        Raises:
            QueryError: The inner averages cannot be made accurate enough.
        """
        for inner in _INNER:
            found = self._estimate(parts, inner)
            if abs(found.bias) <= max(0.5 * found.standard_error, _NEGLIGIBLE):
                return found
        names = ", ".join(dict.fromkeys(c for _, part in parts for c in part.features.distributions))
        raise QueryError(
            f"information about {names}: the estimate {found.value:.4g} nats has a bias of {found.bias:.1g}, which is "
            f"not below its standard error {found.standard_error:.1g}. Use more noise, or fewer special causes."
        )

    def _estimate(self, parts: Sequence[tuple[float, Component]], inner: int) -> Estimate:
        means, halves = np.zeros(REPLICATES), np.zeros(REPLICATES)
        for coefficient, part in parts:
            whole, half = self._replicates(part, inner)
            means, halves = means + coefficient * whole, halves + coefficient * half
        error = float(means.std(ddof=1) / math.sqrt(REPLICATES))
        return Estimate(float(means.mean()), error, float((means - halves).mean()))

    def _replicates(self, part: Component, inner: int) -> tuple[Array, Array]:
        """Means of the terms of J in every replicate, from all inner points and from half of them."""
        key = part.key, inner
        if key not in self._means:
            side = _Side(part, inner)
            terms = [side.terms(*self._rows(replicate), replicate) for replicate in range(REPLICATES)]
            self._means[key] = (
                np.array([float(whole.mean()) for whole, _ in terms]),
                np.array([float(half.mean()) for _, half in terms]),
            )
        return self._means[key]

    def _rows(self, replicate: int) -> tuple[dict[str, Array], dict[str, Array]]:
        """Values of the causes and noise by feature, the same for every quantity."""
        causes = self.features.distributions
        normals = _sobol(len(causes) + len(self.features.labels), _ROWS, _SEED + replicate)
        s = {c: d.from_normal(normals[:, i]) for i, (c, d) in enumerate(causes.items())}
        return s, dict(zip(self.features.labels, normals[:, len(causes) :].T, strict=True))


@dataclass(frozen=True)
class _Side:
    """One component's terms: their mean over rows is J."""

    part: Component
    inner: int

    @cached_property
    def root(self) -> Array:
        """Symmetric root of the Gram matrix."""
        return _root(self.part.gram)

    @cached_property
    def grid(self) -> _Grid | _Line | None:
        """The sum over all values of the causes, if it is short enough."""
        if _plain(self.part.features):
            return _Grid.of(self.part, self.root, _SMALL_GRID)
        return _Line.of(self.part) or _Grid.of(self.part, self.root, _MAX_GRID)

    def density(self, replicate: int) -> _Density:
        """How log p(y) is found; every replicate has points of its own, so that their error shows."""
        return self.grid or _Importance.of(self.part, self.root, self.inner, _SEED - 1 - replicate)

    @cached_property
    def gaussian(self) -> tuple[Array, Array]:
        """Mean and triangle of the covariance of y: the Gaussian that y is compared with."""
        features = self.part.features
        covariance = self.root @ features.covariance @ self.root + np.eye(len(self.root))
        lower = np.linalg.cholesky(covariance)
        return np.asarray(self.root @ features.mean), np.asarray(lower, dtype=np.float64)

    def terms(
        self, s: Mapping[str, Array], noise: Mapping[str, Array], replicate: int
    ) -> tuple[Array, Array]:
        """For every row a term of J, from all inner points and from half of them."""
        own = np.stack([noise[label] for label in self.part.features.labels], axis=1)
        y = self.part.features.values(s) @ self.root + own
        if self.part.given:
            start = -0.5 * np.einsum("ij,ij->i", own, own)
            whole, half = (density_given(self.part, self.root, s, y, r) for r in (_BLUNT, _BLUNT.coarser))
            return start - whole, start - half
        whole, half = self.density(replicate)(y)
        features = self.part.features
        heavy = any(d.name == "student_t" for d in features.distributions.values())
        if heavy or not all(f.linear for f in features.features):
            start = -0.5 * np.einsum(
                "ij,ij->i", own, own
            )  # log p(y | s): heavy tails cancel in the difference
        else:
            mean, lower = self.gaussian
            away = scipy.linalg.solve_triangular(lower, (y - mean).T, lower=True)
            # J = v − E[log p − log q] with q the Gaussian of y's mean and covariance, log q = −v − ½ away².
            start = -0.5 * np.einsum("ij,ij->j", away, away)
        return start - whole, start - half


@dataclass(frozen=True)
class _Grid:
    """p(y) as a sum over a product grid of the causes, once fine and once coarse."""

    fine: tuple[Array, Array]
    coarse: tuple[Array, Array]

    @staticmethod
    def of(part: Component, root: Array, limit: int) -> _Grid | None:
        """The grid, or nothing if it would need too many points."""
        grids = [_grid(part, root, resolution, limit) for resolution in (_BLUNT, _BLUNT.coarser)]
        fine, coarse = grids
        return None if fine is None or coarse is None else _Grid(fine, coarse)

    def __call__(self, y: Array) -> tuple[Array, Array]:
        return _summed(y, *self.fine), _summed(y, *self.coarse)


def feature_grid(part: Component) -> tuple[Array, Array] | None:
    """Values of the features on a product grid of their causes, shape (n, F), and their log probabilities."""
    return _feature_grid(part, _root(part.gram), Resolution(order=12, tail=7.3), _MAX_GRID)


def _grid(part: Component, root: Array, resolution: Resolution, limit: int) -> tuple[Array, Array] | None:
    found = _feature_grid(part, root, resolution, limit)
    return None if found is None else (found[0] @ root, found[1])


def _root(gram: Array) -> Array:
    """Symmetric root of a matrix."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)


def _feature_grid(
    part: Component, root: Array, resolution: Resolution, limit: int
) -> tuple[Array, Array] | None:
    causes = list(part.features.distributions)
    steps = np.linalg.norm(root, axis=1)
    nodes = [cause_nodes(part.features, steps, cause, resolution) for cause in causes]
    kept = [node for node in nodes if node is not None]
    if len(kept) < len(nodes) or math.prod(len(values) for values, _ in kept) > limit:
        return None
    grids = np.meshgrid(*(values for values, _ in kept), indexing="ij")
    mass = np.prod(np.meshgrid(*(mass for _, mass in kept), indexing="ij"), axis=0).ravel()
    values = part.features.values({c: grid.ravel() for c, grid in zip(causes, grids, strict=True)})
    return values[mass > 0.0], np.log(mass[mass > 0.0])


def _summed(y: Array, centres: Array, log_mass: Array) -> Array:
    """log Σ mass · exp(−½ |y − centre|²) of every row; centres far away along one axis are left out."""
    axis = int(np.argmax(np.ptp(centres, axis=0)))
    by_centre, by_row = (np.argsort(part[:, axis], kind="stable") for part in (centres, y))
    centres, base = centres[by_centre], log_mass[by_centre]
    base = base - 0.5 * np.einsum("ij,ij->i", centres, centres)
    result = np.empty(len(y))
    start = 0
    while start < len(y):
        stop = min(start + _ROW_CHUNK, len(y))
        rows = y[by_row[start:stop]]
        low, high = np.searchsorted(centres[:, axis], [rows[0, axis] - _REACH, rows[-1, axis] + _REACH])
        low, high = (0, len(centres)) if low == high else (int(low), int(high))
        for i in range(0, len(rows), step := max(1, _CELLS // (high - low))):
            part = rows[i : i + step]
            summed = log_sum(base[low:high] + part @ centres[low:high].T)
            result[by_row[start + i : start + i + len(part)]] = summed - 0.5 * np.einsum(
                "ij,ij->i", part, part
            )
        start = stop
    return result


@dataclass(frozen=True)
class _Line:
    """p(y) where all features enter in one direction: a mixture there, and noise across it."""

    fine: Mixture
    coarse: Mixture
    axis: Array

    @staticmethod
    def of(part: Component) -> _Line | None:
        """The mixture, or nothing if there are more directions or too many points."""
        weights = direction(part)
        if weights is None:
            return None
        fine, coarse = (feature_mixture(part.features, weights, r) for r in (_BLUNT, _BLUNT.coarser))
        return (
            None if fine is None or coarse is None else _Line(fine, coarse, weights / np.linalg.norm(weights))
        )

    def __call__(self, y: Array) -> tuple[Array, Array]:
        along = y @ self.axis
        across = 0.5 * (np.einsum("ij,ij->i", y, y) - along**2) - 0.5 * math.log(2.0 * math.pi)
        return self.fine.log_density(along) - across, self.coarse.log_density(along) - across


@dataclass(frozen=True)
class _Proposal:
    """A multivariate Student law around a linear function of y: its centre's matrix and its triangle."""

    gain: Array
    lower: Array
    df: float

    @staticmethod
    def of(gram: Array, root: Array, prior: float, df: float) -> _Proposal:
        """The posterior that a normal prior of some precision would give."""
        covariance = np.linalg.inv(gram + prior * np.eye(len(gram)))
        return _Proposal(covariance @ root, np.linalg.cholesky(covariance), df)

    def draw(self, y: Array, points: Array) -> Array:
        """Points around the centre of every row, shape (n, k, F)."""
        return np.asarray((y @ self.gain.T)[:, None, :] + points @ self.lower.T)

    def log_density(self, y: Array, s: Array) -> Array:
        """Of points s, shape (n, k, F), in the rows of y."""
        size = len(self.lower)
        inverse = scipy.linalg.solve_triangular(self.lower, np.eye(size), lower=True)
        away = (s - (y @ self.gain.T)[:, None, :]) @ inverse.T
        constant = math.lgamma((self.df + size) / 2.0) - math.lgamma(self.df / 2.0)
        constant -= 0.5 * size * math.log(self.df * math.pi) + float(np.log(np.diag(self.lower)).sum())
        squares = np.einsum("nkf,nkf->nk", away, away)
        return np.asarray(constant - 0.5 * (self.df + size) * np.log1p(squares / self.df))


@dataclass(frozen=True)
class _Importance:
    """p(y) by importance sampling from Student laws around the Gaussian posterior and around the likelihood.

    Only for features that are continuous causes themselves: their likelihood is Gaussian in s, so no mode is missed.
    """

    part: Component
    root: Array
    points: Array
    proposals: tuple[_Proposal, _Proposal]

    @staticmethod
    def of(part: Component, root: Array, inner: int, seed: int) -> _Importance:
        """Prepare the points.

        Raises:
            QueryError: Functions of several causes, or discrete causes, seen too sharply for a grid.
        """
        features = part.features
        if not _plain(features):
            raise QueryError(
                f"information about {', '.join(features.labels)}: they are seen too sharply for a sum over all values "
                "of their causes. Use more noise, or causes that do not meet in one modality."
            )
        size = len(root)
        df = min([4.0, *(d.args[0] for d in features.distributions.values() if d.name == "student_t")])
        normals = _sobol(size + 1, inner // 2, seed)
        chi = scipy.special.chdtri(df, scipy.special.ndtr(-normals[:, -1]))
        points = normals[:, :size] / np.sqrt(chi / df)[:, None]
        near, far = (_Proposal.of(part.gram, root, prior, df) for prior in (1.0, _WIDE))
        return _Importance(part, root, points, (near, far))

    def __call__(self, y: Array) -> tuple[Array, Array]:
        whole, half = np.empty(len(y)), np.empty(len(y))
        step = max(1, _CELLS // (2 * len(self.points) * len(self.root)))
        for i in range(0, len(y), step):
            terms = self._terms(y[i : i + step])
            whole[i : i + step] = _log_mean(terms)
            half[i : i + step] = _log_mean(terms[:, : len(self.points)])
        return whole, half

    def _terms(self, y: Array) -> Array:
        """log of likelihood · prior / proposal; each quarter of the points is half of one proposal's."""
        near, far = self.proposals
        halves = np.split(self.points, 2)
        s = np.concatenate([law.draw(y, half) for half in halves for law in (near, far)], axis=1)
        away = y[:, None, :] - s @ self.root
        terms = -0.5 * np.einsum("nkf,nkf->nk", away, away) + math.log(2.0)
        terms -= np.logaddexp(near.log_density(y, s), far.log_density(y, s))
        for f, distribution in enumerate(self.part.features.distributions.values()):
            with np.errstate(divide="ignore"):
                terms += np.log(distribution.density(s[..., f]))
        return np.asarray(terms)


def _plain(features: Features) -> bool:
    """Whether all features are continuous causes themselves."""
    return all(f.linear for f in features.features) and not any(
        d.discrete for d in features.distributions.values()
    )


def _log_mean(terms: Array) -> Array:
    return np.asarray(log_sum(terms) - math.log(terms.shape[1]))


def _sobol(dimension: int, rows: int, seed: int) -> Array:
    """Scrambled Sobol points as standard normals, shape (rows, dimension)."""
    from scipy.stats import qmc

    points = qmc.Sobol(dimension, rng=np.random.default_rng(seed)).random(rows)
    return np.asarray(scipy.special.ndtri(np.clip(points, 1e-16, 1.0 - 1e-16)))
