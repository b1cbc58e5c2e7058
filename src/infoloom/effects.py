"""What a cause does to a latent: the derivative of the structural equations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.given import given_values, same_rows
from infoloom.law.equations import Array
from infoloom.story import Story

__all__ = ["effect"]


def effect(
    story: Story, cause: str, modality: str, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]]
) -> Array:
    """∂z/∂u, how the latent z of a modality moves with a cause u while all other proto-latents are held.

    z = Σ_k a_k φ_k(u) + …, so ∂z/∂u = Σ_k a_k ∂φ_k/∂u: for linear equations the same in every row.

    Args:
        story: A compiled story.
        cause: A scalar cause, or a component of one, `style[2]`.
        modality: Whose latent.
        rows: Values of the causes by name, as `Story.sample` returns them; n rows.

    Returns:
        Shape (n, d), before whitening.

    Raises:
        QueryError: No such scalar cause, or no such modality; values of a cause are missing or no finite numbers.

    Example:
        >>> from infoloom.story import load
        >>> story = load("figure-1")
        >>> float(effect(story, "cause", "x1", story.sample(1))[0, 0].round(9))
        0.3
    """
    system = story.covariance.system
    story.flow(modality)
    if story.covariance.dim(cause) != 1 or cause not in system.scalars:
        scalars = [name for name in system.scalars if name.partition("[")[0] in story.causes]
        raise QueryError(f"effect of `{cause}`: expected a scalar cause, one of {', '.join(scalars)}.")
    values = _labelled(story, rows)
    count = len(values[cause])
    drawn = (system.law.drawn or system.in_span)[modality]
    moved = np.broadcast_to(drawn[:, system.scalars.index(cause)], (count, len(drawn))).copy()
    for feature, column in zip(system.law.features.features, system.law.columns, strict=True):
        if not feature.linear and cause in feature.causes:
            moved += feature.slope(cause, values)[:, None] * drawn[:, column]
    return np.asarray(moved @ system.group(modality).basis)


def _labelled(story: Story, rows: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> dict[str, Array]:
    """Scalar causes by label, float64."""
    found: dict[str, Array] = {}
    dims = [(name, story.covariance.dim(name)) for name in story.causes]
    for name, dim in dims:
        values = given_values(rows, name, dim, "effect").astype(np.float64)
        labels = [name] if name in story.covariance.system.scalars else [f"{name}[{i}]" for i in range(dim)]
        found |= dict(zip(labels, values.T, strict=True))
        same_rows(found, labels[0], "effect")
    return found
