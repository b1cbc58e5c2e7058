"""A modality as tokens of a transformer: how it is cut, how pieces enter, and what is predicted of hidden ones."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from infoloom.ssl.checks import expect
from infoloom.ssl.models.patches import Patches, PlaceLinear

__all__ = ["LEAST", "Cut", "PatchCut", "WordCut", "cut_of", "masked_error", "masked_nats"]

#: Fewest tokens of a modality: of fewer, too little is left to predict from once most are hidden.
LEAST = 9


class Cut(nn.Module, ABC):
    """Pieces of a modality, as many in every row.

    Attributes:
        number: Pieces of a row.
    """

    number: int

    @abstractmethod
    def pieces(self, scaled: Tensor) -> Tensor:
        """Standardised rows (n, *shape) or token ids (n, length), cut: (n, number, …)."""

    @abstractmethod
    def enter(self, pieces: Tensor) -> Tensor:
        """Pieces as tokens (n, number, width)."""

    @abstractmethod
    def leave(self, tokens: Tensor) -> Tensor:
        """What tokens (n, number, width) predict: values (n, number, …), or logits of words."""

    @abstractmethod
    def error(self, predicted: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
        """The loss of the hidden pieces, `hidden` (n, number) being 1 where they are: a scalar."""


class PatchCut(Cut):
    """Pictures, signals and vectors; the values of hidden pieces are predicted.

    Args:
        patches: How rows are cut.
        width: Values of a token.
    """

    def __init__(self, patches: Patches, width: int) -> None:
        super().__init__()
        self.patches = patches
        self.number = patches.number
        self.into = PlaceLinear(patches.number, patches.width, width)
        self.out = PlaceLinear(patches.number, width, patches.width)

    def pieces(self, scaled: Tensor) -> Tensor:
        """(n, *shape) → (n, number, values)."""
        cut: Tensor = self.patches(scaled)
        return cut

    def enter(self, pieces: Tensor) -> Tensor:
        """(n, number, values) → (n, number, width)."""
        tokens: Tensor = self.into(pieces)
        return tokens

    def leave(self, tokens: Tensor) -> Tensor:
        """(n, number, width) → (n, number, values)."""
        values: Tensor = self.out(tokens)
        return values

    def error(self, predicted: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
        """Mean squared error, in standardised values."""
        return masked_error(predicted.float(), wanted, hidden, self.patches.real)


class WordCut(Cut):
    """Token ids of a caption; the ids of hidden ones are predicted.

    Args:
        length: Tokens of a row.
        vocabulary: Number of ids.
        width: Values of a token.
    """

    def __init__(self, length: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.number = length
        self.into = nn.Embedding(vocabulary, width)
        self.out = PlaceLinear(length, width, vocabulary)

    def pieces(self, scaled: Tensor) -> Tensor:
        """Ids as they are."""
        return scaled

    def enter(self, pieces: Tensor) -> Tensor:
        """(n, length) → (n, length, width)."""
        tokens: Tensor = self.into(pieces)
        return tokens

    def leave(self, tokens: Tensor) -> Tensor:
        """(n, length, width) → logits (n, length, vocabulary)."""
        logits: Tensor = self.out(tokens)
        return logits

    def error(self, predicted: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
        """Mean cross-entropy, nats a token."""
        return masked_nats(predicted.float(), wanted, hidden)


def cut_of(
    name: str, shape: tuple[int, ...], vocabulary: int | None, *, patch: int, pieces: int, width: int
) -> Cut:
    """The cut that suits a modality.

    Args:
        name: Of the modality, for messages.
        shape: Of one row.
        vocabulary: Number of token ids, or None for values.
        patch: Side of the patches of a picture.
        pieces: Wanted pieces of a signal or a vector.
        width: Values of a token.

    Raises:
        LearnerError: Fewer tokens than `LEAST`.
    """
    if vocabulary is not None:
        cut: Cut = WordCut(shape[0], vocabulary, width)
        enough = f"captions of {LEAST} tokens or more"
    else:
        sizes = (patch, patch) if len(shape) == 3 else (math.ceil(shape[-1] / pieces),)
        cut = PatchCut(Patches(shape, sizes), width)
        enough = (
            f"pictures of {3 * patch} × {3 * patch} or more, or smaller patches"
            if len(shape) == 3
            else f"{LEAST} values or more along each row, or more `pieces`"
        )
    expect(
        cut.number >= LEAST,
        f"tokens of {name}",
        cut.number,
        f"at least {LEAST}, because most of them are hidden and predicted from the rest",
        f"Use {enough}.",
    )
    return cut


def masked_error(predicted: Tensor, wanted: Tensor, hidden: Tensor, real: Tensor) -> Tensor:
    """Mean squared error over the values of hidden pieces.

    Args:
        predicted: (n, pieces, width).
        wanted: (n, pieces, width).
        hidden: (n, pieces), 1 where hidden.
        real: (pieces, width), 0 where a piece was filled up.

    Returns:
        A scalar; 0 where nothing is hidden.
    """
    weights = hidden[:, :, None] * real
    return (weights * (predicted - wanted).square()).sum() / weights.sum().clamp(min=1.0)


def masked_nats(logits: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
    """Mean cross-entropy of hidden words.

    Args:
        logits: (n, length, vocabulary).
        wanted: Ids, (n, length).
        hidden: (n, length), 1 where hidden.

    Returns:
        A scalar (nats a word); 0 where nothing is hidden.
    """
    nats = cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none").view(hidden.shape)
    return torch.sum(hidden * nats) / hidden.sum().clamp(min=1.0)
