"""Labels: pairs of discrete columns, and discrete columns beside continuous ones that they move.

Discrete: y = π(x) with probability λ, else a label of the same law drawn for itself. Mixed: y = s c + noise, where c is
the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.meta.laws.base import Family, Float32, Frame, excess, refined, rising, split
from infoloom.information.quantity import QUADRATURE, Quantity

__all__ = ["DISCRETE", "MIXED", "DiscreteLaw", "MixedLaw", "agreement_information", "spread_information"]

_Array = NDArray[np.float64]
_DISCRETE_MOST: Final = 1.8
_MIXED_MOST: Final = 1.2
_LEVELS: Final = (2, 8)  # of columns without a partner
_APART: Final = 6.0
_NEAR: Final = 0.05  # levels nearer than this hold less than entropies resolve
_LITTLE: Final = 1e-10  # agreement or distance with less than any wanted information
_REACH: Final = 7.0
_NODES: Final = 192
_COARSE: Final = 96


@dataclass(frozen=True)
class DiscreteLaw:
    """Integer columns; the first of x and y are pairs of labels that agree more often than by chance.

    Args:
        frame: Columns of x and y.
        shares: Probability of every level of x (pairs, levels), filled up with zeros.
        folded: Levels of y: level l of x agrees with level l mod `folded` (pairs,).
        agree: λ (pairs,).
    """

    frame: Frame
    shares: _Array
    folded: NDArray[np.int64]
    agree: _Array

    @property
    def truth(self) -> Quantity:
        """In closed form, summed over pairs (nats)."""
        return Quantity(float(agreement_information(self.agree, self.shares, self.partners).sum()))

    @property
    def heavy(self) -> bool:
        """No: rows are of about one size."""
        return False

    @property
    def discrete(self) -> tuple[bool, bool]:
        """Both sides."""
        return True, True

    @property
    def params(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {
            "levels_x": (self.shares > 0.0).sum(axis=1).tolist(),
            "levels_y": self.folded.tolist(),
            "agree": self.agree.tolist(),
        }

    @property
    def partners(self) -> _Array:
        """Probability of the level of y with which every level of x agrees (pairs, levels)."""
        pairs, levels = self.shares.shape
        found = np.zeros((pairs, levels))
        for row, (shares, folded) in enumerate(zip(self.shares, self.folded, strict=True)):
            place = np.arange(levels) % folded
            found[row] = np.bincount(place, shares, minlength=levels)[place]
        return found

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Float32, Float32]:
        """x (rows, dim_x) and y (rows, dim_y), whole numbers from 0."""
        x, y = (
            rng.integers(0, _LEVELS[1], (rows, dim)).astype(np.float32)
            for dim in (self.frame.dim_x, self.frame.dim_y)
        )
        pairs = len(self.agree)
        if pairs:
            own, other = (choose(rng, self.shares, rows) for _ in range(2))
            x[:, :pairs] = own
            y[:, :pairs] = np.where(rng.random((rows, pairs)) < self.agree, own, other) % self.folded
        return x, y


@dataclass(frozen=True)
class MixedLaw:
    """Integer columns of x, the first of which move columns of y; the rest of y is standard normal.

    Args:
        frame: Columns of x and y.
        shares: Probability of every level (pairs, levels), filled up with zeros.
        apart: Distance of neighbouring levels in y in units of its noise (pairs,).
    """

    frame: Frame
    shares: _Array
    apart: _Array

    @property
    def truth(self) -> Quantity:
        """By quadrature, summed over pairs (nats)."""
        if not len(self.apart):
            return Quantity(0.0)
        values, errors = spread_information(self.apart, self.shares)
        return Quantity(float(values.sum()), method=QUADRATURE, tolerance=float(errors.sum()))

    @property
    def heavy(self) -> bool:
        """No: rows are of about one size."""
        return False

    @property
    def discrete(self) -> tuple[bool, bool]:
        """x only."""
        return True, False

    @property
    def params(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {"levels_x": (self.shares > 0.0).sum(axis=1).tolist(), "apart": self.apart.tolist()}

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Float32, Float32]:
        """x (rows, dim_x), whole numbers from 0, and y (rows, dim_y) with columns of variance 1."""
        x = rng.integers(0, _LEVELS[1], (rows, self.frame.dim_x)).astype(np.float32)
        y = rng.standard_normal((rows, self.frame.dim_y), dtype=np.float32)
        pairs = len(self.apart)
        if pairs:
            label = choose(rng, self.shares, rows)
            levels = np.arange(self.shares.shape[1])
            mean = self.shares @ levels
            variance = self.shares @ levels**2 - mean**2
            moved = y[:, :pairs] + self.apart * (label - mean)
            x[:, :pairs], y[:, :pairs] = label, moved / np.sqrt(1.0 + self.apart**2 * variance)
        return x, y


def choose(rng: np.random.Generator, shares: _Array, rows: int) -> NDArray[np.int64]:
    """Levels of the given probabilities (rows, pairs)."""
    edges = np.cumsum(shares, axis=1)[:, :-1]
    edges[edges > 1.0 - 1e-12] = 2.0  # levels that are not there
    return np.asarray((rng.random((rows, len(shares), 1)) >= edges).sum(axis=2))


def agreement_information(agree: _Array, shares: _Array, partners: _Array) -> _Array:
    """Information of label pairs that agree with probability λ, (pairs,) nats.

    Σ_x p(x) [(1 − q) h(−λ) + q h(λ/q − λ)], q that of the partner of x, h(t) = (1 + t) log(1 + t) − t.
    """
    q = np.where(shares > 0.0, partners, 1.0)
    apart, together = excess(-agree)[:, None], excess(agree[:, None] * (1.0 / q - 1.0))
    return np.asarray((shares * ((1.0 - q) * apart + q * together)).sum(axis=1))


def spread_information(apart: _Array, shares: _Array, nodes: int = _NODES) -> tuple[_Array, _Array]:
    """Information between labels and levels with normal noise, and the change without every second node, (pairs,).

    h(y) less that of the noise; the density of y is summed over evenly spaced nodes. Where levels are near, the mean
    excess of p(y | label) / p(y), which keeps its digits.
    """
    levels = shares.shape[1]
    width = 2.0 * _REACH + apart * (levels - 1)
    spacing = width / nodes
    y = -_REACH + spacing[:, None] * np.arange(nodes + 1)
    bumps = np.exp(-0.5 * (y[:, :, None] - (apart[:, None] * np.arange(levels))[:, None, :]) ** 2)
    density = (bumps @ shares[:, :, None])[:, :, 0] / np.sqrt(2.0 * np.pi)
    terms = -density * np.log(np.maximum(density, 1e-300))
    noise = 0.5 * np.log(2.0 * np.pi * np.e)
    fine = spacing * terms.sum(axis=1) - noise
    coarse = 2.0 * spacing * terms[:, ::2].sum(axis=1) - noise
    near = apart < _NEAR
    if near.any():
        ratio = bumps[near] / (np.sqrt(2.0 * np.pi) * density[near, :, None])
        terms = density[near] * (excess(ratio - 1.0) @ shares[near, :, None])[:, :, 0]
        fine[near] = spacing[near] * terms.sum(axis=1)
        coarse[near] = 2.0 * spacing[near] * terms[:, ::2].sum(axis=1)
    return fine, np.abs(fine - coarse)


def _shares(rng: np.random.Generator, levels: int) -> _Array:
    """Probabilities of levels, none far from even."""
    return np.asarray(0.7 / levels + 0.3 * rng.dirichlet(np.ones(levels)))


def _filled(rows: Sequence[_Array]) -> _Array:
    """Rows of different lengths side by side, filled up with zeros."""
    filled = np.zeros((len(rows), max((len(row) for row in rows), default=1)))
    for place, row in zip(filled, rows, strict=True):
        place[: len(row)] = row
    return filled


def _discrete(rng: np.random.Generator, frame: Frame) -> tuple[DiscreteLaw, _Array]:
    nats = split(rng, frame, _DISCRETE_MOST)
    folded = [int(np.ceil(np.exp(n / 0.6))) + int(rng.integers(0, 4)) for n in nats]
    folded = [max(2, levels) for levels in folded]
    shares = _filled([_shares(rng, levels + int(rng.integers(0, 4))) for levels in folded])
    law = DiscreteLaw(frame, shares, np.array(folded, dtype=np.int64), np.zeros(len(nats)))
    return law, nats


def _settle_discrete(sketches: Sequence[tuple[DiscreteLaw, _Array]]) -> list[DiscreteLaw]:
    """How often labels agree, so that every pair has its nats."""
    wanted = np.concatenate([nats for _, nats in sketches])
    shares = _filled([row for law, _ in sketches for row in law.shares])
    partners = _filled([row for law, _ in sketches for row in law.partners])
    agree = rising(lambda v: agreement_information(v, shares, partners), wanted, 0.0, 1.0)
    agree = refined(agreement_information, (shares, partners), wanted, agree, (_LITTLE, 1.0))
    ends = np.cumsum([len(nats) for _, nats in sketches])[:-1]
    return [replace(law, agree=part) for (law, _), part in zip(sketches, np.split(agree, ends), strict=True)]


def _mixed(rng: np.random.Generator, frame: Frame) -> tuple[MixedLaw, _Array]:
    nats = split(rng, frame, _MIXED_MOST)
    levels = [max(2, int(np.ceil(np.exp(n / 0.65)))) + int(rng.integers(0, 3)) for n in nats]
    return MixedLaw(frame, _filled([_shares(rng, n) for n in levels]), np.zeros(len(nats))), nats


def _settle_mixed(sketches: Sequence[tuple[MixedLaw, _Array]]) -> list[MixedLaw]:
    """How far apart levels are, so that every pair has its nats."""
    wanted = np.concatenate([nats for _, nats in sketches])
    shares = _filled([row for law, _ in sketches for row in law.shares])
    apart = rising(
        lambda v: spread_information(v, shares, _COARSE)[0], wanted, 0.0, _APART, halvings=3, secants=6
    )
    apart = refined(
        lambda v, p: spread_information(v, p)[0], (shares,), wanted, apart, (_LITTLE, 2.0 * _APART)
    )
    ends = np.cumsum([len(nats) for _, nats in sketches])[:-1]
    return [replace(law, apart=part) for (law, _), part in zip(sketches, np.split(apart, ends), strict=True)]


DISCRETE: Final = Family(_discrete, _settle_discrete, _DISCRETE_MOST, _DISCRETE_MOST)
MIXED: Final = Family(_mixed, _settle_mixed, _MIXED_MOST, _MIXED_MOST)
