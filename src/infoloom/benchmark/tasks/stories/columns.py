"""Words, classes and categories of a story as sides of a task: whole numbers, and the rows of the story behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.law.sources.distributions import atoms_of
from infoloom.story import Story

__all__ = ["as_story_rows", "columns", "has_words", "is_discrete", "numbers"]


def has_words(story: Story, name: str) -> bool:
    """Whether a variable is a caption or a label."""
    return name in story.captions or name in story.labels


def is_discrete(story: Story, names: Sequence[str]) -> bool:
    """Whether a side has captions, labels and categorical causes only, so that its rows are whole numbers."""
    return all(has_words(story, name) or _atoms(story, name) for name in names)


def _atoms(story: Story, name: str) -> tuple[float, ...]:
    """The values of a categorical cause, ascending; none of a held one, or of another variable."""
    node = story.graph.nodes.get(name)
    free = node is not None and node.kind == "cause" and node.held is None
    return atoms_of(node.distribution) if node is not None and free else ()


def columns(story: Story, name: str) -> int:
    """Whole numbers a row: the slots of a caption, 1 of a label, the components of a categorical cause."""
    if has_words(story, name):
        return len(story.cells[name].slots) if name in story.captions else 1
    return story.dim(name)


def numbers(story: Story, name: str, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """The words of a caption, in the order of its slots, or the class or category of every row, (n, columns).

    Args:
        story: The story.
        name: A caption, a label or a categorical cause.
        rows: Values by name, as `Story.sample` returns them: categories choose words too.
    """
    if not has_words(story, name):
        away = np.asarray(rows[name], dtype=np.float64).reshape(len(rows[name]), -1, 1) - _atoms(story, name)
        return np.asarray(np.abs(away).argmin(axis=2), dtype=np.int64)
    cells = story.cells[name]
    found: NDArray[np.int64] = cells.words(rows) if name in story.captions else cells.of(rows)
    return found


def as_story_rows(story: Story, name: str, words: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Values as `Story.sample` returns them that say these words, by name.

    Of a caption these are one latent inside each cell, and the categorical causes that choose words.

    Args:
        story: The story.
        name: A caption, a label or a categorical cause.
        words: (n, columns).
    """
    words = np.asarray(words, dtype=np.int64)
    if not has_words(story, name):
        return {name: np.array(_atoms(story, name))[words].reshape(len(words), *story.shape(name))}
    cells = story.cells[name]
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
