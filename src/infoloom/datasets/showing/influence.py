"""Where in an observation a cause shows: how much each of its components moves with the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from infoloom.datasets.making.observe import flow_input, observer
from infoloom.effects import effect
from infoloom.law.equations import Array

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["influence"]

ROWS: Final = 32  # trained flows compute so many at a time anyway


def influence(
    story: Story,
    cause: str,
    modality: str,
    *,
    rows: int = ROWS,
    seed: int = 0,
    start: int = 0,
    batch: int | None = None,
) -> Array:
    """E |∂x/∂u| of every component of an observation x, the mean over rows; u is a cause, all else is held.

    ∂x/∂u = J_f(W z) W ∂z/∂u with the flow f and the whitening W, by forward differentiation.

    Args:
        story: A compiled story.
        cause: A scalar cause, or a component of one, `style[2]`.
        modality: What is observed.
        rows: Rows of the mean, ≥ 1.
        seed: Seed of the rows.
        start: The first of the rows.
        batch: Rows that trained flows compute together; as datasets are made when left out.

    Returns:
        Shape of the observation, in its units for one standard deviation of the cause.

    Raises:
        QueryError: No such cause or modality.
        FlowError: The flow cannot be built.
    """
    import torch

    from infoloom.observations.tangent import tangent

    drawn = story.sample(rows, seed, start)
    direction = effect(story, cause, modality, drawn).astype(np.float32)
    latents = torch.from_numpy(flow_input(story, modality, drawn))
    still = np.zeros(
        (len(latents), latents.shape[1] - direction.shape[-1]), dtype=np.float32
    )  # the category stays
    moves = np.concatenate([np.broadcast_to(direction, (len(latents), direction.shape[-1])), still], axis=1)
    _, moved = tangent(observer(story, modality, batch=batch).forward, latents, torch.from_numpy(moves))
    return np.asarray(moved.detach().abs().double().mean(dim=0).numpy())
