"""From two modalities to any number: the mean over all pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import torch
from torch import Tensor

__all__ = ["mean_over_pairs"]


def mean_over_pairs(loss: Callable[[Tensor, Tensor], Tensor], embeddings: Mapping[str, Tensor]) -> Tensor:
    """⟨loss(a, b)⟩ over all pairs of modalities.

    Args:
        loss: Symmetric loss of two embeddings (n, d).
        embeddings: Modality → (n, d), at least two.

    Returns:
        A scalar; for two modalities the loss itself.
    """
    return torch.stack([loss(a, b) for a, b in combinations(embeddings.values(), 2)]).mean()
