"""SigLIP: each pair of rows is told by itself whether it belongs together.

Source: Zhai, Mustafa, Kolesnikov and Beyer, Sigmoid loss for language image pre-training (2023), algorithm 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from infoloom.ssl.checks import expect_positive
from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.towers import Towers
from infoloom.ssl.objectives.contrastive.clip import clip_scores
from infoloom.ssl.objectives.pairs import mean_over_pairs
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Settings", "Siglip", "learner", "siglip_loss"]


@dataclass(frozen=True)
class Settings(EncoderSettings):
    """Settings of `siglip`.

    Args:
        embedding: Values of an embedding.
        scale: First factor of the cosines; it is learned.
        bias: First bias of the scores; it is learned. A negative one starts near the many pairs that do not belong
            together.
    """

    embedding: int = 64
    scale: float = 10.0
    bias: float = -10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "embedding", "scale")


def siglip_loss(a: Tensor, b: Tensor, scale: Tensor | float, bias: Tensor | float) -> Tensor:
    """−(1/n) Σᵢⱼ log σ(± sᵢⱼ), plus for i = j; s is the factor times the cosine, plus the bias.

    Args:
        a: Embeddings of one modality, (n, d).
        b: Embeddings of another, (n, d), row i belongs to row i of `a`.
        scale: Factor of the cosines.
        bias: Added to each score.

    Returns:
        A scalar (nats a row). For the best encoders s is the pmi minus log (n − 1).
    """
    scores = clip_scores(a, b, scale) + bias
    signs = 2.0 * torch.eye(len(scores), dtype=scores.dtype, device=scores.device) - 1.0
    return -logsigmoid(signs * scores).sum() / len(scores)


class Siglip(nn.Module):
    """`siglip_loss` over all pairs of modalities, with one learned factor and one learned bias.

    Args:
        scale: The first factor.
        bias: The first bias.
    """

    def __init__(self, scale: float, bias: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    @property
    def scale(self) -> Tensor:
        """Factor of the cosines."""
        return self.log_scale.exp()

    def forward(self, embeddings: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Modality → (n, d) to a scalar; nothing is drawn."""
        return mean_over_pairs(partial(siglip_loss, scale=self.scale, bias=self.bias), embeddings)


def learner(shapes: Shapes, settings: Settings) -> Towers:
    """Encoders with linear heads."""
    return Towers(
        "siglip",
        shapes,
        settings,
        head=lambda: nn.Linear(settings.features, settings.embedding, bias=False),
        compare=Siglip(settings.scale, settings.bias),
    )
