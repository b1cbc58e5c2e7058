"""Cut variables given Gaussian ones: independent clusters of them, each in as few dimensions as suffice.

Given Gaussian variables y, the cut variables are f = m(y) + e with normal m and e. They fall into clusters between
which e is independent. In a cluster

    f = outer · s + inner · v + spread · ε,

with independent standard normal s (what y tells), v (what ties the rest) and ε, so that given s and v all words are
independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import scipy.linalg

from infoloom.information.words.cells import Cut
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.triangle import SINGULAR, Numbers

__all__ = ["Cluster", "Tied", "find_clusters", "known_basis", "tie"]

_DETERMINED: Final = 1e-9
_UNTIED: Final = 1e-12
_FITS: Final = 1e-10
_SAME: Final = 1e-13
_LEAST: Final = 1e-8
_STEP_LIKE: Final = 1e-30  # a spread so small that Φ is a step: variables that determine each other


@dataclass(frozen=True)
class Tied:
    """A distinct cut variable: cuts that are functions of it are refinements of one partition.

    Attributes:
        loadings: On the independent sources, shape (sources,).
        cuts: Positions of the cuts it stands for, each with slope and shift: cut variable = slope · this + shift.
        edges: Of the joint partition less the mean, both infinite ends included.
    """

    loadings: Array
    cuts: tuple[tuple[int, float, float], ...]
    edges: Array


@dataclass(frozen=True)
class Cluster:
    """Variables whose words depend on each other given what is known.

    Attributes:
        members: Positions in the list of tied variables.
        edges: Of each member, less its mean, with infinite ends.
        outer: Loadings on what the known variables tell, shape (m, q).
        inner: Loadings on what ties the rest, shape (m, r).
        spread: Deviations of what is left, shape (m,), positive.
    """

    members: tuple[int, ...]
    edges: tuple[Array, ...]
    outer: Array
    inner: Array
    spread: Array

    @property
    def cells(self) -> tuple[int, ...]:
        """Number of words of each member."""
        return tuple(len(edge) - 1 for edge in self.edges)

    @cached_property
    def doubt(self) -> Array:
        """Deviations of the members given what is known, shape (m,)."""
        return np.asarray(np.sqrt(np.sum(self.inner**2, axis=1) + self.spread**2))


def tie(covariance: StructuredCovariance, cuts: Sequence[Cut]) -> list[Tied]:
    """The distinct variables that some cuts are made of, without constants.

    Two cuts of one variable, or of variables that are multiples of each other, make one finer partition.
    """
    system = covariance.system
    made: list[Tied] = []
    for position, cut in enumerate(cuts):
        row = system.in_span[cut.variable][0]
        mean = float(system.law.mean.get(cut.variable, np.zeros(1))[0])
        length = float(np.linalg.norm(row))
        if length == 0.0:
            continue  # held by an intervention: its word never changes
        for i, one in enumerate(made):
            other = float(np.linalg.norm(one.loadings))
            cosine = float(row @ one.loadings) / (length * other)
            slope = float(np.copysign(length / other, cosine))
            if np.abs(row - slope * one.loadings).max() <= _SAME * length:
                found = np.sort((cut.bounds - mean) / slope)
                edges = np.concatenate([[-np.inf], np.union1d(one.edges[1:-1], found), [np.inf]])
                made[i] = Tied(one.loadings, (*one.cuts, (position, slope, mean)), edges)
                break
        else:
            made.append(Tied(row, ((position, 1.0, mean),), cut.edges - mean))
    return made


def known_basis(covariance: StructuredCovariance, given: Sequence[str]) -> Array:
    """Orthonormal columns that span the loadings of some variables, shape (sources, k)."""
    rows = [covariance.system.in_span[name] for name in given]
    sources = next(iter(covariance.system.in_span.values())).shape[1]
    joint = np.concatenate([*rows, np.zeros((0, sources))])
    lengths = np.linalg.norm(joint, axis=1)
    joint = joint[lengths > 0.0] / lengths[lengths > 0.0, None]
    if not len(joint):
        return np.zeros((sources, 0))
    q, r, _ = scipy.linalg.qr(joint.T, mode="economic", pivoting=True)
    return np.asarray(q[:, : int(np.sum(np.abs(np.diagonal(r)) > SINGULAR))])


def find_clusters(
    covariance: StructuredCovariance, tied: Sequence[Tied], given: Sequence[str]
) -> Iterator[Cluster]:
    """The clusters of some variables given others; variables that the others determine are left out."""
    if not tied:
        return
    basis = known_basis(covariance, given)
    rows = np.stack([one.loadings for one in tied])
    lengths = np.linalg.norm(rows, axis=1)
    told = rows @ basis
    rest = rows - told @ basis.T
    open_ones = np.flatnonzero(np.linalg.norm(rest, axis=1) > _DETERMINED * lengths)
    for members in _components(rest, open_ones):
        edges = tuple(tied[i].edges for i in members)
        at = list(members)
        inner, spread = _split(rest[at])
        yield Cluster(tuple(members), edges, _narrow(told[at], lengths[at]), inner, spread)


def _components(rest: Array, open_ones: Numbers) -> Iterator[tuple[int, ...]]:
    unit = rest[open_ones] / np.linalg.norm(rest[open_ones], axis=1, keepdims=True)
    tied = np.abs(unit @ unit.T) > _UNTIED
    left = set(range(len(open_ones)))
    while left:
        found, border = set[int](), {min(left)}
        while border:
            found |= border
            border = {int(j) for i in border for j in np.flatnonzero(tied[i])} - found
        left -= found
        yield tuple(int(open_ones[i]) for i in sorted(found))


def _narrow(loadings: Array, lengths: Array) -> Array:
    """Loadings with the same covariance on as few sources as there are."""
    u, s, _ = np.linalg.svd(loadings, full_matrices=False)
    kept = s > _FITS * float(lengths.max())
    return np.asarray(u[:, kept] * s[kept])


def _split(rest: Array) -> tuple[Array, Array]:
    """Covariance of the rest as inner · innerᵀ + diag(spread²), with few columns and a large spread."""
    joint = rest @ rest.T
    size = np.sqrt(np.diagonal(joint))
    if len(rest) == 1:
        return np.zeros((1, 0)), size
    correlation = joint / np.outer(size, size)
    np.fill_diagonal(correlation, 1.0)
    ways = [*_by_one(correlation), *_by_structure(rest / size[:, None]), _by_eigenvalue(correlation)]
    usable = [way for way in ways if way[1].min() > _LEAST] or [
        max(ways, key=lambda way: float(way[1].min()))
    ]
    inner, left = min(usable, key=lambda way: (way[0].shape[1], -float(way[1].min())))
    return inner * size[:, None], np.sqrt(np.maximum(left, _STEP_LIKE)) * size


def _by_one(correlation: Array) -> Iterator[tuple[Array, Array]]:
    """One source that ties all, where there is one: Spearman's single factor."""
    m = len(correlation)
    if m == 2:
        rho = float(correlation[0, 1])
        one = np.sqrt(abs(rho))
        yield np.array([[one], [np.copysign(one, rho)]]), np.full(2, max(0.0, 1.0 - abs(rho)))
        return
    if np.abs(correlation).min() < _LEAST:
        return
    first = float(correlation[0, 1] * correlation[0, 2] / correlation[1, 2])
    if first <= 0.0:
        return
    loadings = correlation[0] / np.sqrt(first)
    loadings[0] = np.sqrt(first)
    left = 1.0 - loadings**2
    fit = np.outer(loadings, loadings)
    np.fill_diagonal(fit, 1.0)
    if left.min() > 0.0 and np.abs(fit - correlation).max() < _FITS:
        yield loadings[:, None], left


def _by_structure(rest: Array) -> Iterator[tuple[Array, Array]]:
    """Sources that one variable alone has are its own spread."""
    alone = np.sum(rest != 0.0, axis=0) == 1
    if alone.any():
        yield _narrow(rest[:, ~alone], np.ones(1)), np.sum(rest[:, alone] ** 2, axis=1)


def _by_eigenvalue(correlation: Array) -> tuple[Array, Array]:
    """As much equal spread as there can be."""
    values, vectors = np.linalg.eigh(correlation)
    least = max(0.0, float(values[0]))
    kept = values - least > _FITS
    return vectors[:, kept] * np.sqrt(values[kept] - least), np.full(len(correlation), least)
