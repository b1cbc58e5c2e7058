"""Observations of rows: latents through a modality's whitening and flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from infoloom.law.choices import FLOW, category_column
from infoloom.law.sources.distributions import atoms_of

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection
    from infoloom.story import Story

__all__ = ["Rows", "flow_input", "observe", "observer", "rows_of"]

Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]


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


def flow_input(story: Story, modality: str, rows: Rows) -> np.ndarray[Any, Any]:
    """What a modality's map takes of some rows: the latent, and behind it the category that chooses the flow's class.

    Args:
        story: A compiled story.
        modality: Its name.
        rows: Values by name, as `Story.sample` returns them.

    Returns:
        Shape (n, d), or (n, d + 1) where a cause chooses, float32.
    """
    latents: np.ndarray[Any, Any] = np.ascontiguousarray(rows[modality], dtype=np.float32)
    cause = dict(story.graph.nodes[modality].chosen).get(FLOW)
    if cause is None:
        return latents
    categories = rows[category_column(cause)].astype(np.float32)
    return np.concatenate([latents, categories[:, None]], axis=1)


def rows_of(story: Story, modality: str, taken: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The rows behind what a map takes: the way back from `flow_input`, the category as a value of its cause.

    Args:
        story: A compiled story.
        modality: Its name.
        taken: As `flow_input` gives it.

    Returns:
        The latent by the modality's name, and the cause that chooses, where there is one.
    """
    cause = dict(story.graph.nodes[modality].chosen).get(FLOW)
    if cause is None:
        return {modality: taken}
    atoms = np.array(atoms_of(story.graph.nodes[cause].distribution), dtype=np.float32)
    return {modality: taken[:, :-1], cause: atoms[taken[:, -1].astype(np.int64)]}


def observe(story: Story, modality: str, rows: Rows, *, batch: int | None = None) -> np.ndarray[Any, Any]:
    """Observations of a modality.

    Args:
        story: A compiled story.
        modality: Its name.
        rows: Values by name, as `Story.sample` returns them: its latents before whitening, (n, d), float32.
        batch: Rows that trained flows compute together; see `observer`.

    Returns:
        Shape (n, *shape), float32.

    Raises:
        QueryError: No such modality.
        FlowError: Its flow cannot be built.
    """
    import torch

    given = torch.from_numpy(flow_input(story, modality, rows))
    with torch.no_grad():
        observed: np.ndarray[Any, Any] = observer(story, modality, batch=batch).forward(given).numpy()
    return observed
