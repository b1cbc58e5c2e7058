"""Nearest-neighbour estimates of Kraskov, Stögbauer and Grassberger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from scipy.special import digamma

from infoloom.errors import EstimatorError
from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect, rounded_doubt
from infoloom.estimators.preparation import canonical_halves, prepare_pair
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["KSGEstimator"]

_TREE_COLUMNS: Final = 10
_PREPARATIONS: Final = ("none", "whiten", "gaussianise", "canonical")
_PAIRS: Final = 2**21  # distances held at a time
_Count: TypeAlias = Callable[[Array, Array, int], tuple[Array, Array]]


@dataclass(frozen=True)
class KSGEstimator(ArrayEstimator):
    """k-nearest-neighbour mutual information in any dimension, Chebyshev distance.

    First form: ψ(k) + ψ(n) − ⟨ψ(nx + 1) + ψ(ny + 1)⟩ with nx, ny the points strictly nearer than the k-th
    joint neighbour. Second form: ψ(k) − 1/k + ψ(n) − ⟨ψ(nx) + ψ(ny)⟩ with the smallest rectangle around the
    k neighbours. It falls short of the truth as soon as rows are few for the dimension: read it up to about
    ten columns in all.

    Args:
        neighbors: k; fewer have less bias and more variance.
        form: 1 or 2.
        standardise: Whether each column is divided by its standard deviation.
        preparation: `none`; `whiten` or `gaussianise`, each side by itself, fitted on all rows; or `canonical`, which
            gaussianises, finds on half of the rows the canonical directions above the noise, five a side at most, and
            reads the other half along them: many columns become few, and what other directions hold is lost.
        seed: Seed of the preparation.

    Source:
        Kraskov, Stögbauer and Grassberger 2004, equations 8 and 9.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal(2000)
        >>> y = x + rng.standard_normal(2000)
        >>> round(KSGEstimator().estimate(x, y), 1)  # the truth is 0.35
        0.3
    """

    neighbors: int = 5
    form: int = 1
    standardise: bool = True
    preparation: str = "none"
    seed: int = 0

    source: ClassVar[str] = "Kraskov, Stögbauer and Grassberger 2004"
    least_rows: ClassVar[int] = 4

    def __post_init__(self) -> None:
        expect(self.neighbors >= 1, "neighbors", self.neighbors, "1 or more", "Use 3 to 10.")
        expect(self.form in (1, 2), "form", self.form, "1 or 2, the equations 8 and 9", "Use 1.")
        expect(
            self.preparation in _PREPARATIONS,
            "preparation",
            self.preparation,
            f"one of {', '.join(_PREPARATIONS)}",
            "Choose one.",
        )

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        x, y, told = self._prepared(x, y)
        expect(
            self.neighbors < len(x),
            "neighbors",
            self.neighbors,
            f"fewer than the rows, {len(x)}",
            "Lower it or draw more rows.",
        )
        if self.standardise:
            x, y = x / x.std(axis=0), y / y.std(axis=0)
        nats = self._first(x, y) if self.form == 1 else self._second(x, y)
        found = Estimate(nats, details={"dim_x": x.shape[1], "dim_y": y.shape[1], **told})
        doubt = rounded_doubt(x, y)
        return found.doubted(doubt) if doubt else found

    def _prepared(self, x: Array, y: Array) -> tuple[Array, Array, dict[str, Any]]:
        """Both sides as neighbours are sought in them, and what was lost."""
        if self.preparation == "none":
            return x, y, {}
        if self.preparation == "canonical":
            x, y = canonical_halves(x, y, _TREE_COLUMNS // 2, self.seed)
            return x, y, {"rows": len(x)}
        x, y, lost = prepare_pair(self.preparation, x, y, np.arange(len(x)), self.seed)
        return x, y, {"directions": lost["directions"]}

    def _first(self, x: Array, y: Array) -> float:
        constant = digamma(self.neighbors)
        if _crowded(x, y):
            return _average(_pairwise(x, y, self.neighbors, _nearer), constant)
        radius, _ = _nearest(np.hstack([x, y]), self.neighbors)
        inside = np.nextafter(radius, 0.0)
        return _average([_within(side, inside) for side in (x, y)], constant)

    def _second(self, x: Array, y: Array) -> float:
        constant = digamma(self.neighbors) - 1.0 / self.neighbors
        if _crowded(x, y):
            return _average(_pairwise(x, y, self.neighbors, _within_rectangle), constant)
        _, neighbors = _nearest(np.hstack([x, y]), self.neighbors)
        counts = []
        for side in (x, y):
            edge = np.abs(side[neighbors] - side[:, None]).max(axis=(1, 2))
            counts.append(_within(side, edge) - 1)
        return _average(counts, constant)


def _average(counts: Sequence[Array], constant: float) -> float:
    return float(constant + digamma(len(counts[0])) - np.mean(digamma(counts[0]) + digamma(counts[1])))


def _crowded(x: Array, y: Array) -> bool:
    """Whether there are so many columns that a tree looks at nearly every pair, and more slowly."""
    return bool(x.shape[1] + y.shape[1] > _TREE_COLUMNS)


def _pairwise(x: Array, y: Array, neighbors: int, count: _Count) -> Sequence[Array]:
    """Counts of each point (n,) in x and in y from the distances of all pairs, some rows at a time."""
    step = max(1, _PAIRS // len(x))
    found = []
    for start in range(0, len(x), step):
        far_x, far_y = (cdist(side[start : start + step], side, "chebyshev") for side in (x, y))
        found.append(count(far_x, far_y, neighbors))
    return [np.concatenate(side) for side in zip(*found, strict=True)]


def _nearer(far_x: Array, far_y: Array, neighbors: int) -> tuple[Array, Array]:
    """Points strictly nearer than the k-th joint neighbour, itself included."""
    radius = _positive(np.partition(np.maximum(far_x, far_y), neighbors, axis=1)[:, neighbors])[:, None]
    return _number(far_x < radius), _number(far_y < radius)


def _within_rectangle(far_x: Array, far_y: Array, neighbors: int) -> tuple[Array, Array]:
    """Points within the smallest rectangle around the k joint neighbours, itself left out."""
    joint = np.maximum(far_x, far_y)
    nearest = np.argpartition(joint, neighbors, axis=1)[:, : neighbors + 1]
    _positive(np.take_along_axis(joint, nearest[:, neighbors:], axis=1)[:, 0])
    edges = [np.take_along_axis(far, nearest, axis=1).max(axis=1, keepdims=True) for far in (far_x, far_y)]
    return _number(far_x <= edges[0]) - 1, _number(far_y <= edges[1]) - 1


def _number(inside: NDArray[np.bool_]) -> Array:
    return np.asarray(np.count_nonzero(inside, axis=1), dtype=np.float64)


def _nearest(both: Array, neighbors: int) -> tuple[Array, NDArray[np.intp]]:
    """Distance to the k-th neighbour (n,) and the k neighbours (n, k) of each point."""
    distances, indices = cKDTree(both).query(both, list(range(2, neighbors + 2)), p=np.inf)
    return _positive(np.asarray(distances, dtype=np.float64)[:, -1]), np.asarray(indices, dtype=np.intp)


def _within(side: Array, radius: Array) -> Array:
    """Points within a closed Chebyshev radius of each point, itself included, (n,)."""
    counts = cKDTree(side).query_ball_point(side, radius, p=np.inf, return_length=True)
    return np.asarray(counts, dtype=np.float64)


def _positive(radius: Array) -> Array:
    """Radii of continuous data are positive."""
    ties = int(np.sum(radius == 0.0))
    if ties:
        raise EstimatorError(
            f"`x, y` `{ties} rows with k or more exact copies`: expected continuous values, because a distance "
            "of zero has no logarithm. Raise `neighbors`, drop the copies, or add noise below the resolution."
        )
    return radius
