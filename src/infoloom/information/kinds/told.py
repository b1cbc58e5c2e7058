"""What words tell of categorical causes: tables of all words for every combination of categories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import scipy.special

from infoloom.information.kinds.parts import Part, Split
from infoloom.information.words.cells import Cut
from infoloom.information.words.clusters import Cluster, Tied, find_clusters, tie
from infoloom.information.words.quadrature import Estimate, canonical, tables
from infoloom.law.equations import Array

__all__ = ["group_of", "told_by_words", "word_table"]

_STEPS: Final = (0.7, 0.5, 0.36, 0.25, 0.18, 0.13)
_GOOD: Final = 1e-8
_TOLERANCE: Final = 1e-6
_FLOOR: Final = 1e-9
_CELLS: Final = 1_000_000
_DIMENSIONS: Final = 4


def told_by_words(split: Split, words: Sequence[str], given: frozenset[str]) -> Estimate | None:
    """I(coupled categorical causes; words | some of these causes), nats; None where quadrature does not get there."""
    cuts = [cut for name in sorted(words) for cut in split.parts[0].mixed.cells[name].cuts]
    if math.prod(cut.classes for cut in cuts) * len(split.parts) > _CELLS:
        return None
    before, change = math.nan, math.inf
    for step in _STEPS:
        found = [word_table(part, cuts, step) for part in split.parts]
        tables_ = [table for table in found if table is not None]
        if len(tables_) < len(split.parts):
            break
        value = _told(split, tables_, given)
        change = math.inf if math.isnan(before) else abs(value - before)
        before = value
        if change <= _GOOD:
            break
    return Estimate(before, max(change, _FLOOR)) if change <= _TOLERANCE else None


def group_of(part: Part, given: frozenset[str]) -> tuple[int, ...]:
    """Which categories a part has of some causes."""
    return tuple(number for name, number in part.categories.items() if name in given)


def _told(split: Split, found: Sequence[Array], given: frozenset[str]) -> float:
    """Entropy of the words where only some causes are known, less that where all are."""
    total = 0.0
    for group in {group_of(part, given) for part in split.parts}:
        inside = [i for i, part in enumerate(split.parts) if group_of(part, given) == group]
        shares = np.array([split.parts[i].probability for i in inside])
        mean = np.tensordot(shares / shares.sum(), np.stack([found[i] for i in inside]), axes=1)
        own = sum(
            share * float(scipy.special.entr(found[i]).sum()) for share, i in zip(shares, inside, strict=True)
        )
        total += float(shares.sum()) * float(scipy.special.entr(mean).sum()) - own
    return total


def word_table(part: Part, cuts: Sequence[Cut], step: float) -> Array | None:
    """Probabilities of all combinations of words in one part, of shape (classes of every cut); None out of reach."""
    tied = tie(part.covariance, cuts)
    tied_to = {position for one in tied for position, _, _ in one.cuts}
    table = np.ones((1,) * len(cuts))
    for cluster in find_clusters(part.covariance, tied, ()):
        axes = canonical(cluster)
        if len(axes.doubt) > _DIMENSIONS:
            return None
        found = tables(cluster, axes, step)
        if found is None:
            return None
        weights, parts = found
        cells = weights @ np.concatenate(list(parts), axis=1)
        table = table * _by_word(
            cells.reshape(cluster.cells), [tied[i] for i in cluster.members], cuts, cluster
        )
    for position, cut in enumerate(cuts):
        if position not in tied_to:  # a constant: its word never changes
            table = table * _constant(part, cut, position, len(cuts))
    return np.asarray(np.broadcast_to(table, tuple(cut.classes for cut in cuts)))


def _by_word(cells: Array, members: Sequence[Tied], cuts: Sequence[Cut], cluster: Cluster) -> Array:
    """Cells of tied variables as words of the cuts that they stand for: an axis for every cut, 1 long for others."""
    shape = [1] * len(cuts)
    index: list[np.ndarray[Any, np.dtype[np.int64]]] = [np.zeros(cells.shape, dtype=np.int64)] * len(cuts)
    for axis, (member, edges) in enumerate(zip(members, cluster.edges, strict=True)):
        inside = edges[1:-1]
        at = np.concatenate([inside[:1] - 1.0, (inside[1:] + inside[:-1]) / 2.0, inside[-1:] + 1.0])
        at = at if len(inside) else np.zeros(1)
        for position, slope, mean in member.cuts:
            shape[position] = cuts[position].classes
            words = cuts[position].of(at * slope + mean)
            spread = [1] * cells.ndim
            spread[axis] = len(words)
            index[position] = np.broadcast_to(words.reshape(spread), cells.shape)
    table = np.zeros(shape)
    np.add.at(table, tuple(one.ravel() for one in index), cells.ravel())
    return table


def _constant(part: Part, cut: Cut, position: int, count: int) -> Array:
    mean = part.covariance.system.law.mean.get(cut.variable, np.zeros(1))
    shape = [1] * count
    shape[position] = cut.classes
    row = np.zeros(cut.classes)
    row[int(cut.of(mean)[0])] = 1.0
    return row.reshape(shape)
