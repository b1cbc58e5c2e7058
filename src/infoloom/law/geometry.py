"""Where a story's templates live: coupling groups, and the basis that spans each group's templates.

Modalities tied by the identity (a common field, an edge) form a *coupling group* of one size d. A group's
basis V spans every template that enters or reads one of its members. In the span a modality has r
coordinates; in the complement, every one of the d − r coordinates is an independent copy of one scalar
system (theory, section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.linalg

from infoloom.errors import SpecError, TemplateError
from infoloom.law.graph import Edge, Graph, Node
from infoloom.law.sources.distributions import Array
from infoloom.law.templates import make_template, make_templates
from infoloom.spec.equations.expression import TemplateCall

__all__ = ["Array", "Geometry", "Group", "lay_out", "orthonormal_rows", "templates"]

ONES: Final = TemplateCall("ones")
MAX_WORK: Final = 3e11
# A direction too many costs a coordinate; one too few would make information wrong.
_RANK: Final = 1e-15


@dataclass(frozen=True)
class Group:
    """Modalities and fields of one size that are tied by the identity; a modality of named factors is alone.

    Attributes:
        dim: Number of components d.
        basis: Orthonormal rows V that span every template used in the group, shape (r, d).
        modalities: Names of the members.
        vectors: Names of the independent vector sources: fields, then `noise(modality)`.
    """

    dim: int
    basis: Array
    modalities: tuple[str, ...]
    vectors: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Dimension r of the span."""
        return int(self.basis.shape[0])

    @property
    def copies(self) -> int:
        """Dimension d − r of the complement: number of independent copies of its scalar system."""
        return self.dim - self.rank


@dataclass(frozen=True)
class Geometry:
    """What does not depend on the weights: groups, their bases, and every term's template in them.

    Attributes:
        patterns: For (node, number of the term) the template in the group's coordinates: (r,), or (size, r)
            for a cause with a size.
    """

    groups: tuple[Group, ...]
    patterns: Mapping[tuple[str, int], Array]


def lay_out(graph: Graph) -> Geometry:
    """Find the coupling groups of a graph and draw all templates in their bases.

    Raises:
        SpecError: With every template that cannot be drawn, each with its path.
    """
    _refuse_absurd(graph)
    drawn, problems = _draw_all(graph)
    if problems:
        raise SpecError(problems)
    groups = []
    patterns: dict[tuple[str, int], Array] = {}
    for members in _couplings(graph):
        modalities = tuple(n for n in members if graph.nodes[n].kind == "modality")
        fields = tuple(n for n in members if graph.nodes[n].kind == "field")
        noises = tuple(
            f"noise({n})" for n in modalities if any(e.source == "noise" for e in graph.nodes[n].edges)
        )
        dim = graph.nodes[members[0]].dim
        own = {key: rows for key, (place, rows) in drawn.items() if place in members}
        held = [np.array(values) for n in members if (values := graph.nodes[n].held) is not None]
        named = any(graph.nodes[n].factors for n in members)
        basis = np.eye(dim) if named else orthonormal_rows([*own.values(), *held], dim)
        patterns |= {key: rows @ basis.T for key, rows in own.items()}
        groups.append(Group(dim, basis, modalities, fields + noises))
    return Geometry(tuple(groups), patterns)


def templates(graph: Graph) -> dict[str, Array]:
    """Every distinct template of a story by its term, in the shape on which it is drawn."""
    drawn, problems = _draw_all(graph)
    if problems:
        raise SpecError(problems)
    pictures = {}
    for (name, number), (place, rows) in drawn.items():
        edge = graph.nodes[name].edges[number]
        title = f"{name}: {'*'.join(str(f) for f in edge.factors)}@{edge.template or ONES}"
        pictures[title] = np.atleast_2d(rows)[0].reshape(_shape(graph, place))
    return pictures


