"""VICReg: embeddings of one row agree, and every component of an embedding varies by itself.

Source: Bardes, Ponce and LeCun, VICReg: variance-invariance-covariance regularization for self-supervised learning
(ICLR 2022), equations 1 to 6 with the variance term as in the authors' code (facebookresearch/vicreg, `main_vicreg.py`
of 2022), which halves it; algorithm 1 of the paper does not, and is `listing=True`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, relu

from infoloom.ssl.checks import expect_positive
from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.encoders import perceptron
from infoloom.ssl.models.towers import Towers
from infoloom.ssl.objectives.pairs import mean_over_pairs
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Settings", "Vicreg", "learner", "vicreg_loss"]


@dataclass(frozen=True)
class Settings(EncoderSettings):
    """Settings of `vicreg`.

    Args:
        embedding: Values of an embedding.
        invariance: Weight of the agreement.
        variance: Weight of the variance.
        covariance: Weight of the covariance.
        listing: Whether the variance is summed over the two sides, as in the paper's listing, not averaged, as in the
            authors' code: its weight then acts twice as strongly.
    """

    embedding: int = 128
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0
    listing: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "embedding", "invariance", "variance", "covariance")


def vicreg_loss(
    a: Tensor,
    b: Tensor,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    *,
    listing: bool = False,
) -> Tensor:
    """λ ⟨(a − b)²⟩ + μ [v(a) + v(b)] / 2 + ν [c(a) + c(b)]; without the half as in the paper's listing.

    v is the mean over components of max(0, 1 − √(variance + 10⁻⁴)), c the sum of squared covariances of different
    components over their number.

    Args:
        a: Embeddings of one modality, (n, d).
        b: Embeddings of another, (n, d), row i belongs to row i of `a`.
        invariance: λ.
        variance: μ.
        covariance: ν.
        listing: Whether v(a) + v(b) is taken whole.

    Returns:
        A scalar; 0 at best, about μ where all rows are equal (2 μ with `listing`).
    """
    spread = (_too_narrow(a) + _too_narrow(b)) * (1.0 if listing else 0.5)
    entangled = _entangled(a) + _entangled(b)
    return invariance * mse_loss(a, b) + variance * spread + covariance * entangled


class Vicreg(nn.Module):
    """`vicreg_loss` over all pairs of modalities.

    Args:
        settings: Weights of its parts.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.compare = partial(
            vicreg_loss,
            invariance=settings.invariance,
            variance=settings.variance,
            covariance=settings.covariance,
            listing=settings.listing,
        )

    def forward(self, embeddings: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Modality → (n, d) to a scalar; nothing is drawn."""
        return mean_over_pairs(self.compare, embeddings)


def learner(shapes: Shapes, settings: Settings) -> Towers:
    """Encoders with an expander each, a perceptron of one hidden layer."""
    width = settings.embedding
    return Towers(
        "vicreg",
        shapes,
        settings,
        head=lambda: perceptron((settings.features, width, width)),
        compare=Vicreg(settings),
    )


def _too_narrow(rows: Tensor) -> Tensor:
    """How far the standard deviations of components are below 1, on average."""
    return relu(1.0 - torch.sqrt(rows.var(dim=0) + 1e-4)).mean()


def _entangled(rows: Tensor) -> Tensor:
    """Sum of the squared covariances of different components, over the number of components."""
    covariance = torch.cov(rows.T)
    return (covariance - torch.diag(covariance.diagonal())).square().sum() / rows.shape[1]
