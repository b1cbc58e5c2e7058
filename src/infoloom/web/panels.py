"""What the panels show: the story as a graph, its numbers, what they become. Each is plain values, a `.json` twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from infoloom.errors import InfoloomError
from infoloom.information.notation import Query, parse_query
from infoloom.law.graph import Edge
from infoloom.spec.weights import Weight, weights
from infoloom.units import NATS_PER_BIT
from infoloom.web.asked import Asked, RequestError
from infoloom.web.workbench import Workbench

__all__ = ["ceilings", "decomposition", "equation_of", "graph", "group_of", "information", "sliders"]

Panel = dict[str, Any]
SECONDS: Final = 1.0  # for each value that has no closed form: a page is waiting


def sliders(bench: Workbench, asked: Asked) -> Panel:
    """Every weight with its value and the range of its slider, which stays while it moves."""
    written = {one.path: one for one in weights(bench.written(asked))}
    return {"weights": [_slider(one, written[one.path]) for one in weights(bench.spec(asked))]}


def graph(bench: Workbench, asked: Asked) -> Panel:
    """Nodes and edges of the story; an edge has the path of the weight that turns it."""
    story = bench.story(asked)
    paths = {one.path for one in weights(story.spec)}
    values = {name: p.value for name, p in story.spec.parameters.items() if p.value is not None}
    nodes = [
        {
            "name": node.name,
            "kind": node.kind,
            "shape": list(node.shape),
            "distribution": node.distribution if node.kind == "cause" else None,
            "flow": story.flow(node.name) if node.kind == "modality" else None,
            "held": node.held is not None,
        }
        for node in story.graph.nodes.values()
    ]
    edges = [
        {
            "sources": [factor.name for factor in edge.factors],
            "target": node.name,
            "label": "*".join(str(factor) for factor in edge.factors),
            "template": None if edge.template is None else str(edge.template),
            "weight": edge.weight(values),
            "path": _path(edge, f"{equation_of(node.kind, node.name)}[{number}]", paths),
        }
        for node in story.graph.nodes.values()
        for number, edge in enumerate(node.edges)
    ]
    edges += [
        {"sources": [factor], "target": name, "label": factor, "template": None, "weight": 1.0, "path": None}
        for name, node in story.graph.nodes.items()
        for factor in node.factors
    ]
    return {"name": story.name, "description": story.spec.description, "nodes": nodes, "edges": edges}


def information(bench: Workbench, asked: Asked) -> Panel:
    """The truth table: for every quantity its value, how far it may be off, and how it was found."""
    story = bench.story(asked)
    unit = NATS_PER_BIT if asked.bits else 1.0
    rows = [
        {
            "query": query,
            "group": group_of(parse_query(query), story.targets),
            "value": quantity.value / unit,
            "error": quantity.error / unit,
            "method": quantity.method,
            "exact": quantity.exact,
            "nats": quantity.value,
            "text": quantity.text(asked.bits),
        }
        for query, quantity in story.truth(budget=SECONDS).items()
    ]
    return {"unit": asked.unit, "rows": rows, "notes": list(story.notes)}


def decomposition(bench: Workbench, asked: Asked) -> Panel:
    """Shared, unique and synergistic information of some modalities about a target."""
    story = bench.story(asked)
    if not story.targets:
        raise InfoloomError("decomposition: expected a target. Add one to the story.")
    target = asked.target or story.targets[0]
    if target not in story.targets:
        raise RequestError(f"request: `target` `{target}`: expected one of {', '.join(story.targets)}.")
    unit = NATS_PER_BIT if asked.bits else 1.0
    parts = story.decompose(target, asked.pair)
    choices = {"targets": list(story.targets), "choices": list(story.modalities)}
    return {"unit": asked.unit, "target": target, **choices, **parts.to_json(unit)}


def ceilings(bench: Workbench, asked: Asked) -> Panel:
    """What the best possible learner reaches on targets and labels."""
    found = bench.story(asked).ceilings(batch=None)
    tree = found.to_json(NATS_PER_BIT if asked.bits else 1.0)
    return {"unit": asked.unit, "targets": tree["targets"], "classes": tree["classes"]}


def _slider(one: Weight, written: Weight) -> Panel:
    low, high = written.range
    return {
        "path": one.path,
        "node": one.node,
        "label": one.label,
        "value": one.value,
        "low": low,
        "high": high,
        "step": written.step,
    }


def group_of(query: Query, targets: Sequence[str]) -> str:
    """What rows of the table stand together."""
    if query.measure != "I":
        return "all together"
    if query.given:
        return f"between modalities, given {', '.join(query.given)}"
    last = query.parts[-1][0]
    if last not in targets:
        return "between modalities"
    return f"about {last}" if len(query.parts) == 2 else f"co-information with {last}"


def equation_of(kind: str, name: str) -> str:
    """Path of the equation of a target, factor or modality."""
    modality, _, factor = name.partition(".")
    return (
        f"targets.{name}"
        if kind == "target"
        else f"modalities.{modality}.latent{f'.{factor}' if factor else ''}"
    )


def _path(edge: Edge, place: str, paths: set[str]) -> str | None:
    """The term's own number, else its first parameter."""
    if place in paths:
        return place
    return next((f"parameters.{name}" for name in edge.parameters if f"parameters.{name}" in paths), None)