def orthonormal_rows(stacks: Iterable[Array], dim: int) -> Array:
    """An orthonormal basis of the span of some rows, rank-revealing.

    Args:
        stacks: Vectors, shape (dim,) or (k, dim).
        dim: Number of components.

    Returns:
        Orthonormal rows, shape (r, dim).
    """
    distinct = {row.tobytes(): row for stack in stacks for row in np.atleast_2d(stack)}
    rows = [row / np.linalg.norm(row) for row in distinct.values() if np.any(row)]
    if not rows:
        return np.zeros((0, dim))
    if len(rows) == 1:
        return np.asarray(rows[0][None])
    q, r, _ = scipy.linalg.qr(np.stack(rows, axis=1), mode="economic", pivoting=True)
    rank = int(np.sum(np.abs(np.diag(r)) > _RANK * abs(r[0, 0])))
    return np.ascontiguousarray(q[:, :rank].T)


def _couplings(graph: Graph) -> list[list[str]]:
    """Modalities and fields connected by identity edges, in the spec's order."""
    label = {name: name for name in graph.names("field", "modality")}

    def root(name: str) -> str:
        while label[name] != name:
            name = label[name]
        return name

    for name in graph.names("modality"):
        for parent in graph.nodes[name].parents:
            if parent in label:
                label[root(parent)] = root(name)
    groups: dict[str, list[str]] = {}
    for name in (*graph.names("modality"), *graph.names("field")):
        groups.setdefault(root(name), []).append(name)
    return list(groups.values())


def _draw_all(graph: Graph) -> tuple[dict[tuple[str, int], tuple[str, Array]], list[str]]:
    """Every template of every term at full size, with the modality or field at which it lives."""
    drawn: dict[tuple[str, int], tuple[str, Array]] = {}
    cache: dict[tuple[TemplateCall, tuple[int, ...], int | None], Array] = {}
    problems = []
    directory = graph.directory
    for node in graph.nodes.values():
        for number, edge in enumerate(node.edges):
            place = _place(graph, node, edge)
            if place is None:
                continue
            call = (edge.template or ONES).key
            size = _size(graph, edge)
            shape = _shape(graph, place)
            try:
                if (call, shape, size) not in cache:
                    cache[call, shape, size] = (
                        make_template(call, shape, directory)
                        if size is None
                        else make_templates(call, shape, size, directory)
                    )
            except TemplateError as error:
                section = "targets" if node.kind == "target" else "modalities"
                problems.append(f"{section}.{node.name}: `@{call}`: {error}")
                continue
            drawn[node.name, number] = (place, cache[call, shape, size])
    return drawn, problems


def _refuse_absurd(graph: Graph) -> None:
    """Nothing is drawn whose span would take hours to find."""
    counts: dict[str, int] = {}
    for node in graph.nodes.values():
        for edge in node.edges:
            place = _place(graph, node, edge)
            if place is not None:
                counts[place] = counts.get(place, 0) + (_size(graph, edge) or 1)
    problems = []
    for members in _couplings(graph):
        count = sum(counts.get(name, 0) for name in members)
        dim = graph.nodes[members[0]].dim
        if dim * min(count, dim) ** 2 > MAX_WORK:
            problems.append(
                f"equations: {count:,} templates on the {dim:,} components of `{members[0]}`; expected fewer, "
                "because their span would take hours. Use fewer templates, smaller causes or a smaller shape."
            )
    if problems:
        raise SpecError(problems)


def _size(graph: Graph, edge: Edge) -> int | None:
    """Number of templates that a term draws, if it is a cause with all of its components."""
    source = graph.nodes.get(edge.source)
    bare = source is not None and source.kind == "cause" and edge.linear and edge.factors[0].index is None
    return source.dim if source is not None and bare and source.shape else None


def _place(graph: Graph, node: Node, edge: Edge) -> str | None:
    """Where a term's template lives: at the modality that it enters, or at the source that a target reads."""
    kind = (
        "cause" if not edge.factors else "noise" if edge.source == "noise" else graph.nodes[edge.source].kind
    )
    if node.kind == "modality" and kind in ("cause", "target", "factor"):
        return node.name
    if node.scalar and kind in ("field", "modality"):
        return edge.source
    return None


def _shape(graph: Graph, place: str) -> tuple[int, ...]:
    """Shape on which a template is drawn; a field has that of the first modality that uses it."""
    node = graph.nodes[place]
    if node.kind == "modality" or len(node.shape) > 1:
        return node.inner
    return next(n.inner for n in graph.nodes.values() if n.kind == "modality" and place in n.parents)
