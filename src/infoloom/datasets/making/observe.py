"""Observations of latents: through a modality's whitening and flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection
    from infoloom.story import Story

__all__ = ["observe", "observer"]


def observer(story: Story, modality: str) -> Injection:
    """The bijection from a modality's latent to what is observed.

    Raises:
        QueryError: No such modality.
        FlowError: Its flow cannot be built.
    """
    from infoloom.observations import build

    whitener = story.whitener(modality)
    return build(story.flow(modality), whitener=whitener, directory=story.spec.directory)


def observe(story: Story, modality: str, latents: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Observations of a modality.

    Args:
        story: A compiled story.
        modality: Its name.
        latents: Before whitening, (n, d), float32, as `Story.sample` returns them.

    Returns:
        Shape (n, *shape), float32.

    Raises:
        QueryError: No such modality.
        FlowError: Its flow cannot be built.
    """
    import torch

    given = torch.from_numpy(np.ascontiguousarray(latents))
    with torch.no_grad():
        observed: np.ndarray[Any, Any] = observer(story, modality).forward(given).numpy()
    return observed
