"""The loadings of a story as functions of its free parameters, with their derivatives in the same pass.

Every node is a sum of weights times fixed matrices times earlier nodes, so one walk through the graph carries the
value and all derivatives along: arrays have a leading axis of 1 + P slices, the value first, then ∂/∂p of every
free parameter p.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from infoloom.errors import SpecError
from infoloom.law.equations import Array, Geometry
from infoloom.law.graph import Edge, Graph, Node

__all__ = ["Linearised", "Loadings"]

MAX_DERIVATIVES: Final = 50_000_000


@dataclass(frozen=True)
class Loadings:
    """Loadings of all variables and their derivatives.

    Attributes:
        span: In the span, shape (1 + P, rows, sources).
        complement: For each coupling group its members, shape (1 + P, members, vectors).
    """

    span: Array
    complement: tuple[Array, ...]


@dataclass(frozen=True)
class _Place:
    """Where a variable's loadings are: its rows in the span, and its row in the complement of a group.

    Attributes:
        moves: Whether they depend on a free parameter.
    """

    rows: slice
    group: int | None = None
    member: int | None = None
    moves: bool = False


@dataclass(frozen=True)
class _Term:
    """weight · matrix · source in the span; without a matrix the identity, in the complement too."""

    edge: Edge
    source: _Place
    matrix: Array | None


class Linearised:
    """The map from free parameters to loadings.

    Args:
        graph: The resolved graph, all of whose edges are linear.
        geometry: Its groups and templates.
        values: Values of the parameters that are not free.
        free: Names of the free parameters.

    Raises:
        SpecError: The derivatives would be absurdly large.
    """

    def __init__(
        self, graph: Graph, geometry: Geometry, values: Mapping[str, float], free: Sequence[str]
    ) -> None:
        self.geometry, self.values, self.free = geometry, dict(values), tuple(free)
        self.places: dict[str, _Place] = {}
        self._height = self._width = 0
        self._members = [0] * len(geometry.groups)
        self._units: list[tuple[_Place, int, int]] = []
        self._terms: list[tuple[_Place, list[_Term]]] = []
        for name in graph.order:
            self._add_node(graph.nodes[name])
        if (1 + len(self.free)) * self._height * self._width > MAX_DERIVATIVES:
            raise SpecError(
                [
                    f"parameters: {len(self.free)} free ones and {self._height:,} × {self._width:,} loadings; "
                    f"expected at most {MAX_DERIVATIVES:,} derivatives. Use fewer free parameters or templates."
                ]
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable, components of causes included."""
        return tuple(name for name in self.places if not name.startswith("noise("))

    def at(self, weights: Array) -> Loadings:
        """Loadings and derivatives at some values of the free parameters, shape (P,)."""
        slices = 1 + len(self.free)
        span = np.zeros((slices, self._height, self._width))
        groups = zip(self._members, self.geometry.groups, strict=True)
        complement = tuple(np.zeros((slices, members, len(group.vectors))) for members, group in groups)
        for place, column, vector in self._units:
            size = place.rows.stop - place.rows.start
            span[0, place.rows, column : column + size] = np.eye(size)
            if place.group is not None:
                complement[place.group][0, place.member, vector] = 1.0
        values = {**self.values, **dict(zip(self.free, weights.tolist(), strict=True))}
        for place, terms in self._terms:
            for term in terms:
                weight, slopes = self._weight(term.edge, values)
                carried = slices if term.source.moves else 1
                part = span[:carried, term.source.rows]
                part = part if term.matrix is None else term.matrix @ part
                _accumulate(span[:, place.rows], part, weight, slopes)
                if place.group is not None and term.matrix is None:
                    shared = complement[place.group]
                    _accumulate(shared[:, place.member], shared[:carried, term.source.member], weight, slopes)
        return Loadings(span, complement)

    def _weight(self, edge: Edge, values: Mapping[str, float]) -> tuple[float, dict[int, float]]:
        """A term's weight and its derivative by each free parameter in it."""
        factors = [values[name] for name in edge.parameters]
        slopes: dict[int, float] = {}
        for i, name in enumerate(edge.parameters):
            if name in self.free:
                others = edge.coefficient * math.prod(factors[:i] + factors[i + 1 :])
                at = self.free.index(name)
                slopes[at] = slopes.get(at, 0.0) + others
        return edge.coefficient * math.prod(factors), slopes

    def _add_node(self, node: Node) -> None:
        match node.kind:
            case "cause":
                self._add_cause(node)
            case "field":
                self._add_vector(node.name)
            case "target" | "factor":
                if any(edge.source == "noise" for edge in node.edges):
                    self._add_unit(f"noise({node.name})", 1)
                self._add_sum(node, self._room(1))
            case "modality" if node.factors:
                self._stack(node)
            case "modality":
                if any(edge.source == "noise" for edge in node.edges):
                    self._add_vector(f"noise({node.name})")
                g = next(i for i, group in enumerate(self.geometry.groups) if node.name in group.modalities)
                self._add_sum(node, self._member(g))

    def _add_sum(self, node: Node, place: _Place) -> None:
        terms = []
        for number, edge in enumerate(node.edges):
            name = f"noise({node.name})" if edge.source == "noise" else edge.factors[0].source
            pattern = self.geometry.patterns.get((node.name, number))
            matrix = None if pattern is None else np.atleast_2d(pattern)
            if matrix is not None and node.kind == "modality":
                matrix = matrix.T
            terms.append(_Term(edge, self.places[name], matrix))
        moves = any(t.source.moves or set(t.edge.parameters) & set(self.free) for t in terms)
        self.places[node.name] = replace(place, moves=moves)
        self._terms.append((place, terms))

    def _stack(self, node: Node) -> None:
        """A modality of named factors: its rows are theirs."""
        g = next(i for i, group in enumerate(self.geometry.groups) if node.name in group.modalities)
        place = self._member(g)
        sources = [self.places[factor] for factor in node.factors]
        self.places[node.name] = replace(place, moves=any(source.moves for source in sources))
        one = Edge(1.0, (), (), None, 0)
        for i, source in enumerate(sources):
            row = _Place(slice(place.rows.start + i, place.rows.start + i + 1))
            self._terms.append((row, [_Term(one, source, None)]))

    def _add_cause(self, node: Node) -> None:
        self._add_unit(node.name, node.dim)
        if node.shape:
            start = self.places[node.name].rows.start
            self.places |= {
                f"{node.name}[{i}]": _Place(slice(start + i, start + i + 1)) for i in range(node.dim)
            }

    def _add_unit(self, name: str, size: int) -> None:
        """Independent scalar sources."""
        self.places[name] = self._room(size)
        self._units.append((self.places[name], self._width, 0))
        self._width += size

    def _add_vector(self, name: str) -> None:
        """An independent vector source of a group."""
        g = next(i for i, group in enumerate(self.geometry.groups) if name in group.vectors)
        self.places[name] = self._member(g)
        self._units.append((self.places[name], self._width, self.geometry.groups[g].vectors.index(name)))
        self._width += self.geometry.groups[g].rank

    def _room(self, size: int) -> _Place:
        self._height += size
        return _Place(slice(self._height - size, self._height))

    def _member(self, group: int) -> _Place:
        rows = self._room(self.geometry.groups[group].rank).rows
        self._members[group] += 1
        return _Place(rows, group, self._members[group] - 1)


def _accumulate(total: Array, part: Array, weight: float, slopes: Mapping[int, float]) -> None:
    """Add weight · part and, by the product rule, its derivatives; a part without any has one slice."""
    total[: len(part)] += weight * part
    for at, slope in slopes.items():
        total[1 + at] += slope * part[0]
