"""Barlow Twins: the correlation between embeddings of one row is the identity.

Source: Zbontar, Jing, Misra, LeCun and Deny, Barlow Twins: self-supervised learning via redundancy reduction
(ICML 2021), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import expect_positive
from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.encoders import perceptron
from infoloom.ssl.models.towers import Towers
from infoloom.ssl.objectives.pairs import mean_over_pairs
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Barlow", "Settings", "barlow_loss", "learner"]

#: Added to a variance, as the batch normalisation of the authors' code does: a collapsed component divides by zero.
EPSILON = 1e-5


@dataclass(frozen=True)
class Settings(EncoderSettings):
    """Settings of `barlow`.

    Args:
        embedding: Values of an embedding.
        redundancy: Weight of what is off the diagonal.
    """

    embedding: int = 128
    redundancy: float = 5e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "embedding", "redundancy")


def barlow_loss(a: Tensor, b: Tensor, redundancy: float = 5e-3) -> Tensor:
    """Σᵢ (1 − Cᵢᵢ)² + λ Σᵢⱼ Cᵢⱼ² over i ≠ j, C the correlation of component i of a with component j of b.

    Args:
        a: Embeddings of one modality, (n, d).
        b: Embeddings of another, (n, d), row i belongs to row i of `a`.
        redundancy: λ.

    Returns:
        A scalar; 0 at best, d where all rows are equal.
    """
    correlation = _standardised(a).T @ _standardised(b) / (len(a) - 1)
    agree = correlation.diagonal()
    others = correlation - torch.diag(agree)
    return (1.0 - agree).square().sum() + redundancy * others.square().sum()


class Barlow(nn.Module):
    """`barlow_loss` over all pairs of modalities.

    Args:
        redundancy: Weight of what is off the diagonal.
    """

    def __init__(self, redundancy: float) -> None:
        super().__init__()
        self.redundancy = redundancy

    def forward(self, embeddings: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Modality → (n, d) to a scalar; nothing is drawn."""
        return mean_over_pairs(partial(barlow_loss, redundancy=self.redundancy), embeddings)


def learner(shapes: Shapes, settings: Settings) -> Towers:
    """Encoders with a projector each, a perceptron of one hidden layer."""
    width = settings.embedding
    return Towers(
        "barlow",
        shapes,
        settings,
        head=lambda: perceptron((settings.features, width, width)),
        compare=Barlow(settings.redundancy),
    )


def _standardised(rows: Tensor) -> Tensor:
    return (rows - rows.mean(dim=0)) / torch.sqrt(rows.var(dim=0) + EPSILON)
