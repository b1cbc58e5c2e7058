"""Entropies of categorical causes, which are discrete variables."""

from __future__ import annotations

import math

from infoloom.information.notation import Query
from infoloom.law.graph import Graph
from infoloom.law.sources.distributions import make_distribution

__all__ = ["categorical_entropy"]


def categorical_entropy(graph: Graph, query: Query) -> float | None:
    """H of categorical causes, whatever is given; None if one of the variables is none of them.

    Causes are independent and their categories equally likely, so it is Σ log K.

    Returns:
        Nats.
    """
    total = 0.0
    for name in query.parts[0]:
        cause, _, component = name.partition("[")
        node = graph.nodes.get(cause)
        if node is None or node.kind != "cause" or not node.distribution.startswith("categorical"):
            return None
        total += math.log(len(make_distribution(node.distribution).atoms[0])) * (1 if component else node.dim)
    return total
