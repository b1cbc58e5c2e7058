"""Interventions: a node's equation is cut and the node is held at a value (theory, section 11)."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from infoloom.errors import SpecError
from infoloom.law.graph import Edge, Graph
from infoloom.law.sources.distributions import atoms_of
from infoloom.law.sources.features import evaluate
from infoloom.spec.equations.expression import Factor

__all__ = ["Value", "cut", "descendants", "plain_value", "shifted"]

Value = float | Sequence[float] | np.ndarray[Any, np.dtype[Any]]


def cut(graph: Graph, values: Mapping[str, Value]) -> Graph:
    """The graph in which some nodes have no parents and a fixed value: do(node = value).

    Args:
        graph: A resolved graph.
        values: For each node a number, which all of its components take, or a number for each of them.

    Raises:
        SpecError: An unknown name, a field, or a wrong number of values.
    """
    if not values:
        return graph
    held, problems = _held_values(graph, values)
    if problems:
        raise SpecError(problems)
    nodes = {
        name: replace(node, edges=(), held=held[name])
        if name in held
        else replace(node, edges=tuple(_substituted(edge, graph, held) for edge in node.edges))
        for name, node in graph.nodes.items()
    }
    for name in graph.names(
        "field"
    ):  # templates stay as they are, though a held modality uses the field no more
        shape = next(n.inner for n in graph.nodes.values() if n.kind == "modality" and name in n.parents)
        nodes[name] = replace(nodes[name], shape=shape)
    return replace(graph, nodes=nodes)


def _chooses_in(graph: Graph, name: str) -> str:
    """A modality whose class or words a cause chooses; empty if there is none."""
    chosen = (one for one, node in graph.nodes.items() if any(cause == name for _, cause in node.chosen))
    return next(chosen, "")


def _no_category(graph: Graph, name: str, value: float) -> str:
    """What is wrong with a value of a cause that chooses classes or words, if it is none of its categories."""
    where = _chooses_in(graph, name)
    if not where:
        return ""
    values = atoms_of(graph.nodes[name].distribution)
    if np.isclose(values, value, rtol=1e-4).any():
        return ""
    listed = ", ".join(f"{one:.6g}" for one in values)
    return (
        f"do.{name}: expected one of {listed}, because its category chooses in `{where}`, got {value:g}. Hold "
        "it at one of them."
    )


def _held_values(graph: Graph, values: Mapping[str, Value]) -> tuple[dict[str, tuple[float, ...]], list[str]]:
    """A value for every component of every held node, and what is wrong with the values."""
    held: dict[str, tuple[float, ...]] = {}
    problems = []
    for name, value in values.items():
        node = graph.nodes.get(name)
        if node is None or node.kind == "field":
            problems.append(f"do.{name}: {_misnamed(graph, name)}")
            continue
        numbers = (float(value),) * node.dim if isinstance(value, int | float) else tuple(map(float, value))
        if not np.isfinite(numbers).all():
            problems.append(f"do.{name}: expected finite numbers, got {value}. Hold it at a number.")
        elif len(numbers) != node.dim:
            problems.append(
                f"do.{name}: expected a number, or {node.dim} of them, got {len(numbers)}. "
                "Give every component its value."
            )
        elif chosen := _no_category(graph, name, numbers[0]):
            problems.append(chosen)
        held[name] = numbers
        for factor, number in zip(node.factors, numbers, strict=False):
            if factor in values:
                problems.append(
                    f"do.{factor}: `{name}` is held too, and it is a part of it. Remove one of them."
                )
            held[factor] = (number,)
    return held, problems


def shifted(graph: Graph, name: str, shift: float) -> Graph:
    """The graph with a constant added to the equation of a target, modality or factor; the same graph for a cause.

    Raises:
        SpecError: An unknown name, a field, a held node, a shift that is not finite, or a cause whose category chooses.
    """
    node = graph.nodes.get(name)
    if node is None or node.kind == "field":
        raise SpecError([f"shift.{name}: {_misnamed(graph, name)}"])
    if node.held is not None:
        raise SpecError([f"shift.{name}: it is held by an intervention already. Choose another node."])
    if not np.isfinite(shift):
        raise SpecError([f"shift.{name}: expected a finite number, got {shift}."])
    if where := _chooses_in(graph, name):
        raise SpecError(
            [
                f"shift.{name}: its category chooses in `{where}`, and a category cannot be moved. Hold it at another."
            ]
        )
    if node.kind == "cause":
        return graph
    constant = Edge(shift, (), (), None, 0)
    moved = {one: graph.nodes[one] for one in node.factors or (name,)}
    added = {
        one: replace(node, edges=(*node.edges, constant)) for one, node in moved.items() if node.held is None
    }
    return replace(graph, nodes={**graph.nodes, **added})


def descendants(graph: Graph, name: str, held: Collection[str] = ()) -> frozenset[str]:
    """The nodes that a node has an effect on, itself included.

    Args:
        graph: A graph before interventions: one after them has lost held causes of products and functions.
        name: Of the node.
        held: Names of nodes without equations, on which nothing has an effect.
    """
    parts = graph.nodes[
        name
    ].factors  # what moves a modality moves all of them that are not held by themselves
    found = {name, *(part for part in parts if name in held or part not in held)}
    for other in graph.order:
        if other not in held and not found.isdisjoint(graph.nodes[other].parents):
            found.add(other)
    return frozenset(found)


def plain_value(name: str, value: Value) -> float | list[float]:
    """A value as a spec holds it.

    Raises:
        SpecError: Neither a number nor numbers.
    """
    try:
        if isinstance(value, int | float | np.number):
            return float(value)
        return [float(number) for number in np.asarray(value, dtype=np.float64).ravel()]
    except (TypeError, ValueError):
        raise SpecError(
            [f"do `{name}`: expected a number, or one for each component, got {value!r}."]
        ) from None


def _misnamed(graph: Graph, name: str) -> str:
    known = graph.names("cause", "target", "factor", "modality")
    if name in graph.nodes:
        return "a field cannot be held. Hold the modalities that it enters."
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(known)}."
    return f"unknown name `{name}`; {hint}"


def _substituted(edge: Edge, graph: Graph, held: Mapping[str, tuple[float, ...]]) -> Edge:
    """A term with the values of held causes put into its functions and products."""
    if edge.linear:
        return edge
    coefficient = edge.coefficient
    left: list[Factor] = []
    for factor in edge.factors:
        if factor.name in held:
            coefficient *= float(evaluate(factor, np.array(held[factor.name][factor.index or 0])))
        else:
            left.append(factor)
    return replace(edge, coefficient=coefficient, factors=tuple(left))
