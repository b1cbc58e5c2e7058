"""Random injective maps of one side of a task: what x or y hides behind."""

from __future__ import annotations

from typing import Final

import numpy as np

from infoloom.benchmark.meta.rendered import rendered
from infoloom.benchmark.meta.steps import BENDS, Bend, Columns, Coupling, Relabel, Residual, Rotation, Step

__all__ = ["MAPS", "USUAL", "relabelled", "side"]

#: What a side hides behind unless told otherwise; labels are renamed in place of any map.
USUAL: Final = ("plain", "bent", "rotated", "turned", "coupling")
#: What a side may hide behind.
MAPS: Final = (*USUAL, "flow", "rendered")
_LEVELS: Final = 32
_HIDDEN: Final = 32


def side(rng: np.random.Generator, name: str, dim: int, *, heavy: bool = False) -> tuple[Step, ...]:
    """Steps of a random map.

    Args:
        rng: Where its settings come from.
        name: `plain` (order, scales, shifts), `bent` (columns bent), `rotated`, `turned` (rotated, bent, rotated),
            `coupling` (two to four affine coupling layers, then rotated; one column is bent in their place), `flow`
            (three to six residual steps with rotations between them) or `rendered` (columns set the factors of a
            rotation curve, a spectrum or a ring, and there are more columns after it).
        dim: Columns.
        heavy: Rows reach far beyond their usual size. Where columns are mixed and then bent, they first go through
            asinh, one by one: the digits of a row would go to its largest column, and the others would lose theirs.
    """
    if heavy and dim > 1 and name in ("turned", "coupling", "flow"):
        return Bend((("asinh", dim),)), *side(rng, name, dim)
    ends = _columns(rng, dim)
    if name == "plain":
        return (ends,)
    if name == "rotated":
        return _rotation(rng, dim), ends
    if name == "coupling" and dim > 1:
        layers = [_coupling(rng, dim) for _ in range(int(rng.integers(2, 5)))]
        return *layers, _rotation(rng, dim), ends
    if name == "flow":
        bends: list[Step] = []
        for _ in range(int(rng.integers(3, 7))):
            bends += [_rotation(rng, dim), _residual(rng, dim)]
        return *bends, ends
    if name == "rendered":
        return (rendered(rng, dim),)
    if name == "turned":
        return _rotation(rng, dim), _bend(rng, dim), _rotation(rng, dim), ends
    return _bend(rng, dim), ends


def relabelled(rng: np.random.Generator, dim: int) -> tuple[Step, ...]:
    """Columns of labels in another order, their levels renamed."""
    names = rng.permuted(np.tile(np.arange(_LEVELS), (dim, 1)), axis=1)
    return (Relabel(rng.permutation(dim), names),)


def _columns(rng: np.random.Generator, dim: int) -> Columns:
    return Columns(rng.permutation(dim), np.exp(rng.uniform(-1.0, 1.0, dim)), rng.standard_normal(dim))


def _rotation(rng: np.random.Generator, dim: int) -> Rotation:
    """A uniformly random orthogonal matrix."""
    basis, corner = np.linalg.qr(rng.standard_normal((dim, dim)))
    return Rotation(np.asarray(basis * np.sign(np.diag(corner))))


def _bend(rng: np.random.Generator, dim: int) -> Bend:
    """At most three bends over the columns, which come in random order."""
    kinds = int(rng.integers(1, min(3, dim) + 1))
    names = rng.choice(np.array(list(BENDS)[1:]), kinds)
    ends = np.sort(rng.choice(np.arange(1, dim), kinds - 1, replace=False)) if kinds > 1 else np.zeros(0)
    return Bend(tuple(zip(map(str, names), [*map(int, ends), dim], strict=True)))


def _coupling(rng: np.random.Generator, dim: int) -> Coupling:
    kept = dim // 2
    first = 1.5 * rng.standard_normal((kept, _HIDDEN)) / np.sqrt(kept)
    last = 1.5 * rng.standard_normal((_HIDDEN, 2 * (dim - kept))) / np.sqrt(_HIDDEN)
    return Coupling(rng.permutation(dim), first, rng.standard_normal(_HIDDEN), last)


def _residual(rng: np.random.Generator, dim: int) -> Residual:
    first, last = rng.standard_normal((dim, _HIDDEN)), rng.standard_normal((_HIDDEN, dim))
    first, last = (weights / np.linalg.norm(weights, 2) for weights in (first, last))
    return Residual(first, rng.standard_normal(_HIDDEN), last)
