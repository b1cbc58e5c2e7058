"""log p(y | known causes) where products or functions tie known causes to unknown ones: a sum over the latter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.information.beyond_gaussian.line import Resolution, cause_nodes, log_sum
from infoloom.law.equations import Array

__all__ = ["density_given"]

_MAX_NODES: Final = 20_000
_REACH: Final = 6.0  # the known causes of a row may be as large, and make the channel as much sharper
_CELLS: Final = 2_000_000


def density_given(
    part: Component, root: Array, s: Mapping[str, Array], y: Array, resolution: Resolution
) -> Array:
    """log p(y | s of the known causes) of every row, up to the constant −½ F log 2π.

    Args:
        part: A component with known causes.
        root: Symmetric root of its Gram matrix, shape (F, F).
        s: Values of all causes, each of shape (n,); those of the unknown ones are not looked at.
        y: Shape (n, F).
        resolution: How close the points of the unknown causes are.

    Raises:
        QueryError: The channel is too sharp for a sum.
    """
    features = part.features
    unknown = [cause for cause in features.distributions if cause not in part.given]
    steps = _REACH * np.linalg.norm(root, axis=1)
    found = [cause_nodes(features, steps, cause, resolution) for cause in unknown]
    nodes = [node for node in found if node is not None]
    if len(nodes) < len(found) or math.prod(len(values) for values, _ in nodes) > _MAX_NODES:
        raise QueryError(
            f"information about {', '.join(features.labels)}: they are seen too sharply for a sum over all values of "
            f"{', '.join(unknown)}. Use more noise."
        )
    grids = [grid.ravel() for grid in np.meshgrid(*(values for values, _ in nodes), indexing="ij")]
    mass = np.prod(np.meshgrid(*(mass for _, mass in nodes), indexing="ij"), axis=0).ravel()
    with np.errstate(divide="ignore"):
        log_mass = np.log(mass)
    result = np.empty(len(y))
    step = max(1, _CELLS // (len(mass) * len(root)))
    for i in range(0, len(y), step):
        rows = slice(i, i + step)
        causes = {cause: s[cause][rows, None] for cause in part.given}
        causes |= {cause: grid[None] for cause, grid in zip(unknown, grids, strict=True)}
        shape = (len(y[rows]), len(mass))
        values = np.stack([np.broadcast_to(f.values(causes), shape) for f in features.features], axis=-1)
        away = y[rows, None] - values @ root
        result[rows] = log_sum(log_mass - 0.5 * np.einsum("nkf,nkf->nk", away, away))
    return result
