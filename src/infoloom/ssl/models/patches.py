"""Observations cut into pieces, and a small transformer over them."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

__all__ = ["Block", "Patches", "PlaceLinear"]


class Patches(nn.Module):
    """Rows cut into equal pieces, zeros filling up the last ones; a piece has all channels.

    Args:
        shape: (d,), (leads, samples) or (channels, height, width) of one row.
        sizes: Of a piece: (values,), (samples,) or (height, width).
    """

    def __init__(self, shape: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = (1, *shape) if len(shape) == 1 else shape
        self.sizes = sizes
        self.counts = tuple(
            math.ceil(side / size) for side, size in zip(self.shape[1:], self.sizes, strict=True)
        )
        self.register_buffer("valid", self(torch.ones(1, *self.shape))[0], persistent=False)

    @property
    def number(self) -> int:
        """Pieces of a row."""
        return int(math.prod(self.counts))

    @property
    def width(self) -> int:
        """Values of a piece."""
        return int(self.shape[0] * math.prod(self.sizes))

    @property
    def real(self) -> Tensor:
        """(number, width): 1 where a piece holds a value, 0 where it was filled up."""
        return cast(Tensor, self.valid)

    def forward(self, rows: Tensor) -> Tensor:
        """(n, *shape) → (n, number, width)."""
        whole = rows.reshape(len(rows), *self.shape)
        missing = [c * s - side for c, s, side in zip(self.counts, self.sizes, self.shape[1:], strict=True)]
        whole = pad(whole, [end for size in reversed(missing) for end in (0, size)])
        cut = [axis for both in zip(self.counts, self.sizes, strict=True) for axis in both]
        tiles = whole.reshape(len(rows), self.shape[0], *cut)
        grid, inner = range(2, tiles.ndim, 2), range(3, tiles.ndim, 2)
        return tiles.permute(0, *grid, 1, *inner).reshape(len(rows), self.number, self.width)


class PlaceLinear(nn.Module):
    """A linear map for each piece, by its place.

    Templates spread a cause over places, so each place has to be weighted by itself; a map that all places share would
    first have to learn from its input which place it sees.

    Args:
        number: Places.
        inputs: Values of a piece that come in.
        outputs: Values that go out.
    """

    def __init__(self, number: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(number, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(number, outputs).uniform_(-bound, bound))

    def forward(self, pieces: Tensor) -> Tensor:
        """(n, number, inputs) → (n, number, outputs)."""
        return torch.einsum("nki,kio->nko", pieces, self.weight) + self.bias


class Block(nn.Module):
    """Attention and a perceptron, each on normalised tokens and added to what was there.

    Args:
        width: Values of a token.
        heads: Attention heads; they divide the width.
        hidden: Width of the perceptron.

    Source:
        Vaswani et al., Attention is all you need (2017), normalised first as in Dosovitskiy et al. (2021).
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, tokens, width) → the same shape."""
        rows, count, width = tokens.shape
        asked = self.ask(self.norms[0](tokens)).view(rows, count, 3, self.heads, width // self.heads)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(rows, count, width)
        tokens = tokens + self.answer(seen)
        changed: Tensor = tokens + self.narrow(gelu(self.widen(self.norms[1](tokens))))
        return changed
