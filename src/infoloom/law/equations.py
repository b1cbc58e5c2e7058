"""Structural equations composed into loadings on independent sources, in coordinates where they are few.

In the span of a coupling group's templates the whole story is one small linear system; in the complement
every coordinate is an independent copy of one scalar system. Nothing of size d × d is ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np

from infoloom.errors import SpecError
from infoloom.law.exact import Arithmetic
from infoloom.law.geometry import Array, Geometry, Group, lay_out, orthonormal_rows, templates
from infoloom.law.graph import Edge, Graph, Node
from infoloom.law.sources.distributions import make_distribution
from infoloom.law.sources.features import Feature, Features, feature_of, no_features
from infoloom.spec.equations.expression import Factor

__all__ = [
    "Array",
    "Geometry",
    "Group",
    "Law",
    "System",
    "compose",
    "lay_out",
    "orthonormal_rows",
    "special_features",
    "templates",
]

MAX_LOADINGS: Final = 100_000_000
FLOATS: Final = Arithmetic()


@dataclass(frozen=True)
class Law:
    """What the joint law has beyond a covariance: features that are not Gaussian, means, a common scale.

    Attributes:
        features: Special causes (not normal, or in a term that is not linear) and the functions of them.
        columns: Column of every feature in the loadings.
        drawn: For each variable its loadings on the features as they are drawn; equal to `System.in_span`
            in all other columns. Empty without features.
        mean: For each variable whose mean is not zero its mean in the coordinates of `System.in_span`.
        scale: Degrees of freedom of the Student scale that all sources of a row share, if they do.
    """

    features: Features = field(default_factory=no_features)
    columns: tuple[int, ...] = ()
    drawn: Mapping[str, Array] = field(default_factory=dict)
    mean: Mapping[str, Array] = field(default_factory=dict)
    scale: float | None = None

    @property
    def gaussian(self) -> bool:
        """Whether the joint law is Gaussian."""
        return not self.features.features and self.scale is None


@dataclass(frozen=True)
class System:
    """Every variable as loadings on uncorrelated sources of variance 1, independent N(0, 1) but for `law`.

    Attributes:
        groups: The coupling groups.
        scalars: Names of the scalar sources, the first columns of the loadings.
        spanned: Whether the vector sources have columns of their own in the span (equations) or not
            (covariances given directly, where the scalar sources carry the whole span).
        in_span: For each variable its loadings, shape (k, sources): a scalar has one row, a modality r rows.
        complement: For each modality and field its group and its loadings on that group's vectors.
        law: What is not Gaussian, or not of mean zero.
        gross: For each variable the size that its loadings would have if nothing cancelled in them.
        factors: For each modality of named factors their full names, in the order of its components.
        recompose: Makes the same system in other arithmetic, where it was composed from equations.
    """

    groups: tuple[Group, ...]
    scalars: tuple[str, ...]
    spanned: bool
    in_span: Mapping[str, Array]
    complement: Mapping[str, tuple[int, Array]]
    law: Law = field(default_factory=Law)
    gross: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    recompose: Callable[[Arithmetic], System] | None = field(default=None, repr=False, compare=False)
    factors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def group(self, name: str) -> Group:
        """The coupling group of a modality or field."""
        return self.groups[self.complement[name][0]]

    def whole(self, factor: str) -> tuple[str, int] | None:
        """The modality that a factor is a component of, and which one; None for other variables."""
        modality = factor.partition(".")[0]
        names = self.factors.get(modality, ())
        return (modality, names.index(factor)) if factor in names else None

    def columns(self, group: int, vector: int) -> slice:
        """Columns of the in-span part of a vector source."""
        start = len(self.scalars) + sum(len(g.vectors) * g.rank for g in self.groups[:group])
        rank = self.groups[group].rank
        return slice(start + vector * rank, start + (vector + 1) * rank)


def compose(
    graph: Graph, geometry: Geometry, values: Mapping[str, float], arithmetic: Arithmetic = FLOATS
) -> System:
    """Follow the equations in topological order and collect every variable's loadings.

    Args:
        graph: The resolved graph.
        geometry: Its groups and templates.
        values: The value of every parameter.
        arithmetic: Float64, or exact.

    Raises:
        SpecError: The system would be absurdly large.
    """
    return _Composer(graph, geometry, values, arithmetic).run()


class _Composer:
    """Walks the graph once and adds up loadings."""

    def __init__(
        self, graph: Graph, geometry: Geometry, values: Mapping[str, float], arithmetic: Arithmetic
    ) -> None:
        self.graph, self.geometry, self.values, self.arithmetic = graph, geometry, values, arithmetic
        causes = [graph.nodes[name] for name in graph.names("cause")]
        labels = [f"{c.name}[{i}]" if c.shape else c.name for c in causes for i in range(c.dim)]
        noisy = [
            n
            for n in graph.names("target", "factor")
            if any(e.source == "noise" for e in graph.nodes[n].edges)
        ]
        self.features = special_features(graph)
        functions = [str(feature) for feature in self.features.features if not feature.linear]
        self.scalars = (*labels, *(f"noise({name})" for name in noisy), *functions)
        self.scalar_at = {label: i for i, label in enumerate(self.scalars)}
        self.vector_at = {
            vector: (g, v)
            for g, group in enumerate(geometry.groups)
            for v, vector in enumerate(group.vectors)
        }
        self.sources = len(self.scalars) + sum(len(g.vectors) * g.rank for g in geometry.groups)
        rows = len(self.scalars) + sum((len(g.modalities) + len(g.vectors)) * g.rank for g in geometry.groups)
        if rows * self.sources > MAX_LOADINGS:
            raise SpecError(
                [
                    f"equations: {self.sources:,} independent sources for {rows:,} coordinates; expected "
                    f"at most {MAX_LOADINGS:,} loadings. Use fewer templates or smaller causes."
                ]
            )
        self.system = System(geometry.groups, self.scalars, True, {}, {})
        self.in_span: dict[str, Array] = {}
        self.complement: dict[str, tuple[int, Array]] = {}
        self.gross: dict[str, float] = {}

    def run(self) -> System:
        for name in self.graph.order:
            node = self.graph.nodes[name]
            self.gross[name] = self.size(node)
            match node.kind:
                case "cause":
                    self.add_cause(node)
                case "field":
                    self.in_span[name], self.complement[name] = self.vector(name)
                case "target" | "factor":
                    start = self.zeros(1) if node.held is None else self.constant(node.held)
                    terms = (self.into_target(node, i) for i in range(len(node.edges)))
                    self.in_span[name] = sum(terms, start)
                case "modality" if node.factors:
                    self.in_span[name] = np.concatenate([self.in_span[factor] for factor in node.factors])
                    self.complement[name] = (self.group_of(name), self.arithmetic.zeros(1, 0)[0])
                case "modality":
                    self.add_modality(node)
        return self.finished()

    def finished(self) -> System:
        """Split means off, and turn features into uncorrelated sources of variance 1."""
        drawn = {name: rows[:, :-1] for name, rows in self.in_span.items()}
        columns = tuple(self.scalar_at[label] for label in self.features.labels)
        mean = {name: rows[:, -1] for name, rows in self.in_span.items()}
        factors = {name: node.factors for name, node in self.graph.nodes.items() if node.factors}
        made = partial(
            System, self.geometry.groups, self.scalars, True, complement=self.complement, factors=factors
        )
        if not columns:
            law = Law(mean={name: values for name, values in mean.items() if np.any(values)})
            return made(in_span=drawn, law=law, gross=self.gross, recompose=self.again)
        at = np.array(columns)
        mean = {name: values + drawn[name][:, at] @ self.features.mean for name, values in mean.items()}
        in_span = {name: rows.copy() for name, rows in drawn.items()}
        for rows in in_span.values():
            rows[:, at] = rows[:, at] @ self.features.factor
        mean = {name: values for name, values in mean.items() if np.any(values)}
        law = Law(self.features, columns, drawn, mean)
        return made(in_span=in_span, law=law)

    def again(self, arithmetic: Arithmetic) -> System:
        """The same system in other arithmetic."""
        return compose(self.graph, self.geometry, self.values, arithmetic)

    def size(self, node: Node) -> float:
        """Σ |weight| · ‖template‖ · size of the source: what a variable's loadings would be without cancellation."""
        if node.factors:
            return max(self.gross[factor] for factor in node.factors)
        if node.held is not None or not node.edges:
            return 1.0
        sizes = []
        for number, edge in enumerate(node.edges):
            pattern = self.geometry.patterns.get((node.name, number))
            spread = 1.0 if pattern is None else float(np.linalg.norm(pattern))
            source = self.gross.get(edge.factors[0].source, 1.0) if edge.linear else 1.0
            sizes.append(abs(edge.weight(self.values)) * spread * source)
        return sum(sizes)

    def weight(self, edge: Edge) -> Any:
        """The weight of a term."""
        return self.arithmetic.weight(edge.coefficient, [self.values[name] for name in edge.parameters])

    def pattern(self, node: Node, number: int) -> Array | None:
        """The template of a term in its group's coordinates, if it has one."""
        found = self.geometry.patterns.get((node.name, number))
        return None if found is None else self.arithmetic.array(found)

    def zeros(self, rows: int) -> Array:
        """No loadings; the last column is the constant that is added."""
        return self.arithmetic.zeros(rows, self.sources + 1)

    def constant(self, values: Iterable[float]) -> Array:
        """Rows that do not vary."""
        values = list(values)
        rows = self.zeros(len(values))
        rows[:, -1] = self.arithmetic.array(np.array(values))
        return rows

    def source(self, edge: Edge) -> Array:
        """Rows of what a term is a multiple of."""
        if edge.linear:
            return self.in_span[edge.factors[0].source]
        if not edge.factors:
            return self.constant([1.0])
        rows = self.zeros(1)
        rows[0, self.scalar_at[str(feature_of(edge.factors))]] = self.arithmetic.one
        return rows

    def add_cause(self, node: Node) -> None:
        rows = self.zeros(node.dim) if node.held is None else self.constant(node.held)
        for i in range(node.dim):
            label = f"{node.name}[{i}]" if node.shape else node.name
            if node.held is None:
                rows[i, self.scalar_at[label]] = self.arithmetic.one
            self.in_span[label] = rows[i : i + 1]
        self.in_span[node.name] = rows

    def vector(self, name: str) -> tuple[Array, tuple[int, Array]]:
        """A vector source itself: the identity in its columns."""
        g, v = self.vector_at[name]
        group = self.geometry.groups[g]
        rows = self.zeros(group.rank)
        rows[:, self.system.columns(g, v)] = self.arithmetic.eye(group.rank)
        return rows, (g, self.arithmetic.eye(len(group.vectors))[v])

    def into_target(self, node: Node, number: int) -> Array:
        edge = node.edges[number]
        weight = self.weight(edge)
        if edge.source == "noise":
            rows = self.zeros(1)
            rows[0, self.scalar_at[f"noise({node.name})"]] = weight
            return rows
        pattern = self.pattern(node, number)
        rows = self.source(edge)
        return np.asarray(weight * (rows if pattern is None else pattern[None] @ rows))

    def group_of(self, name: str) -> int:
        """Number of the coupling group of a modality."""
        return next(i for i, group in enumerate(self.geometry.groups) if name in group.modalities)

    def add_modality(self, node: Node) -> None:
        g = self.group_of(node.name)
        group = self.geometry.groups[g]
        rows = self.zeros(group.rank)
        shared = self.arithmetic.zeros(1, len(group.vectors))[0]
        if node.held is not None:
            rows[:, -1] = self.arithmetic.array(group.basis @ np.array(node.held))
        for number, edge in enumerate(node.edges):
            weight, pattern = self.weight(edge), self.pattern(node, number)
            if pattern is not None:
                rows += weight * np.atleast_2d(pattern).T @ self.source(edge)
                continue
            if edge.source == "noise":
                added, (_, more) = self.vector(f"noise({node.name})")
            else:
                added, (_, more) = self.in_span[edge.source], self.complement[edge.source]
            rows += weight * added
            shared += weight * more
        self.in_span[node.name] = rows
        self.complement[node.name] = (g, shared)


def special_features(graph: Graph) -> Features:
    """Special causes by label, then the distinct functions of causes."""
    edges = [edge for node in graph.nodes.values() for edge in node.edges if edge.factors]
    functions = dict.fromkeys(feature_of(edge.factors) for edge in edges if not edge.linear)
    labels = {label for function in functions for label in function.causes}
    special = {}
    for cause in (graph.nodes[name] for name in graph.names("cause") if graph.nodes[name].held is None):
        distribution = make_distribution(cause.distribution)
        for i in range(cause.dim):
            label = f"{cause.name}[{i}]" if cause.shape else cause.name
            if label in labels or not distribution.normal:
                special[label] = (Feature((Factor(cause.name, i if cause.shape else None),)), distribution)
    linear = tuple(feature for feature, _ in special.values())
    return Features(
        (*linear, *functions), {label: distribution for label, (_, distribution) in special.items()}
    )
