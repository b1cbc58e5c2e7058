"""Entropy of y = v(s) + N(0, I) in up to three dimensions: a mixture of Gaussians summed up on a regular grid.

The grid's step is halved until −∫ p log p no longer changes; only points near a node are touched by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from infoloom.law.equations import Array

__all__ = ["MAX_DIMENSIONS", "plane_information", "plane_work"]

MAX_DIMENSIONS: Final = 3
_REACH: Final = 7.5  # beyond it a Gaussian holds 1e-13
_CELL: Final = 2.0
_GROUP: Final = 2048
_MAX_POINTS: Final = 20_000_000


def plane_work(values: Array, step: float) -> float:
    """Cells that `plane_information` would sum over; infinite if the grid would be too large."""
    sizes = np.ceil((np.ptp(values, axis=0) + 2.0 * _REACH) / step) + 2
    if math.prod(sizes) > _MAX_POINTS:
        return math.inf
    window = math.prod(np.minimum(sizes, (_CELL + 2.0 * _REACH) / step + 2))
    return float(len(values) * window * 0.2 + 5.0 * math.prod(sizes))


def plane_information(values: Array, mass: Array, step: float) -> tuple[float, float]:
    """I(s; y) on a grid of some step, and on one of twice the step.

    Args:
        values: v at the nodes, shape (n, k), k from 1 to 3.
        mass: Their probabilities.
        step: Of the grid, in widths of the noise.

    Returns:
        Both, nats.
    """
    low = values.min(axis=0) - _REACH
    counts = np.ceil((values.max(axis=0) + _REACH - low) / step).astype(int) + 1
    lines = [start + step * np.arange(n) for start, n in zip(low, counts, strict=True)]
    density = np.zeros(tuple(counts))
    for group in _groups(values):
        windows, kernels = [], []
        for axis, line in enumerate(lines):
            near = values[group, axis]
            first, last = np.searchsorted(line, [near.min() - _REACH, near.max() + _REACH])
            windows.append(slice(int(first), int(last)))
            kernels.append(np.exp(-0.5 * (line[first:last, None] - near) ** 2))
        density[tuple(windows)] += _product(kernels, mass[group])
    density *= (2.0 * math.pi) ** (-0.5 * len(lines))
    noise = 0.5 * len(lines) * math.log(2.0 * math.pi * math.e)
    fine = _entropy(density, step ** len(lines)) - noise
    coarse = density[(slice(None, None, 2),) * len(lines)]
    return fine, _entropy(coarse, (2.0 * step) ** len(lines)) - noise


def _entropy(density: Array, cell: float) -> float:
    """−∫ p log p, p rescaled to be a density on the grid."""
    kept = density[density > 1e-300]
    total = cell * float(kept.sum())
    return -cell * float(kept @ np.log(kept)) / total + math.log(total)


def _groups(values: Array) -> Iterator[np.ndarray[Any, np.dtype[Any]]]:
    """Nodes that lie together, a few at a time."""
    cells = np.floor(values / _CELL).astype(np.int64)
    order = np.lexsort(cells.T)
    ends = np.flatnonzero(np.any(np.diff(cells[order], axis=0) != 0, axis=1)) + 1
    for group in np.split(order, ends):
        for start in range(0, len(group), _GROUP):
            yield np.asarray(group[start : start + _GROUP])


def _product(kernels: list[Array], mass: Array) -> Array:
    """Σ mass · product of the kernels, over the nodes."""
    first, *rest = kernels
    first = first * mass
    if not rest:
        return np.asarray(first.sum(axis=1))
    if len(rest) == 1:
        return np.asarray(first @ rest[0].T)
    shape = (len(rest[0]), len(rest[1]))
    result = np.zeros((len(first), math.prod(shape)))
    step = max(1, 2_000_000 // math.prod(shape))
    for i in range(0, first.shape[1], step):
        part = slice(i, i + step)
        inner = (rest[0][:, None, part] * rest[1][None, :, part]).reshape(-1, first[:, part].shape[1])
        result += first[:, part] @ inner.T
    return result.reshape(len(first), *shape)
