"""What the best learner reaches from the words of a caption alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from infoloom.information.ceilings.ceilings import class_bounds
from infoloom.information.ceilings.labels import Label
from infoloom.information.ceilings.table import Ceilings, ClassCeiling, TargetCeiling
from infoloom.information.notation import Query
from infoloom.information.words.cells import Cells, Cut
from infoloom.information.words.clusters import Cluster, Tied, find_clusters, tie
from infoloom.information.words.mixed import Mixed
from infoloom.information.words.quadrature import canonical, free_grid
from infoloom.information.words.tables import class_probabilities, product_rows, split_at
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array

__all__ = ["class_ceilings", "label_accuracy", "target_ceilings", "with_words", "words_r_squared"]

_STEPS: Final = (0.7, 0.5, 0.36, 0.25, 0.18, 0.13)
_GOOD: Final = 1e-8
_TOLERANCE: Final = 1e-6


def with_words(
    found: Ceilings,
    mixed: Mixed,
    targets: Sequence[str],
    captions: Sequence[str],
    labels: Sequence[Label],
    classes: int | None,
) -> Ceilings:
    """Ceilings with those from the words of each caption added; the other arguments are those of `find_ceilings`."""
    cut = [(label.name, label.target, label.bounds) for label in labels]
    for name in targets if classes is not None else ():
        variance = float(np.sum(mixed.covariance.system.in_span[name] ** 2))
        cut.append((name, name, class_bounds(classes or 0, variance)))
    return replace(
        found,
        targets=(*found.targets, *target_ceilings(mixed, targets, captions)),
        classes=(*found.classes, *class_ceilings(mixed, cut, captions)),
    )


def target_ceilings(mixed: Mixed, targets: Sequence[str], captions: Sequence[str]) -> Iterator[TargetCeiling]:
    """The ceilings of every target from the words of each caption; those out of reach of quadrature are left out."""
    for target in targets:
        variance = float(np.sum(mixed.covariance.system.in_span[target] ** 2))
        for name in captions:
            found = words_r_squared(mixed.covariance, target, mixed.cells[name].cuts)
            if found is not None:
                information = mixed.quantity(Query("I", ((target,), (name,)))).value
                yield TargetCeiling(target, (name,), information, found, variance * (1.0 - found))


def class_ceilings(
    mixed: Mixed, cut: Sequence[tuple[str, str, Array]], captions: Sequence[str]
) -> Iterator[ClassCeiling]:
    """The ceilings of classes of targets from the words of each caption.

    Args:
        mixed: The joint law and its words.
        cut: Name of the label, target and bounds of its classes.
        captions: Names of captions.
    """
    for label, target, bounds in cut:
        classes = Cut(target, bounds)
        joint = Mixed(mixed.covariance, {**mixed.cells, label: Cells(label, (classes,))})
        for name in captions:
            accuracy = label_accuracy(mixed.covariance, classes, mixed.cells[name].cuts)
            if accuracy is not None:
                information = joint.quantity(Query("I", ((label,), (name,)))).value
                yield ClassCeiling(label, target, classes.classes, (name,), information, accuracy)


def words_r_squared(covariance: StructuredCovariance, target: str, cuts: Sequence[Cut]) -> float | None:
    """The largest R² of a Gaussian target from words, Var E[θ | words] / Var θ, to 1e-6; None where out of reach."""
    tied = tie(covariance, [Cut(target, np.zeros(0)), *cuts])
    if not tied or tied[0].cuts[0][0] != 0:
        return 0.0  # held by an intervention
    cluster = _cluster_of(covariance, tied)

    def value(step: float) -> float | None:
        return _explained(cluster, step)

    found = _converged(value)
    return None if found is None else found / float(tied[0].loadings @ tied[0].loadings)


def label_accuracy(covariance: StructuredCovariance, label: Cut, cuts: Sequence[Cut]) -> float | None:
    """The largest accuracy in telling a class from words, Σ_words max_k P(k, words), to 1e-6; None out of reach."""
    tied = tie(covariance, [label, *cuts])
    cluster = _cluster_of(covariance, tied)
    groups = _groups(tied[0], [label, *cuts], cluster.edges[0])

    def value(step: float) -> float | None:
        found = _table(cluster, step)
        if found is None:
            return None
        cells = found[0].reshape(len(groups), -1)
        return sum(float(cells[groups == one].max(axis=0).sum()) for one in np.unique(groups))

    return _converged(value)


def _cluster_of(covariance: StructuredCovariance, tied: Sequence[Tied]) -> Cluster:
    """The cluster of the first variable, which comes first in it."""
    return next(one for one in find_clusters(covariance, tied, ()) if 0 in one.members)


def _converged(value: Callable[[float], float | None]) -> float | None:
    before, change = math.nan, math.inf
    for step in _STEPS:
        found = value(step)
        if found is None:
            break
        change = math.inf if math.isnan(before) else abs(found - before)
        before = found
        if change <= _GOOD:
            break
    return before if change <= _TOLERANCE else None


def _groups(first: Tied, cuts: Sequence[Cut], edges: Array) -> Array:
    """For every cell of the first variable, which word it is of cuts of the same variable other than the first."""
    inside = edges[1:-1]
    at = np.concatenate([inside[:1] - 1.0, (inside[1:] + inside[:-1]) / 2.0, inside[-1:] + 1.0])
    groups = np.zeros(len(edges) - 1)
    for position, slope, mean in first.cuts[1:]:
        groups = groups * cuts[position].classes + cuts[position].of(at * slope + mean)
    return np.asarray(groups)


def _table(cluster: Cluster, step: float) -> tuple[Array, Array] | None:
    """P(words) of a cluster of which nothing is known, and E[first variable; words], each of shape (ΠV,)."""
    axes = canonical(cluster)
    grid = free_grid(cluster, axes, step)
    if grid is None:
        return None
    at, weights = grid
    middle = at @ axes.loadings.T
    each = [
        class_probabilities(middle[:, j], edges, float(cluster.spread[j]))
        for j, edges in enumerate(cluster.edges)
    ]
    spread = float(cluster.spread[0])
    ends = np.exp(-0.5 * ((cluster.edges[0] - middle[:, :1]) / spread) ** 2) / math.sqrt(2.0 * math.pi)
    first = middle[:, :1] * each[0] + spread * (ends[:, :-1] - ends[:, 1:])
    cut = max(1, split_at(cluster.cells))
    right = product_rows(each[cut:], (len(at),)) * weights[:, None]
    left, moment = (product_rows([one, *each[1:cut]], (len(at),)) for one in (each[0], first))
    return np.asarray((left.T @ right).ravel()), np.asarray((moment.T @ right).ravel())


def _explained(cluster: Cluster, step: float) -> float | None:
    """Var E[first variable | words]."""
    found = _table(cluster, step)
    if found is None:
        return None
    chance, moment = found
    seen = chance > 0.0
    return float(np.sum(moment[seen] ** 2 / chance[seen]))
