"""Sentences that say words: made from classes and choices, split into tokens, and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import scipy.special

from infoloom.spec.flows.captions import Caption, Choice, Slot, Words, split_tokens, vocabulary, word_list

__all__ = ["Speaker"]

Int64 = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Speaker:
    """A caption with its words.

    Attributes:
        caption: Its sentence templates.
        words: Words by slot.
    """

    caption: Caption
    words: Mapping[str, Words]

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Every token; token i + 1 of the ids is token i here, and 0 fills up short sentences."""
        return vocabulary(self.caption, self.words)

    @property
    def characters(self) -> int:
        """Length of the longest sentence."""
        return max(sum(max(map(len, self._texts(piece))) for piece in one) for one in self.caption.templates)

    @property
    def length(self) -> int:
        """Tokens of the longest sentence."""
        return max(
            sum(max(len(split_tokens(text)) for text in self._texts(piece)) for piece in template)
            for template in self.caption.templates
        )

    def choices(self, latent: Array) -> Int64:
        """Which option every noise chooses, shape (n, choices): equally likely ones.

        Args:
            latent: The components that choose, N(0, 1), shape (n, choices).
        """
        found = np.zeros(latent.shape, dtype=np.int64)
        for k, size in enumerate(self.caption.choices.values()):
            bounds = scipy.special.ndtri(np.arange(1, size) / size)
            found[:, k] = np.searchsorted(bounds, latent[:, k].astype(np.float64), side="right")
        return found

    def sentences(self, words: Int64, choices: Int64) -> Array:
        """A sentence a row, shape (n,).

        Args:
            words: Number of the word of every slot, shape (n, slots).
            choices: Number of the option of every choice, shape (n, choices).
        """
        distinct, back = np.unique(np.concatenate([words, choices], axis=1), axis=0, return_inverse=True)
        slots = len(self.caption.slots)
        said = [self._say(row[:slots], row[slots:]) for row in distinct.tolist()]
        return np.array(said, dtype=f"<U{self.characters}")[back.ravel()]

    def tokens(self, sentences: Array) -> Int64:
        """Token ids of sentences, filled up with 0, shape (n, length)."""
        number = {token: i + 1 for i, token in enumerate(self.vocabulary)}
        distinct, back = np.unique(sentences, return_inverse=True)
        ids = np.zeros((len(distinct), self.length), dtype=np.int64)
        for row, sentence in zip(ids, distinct.tolist(), strict=True):
            found = [number[token] for token in split_tokens(sentence)]
            row[: len(found)] = found
        return np.asarray(ids[back.ravel()])

    def read(self, sentences: Array) -> Int64:
        """Words of sentences, shape (n, slots): the inverse of `sentences`; −1 where a sentence is none of them."""
        distinct, back = np.unique(sentences, return_inverse=True)
        found = np.array([self._read(sentence) for sentence in distinct.tolist()], dtype=np.int64)
        return np.asarray(found.reshape(len(distinct), -1)[back.ravel()])

    def _say(self, words: Sequence[int], choices: Sequence[int]) -> str:
        chosen = dict(zip(self.caption.choices, choices, strict=True))
        said = dict(zip(self.caption.slots, words, strict=True))
        template = self.caption.templates[chosen[self.caption.kind] if self.caption.kind else 0]
        return "".join(
            word_list(self.words[piece.name])[said[piece.name]]
            if isinstance(piece, Slot)
            else piece.options[chosen[piece.name]]
            if isinstance(piece, Choice)
            else piece
            for piece in template
        )

    def _read(self, sentence: str) -> list[int]:
        for pattern in self._patterns:
            match = pattern.fullmatch(sentence)
            if match is not None:
                return [word_list(self.words[slot]).index(match[slot]) for slot in self.caption.slots]
        return [-1] * len(self.caption.slots)

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile("".join(self._pattern(piece) for piece in one)) for one in self._skeletons())

    def _skeletons(self) -> Iterator[tuple[str | Slot, ...]]:
        for template in self.caption.templates:
            yield from product(*(p.options if isinstance(p, Choice) else (p,) for p in template))

    def _pattern(self, piece: str | Slot) -> str:
        if isinstance(piece, Slot):
            return f"(?P<{piece.name}>{'|'.join(map(re.escape, self._texts(piece)))})"
        return re.escape(piece)

    def _texts(self, piece: str | Slot | Choice) -> tuple[str, ...]:
        if isinstance(piece, Slot):
            return word_list(self.words[piece.name])
        return piece.options if isinstance(piece, Choice) else (piece,)
