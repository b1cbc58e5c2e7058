"""Words and classes of a story as sides of a task: whole numbers, and the rows that the story knows them by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.tasks.base import Array
from infoloom.story import Story

__all__ = ["as_story_rows", "columns", "has_words", "numbers"]


def has_words(story: Story, name: str) -> bool:
    """Whether a variable is a caption or a label."""
    return name in story.captions or name in story.labels


def columns(story: Story, name: str) -> int:
    """Whole numbers a row: the slots of a caption, 1 of a label."""
    return len(story.cells[name].cuts)


def numbers(story: Story, name: str, values: NDArray[Any]) -> NDArray[np.int64]:
    """The words or the class of every row, (n, columns), of values as `Story.sample` returns them."""
    found: NDArray[np.int64] = story.cells[name].of({name: values})
    return found


def as_story_rows(story: Story, name: str, words: NDArray[Any]) -> Array:
    """Values as `Story.sample` returns them that say these words: of a caption one latent inside each cell.

    Args:
        story: The story.
        name: A caption or a label.
        words: (n, columns).
    """
    cells, words = story.cells[name], np.asarray(words, dtype=np.int64)
    if not cells.modality:
        return np.asarray(words[:, 0])
    latents = np.zeros((len(words), story.dim(name)))
    for word, cut, place in zip(words.T, cells.cuts, cells.places, strict=True):
        inner = cut.bounds
        inside = np.concatenate([inner[:1] - 1.0, (inner[1:] + inner[:-1]) / 2.0, inner[-1:] + 1.0])
        latents[:, place] = inside[word] if len(inner) else 0.0
    return latents
