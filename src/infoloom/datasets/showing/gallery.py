"""A few rows of a story, sorted by one of its causes or targets, to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.making.captions import caption_rows
from infoloom.datasets.making.observe import Rows, observe
from infoloom.datasets.showing.preview import picked_rows
from infoloom.errors import QueryError

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["Gallery", "observed_or_said", "sorted_latents", "sorted_rows"]

CANDIDATES: Final = 64


@dataclass(frozen=True)
class Gallery:
    """Observations of a modality in rising order of a scalar.

    Attributes:
        rows: Numbers of the rows.
        values: The scalar of every row.
        observed: Shape (n, *shape); of a caption its sentences, (n,).
    """

    rows: tuple[int, ...]
    values: tuple[float, ...]
    observed: np.ndarray[Any, Any]


def sorted_rows(
    story: Story, modality: str, by: str, *, seed: int = 0, candidates: int = CANDIDATES
) -> Gallery:
    """Rows whose values of a scalar are spread evenly from small to large; the same rows for every modality.

    Args:
        story: A compiled story.
        modality: What is observed.
        by: A scalar cause or a target.
        seed: Seed of the rows.
        candidates: The first so many rows are chosen from.

    Raises:
        QueryError: No such modality, or no such scalar.
        FlowError: The flow cannot be built.
    """
    rows, values, latents = sorted_latents(story, by, seed=seed, candidates=candidates)
    return Gallery(rows, values, observed_or_said(story, modality, latents))


def sorted_latents(
    story: Story, by: str, *, seed: int = 0, candidates: int = CANDIDATES
) -> tuple[tuple[int, ...], tuple[float, ...], Rows]:
    """The rows of `sorted_rows` before they are observed: their numbers, their values, and all variables by name.

    Raises:
        QueryError: No such scalar.
    """
    scalars = [name for name in (*story.causes, *story.targets) if story.dim(name) == 1]
    if by not in scalars:
        raise QueryError(f"sort by `{by}`: expected a scalar, one of {', '.join(scalars)}.")
    drawn = story.sample(candidates, seed)
    picked = picked_rows(drawn[by])
    rows, values = (tuple(part.tolist()) for part in (picked, drawn[by][picked]))
    return rows, values, {name: part[picked] for name, part in drawn.items()}


def observed_or_said(
    story: Story, modality: str, rows: Rows, *, batch: int | None = None
) -> np.ndarray[Any, Any]:
    """Observations of a modality, (n, *shape), or the sentences of a caption, (n,).

    Args:
        story: A compiled story.
        modality: Its name.
        rows: Values by name, as `Story.sample` returns them.
        batch: Rows that trained flows compute together; see `observer`.
    """
    if modality in story.captions:
        return caption_rows(story, modality, rows)["text"]
    return observe(story, modality, rows, batch=batch)
