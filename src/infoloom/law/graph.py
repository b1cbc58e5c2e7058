"""The story as a graph: named nodes in topological order, what feeds each of them, d-separation."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal

from infoloom.errors import FlowError, SpecError
from infoloom.law.choices import chosen_by, kept_factors
from infoloom.spec.equations.expression import Factor, TemplateCall, Term
from infoloom.spec.equations.parser import ExpressionError, parse_expression
from infoloom.spec.flows.captions import caption_problems
from infoloom.spec.flows.flow import flow_caption, flow_factors, flow_shape, latent_shape
from infoloom.spec.lint import point_at, suggest
from infoloom.spec.model import ModalitySpec, Spec

__all__ = ["Edge", "Graph", "Kind", "Node", "build_graph"]


Kind = Literal["cause", "field", "target", "factor", "modality"]


@dataclass(frozen=True)
class Edge:
    """One term of a node's equation: `coefficient · Π parameters · Π sources`, spread or read by a template.

    Attributes:
        factors: The sources; `(Factor("noise"),)` is the node's own noise. More than one, or a function or a
            power of one, is a term that is not linear; all of its sources are causes. None is a constant,
            which only an intervention leaves behind.
    """

    coefficient: float
    parameters: tuple[str, ...]
    factors: tuple[Factor, ...]
    template: TemplateCall | None
    position: int

    @property
    def source(self) -> str:
        """Name of the (first) source; empty for a constant."""
        return self.factors[0].name if self.factors else ""

    @property
    def linear(self) -> bool:
        """Whether the term is one source times a weight."""
        return len(self.factors) == 1 and self.factors[0].linear

    def weight(self, values: Mapping[str, float]) -> float:
        """The term's weight for given values of the parameters."""
        return self.coefficient * math.prod(values[name] for name in self.parameters)


@dataclass(frozen=True)
class Node:
    """A named variable: its kind, the shape of one row, its terms, or the value that it is held at.

    Attributes:
        shape: Of a modality, the shape of its observation.
        latent: Shape of a modality's latent, where it is another one: a renderer makes a picture of a few numbers.
        factors: Names of the scalar nodes that together are the modality's latent; empty for one equation.
        chosen: What categorical causes choose of a modality: slot of its caption, or `""` for its flow's class, and
            the cause.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...] = ()
    edges: tuple[Edge, ...] = ()
    held: tuple[float, ...] | None = None
    distribution: str = "normal"
    latent: tuple[int, ...] | None = None
    factors: tuple[str, ...] = ()
    chosen: tuple[tuple[str, str], ...] = ()

    @property
    def inner(self) -> tuple[int, ...]:
        """Shape of one row in the joint law: that of the latent."""
        return self.shape if self.latent is None else self.latent

    @property
    def dim(self) -> int:
        """Number of components of one row in the joint law."""
        return math.prod(self.inner)

    @property
    def scalar(self) -> bool:
        """Whether it is a scalar with an equation: a target, or a factor of a modality."""
        return self.kind in ("target", "factor")

    @property
    def parents(self) -> tuple[str, ...]:
        """Names of the other nodes in its equation, each once; of a modality also its factors, and what chooses."""
        chosen = (cause for _, cause in self.chosen)
        names = (*self.factors, *(factor.name for edge in self.edges for factor in edge.factors), *chosen)
        return tuple(dict.fromkeys(name for name in names if name != "noise"))


@dataclass(frozen=True)
class Graph:
    """All nodes of a story by name, in an order in which every node follows its parents."""

    nodes: Mapping[str, Node]
    order: tuple[str, ...]
    directory: Path | None = None

    def names(self, *kinds: Kind) -> tuple[str, ...]:
        """Names of the nodes of some kinds, in the spec's order."""
        return tuple(name for name, node in self.nodes.items() if node.kind in kinds)

    def ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """The nodes from which a directed path leads to one of `names`, themselves included."""
        found: set[str] = set()
        open_names = list(names)
        while open_names:
            name = open_names.pop()
            if name not in found:
                found.add(name)
                open_names += self.nodes[name].parents
        return frozenset(found)

    def d_separated(self, a: Iterable[str], b: Iterable[str], given: Iterable[str] = ()) -> bool:
        """Whether `given` blocks every path between `a` and `b`: then their information given it is zero.

        Moralises the ancestral graph and removes `given` (Lauritzen et al. 1990).
        """
        a, b, given = frozenset(a), frozenset(b), frozenset(given)
        kept = self.ancestors(a | b | given)
        neighbours: dict[str, set[str]] = {name: set() for name in kept}
        for name in kept:
            family = (name, *self.nodes[name].parents)
            for one in family:
                neighbours[one].update(other for other in family if other != one)
        reached: set[str] = set()
        open_names = list(a - given)
        while open_names:
            name = open_names.pop()
            if name not in reached:
                reached.add(name)
                open_names += neighbours[name] - given
        return not reached & b


