"""Invertible preparations of one side that never look at the other, and so cannot create information."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from infoloom.estimators.inputs import expect, flat
from infoloom.estimators.protocol import Array

__all__ = [
    "PREPARATIONS",
    "NormalScores",
    "Whitening",
    "canonical_halves",
    "check_preparation",
    "for_whole",
    "independent_components",
    "prepare",
    "prepare_pair",
    "shared_directions",
]

_ROWS_A_DIRECTION = 8
_TAIL = 0.02


@dataclass(frozen=True)
class Whitening:
    """Principal components scaled to unit variance: (rows − mean) @ weights."""

    mean: Array
    weights: Array

    @classmethod
    def fit(cls, rows: Array, directions: int | None = None) -> Whitening:
        """Fit on rows (n, d); the leading directions only, where asked, lose what the others hold."""
        mean = rows.mean(axis=0)
        _, scales, basis = np.linalg.svd(rows - mean, full_matrices=False)
        kept = int(np.sum(scales > scales[0] * 1e-9))
        kept = min(kept, directions or kept)
        return cls(mean, basis[:kept].T / (scales[:kept] / np.sqrt(len(rows))))

    def __call__(self, rows: Array) -> Array:
        """Whiten rows (n, d) → (n, directions)."""
        return np.asarray((rows - self.mean) @ self.weights, dtype=np.float64)


@dataclass(frozen=True)
class NormalScores:
    """Each column through its own distribution function to a standard normal, linear beyond the data."""

    knots: tuple[Array, ...]
    scores: tuple[Array, ...]

    @classmethod
    def fit(cls, rows: Array) -> NormalScores:
        """Fit on rows (n, d): the knots of a column are its values, their scores those of their ranks."""
        pairs = [_scores(column) for column in rows.T]
        return cls(tuple(knots for knots, _ in pairs), tuple(scores for _, scores in pairs))

    def __call__(self, rows: Array) -> Array:
        """Transform rows (n, d) column by column."""
        columns = [_interpolate(*each) for each in zip(rows.T, self.knots, self.scores, strict=True)]
        return np.stack(columns, axis=1)


def independent_components(white: Array, seed: int, iterations: int = 200, tolerance: float = 1e-4) -> Array:
    """Rotation (d, d) of whitened rows (n, d) towards independent columns: symmetric FastICA, log cosh.

    Gaussian columns have no preferred rotation; any is returned, and none is wrong.

    Source:
        Hyvärinen 1999.
    """
    rows, columns = white.shape
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((columns, columns)))[0]
    for _ in range(iterations):
        bent = np.tanh(white @ rotation.T)
        step = bent.T @ white / rows - (1.0 - bent**2).mean(axis=0)[:, None] * rotation
        left, _, right = np.linalg.svd(step)
        moved, rotation = rotation, left @ right
        if np.max(np.abs(np.abs(np.sum(moved * rotation, axis=1)) - 1.0)) < tolerance:
            break
    return np.asarray(rotation, dtype=np.float64)


def prepare(kind: str, rows: Array, seed: int) -> Callable[[Array], Array]:
    """Fit a preparation on rows (n, d) and return the map, to be used on any rows.

    `standardise` scales columns; `whiten` decorrelates them; `gaussianise` rotates whitened columns to
    independent components and gives each a normal distribution, one layer of rotation-based Gaussianisation.
    The last two keep at most one direction for every eight rows, those of largest variance.

    Source:
        Laparra, Camps-Valls and Malo 2011.
    """
    check_preparation(kind)
    return PREPARATIONS[kind](rows, seed)


def prepare_pair(
    kind: str,
    x: Array,
    y: Array,
    train: NDArray[np.intp],
    seed: int,
    whole: tuple[bool, bool] = (False, False),
) -> tuple[Array, Array, dict[str, Any]]:
    """Prepare both sides, fitted on the training rows, and say whether directions were lost.

    Args:
        kind: `standardise` (keeps the shape of a row), `whiten` or `gaussianise` (flatten rows).
        x: Rows (n, ...).
        y: Rows (n, ...).
        train: Numbers of the training rows.
        seed: Seed of the first rotation.
        whole: Whether a side holds indicators of whole numbers; these are whitened where others are gaussianised.

    Returns:
        Prepared rows of both sides, and `directions` with `reliable` False where a side lost some: information
        may have gone with them.
    """
    left, right = (
        prepare(for_whole(kind) if indicated else kind, flat(rows)[train], seed)(flat(rows))
        for rows, indicated in zip((x, y), whole, strict=True)
    )
    kept = left.shape[1] == flat(x).shape[1] and right.shape[1] == flat(y).shape[1]
    details = {"directions": [left.shape[1], right.shape[1]], "reliable": None if kept else False}
    if kind == "standardise":
        left, right = left.reshape(x.shape), right.reshape(y.shape)
    return left, right, details


def shared_directions(x: Array, y: Array, most: int) -> tuple[Array, Array, Array]:
    """Canonical directions above the noise, of whitened rows: x (dx, k), y (dy, k), correlations (k,).

    A direction counts where its squared sample correlation exceeds the largest one expected of independent
    rows, (√(p (1 − q)) + √(q (1 − p)))² with p = dx / n and q = dy / n.

    Source:
        Wachter 1980.
    """
    p, q = min(x.shape[1] / len(x), 1.0), min(y.shape[1] / len(y), 1.0)
    edge = math.sqrt(p * (1.0 - q)) + math.sqrt(q * (1.0 - p))
    left, values, right = np.linalg.svd(x.T @ y / len(x), full_matrices=False)
    count = min(most, int(np.sum(values > edge)))
    return left[:, :count], right[:count].T, np.minimum(values[:count], 0.999)


def canonical_halves(x: Array, y: Array, most: int, seed: int) -> tuple[Array, Array]:
    """Gaussianised rows of one half along canonical directions of the other half: nothing is read where it was sought.

    Args:
        x: Rows (n, dx).
        y: Rows (n, dy).
        most: Directions to keep at most; one is kept where none is above the noise.
        seed: Seed of the halves and the first rotation.

    Returns:
        x (n // 2, k) and y (n // 2, k).
    """
    order = np.random.default_rng(seed).permutation(len(x))
    seek, read = order[len(x) // 2 :], order[: len(x) // 2]
    x, y, _ = prepare_pair("gaussianise", x, y, seek, seed)
    left, right, _ = shared_directions(x[seek], y[seek], most)
    if left.shape[1] == 0:
        ends, _, others = np.linalg.svd(x[seek].T @ y[seek], full_matrices=False)
        left, right = ends[:, :1], others[:1].T
    return x[read] @ left, y[read] @ right


def for_whole(kind: str) -> str:
    """The preparation of indicators: a few points have no normal scores, so they are whitened instead."""
    return "whiten" if kind == "gaussianise" else kind


def check_preparation(kind: str) -> None:
    """Refuse a preparation that does not exist."""
    expect(kind in PREPARATIONS, "preparation", kind, f"one of {', '.join(PREPARATIONS)}", "Choose one.")


def _standardise(rows: Array, seed: int) -> Callable[[Array], Array]:
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    return lambda given: np.asarray((given - mean) / scale, dtype=np.float64)


def _whiten(rows: Array, seed: int) -> Callable[[Array], Array]:
    return Whitening.fit(rows, max(1, len(rows) // _ROWS_A_DIRECTION))


def _gaussianise(rows: Array, seed: int) -> Callable[[Array], Array]:
    whitening = _whiten(rows, seed)
    white = whitening(rows)
    rotation = independent_components(white, seed)
    scores = NormalScores.fit(white @ rotation.T)
    return lambda given: scores(whitening(given) @ rotation.T)


PREPARATIONS: dict[str, Callable[[Array, int], Callable[[Array], Array]]] = {
    "standardise": _standardise,
    "whiten": _whiten,
    "gaussianise": _gaussianise,
}


def _scores(column: Array) -> tuple[Array, Array]:
    """Distinct values of a column and the normal scores of their mean ranks."""
    knots, where = np.unique(column, return_inverse=True)
    ranks = np.empty(len(knots))
    ranks[where] = rankdata(column, method="average")
    return knots, np.asarray(ndtri((ranks - 0.5) / len(column)), dtype=np.float64)


def _interpolate(column: Array, knots: Array, scores: Array) -> Array:
    """Piecewise linear between knots, the slope of the outer 2 % beyond them."""
    found = np.interp(column, knots, scores)
    span = max(1, int(_TAIL * len(knots)))
    if len(knots) > span:
        low = (scores[span] - scores[0]) / (knots[span] - knots[0])
        high = (scores[-1] - scores[-1 - span]) / (knots[-1] - knots[-1 - span])
        found = found + np.minimum(column - knots[0], 0.0) * low + np.maximum(column - knots[-1], 0.0) * high
    return np.asarray(found, dtype=np.float64)
