"""Rows of every combination of categories, for averages that have no closed form."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from infoloom.information.kinds.parts import Part, Split
from infoloom.information.kinds.rows import KindPointwise
from infoloom.law.graph import Graph
from infoloom.law.sampling import draw_rows, make_plan

__all__ = ["BATCH", "draw_parts"]

BATCH: Final = 4096  # rows of all combinations together
_FEWEST: Final = 64


def draw_parts(
    split: Split, graph: Graph, seed: int, batch: int, rows: int = BATCH
) -> list[tuple[Part, KindPointwise]]:
    """Rows of every part, as many as its probability asks for, with their densities in the whole story.

    Args:
        split: The story by its categories.
        graph: Its graph.
        seed: Seed of the rows.
        batch: Number of the batch: others are other rows.
        rows: Rows of all parts together, or about.
    """
    found = []
    causes, targets = graph.names("cause"), graph.names("target")
    for number, part in enumerate(split.parts):
        count = max(_FEWEST, round(rows * part.probability))
        plan = make_plan(part.covariance.system, causes, targets)
        drawn: dict[str, np.ndarray[Any, np.dtype[Any]]] = dict(
            draw_rows(plan, count, seed + number, start=batch * count)
        )
        for name, cells in part.mixed.cells.items():
            if not cells.modality:
                drawn[name] = cells.cuts[0].of(drawn[cells.cuts[0].variable])
        for name, category in part.categories.items():
            drawn[name] = np.full(count, split.kinds[name].atoms[category])
        found.append((part, KindPointwise(split, drawn)))
    return found
