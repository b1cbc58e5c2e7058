"""Probabilities of words at given points, and of all combinations of words averaged over points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import scipy.special

from infoloom.information.words.clusters import Cluster
from infoloom.law.equations import Array

__all__ = ["class_probabilities", "joint_tables", "product_rows", "split_at"]

_CHUNK: Final = 2**21  # numbers


def class_probabilities(at: Array, edges: Array, spread: float) -> Array:
    """P(word | f − spread · ε = at), shape (…, V), from values of shape (…)."""
    below = np.empty((*at.shape, len(edges)))
    below[..., 0], below[..., -1] = 0.0, 1.0
    scipy.special.ndtr((edges[1:-1] - at[..., None]) / spread, out=below[..., 1:-1])
    return below[..., 1:] - below[..., :-1]


def split_at(cells: Sequence[int]) -> int:
    """Where to split a list so that both products are small."""
    return min(range(len(cells) + 1), key=lambda i: math.prod(cells[:i]) + math.prod(cells[i:]))


def product_rows(parts: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Products of all combinations along the last axis, shape (…, ΠV)."""
    joint = np.ones((*shape, 1))
    for part in parts:
        joint = (joint[..., :, None] * part[..., None, :]).reshape(*shape, -1)
    return joint


def joint_tables(
    cluster: Cluster, outer: Array, inner: Array, weights: Array
) -> Iterator[tuple[slice, Array]]:
    """P(words | s) = Σ_v weight_v Π_j P(word_j | s, v), for some values of s at a time.

    Args:
        cluster: The variables.
        outer: Values of s, shape (S, q).
        inner: Values of v, shape (V, r).
        weights: Of the values of v, shape (V,).

    Yields:
        Which of the values of s, and shape (S', ΠV) in the order of the members.
    """
    cells = cluster.cells
    cut = split_at(cells)
    width = sum(cells) + math.prod(cells[:cut]) + math.prod(cells[cut:])
    deep = max(1, min(len(inner), _CHUNK // width))
    step = max(1, _CHUNK // max(deep * width, math.prod(cells)))
    told, more = outer @ cluster.outer.T, inner @ cluster.inner.T
    for i in range(0, len(outer), step):
        part = slice(i, min(i + step, len(outer)))
        table = np.zeros((part.stop - part.start, math.prod(cells[:cut]), math.prod(cells[cut:])))
        for k in range(0, len(inner), deep):
            at = told[part, None] + more[None, k : k + deep]
            each = [
                class_probabilities(at[..., j], edges, float(cluster.spread[j]))
                for j, edges in enumerate(cluster.edges)
            ]
            left = product_rows(each[:cut], at.shape[:2]) * weights[k : k + deep, None]
            table += left.swapaxes(1, 2) @ product_rows(each[cut:], at.shape[:2])
        yield part, table.reshape(len(table), -1)
