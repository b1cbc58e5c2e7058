"""A Gaussian story as plain values from which its information follows: what `page/law.js` computes with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infoloom.errors import InfoloomError
from infoloom.information.notation import parse_query
from infoloom.information.quantity import CLOSED_FORM
from infoloom.law.equations import lay_out
from infoloom.law.geometry import Geometry
from infoloom.law.graph import Edge, Node
from infoloom.spec.weights import weights
from infoloom.story import Story
from infoloom.web.panels import equation_of, group_of

__all__ = ["model_of"]


def model_of(story: Story) -> dict[str, Any]:
    """Nodes with their terms, templates in the bases of their groups, parameters, and the queries of the truth table.

    Raises:
        InfoloomError: A story whose values have no closed form, or that is given by covariances.
    """
    if story.spec.covariance is not None:
        raise InfoloomError(
            f"story `{story.name}`: expected equations, because a page without a server follows them as weights move; "
            "it is given by covariances. Use `infoloom explore` without `--export`."
        )
    truth = story.truth()
    open_ones = [query for query, value in truth.items() if value.method != CLOSED_FORM]
    if not story.gaussian or open_ones:
        raise InfoloomError(
            f"story `{story.name}`: expected closed forms of all values, because a page without a server computes them "
            "itself: normal causes, linear equations, no captions. Use `infoloom explore` without `--export`."
        )
    geometry = lay_out(story.graph)
    places = {one.path for one in weights(story.spec)}
    parameters = {name: one.value for name, one in story.spec.parameters.items() if one.value is not None}
    return {
        "name": story.name,
        "description": story.spec.description,
        "parameters": parameters,
        "nodes": [
            _node(story, story.graph.nodes[name], geometry, places, parameters) for name in story.graph.order
        ],
        "groups": [
            {
                "rank": group.rank,
                "copies": group.copies,
                "modalities": list(group.modalities),
                "vectors": list(group.vectors),
            }
            for group in geometry.groups
        ],
        "queries": [_query(query, story.targets) for query in truth],
        "targets": [name for name in story.targets if name not in story.held],
        "modalities": [name for name in story.modalities if name not in story.held],
        "notes": list(story.notes),
    }


def _query(text: str, targets: tuple[str, ...]) -> dict[str, Any]:
    query = parse_query(text)
    parts = [list(part) for part in query.parts]
    return {
        "query": text,
        "group": group_of(query, targets),
        "measure": query.measure,
        "parts": parts,
        "given": list(query.given),
    }


def _node(
    story: Story, node: Node, geometry: Geometry, places: set[str], parameters: Mapping[str, float]
) -> dict[str, Any]:
    place = equation_of(node.kind, node.name)
    return {
        "name": node.name,
        "kind": node.kind,
        "shape": list(node.shape),
        "size": node.dim if node.kind == "cause" else 1,
        "distribution": node.distribution if node.kind == "cause" else None,
        "flow": story.flow(node.name) if node.kind == "modality" else None,
        "held": node.held is not None,
        "factors": list(node.factors),
        "edges": [
            _edge(edge, f"{place}[{number}]", geometry.patterns.get((node.name, number)), places)
            for number, edge in enumerate(node.edges)
        ],
    }


def _edge(edge: Edge, place: str, pattern: Any, places: set[str]) -> dict[str, Any]:
    named = [f"parameters.{name}" for name in edge.parameters if f"parameters.{name}" in places]
    return {
        "place": place,
        "path": place if place in places else next(iter(named), None),
        "coefficient": edge.coefficient,
        "parameters": list(edge.parameters),
        "source": edge.factors[0].source if edge.factors else "",
        "sources": [factor.name for factor in edge.factors],
        "label": "*".join(map(str, edge.factors)),
        "template": None if edge.template is None else str(edge.template),
        "pattern": None if pattern is None else pattern.tolist(),
    }
