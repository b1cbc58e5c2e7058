"""Entropies of categorical causes, which are discrete variables."""

from __future__ import annotations

import math

from infoloom.information.notation import Query
from infoloom.law.graph import Graph
from infoloom.law.sources.distributions import make_distribution

__all__ = ["categorical_entropy"]


def categorical_entropy(graph: Graph, query: Query) -> float | None:
    """H of categorical causes, whatever is given; None if one of the variables is none of them.

    Causes are independent and their categories equally likely, so it is Σ log K over their components. A component
    that a query names twice, as in `H(a, a[0])`, is one variable.

    Returns:
        Nats.
    """
    found: dict[str, float] = {}
    for name in query.parts[0]:
        cause, _, component = name.partition("[")
        node = graph.nodes.get(cause)
        if node is None or node.kind != "cause" or not node.distribution.startswith("categorical"):
            return None
        numbers = [int(component.rstrip("]"))] if component else range(node.dim)
        entropy = math.log(len(make_distribution(node.distribution).atoms[0]))
        found |= {f"{cause}[{number}]": entropy for number in numbers}
    return sum(found.values())
