"""Averages over many special causes by importance sampling around the posterior, once with half of the points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.linalg
import scipy.special

from infoloom.information.beyond_gaussian.averages.reduced import Reduced
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features

__all__ = ["Importance", "Scatter", "less_bias", "plain", "sobol"]

_CELLS: Final = 2_000_000
_WIDE: Final = 0.02
_FIT: Final = 4096


@dataclass(frozen=True)
class _Proposal:
    """A multivariate Student law around a linear function of y: its centre's matrix and its triangle."""

    gain: Array
    lower: Array
    df: float

    @staticmethod
    def of(slope: Array, prior: float, df: float) -> _Proposal:
        """The posterior that a normal prior of some precision gives in y = slope · s + N(0, I)."""
        covariance = np.linalg.inv(slope.T @ slope + prior * np.eye(slope.shape[1]))
        return _Proposal(covariance @ slope.T, np.linalg.cholesky(covariance), df)

    def draw(self, y: Array, points: Array) -> Array:
        """Points around the centre of every row, shape (n, k, causes)."""
        return np.asarray((y @ self.gain.T)[:, None, :] + points @ self.lower.T)

    def log_density(self, y: Array, s: Array) -> Array:
        """Of points s, shape (n, k, causes), in the rows of y."""
        size = len(self.lower)
        inverse = scipy.linalg.solve_triangular(self.lower, np.eye(size), lower=True)
        away = (s - (y @ self.gain.T)[:, None, :]) @ inverse.T
        constant = math.lgamma((self.df + size) / 2.0) - math.lgamma(self.df / 2.0)
        constant -= 0.5 * size * math.log(self.df * math.pi) + float(np.log(np.diag(self.lower)).sum())
        squares = np.einsum("nkf,nkf->nk", away, away)
        return np.asarray(constant - 0.5 * (self.df + size) * np.log1p(squares / self.df))


