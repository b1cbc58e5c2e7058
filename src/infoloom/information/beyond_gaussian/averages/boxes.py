"""Sums over the values of special causes: boxes of their space, split where a channel moves by more than its noise.

A box is as large as the channel y = A f(s) + N(0, I) allows, and holds Gauss–Legendre points along every continuous
cause. Where there is too little probability to matter boxes stay large. Discrete causes are summed over exactly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from infoloom.law.equations import Array
from infoloom.law.sources.distributions import Distribution, gauss_legendre
from infoloom.law.sources.features import Features

__all__ = ["LEVELS", "Level", "Nodes", "prior_nodes"]

_INSIDE: Final = 1.0 - 1e-9
_PARTS: Final = 8
_ROUNDS: Final = 40


@dataclass(frozen=True)
class Level:
    """How fine a sum is.

    Attributes:
        order: Points of a box along each cause.
        slack: Probability times squared movement of a box that may stay too large.
        tail: Where causes end, in standard normal units.
        panel: How far the channel may move across a box, in widths of its noise.
    """

    order: int
    slack: float
    tail: float
    panel: float = 2.5


LEVELS: Final = (
    Level(3, 1e-5, 5.0),
    Level(5, 1e-7, 5.7),
    Level(7, 1e-9, 6.4),
    Level(10, 1e-11, 7.3),
)


@dataclass(frozen=True)
class Nodes:
    """Values of causes and their probabilities.

    Attributes:
        causes: For each cause its values, shape (n,).
        mass: Probabilities, shape (n,), which add up to 1.
    """

    causes: Mapping[str, Array]
    mass: Array


def prior_nodes(
    features: Features,
    axes: Array,
    level: Level,
    limit: int,
    cuts: Mapping[str, Sequence[float]] | None = None,
) -> Nodes | None:
    """Nodes that are close enough for a channel.

    Args:
        features: Of the causes.
        axes: A of the channel, shape (k, F), noise of width 1.
        level: How fine.
        limit: Largest number of nodes.
        cuts: Values of continuous causes at which boxes must end, by label.

    Returns:
        The nodes, or nothing if there would be too many.
    """
    smooth = [c for c, d in features.distributions.items() if not d.discrete]
    steps = [c for c, d in features.distributions.items() if d.discrete]
    atoms = [features.distributions[c].atoms for c in steps]
    if math.prod(len(values) for values, _ in atoms) > limit:
        return None
    table = list(itertools.product(*(values for values, _ in atoms)))
    fixed = {c: np.array([row[i] for row in table]) for i, c in enumerate(steps)}
    odds = np.array([math.prod(row) for row in itertools.product(*(mass for _, mass in atoms))])
    per_box = level.order ** len(smooth) * len(odds)
    boxes = _split(features, axes, level, limit // per_box, smooth, fixed, cuts or {})
    return None if boxes is None else _filled(features, boxes, level, smooth, fixed, odds)


def _split(
    features: Features,
    axes: Array,
    level: Level,
    limit: int,
    smooth: Sequence[str],
    fixed: Mapping[str, Array],
    cuts: Mapping[str, Sequence[float]],
) -> Array | None:
    """Boxes as low and high ends, shape (B, 2, causes)."""
    edges = [_first_edges(features, cause, level, cuts.get(cause, ())) for cause in smooth]
    if math.prod(len(edge) - 1 for edge in edges) > 50 * limit:
        return None
    low, high = (
        np.array(corners, dtype=np.float64).reshape(len(corners), len(smooth))
        for corners in (
            list(itertools.product(*(edge[:-1] for edge in edges))),
            list(itertools.product(*(edge[1:] for edge in edges))),
        )
    )
    open_boxes = np.stack([low, high], axis=1)
    done: list[Array] = []
    for _ in range(_ROUNDS):
        mass = _mass(features, open_boxes, smooth)
        kept = mass > 1e-3 * level.slack / max(len(open_boxes), 1)
        open_boxes, mass = open_boxes[kept], mass[kept]
        if sum(len(part) for part in done) + len(open_boxes) > limit:
            return None
        moved = _movement(features, axes, open_boxes, smooth, fixed)
        furthest = moved.max(axis=1, initial=0.0)
        large = (furthest > level.panel) & (mass * furthest**2 > level.slack)
        done.append(open_boxes[~large])
        if not large.any():
            return np.concatenate(done)
        open_boxes = _halved(open_boxes[large], moved[large], level.panel)
    return None


def _first_edges(features: Features, cause: str, level: Level, cuts: Sequence[float]) -> Array:
    panels = [feature.panels(cause) for feature in features.features if cause in feature.causes]
    kinks = tuple({kink for kinks, _, _ in panels for kink in kinks} | set(cuts))
    finest, widest = min(p[1] for p in panels), min(p[2] for p in panels)
    edges = features.distributions[cause].edges((), finest, widest, level.tail)
    inside = [kink for kink in kinks if edges[0] < kink < edges[-1]]
    edges = np.unique(np.concatenate([edges, inside]))
    return np.asarray(edges[np.concatenate([[True], np.diff(edges) > 1e-12])])


def _mass(features: Features, boxes: Array, smooth: Sequence[str]) -> Array:
    total = np.ones(len(boxes))
    for i, cause in enumerate(smooth):
        total = total * _interval(features.distributions[cause], boxes[:, :, i], 4)[1].sum(axis=1)
    return total


def _interval(distribution: Distribution, ends: Array, order: int) -> tuple[Array, Array]:
    """Points and probabilities along one cause, each of shape (B, order)."""
    points, weights = gauss_legendre(order)
    half = 0.5 * (ends[:, 1] - ends[:, 0])[:, None]
    values = ends.mean(axis=1)[:, None] + half * points
    return values, half * weights * distribution.density(values)


def _movement(
    features: Features, axes: Array, boxes: Array, smooth: Sequence[str], fixed: Mapping[str, Array]
) -> Array:
    """How far the channel moves across every box along each cause, shape (B, causes)."""
    result = np.empty((len(boxes), len(smooth)))
    count = len(smooth)
    corners = np.array(list(itertools.product((-_INSIDE, 0.0, _INSIDE), repeat=count))).reshape(
        3**count, count
    )
    combinations = max((len(values) for values in fixed.values()), default=1)
    chunk = max(1, 500_000 // (len(corners) * combinations * max(1, len(axes))))
    for start in range(0, len(boxes), chunk):
        part = boxes[start : start + chunk]
        at = part.mean(axis=1)[:, None] + 0.5 * (part[:, 1] - part[:, 0])[:, None] * corners
        shape = (*at.shape[:2], combinations)
        causes = {c: np.broadcast_to(at[:, :, i, None], shape) for i, c in enumerate(smooth)}
        causes |= {c: np.broadcast_to(values, shape) for c, values in fixed.items()}
        seen = (features.values(causes) @ axes.T).reshape(len(part), *(3,) * count, combinations, len(axes))
        for i in range(count):
            steps = np.linalg.norm(np.diff(seen, axis=i + 1), axis=-1).sum(axis=i + 1)
            result[start : start + chunk, i] = steps.reshape(len(part), -1).max(axis=1)
    return result


def _halved(boxes: Array, moved: Array, panel: float) -> Array:
    """Every box cut along the cause that moves it most."""
    axis = moved.argmax(axis=1)
    parts = np.minimum(_PARTS, np.ceil(moved.max(axis=1) / panel)).astype(int)
    owner = np.repeat(np.arange(len(boxes)), parts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)
    cut, along = boxes[owner].copy(), axis[owner]
    low, high = boxes[owner, 0, along], boxes[owner, 1, along]
    rows = np.arange(len(owner))
    cut[rows, 0, along] = low + (high - low) * place / parts[owner]
    cut[rows, 1, along] = low + (high - low) * (place + 1) / parts[owner]
    return cut


def _filled(
    features: Features,
    boxes: Array,
    level: Level,
    smooth: Sequence[str],
    fixed: Mapping[str, Array],
    odds: Array,
) -> Nodes:
    count, order = len(smooth), level.order
    shape = (len(boxes), *(order,) * count, len(odds))
    mass = np.broadcast_to(odds, shape)
    causes = {}
    for i, cause in enumerate(smooth):
        values, own = _interval(features.distributions[cause], boxes[:, :, i], order)
        place = [len(boxes)] + [order if j == i else 1 for j in range(count)] + [1]
        causes[cause] = np.broadcast_to(values.reshape(place), shape).ravel()
        mass = mass * own.reshape(place)
    causes |= {cause: np.broadcast_to(values, shape).ravel() for cause, values in fixed.items()}
    flat = np.asarray(mass, dtype=np.float64).ravel()
    kept = flat > 0.0
    return Nodes({c: causes[c][kept] for c in features.distributions}, flat[kept] / flat[kept].sum())
