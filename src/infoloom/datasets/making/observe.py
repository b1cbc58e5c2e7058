"""Observations of latents: through a modality's whitening and flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection
    from infoloom.story import Story

__all__ = ["observe", "observer"]


def observer(story: Story, modality: str, *, batch: int | None = None) -> Injection:
    """The bijection from a modality's latent to what is observed.

    Args:
        story: A compiled story.
        modality: Its name.
        batch: Rows that trained flows compute together; as datasets are made when left out. Fewer is sooner for a few
            rows, and the last digits may differ.

    Raises:
        QueryError: No such modality.
        FlowError: Its flow cannot be built.
    """
    from infoloom.observations import build

    whitener = story.whitener(modality)
    made = build(story.flow(modality), whitener=whitener, directory=story.spec.directory)
    if batch is not None:
        _limit(made, batch)
    return made


def _limit(made: Any, batch: int) -> None:
    """Every trained flow within a map computes at most so many rows together."""
    for part in (*getattr(made, "parts", ()), getattr(made, "after", None)):
        if part is not None:
            _limit(part, batch)
    if hasattr(made, "batch"):
        made.batch = min(made.batch, batch)


def observe(
    story: Story, modality: str, latents: np.ndarray[Any, Any], *, batch: int | None = None
) -> np.ndarray[Any, Any]:
    """Observations of a modality.

    Args:
        story: A compiled story.
        modality: Its name.
        latents: Before whitening, (n, d), float32, as `Story.sample` returns them.
        batch: Rows that trained flows compute together; see `observer`.

    Returns:
        Shape (n, *shape), float32.

    Raises:
        QueryError: No such modality.
        FlowError: Its flow cannot be built.
    """
    import torch

    given = torch.from_numpy(np.ascontiguousarray(latents))
    with torch.no_grad():
        observed: np.ndarray[Any, Any] = observer(story, modality, batch=batch).forward(given).numpy()
    return observed
