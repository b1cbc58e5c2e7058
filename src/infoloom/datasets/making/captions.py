"""Columns of a caption: its sentence, its words as numbers, and its token ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from infoloom.datasets.storage.columns import Column
from infoloom.spec.flows.captions import word_list
from infoloom.spec.flows.flow import flow_caption

if TYPE_CHECKING:
    from infoloom.observations.captions.sentences import Speaker
    from infoloom.story import Story

__all__ = ["caption_columns", "caption_of", "caption_rows", "describe_captions", "speaker"]

_WORDS, _TOKENS = "_words", "_tokens"


def speaker(story: Story, name: str) -> Speaker:
    """What says the words of a modality."""
    from infoloom.observations.captions.sentences import Speaker  # with it comes torch

    modality = story.spec.modalities[name]
    caption = flow_caption(modality.flow)
    if caption is None or modality.words is None:
        raise ValueError(f"modality `{name}`: expected a caption.")
    return Speaker(caption, modality.words)


def caption_columns(story: Story) -> list[Column]:
    """The columns of every caption of a story: `text`, `text_words`, `text_tokens`."""
    columns = []
    for name in story.captions:
        one = speaker(story, name)
        columns += [
            Column(name, "text", f"<U{one.characters}"),
            Column(name + _WORDS, "words", "int64", (len(one.caption.slots),)),
            Column(name + _TOKENS, "tokens", "int64", (one.length,)),
        ]
    return columns


def caption_of(column: Column) -> str:
    """The modality of a caption's column."""
    ending = {"words": _WORDS, "tokens": _TOKENS}.get(column.kind, "")
    return column.name.removesuffix(ending)


def caption_rows(
    story: Story, name: str, rows: Mapping[str, np.ndarray[Any, Any]]
) -> dict[str, np.ndarray[Any, Any]]:
    """Rows of a caption's columns by kind: `text` (n,), `words` (n, slots) and `tokens` (n, length).

    Args:
        story: A compiled story.
        name: Of the modality.
        rows: Values by name, as `Story.sample` returns them.
    """
    one = speaker(story, name)
    words = story.cells[name].words(rows)
    latents, choices = rows[name], len(one.caption.choices)
    sentences = one.sentences(words, one.choices(latents[:, latents.shape[1] - choices :]))
    return {"text": sentences, "words": words, "tokens": one.tokens(sentences)}


def describe_captions(story: Story) -> dict[str, dict[str, Any]]:
    """What a dataset's card says about its captions, by modality: sentences, words in their order, vocabulary."""
    found = {}
    for name in story.captions:
        one = speaker(story, name)
        words = {slot: list(word_list(one.words[slot])) for slot in one.caption.slots}
        found[name] = {"flow": story.flow(name), "words": words, "vocabulary": list(one.vocabulary)}
    return found