def build_graph(spec: Spec) -> Graph:
    """Resolve every name of a spec's equations.

    Raises:
        SpecError: With every unknown name, misplaced source, unknown flow, wrong size, and any cycle.
    """
    return _Builder(spec).build()


@dataclass
class _Builder:
    spec: Spec
    problems: list[str] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)

    def build(self) -> Graph:
        spec = self.spec
        for name, cause in spec.causes.items():
            shape = () if cause.size == 1 else (cause.size,)
            self.nodes[name] = Node(name, "cause", shape, distribution=cause.distribution)
        self.nodes |= {name: Node(name, "field") for name in spec.fields}
        self.nodes |= {name: Node(name, "target") for name in spec.targets}
        equations = {name: (f"targets.{name}", text) for name, text in spec.targets.items()}
        for name, modality in spec.modalities.items():
            shown, latent = self.flow_shapes(name, modality.flow)
            path, written = f"modalities.{name}.latent", modality.latent
            chosen = self.check_caption(name, modality)
            written = {} if written is None and any(slot for slot, _ in chosen) else written
            if not isinstance(written, dict):
                self.nodes[name] = Node(name, "modality", shown, latent=latent, chosen=chosen)
                equations[name] = (path, written)
                continue
            size = math.prod(latent or shown) if shown else 0
            factors = self.all_factors(name, written, modality.flow, size, chosen)
            self.nodes |= {factor: Node(factor, "factor") for factor in factors}
            equations |= {f: (f"{path}.{f.partition('.')[2]}", text) for f, text in factors.items()}
            self.nodes[name] = Node(
                name, "modality", shown, latent=(len(factors),), factors=tuple(factors), chosen=chosen
            )
        if spec.covariance is None:
            for name, (path, text) in equations.items():
                self.add_equation(name, path, text)
            self.size_fields()
            self.check_identities()
        else:
            self.check_covariance_form(equations)
        if self.problems:
            raise SpecError(dict.fromkeys(self.problems))
        return Graph(self.nodes, self.order(), spec.directory)

    def flow_shapes(self, name: str, flow: str) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Shape of the observation, and of the latent where it is another one."""
        try:
            shape, latent = flow_shape(flow, self.spec.directory), latent_shape(flow, self.spec.directory)
            return shape, None if latent == shape else latent
        except FlowError as error:
            self.problems.append(f"modalities.{name}.flow: {error}")
            return (), None

    def check_caption(self, name: str, modality: ModalitySpec) -> tuple[tuple[str, str], ...]:
        """Words, slots and factors of a caption must fit; what categorical causes choose of a modality."""
        try:
            caption = flow_caption(modality.flow)
        except FlowError:
            return ()  # a problem already
        if caption is not None and self.spec.covariance is not None:
            self.problems.append(
                f"modalities.{name}.flow: a spec with `covariance` has no factors for words to say. Write equations."
            )
            return ()
        self.problems += caption_problems(
            f"modalities.{name}", caption, modality.words, modality.latent, modality.whitening
        )
        chosen, problems = chosen_by(name, modality, caption, self.spec.causes, self.spec.directory)
        self.problems += problems
        return chosen

    def all_factors(
        self,
        name: str,
        written: Mapping[str, str],
        flow: str,
        size: int,
        chosen: tuple[tuple[str, str], ...],
    ) -> dict[str, str]:
        """The equation of every factor of a flow by full name, in the flow's order; noise where none is written."""
        try:
            known = flow_factors(flow)
        except FlowError:
            known = ()  # a problem already
        path = f"modalities.{name}.latent"
        for factor in written if known else ():
            if factor not in known:
                near = difflib.get_close_matches(factor, known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"expected some of {', '.join(known)}."
                self.problems.append(f"{path}.{factor}: `{flow}` has no factor `{factor}`; {hint}")
        if not known and size and len(written) != size:
            self.problems.append(
                f"{path}: {len(written)} factors: expected {size}, because `{flow}` has {size} components without "
                "names. Name every one of them, or write one equation for all."
            )
        listed = tuple(known if known and self.spec.covariance is None else written)
        listed = kept_factors(listed, chosen) if any(slot for slot, _ in chosen) else listed
        return {f"{name}.{factor}": written.get(factor, "noise") for factor in listed}

    def add_equation(self, name: str, path: str, text: str | None) -> None:
        if text is None:
            self.problems.append(
                f"{path}: this equation is missing. Add it, such as `0.7*cause + 0.2*noise`."
            )
            return
        try:
            terms = parse_expression(text).terms
        except ExpressionError as error:
            self.problems.append(point_at(path, text, error.position, str(error)))
            return
        edges = []
        for term in terms:
            trouble, edge = self.resolve(name, term)
            if edge is None:
                position, message = trouble
                self.problems.append(point_at(path, text, position, message))
            else:
                edges.append(edge)
        node = self.nodes[name]
        self.nodes[name] = replace(node, edges=tuple(edges))

    def resolve(self, name: str, term: Term) -> tuple[tuple[int, str], Edge | None]:
        parameters, sources = [], []
        for factor in term.factors:
            if factor.name in self.spec.parameters:
                if not factor.linear or factor.index is not None:
                    return (
                        factor.position,
                        f"the parameter `{factor.name}` can only be a plain factor",
                    ), None
                parameters.append(factor.name)
            elif factor.name != "noise" and factor.name not in self.nodes:
                return (factor.position, f"unknown name `{factor.name}`{self.suggest(factor.name)}"), None
            else:
                sources.append(factor)
        edge = Edge(term.coefficient, tuple(parameters), tuple(sources), term.template, term.position)
        trouble = self.misplaced(self.nodes[name], edge)
        return (edge.position, trouble or ""), None if trouble else edge

    def misplaced(self, node: Node, edge: Edge) -> str | None:
        """Why a term cannot stand in a node's equation, if it cannot."""
        if not edge.factors:
            return "expected a source in the term: a cause, a field, a target, a modality or `noise`"
        for factor in edge.factors:
            kind = "noise" if factor.name == "noise" else self.nodes[factor.name].kind
            if kind == "modality" and self.nodes[factor.name].factors:
                return (
                    f"`{factor.name}` has named factors. Name one of them, such as "
                    f"`{self.nodes[factor.name].factors[0]}`"
                )
            trouble = self.bad_factor(node, edge, factor, kind)
            if trouble:
                return trouble
        return None

    def bad_factor(self, node: Node, edge: Edge, factor: Factor, kind: str) -> str | None:
        size = self.nodes[factor.name].dim if kind == "cause" else 1
        if factor.index is not None and (kind != "cause" or size == 1):
            return f"`{factor.source}`: only a cause with a size has components. Write `{factor.name}`"
        if factor.index is not None and factor.index >= size:
            return f"`{factor.source}`: expected a component from 0 to {size - 1}"
        if not edge.linear and kind != "cause":
            return f"`{factor.name}`: only causes can be multiplied or stand in a function or a power"
        if kind == "cause" and size > 1 and factor.index is None and (node.scalar or not edge.linear):
            return f"`{factor.name}` has {size} components. Name one of them, such as `{factor.name}[0]`"
        if edge.template is None:
            return None
        if node.scalar and kind not in ("field", "modality"):
            return (
                f"a {node.kind} is a scalar: only a field or a modality is read by a template. Remove the `@`"
            )
        if node.kind == "modality" and kind in ("noise", "field", "modality"):
            what = "noise" if kind == "noise" else f"the {kind} `{factor.name}`"
            return f"{what} enters as it is, without a template. Remove the `@`, or use a cause"
        return None

    def suggest(self, word: str) -> str:
        known = [*self.nodes, *self.spec.parameters, "noise"]
        return suggest(word, known, len(self.problems))

    def size_fields(self) -> None:
        for name in self.spec.fields:
            users = [n for n in self.nodes.values() if n.kind == "modality" and name in n.parents]
            if any(not user.shape for user in users):
                continue  # its flow is a problem already
            if not users:
                self.problems.append(
                    f"fields.{name}: no modality uses it, so its size is unknown. Use it in an equation or "
                    "remove it."
                )
                continue
            self.nodes[name] = Node(name, "field", (users[0].dim,))
            for user in users[1:]:
                if user.dim != users[0].dim:
                    self.problems.append(
                        f"fields.{name}: expected modalities of one size, but `{users[0].name}` has "
                        f"{users[0].dim} components and `{user.name}` has {user.dim}. Use one field a size."
                    )

    def check_identities(self) -> None:
        for node in self.nodes.values():
            if node.kind != "modality" or not node.shape:
                continue
            for parent in (self.nodes[name] for name in node.parents):
                if parent.kind == "modality" and parent.shape and parent.dim != node.dim:
                    self.problems.append(
                        f"modalities.{node.name}.latent: `{parent.name}` has {parent.dim} components and "
                        f"enters through the identity, but `{node.name}` has {node.dim}. Read it into a "
                        "target first."
                    )

    def check_covariance_form(self, equations: dict[str, tuple[str, str | None]]) -> None:
        for path, text in equations.values():
            if text is not None:
                self.problems.append(
                    f"{path}: a spec has either equations or `covariance`. Remove one of them."
                )
        for section in ("causes", "fields", "parameters"):
            if getattr(self.spec, section):
                self.problems.append(
                    f"{section}: a spec with `covariance` has none. Remove it, or write equations."
                )

    def order(self) -> tuple[str, ...]:
        parents = {name: node.parents for name, node in self.nodes.items()}
        try:
            return tuple(TopologicalSorter(parents).static_order())
        except CycleError as error:
            cycle = " → ".join(f"`{name}`" for name in error.args[1])
            raise SpecError(
                [f"equations: a cycle {cycle}; expected a graph without one. Remove an edge of it."]
            ) from error
