"""Embeddings at random, in double precision, for the tests of objectives."""

from __future__ import annotations

import torch

__all__ = ["ORDER", "embeddings"]

#: A permutation of the rows of `embeddings()`.
ORDER = torch.tensor([3, 0, 6, 5, 1, 4, 2])


def embeddings(rows=7, width=4, count=2, seed=0):
    """`count` tensors (rows, width)."""
    generator = torch.Generator().manual_seed(seed)
    return [0.6 * torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(count)]
