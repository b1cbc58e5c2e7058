"""Several information quantities and their derivatives by the free parameters of a story, at once.

Each quantity is a sum of log-volumes ½ log det(L Lᵀ) of sets of variables. With Lᵀ = Q R, its gradient is
∂/∂L ½ log det(L Lᵀ) = R⁻¹ Qᵀ, so the gradient of a quantity is the same sum as the quantity itself.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from infoloom.design.linearised import Linearised
from infoloom.errors import InfiniteInformationError
from infoloom.information.notation import Query
from infoloom.information.pieces import Piece, pieces
from infoloom.law.equations import Array
from infoloom.law.triangle import independent, triangle

__all__ = ["Quantities"]

_TINY: Final = 1e-150
_CHUNK: Final = 2_000_000
_SEED: Final = 20_11


@dataclass(frozen=True)
class _Volumes:
    """Sets of as many rows each of one block, and what every quantity takes of each of their volumes.

    Attributes:
        group: The coupling group whose complement it is, or None for the span.
        rows: Shape (sets, rows).
        factors: Shape (quantities, sets).
    """

    group: int | None
    rows: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
    factors: Array


class Quantities:
    """The map from free parameters to the values of some queries, in nats.

    Which rows determine each other does not depend on the weights, except at a few of them; it is found once, at
    random weights, and such rows are left out as the measures do.

    Args:
        linearised: The loadings as functions of the parameters.
        queries: What to compute.

    Raises:
        InfiniteInformationError: A quantity is infinite whatever the weights.
    """

    def __init__(self, linearised: Linearised, queries: Sequence[Query]) -> None:
        self.linearised = linearised
        self._generic = linearised.at(np.random.default_rng(_SEED).uniform(0.5, 1.5, len(linearised.free)))
        self.offsets = np.zeros(len(queries))
        sets: dict[tuple[int | None, tuple[int, ...]], Array] = defaultdict(lambda: np.zeros(len(queries)))
        for number, query in enumerate(queries):
            if query.measure == "H":
                dim = sum(self._dim(name) for name in query.parts[0])
                self.offsets[number] = 0.5 * dim * math.log(2.0 * math.pi * math.e)
            for piece in pieces(query):
                for block in (None, *(g for g, one in enumerate(linearised.geometry.groups) if one.copies)):
                    for factor, rows in self._volumes(piece, block, query):
                        sets[block, rows][number] += factor
        self.volumes = _batched(sets)

    def at(self, weights: Array) -> tuple[Array, Array]:
        """Values, shape (M,), and derivatives by the free parameters, shape (M, P).

        Args:
            weights: Values of the free parameters, shape (P,).
        """
        loadings = self.linearised.at(weights)
        values = self.offsets.copy()
        slopes = np.zeros((len(values), len(weights)))
        for part in self.volumes:
            stack = loadings.span if part.group is None else loadings.complement[part.group]
            volume, gradient = _volume(stack, part.rows)
            values += part.factors @ volume
            slopes += part.factors @ gradient
        return values, slopes

    def regular(self, weights: Array) -> bool:
        """Whether all volumes exist at some weights: no modality stops to vary, no variable determines others."""
        loadings = self.linearised.at(weights)
        for name, place in self.linearised.places.items():
            if place.group is not None and not name.startswith("noise("):
                alone = loadings.complement[place.group][0, place.member]
                varies = np.any(alone) or not self.linearised.geometry.groups[place.group].copies
                if triangle(loadings.span[0, place.rows]).singular or not varies:
                    return False
        for part in self.volumes:
            stack = loadings.span if part.group is None else loadings.complement[part.group]
            if any(triangle(stack[0][rows]).singular for rows in part.rows):
                return False
        return True

    def _dim(self, name: str) -> int:
        place = self.linearised.places[name]
        if place.group is not None:
            return self.linearised.geometry.groups[place.group].dim
        return int(place.rows.stop - place.rows.start)

    def _volumes(self, piece: Piece, block: int | None, query: Query) -> list[tuple[float, tuple[int, ...]]]:
        """A piece in one block as factors of volumes of sets of rows."""
        stack = (self._generic.span if block is None else self._generic.complement[block])[0]
        copies = 1 if block is None else self.linearised.geometry.groups[block].copies
        a, b, given = (self._rows(names, block) for names in (piece.a, piece.b, piece.given))
        given = _kept(stack, given, [])
        a = a if not piece.b else _kept(stack, a, given)
        b = _kept(stack, b, given)
        joint = [*given, *a, *b]
        if len(_kept(stack, joint, [])) < len(joint):
            raise InfiniteInformationError(
                f"`{query}`: infinite whatever the weights, because some of its variables determine others. Add noise "
                "to one of them, such as `+ 0.1*noise`."
            )
        parts = [([*given, *a], 1.0), ([*given, *b], 1.0), (joint, -1.0), (given, -1.0)]
        if not piece.b:
            parts = [(joint, 1.0), (given, -1.0)]
        return [
            (factor * copies * piece.factor, tuple(sorted(rows))) for rows, factor in parts if rows and copies
        ]

    def _rows(self, names: Sequence[str], block: int | None) -> list[int]:
        places = [self.linearised.places[name] for name in names]
        if block is None:
            return [row for place in places for row in range(place.rows.start, place.rows.stop)]
        return [place.member for place in places if place.group == block and place.member is not None]


def _kept(stack: Array, rows: list[int], base: list[int]) -> list[int]:
    """The rows that neither `base` nor others of them determine."""
    return [rows[i] for i in independent(stack[rows], stack[base])] if rows else []


def _batched(sets: dict[tuple[int | None, tuple[int, ...]], Array]) -> list[_Volumes]:
    """Sets that count for something, by block and number of rows."""
    chosen: dict[tuple[int | None, int], list[tuple[tuple[int, ...], Array]]] = defaultdict(list)
    for (block, rows), factors in sets.items():
        if np.any(factors):
            chosen[block, len(rows)].append((rows, factors))
    return [
        _Volumes(block, np.array([rows for rows, _ in found]), np.stack([f for _, f in found], axis=1))
        for (block, _), found in chosen.items()
    ]


def _volume(stack: Array, sets: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> tuple[Array, Array]:
    """½ log det of the sets' covariances, shape (n,), and derivatives, shape (n, P)."""
    rows = stack[0][sets]
    lengths = np.maximum(np.linalg.norm(rows, axis=2, keepdims=True), _TINY)
    q, r = np.linalg.qr((rows / lengths).swapaxes(1, 2))
    diagonal = np.maximum(np.abs(np.diagonal(r, axis1=1, axis2=2)), _TINY)
    volume = np.log(diagonal).sum(axis=1) + np.log(lengths[:, :, 0]).sum(axis=1)
    pinned = (
        r
        + np.eye(r.shape[1]) * np.where(np.abs(np.diagonal(r, axis1=1, axis2=2)) < _TINY, _TINY, 0.0)[:, None]
    )
    slope = np.linalg.solve(pinned, q.swapaxes(1, 2)) / lengths
    gradient = np.empty((len(sets), len(stack) - 1))
    step = max(1, _CHUNK // max(1, stack[1:, : sets.shape[1]].size))
    for i in range(0, len(sets), step):
        part = slope[i : i + step].reshape(len(sets[i : i + step]), slope[0].size)
        moved = stack[1:, sets[i : i + step]].reshape(len(stack) - 1, *part.shape)
        gradient[i : i + step] = np.einsum("pnj,nj->np", moved, part)
    return volume, gradient
