"""Labels in stories whose causes are neither normal nor categorical: entropies, and what variables tell of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from infoloom.information.beyond_gaussian.ceilings_special import reached_classes
from infoloom.information.beyond_gaussian.effort import DEFAULT, Effort
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.beyond_gaussian.posterior import Posterior
from infoloom.information.beyond_gaussian.scalar import class_entropy
from infoloom.information.notation import Query
from infoloom.information.quantity import Quantity
from infoloom.information.words.cells import Cells, Cut
from infoloom.law.graph import Graph

__all__ = ["label_quantity", "nodes_of"]


def label_quantity(
    special: Special, cells: Mapping[str, Cells], graph: Graph, query: Query, effort: Effort = DEFAULT
) -> Quantity | None:
    """H(label), and I(label; variables) where causes are neither normal nor categorical; None for other queries.

    An intervention leaves the bounds of a label as they are, so its classes are not equally likely under it.
    """
    if query.given or query.measure not in ("H", "I") or len(query.parts) > 2:
        return None
    labels = [n for part in query.parts for n in part if n in cells and not cells[n].modality]
    if len(labels) != 1 or (labels[0],) not in query.parts:
        return None
    cut = cells[labels[0]].cuts[0]
    if query.measure == "H":
        return _entropy(special, graph, cut)
    given = next(part for part in query.parts if part != (labels[0],))
    if cut.variable in given:
        return _entropy(special, graph, cut)
    if any(name in cells for name in given):
        return None
    held = _held(graph)
    if graph.d_separated(nodes_of((cut.variable,), cells, graph), nodes_of(given, cells, graph), held):
        return Quantity(0.0)
    posterior, entropy = Posterior(special, cut.variable, given), _entropy(special, graph, cut)
    return reached_classes(posterior, cut.bounds, entropy, effort)[0]


def nodes_of(names: Sequence[str], cells: Mapping[str, Cells], graph: Graph) -> list[str]:
    """The nodes of the graph behind some variables of the query language."""
    nodes: list[str] = []
    for name in names:
        if name in cells:
            nodes += [cut.variable for cut in cells[name].cuts]
        elif name in graph.nodes and graph.nodes[name].factors:
            nodes += graph.nodes[name].factors
        else:
            nodes.append(name.partition("[")[0])
    return nodes


def _held(graph: Graph) -> list[str]:
    return [name for name, node in graph.nodes.items() if node.held is not None]


def _entropy(special: Special, graph: Graph, cut: Cut) -> Quantity:
    """H(label): log K without an intervention, since its classes are cut equally likely; else that of their shares."""
    if not _held(graph):
        return Quantity(math.log(cut.classes))
    return class_entropy(special.covariance, cut.variable, cut.bounds)
