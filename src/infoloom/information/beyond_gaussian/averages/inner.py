"""The density of y = A f(s) + N(0, I) at given points: an average over the special causes.

`log_average` gives log E exp(y·v − ½ |v|²) with v = A f(s), which is log p(y) less that of pure noise: as a sum over
nodes, or by importance sampling where there are too many causes for one. Each comes once fine and once coarse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.averages.boxes import LEVELS, prior_nodes
from infoloom.information.beyond_gaussian.averages.importance import Importance, Scatter, plain
from infoloom.information.beyond_gaussian.averages.reduced import Reduced
from infoloom.information.beyond_gaussian.averages.scales import Scales, scaled
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.information.beyond_gaussian.cloud_given import density_given
from infoloom.information.beyond_gaussian.line import Resolution, log_sum
from infoloom.law.equations import Array

__all__ = ["Inner", "NodeSum", "Points", "inner_average", "row_average", "summed"]

MAX_NODES: Final = 200_000
_BLUNT: Final = Resolution(order=8, panel=2.5, tail=6.0)
_PLAIN: Final = 3  # continuous causes up to which a sum over nodes beats importance sampling
_ROW_CHUNK: Final = 64
_REACH: Final = 9.0
_CELLS: Final = 2_000_000
_ROW_POINTS: Final = 4096
_ROW_SEED: Final = 20_251_020


class Inner(Protocol):
    """How an average is found.

    Attributes:
        cells: Work for one row.
        grows: Whether more points make it more accurate.
    """

    @property
    def cells(self) -> float: ...

    @property
    def grows(self) -> bool: ...

    def log_average(self, y: Array, s: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        """Of every row: the value, one with fewer points, and how far the value may be off; each of shape (n,)."""
        ...


@dataclass(frozen=True)
class Points:
    """Values v at nodes, shape (n, k), log probabilities of the nodes, and the nodes' causes."""

    centres: Array
    log_mass: Array
    causes: Mapping[str, Array]

    @staticmethod
    def of(
        part: Component,
        reduced: Reduced,
        level: int,
        limit: int,
        cuts: Mapping[str, Sequence[float]] | None = None,
        axes: Array | None = None,
    ) -> Points | None:
        """The nodes of one level, if there are not too many; see `prior_nodes`.

        `axes` are those along which nodes must be close, if not the channel's own.
        """
        nodes = prior_nodes(part.features, reduced.axes if axes is None else axes, LEVELS[level], limit, cuts)
        if nodes is None:
            return None
        return Points(
            part.features.values(nodes.causes) @ reduced.axes.T, np.asarray(np.log(nodes.mass)), nodes.causes
        )


@dataclass(frozen=True)
class NodeSum:
    """A sum over the nodes of one level, and of the level below."""

    fine: Points
    coarse: Points
    grows: bool = False

    @property
    def cells(self) -> float:
        """Work for one row."""
        return 4.0 * (len(self.fine.log_mass) + len(self.coarse.log_mass))

    def log_average(self, y: Array, s: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        """From the fine and from the coarse nodes, and their difference."""
        fine, coarse = (summed(y, points) for points in (self.fine, self.coarse))
        return fine, coarse, np.abs(fine - coarse)


@dataclass(frozen=True)
class _Given:
    """A sum over unknown causes where others are known."""

    part: Component
    reduced: Reduced
    cells: float = 20_000.0
    grows: bool = False

    def log_average(self, y: Array, s: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        root = self.reduced.axes.T
        pure = 0.5 * np.einsum("ij,ij->i", y, y)
        fine, coarse = (density_given(self.part, root, s, y, r) + pure for r in (_BLUNT, _BLUNT.coarser))
        return fine, coarse, np.abs(fine - coarse)


@dataclass(frozen=True)
class _Normal:
    """The closed form where all features are normal causes."""

    axes: Array
    cells: float = 100.0
    grows: bool = False

    def log_average(self, y: Array, s: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        covariance = np.eye(len(self.axes)) + self.axes @ self.axes.T
        volume = 0.5 * float(np.linalg.slogdet(covariance)[1])
        taken = np.eye(len(self.axes)) - np.linalg.inv(covariance)
        found = 0.5 * np.einsum("ni,ij,nj->n", y, taken, y) - volume
        return found, found, np.zeros(len(y))


def inner_average(part: Component, reduced: Reduced, size: int, seed: int, accurate: bool) -> Inner:
    """The way to average that suits a component.

    Args:
        part: The component.
        reduced: Its channel.
        size: Points of importance sampling.
        seed: Of these points.
        accurate: Whether a finer level of nodes is asked for.
    """
    if part.given:
        return _Given(part, reduced)
    if all(f.linear for f in part.features.features) and all(
        d.normal for d in part.features.distributions.values()
    ):
        return _Normal(reduced.axes)
    smooth = sum(not d.discrete for d in part.features.distributions.values())
    if smooth <= _PLAIN or not plain(part.features):
        for level in (2, 1) if accurate else (1,):
            fine, coarse = (Points.of(part, reduced, at, MAX_NODES) for at in (level, level - 1))
            if fine is not None and coarse is not None:
                return NodeSum(fine, coarse)
    if scaled(part):
        return Scales.of(part, reduced, size, seed)
    if plain(part.features):
        return Importance.of(part, reduced, size, seed)
    if smooth < len(part.features.distributions):
        raise QueryError(
            f"information about {', '.join(part.features.labels)}: too many values of their causes meet for a sum "
            "over all of them. Use more noise, or fewer special causes that meet in one modality."
        )
    return Scatter.of(part, reduced, size, seed)


def row_average(part: Component, reduced: Reduced) -> Inner:
    """The most accurate way to average that a few thousand rows can afford."""
    return inner_average(part, reduced, _ROW_POINTS, _ROW_SEED, accurate=True)


def summed(y: Array, points: Points) -> Array:
    """log Σ mass · exp(y·v − ½ |v|²) of every row; centres far away along one axis are left out."""
    axis = int(np.argmax(np.ptp(points.centres, axis=0)))
    by_centre, by_row = (np.argsort(part[:, axis], kind="stable") for part in (points.centres, y))
    centres, base = points.centres[by_centre], points.log_mass[by_centre]
    base = base - 0.5 * np.einsum("ij,ij->i", centres, centres)
    result = np.empty(len(y))
    for start in range(0, len(y), _ROW_CHUNK):
        chosen = by_row[start : start + _ROW_CHUNK]
        rows = y[chosen]
        low, high = np.searchsorted(centres[:, axis], [rows[0, axis] - _REACH, rows[-1, axis] + _REACH])
        low, high = (0, len(centres)) if low == high else (int(low), int(high))
        step = max(1, _CELLS // (high - low))
        for i in range(0, len(rows), step):
            part = slice(i, i + step)
            result[chosen[part]] = log_sum(base[low:high] + rows[part] @ centres[low:high].T)
    return result