class _Sampled:
    """What both kinds share: rows in chunks, all points and half of them."""

    grows = True
    points: Array
    size: int

    @property
    def cells(self) -> float:
        """Work for one row."""
        return 200.0 * len(self.points) * self.size

    def log_average(self, y: Array, s: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        """From all points and from half of them, each less its bias, and the standard error; see `less_bias`."""
        found = np.empty((3, len(y)))
        step = max(1, _CELLS // (2 * len(self.points) * self.size))
        for i in range(0, len(y), step):
            terms, _ = self.weighted(y[i : i + step])
            found[:, i : i + step] = less_bias(terms)
        return found[0], found[1], found[2]

    def weighted(self, y: Array) -> tuple[Array, dict[str, Array]]:
        """Log weights of every row's points, shape (n, k), and the causes there."""
        raise NotImplementedError


@dataclass(frozen=True)
class Importance(_Sampled):
    """Student laws around the Gaussian posterior and around the likelihood.

    Only for features that are continuous causes themselves: their likelihood is Gaussian in s, so no mode is missed.
    """

    part: Component
    axes: Array
    points: Array
    proposals: tuple[_Proposal, _Proposal]
    size: int

    @staticmethod
    def of(part: Component, reduced: Reduced, inner: int, seed: int) -> Importance:
        """Prepare the points."""
        features = part.features
        size = len(features.features)
        df = min([4.0, *(d.args[0] for d in features.distributions.values() if d.name == "student_t")])
        points = _student(size, inner // 2, seed, df)
        near, far = (_Proposal.of(reduced.axes, prior, df) for prior in (1.0, _WIDE))
        return Importance(part, reduced.axes, points, (near, far), size)

    def weighted(self, y: Array) -> tuple[Array, dict[str, Array]]:
        """Every quarter of the points has as many of each proposal."""
        near, far = self.proposals
        parts = np.split(self.points, 4)
        s = np.concatenate([law.draw(y, part) for part in parts for law in (near, far)], axis=1)
        away = y[:, None, :] - s @ self.axes.T
        terms = -0.5 * np.einsum("nkf,nkf->nk", away, away) + math.log(2.0)
        terms += 0.5 * np.einsum("nf,nf->n", y, y)[:, None]
        terms -= np.logaddexp(near.log_density(y, s), far.log_density(y, s))
        labels = [feature.causes[0] for feature in self.part.features.features]
        for f, label in enumerate(labels):
            with np.errstate(divide="ignore"):
                terms += np.log(self.part.features.distributions[label].density(s[..., f]))
        return np.asarray(terms), {label: s[..., f] for f, label in enumerate(labels)}


@dataclass(frozen=True)
class Scatter(_Sampled):
    """Functions of many continuous causes: points from their law, and around a linearised posterior.

    Causes are taken as functions of normal scores u, where their law is N(0, I); v is fitted linearly in u. Half of
    the points come from the law itself, so that weights are bounded by twice the likelihood.
    """

    part: Component
    axes: Array
    centre: Array
    points: Array
    free: Array
    proposal: _Proposal
    size: int

    @staticmethod
    def of(part: Component, reduced: Reduced, inner: int, seed: int) -> Scatter:
        """Fit the channel and prepare the points."""
        distributions = part.features.distributions
        size = len(distributions)
        u = sobol(size, _FIT, 0)
        v = part.features.values(_causes(part.features, u)) @ reduced.axes.T
        slope = (u.T @ v / len(u)).T
        proposal = _Proposal.of(slope, 1.0, 4.0)
        points, free = _student(size, inner // 2, seed, 4.0), sobol(size, inner // 2, seed + 1)
        return Scatter(part, reduced.axes, v.mean(axis=0), points, free, proposal, size)

    def weighted(self, y: Array) -> tuple[Array, dict[str, Array]]:
        """Every quarter of the points has as many of the law's and of the proposal's."""
        shifted = y - self.centre
        parts = zip(np.split(self.points, 4), np.split(self.free, 4), strict=True)
        shape = (len(y), len(self.free) // 4, self.size)
        drawn = [
            part
            for near, free in parts
            for part in (self.proposal.draw(shifted, near), np.broadcast_to(free, shape))
        ]
        u = np.concatenate(drawn, axis=1)
        causes = _causes(self.part.features, u)
        v = self.part.features.values(causes) @ self.axes.T
        prior = -0.5 * np.einsum("nkf,nkf->nk", u, u) - 0.5 * self.size * math.log(2.0 * math.pi)
        terms = np.einsum("nf,nkf->nk", y, v) - 0.5 * np.einsum("nkf,nkf->nk", v, v)
        terms += prior + math.log(2.0) - np.logaddexp(prior, self.proposal.log_density(shifted, u))
        return np.asarray(terms), causes


def plain(features: Features) -> bool:
    """Whether all features are continuous causes themselves."""
    return all(f.linear for f in features.features) and not any(
        d.discrete for d in features.distributions.values()
    )


def sobol(dimension: int, rows: int, seed: int, start: int = 0) -> Array:
    """Scrambled Sobol points as standard normals, shape (rows, dimension)."""
    from scipy.stats import qmc

    engine = qmc.Sobol(dimension, rng=np.random.default_rng(seed))
    if start:
        engine.fast_forward(start)
    return np.asarray(scipy.special.ndtri(np.clip(engine.random(rows), 1e-16, 1.0 - 1e-16)))


def less_bias(terms: Array) -> tuple[Array, Array, Array]:
    """log of the mean of exp over all points and over halves, each less its bias, and the standard error of the first.

    The log of a mean is too small by about 1 / points. The error is the spread of four quarters of the points over two.
    """
    largest = terms.max(axis=1, keepdims=True)
    quarters = np.exp(terms - largest).reshape(len(terms), 4, -1).mean(axis=2) + 1e-300
    halves = quarters.reshape(-1, 2, 2).mean(axis=2)
    one, two, four = (
        np.log(part).mean(axis=1) for part in (halves.mean(axis=1, keepdims=True), halves, quarters)
    )
    error = 0.5 * np.log(quarters).std(axis=1, ddof=1)
    return largest[:, 0] + 2.0 * one - two, largest[:, 0] + 2.0 * two - four, error


def _student(size: int, rows: int, seed: int, df: float) -> Array:
    normals = sobol(size + 1, rows, seed)
    chi = scipy.special.chdtri(df, scipy.special.ndtr(-normals[:, -1]))
    return np.asarray(normals[:, :size] / np.sqrt(chi / df)[:, None])


def _causes(features: Features, u: Array) -> dict[str, Array]:
    return {c: d.from_normal(u[..., i]) for i, (c, d) in enumerate(features.distributions.items())}
