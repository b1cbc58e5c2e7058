"""A small transformer over the token ids of a caption."""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Tensor, nn

from infoloom.ssl.models.patches import Block

__all__ = ["TextEncoder"]

_WIDTH: Final = 64
_HEADS: Final = 4
_DEPTH: Final = 2


class TextEncoder(nn.Module):
    """Token ids with their places, two blocks of attention, and what a learned first token has seen.

    Every position is looked at, those that fill up a short sentence too: id 0 has an embedding as any other.

    Args:
        length: Tokens of a row.
        vocabulary: Number of ids, 0 included.
        hidden: Width of the perceptrons.
        features: Values that come out.
    """

    def __init__(self, length: int, vocabulary: int, hidden: int, features: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, _WIDTH)
        self.places = nn.Parameter(0.02 * torch.randn(length, _WIDTH))
        self.first = nn.Parameter(0.02 * torch.randn(_WIDTH))
        self.blocks = nn.Sequential(
            *(Block(_WIDTH, _HEADS, hidden) for _ in range(_DEPTH)), nn.LayerNorm(_WIDTH)
        )
        self.out = nn.Linear(_WIDTH, features)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (n, length), whole numbers, → (n, features)."""
        tokens = self.words(ids) + self.places
        first = self.first.to(tokens.dtype).expand(len(ids), 1, -1)
        seen = self.blocks(torch.cat([first, tokens], dim=1))
        return cast(Tensor, self.out(seen[:, 0]))
