"""The nearest-neighbour probe: the mean over the nearest rows, as many as serve best on validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infoloom.ssl.probes.linear import standardise
from infoloom.ssl.probes.splits import Split

__all__ = ["NEIGHBOURS", "knn", "nearest"]

Array = NDArray[np.float64]
NEIGHBOURS: Final = (4, 8, 16, 32, 64, 128)
_BLOCK: Final = 256


def knn(features: Array, targets: Mapping[str, Array], split: Split, seed: int = 0) -> dict[str, Array]:
    """Mean over the k nearest rows in Euclidean distance of standardised features, k chosen on validation rows.

    Args:
        features: Shape (n, d).
        targets: By name, shape (n,) or (n, k).
        split: Rows.
        seed: Not used.

    Returns:
        Predictions on the test rows by name; their neighbours are among training and validation rows.
    """
    x = standardise(features, split.train)
    counts = [count for count in NEIGHBOURS if count <= len(split.train)] or [len(split.train)]
    near = split.train[nearest(x[split.train], x[split.validation], counts[-1])]
    chosen = {}
    for name, values in targets.items():
        true = values[split.validation]
        losses = [float(np.square(true - _means(values, near[:, :count])).mean()) for count in counts]
        chosen[name] = counts[int(np.argmin(losses))]
    x = standardise(features, split.fit)
    near = split.fit[nearest(x[split.fit], x[split.test], max(chosen.values(), default=1))]
    return {name: _means(values, near[:, : chosen[name]]) for name, values in targets.items()}


def nearest(known: Array, asked: Array, count: int) -> NDArray[np.intp]:
    """Numbers of the `count` known rows nearest to every asked row, nearest first, shape (m, count)."""
    own = np.square(known).sum(axis=1)
    found = np.empty((len(asked), count), dtype=np.intp)
    for first in range(0, len(asked), _BLOCK):
        block = asked[first : first + _BLOCK]
        distance = own - 2.0 * (block @ known.T)  # the asked row's own length orders nothing
        near = np.argpartition(distance, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
        found[first : first + _BLOCK] = np.take_along_axis(near, order, axis=1)
    return found


def _means(values: Array, near: NDArray[np.intp]) -> Array:
    """Mean of the values of every row's neighbours, a few rows at a time: (m, count, d) may not fit into memory."""
    blocks = [values[near[first : first + _BLOCK]].mean(axis=1) for first in range(0, len(near), _BLOCK)]
    return np.asarray(np.concatenate(blocks), np.float64)
