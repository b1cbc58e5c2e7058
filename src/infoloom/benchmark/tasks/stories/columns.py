"""Words and classes of a story as sides of a task: whole numbers, and the rows that the story knows them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.story import Story

__all__ = ["as_story_rows", "columns", "has_words", "numbers"]


def has_words(story: Story, name: str) -> bool:
    """Whether a variable is a caption or a label."""
    return name in story.captions or name in story.labels


def columns(story: Story, name: str) -> int:
    """Whole numbers a row: the slots of a caption, 1 of a label."""
    return len(story.cells[name].slots) if name in story.captions else 1


def numbers(story: Story, name: str, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """The words of a caption, in the order of its slots, or the class of every row, (n, columns).

    Args:
        story: The story.
        name: A caption or a label.
        rows: Values by name, as `Story.sample` returns them: categories choose words too.
    """
    cells = story.cells[name]
    found: NDArray[np.int64] = cells.words(rows) if name in story.captions else cells.of(rows)
    return found


def as_story_rows(story: Story, name: str, words: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Values as `Story.sample` returns them that say these words, by name.

    Of a caption these are one latent inside each cell, and the categorical causes that choose words.

    Args:
        story: The story.
        name: A caption or a label.
        words: (n, columns).
    """
    cells, words = story.cells[name], np.asarray(words, dtype=np.int64)
    if not cells.modality:
        return {name: np.asarray(words[:, 0])}
    latents = np.zeros((len(words), story.dim(name)))
    rows: dict[str, NDArray[Any]] = {name: latents}
    for word, slot in zip(words.T, cells.slots, strict=True):
        if not isinstance(slot, int):
            cause, values = slot
            rows[cause] = np.asarray(values)[word]
            continue
        inner = cells.cuts[slot].bounds
        inside = np.concatenate([inner[:1] - 1.0, (inner[1:] + inner[:-1]) / 2.0, inner[-1:] + 1.0])
        latents[:, cells.places[slot]] = inside[word] if len(inner) else 0.0
    return rows
