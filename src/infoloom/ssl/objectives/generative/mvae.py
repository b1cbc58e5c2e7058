"""MVAE: a variational autoencoder whose joint posterior is the product of experts.

Source: Wu and Goodman, Multimodal generative models for scalable weakly-supervised learning (NeurIPS 2018), equations 3
to 5, with the annealed divergence and the weighted likelihoods of their code (mhw32/multimodal-vae-public at 2a358eb,
`mnist/train.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import expect
from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.autoencoder import AutoencoderSettings, MultimodalAutoencoder
from infoloom.ssl.models.experts import Experts, draw, product, relative_entropy

__all__ = ["Settings", "learner", "mvae_bound"]


@dataclass(frozen=True)
class Settings(AutoencoderSettings):
    """Settings of `mvae`.

    Args:
        subsets: Random subsets of the modalities that are bounded too, besides all together and each alone.
        annealing: Steps of training in which the weight of the divergence rises to 1 along a line; 0 leaves it at 1. In
            the authors' code it rises during the first 200 of 500 epochs.
    """

    subsets: int = 1
    annealing: int = 400

    def __post_init__(self) -> None:
        super().__post_init__()
        expect(self.subsets >= 0, "subsets", self.subsets, "0 or more", "Use 1.")
        expect(self.annealing >= 0, "annealing", self.annealing, "0 steps or more", "Use 0.")


def mvae_bound(
    experts: Experts,
    likelihood: Callable[[int, Tensor], Tensor],
    generator: torch.Generator,
    subsets: int,
    divergence: float = 1.0,
) -> Tensor:
    """ELBO(all) + Σ_m ELBO(m) + Σ ELBO(random subsets).

    ELBO(S) = E log p(x_S | z) − β KL(q(z | x_S) ‖ p(z)), with q(z | x_S) ∝ p(z) Π_S q(z | x_m).

    Args:
        experts: (M, n, d).
        likelihood: As in `Bound`.
        generator: Of the samples and the subsets.
        subsets: Number of random subsets.
        divergence: β.

    Returns:
        (n,), nats. With one modality all together and each alone are the same and count once.
    """
    count = len(experts.means)
    everything, alone = tuple(range(count)), [(modality,) for modality in range(count)]
    chosen = [everything, *(alone if count > 1 else []), *(_subset(count, generator) for _ in range(subsets))]
    return torch.stack([_elbo(experts, likelihood, generator, kept, divergence) for kept in chosen]).sum(
        dim=0
    )


class Annealed(nn.Module):
    """`mvae_bound` whose divergence counts more with every step of training, and fully outside of training.

    Step k of K, from 1, has β = min(1, k / K).

    Args:
        subsets: Number of random subsets.
        steps: K, or 0 for β = 1.
    """

    def __init__(self, subsets: int, steps: int) -> None:
        super().__init__()
        self.subsets, self.steps = subsets, steps
        self.register_buffer("taken", torch.zeros((), dtype=torch.int64))

    def forward(
        self, experts: Experts, likelihood: Callable[[int, Tensor], Tensor], generator: torch.Generator
    ) -> Tensor:
        """The bound of each row (n,); a call during training is a step."""
        divergence = 1.0
        if self.training and self.steps:
            taken = cast(Tensor, self.taken).add_(1)
            divergence = min(1.0, int(taken) / self.steps)
        return mvae_bound(experts, likelihood, generator, self.subsets, divergence)


def learner(shapes: Shapes, settings: Settings) -> MultimodalAutoencoder:
    """Posterior means are those of products, with the prior among the experts."""
    bound = Annealed(settings.subsets, settings.annealing)
    return MultimodalAutoencoder("mvae", shapes, settings, bound, lambda given: product(given, prior=True)[0])


def _elbo(
    experts: Experts,
    likelihood: Callable[[int, Tensor], Tensor],
    generator: torch.Generator,
    kept: tuple[int, ...],
    divergence: float,
) -> Tensor:
    numbers = list(kept)
    mean, log_variance = product(Experts(experts.means[numbers], experts.log_variances[numbers]), prior=True)
    latent = draw(mean, log_variance, generator)
    said = torch.stack([likelihood(modality, latent) for modality in kept]).sum(dim=0)
    return said - divergence * relative_entropy(mean, log_variance)


def _subset(count: int, generator: torch.Generator) -> tuple[int, ...]:
    """A non-empty subset of modalities, each as likely as any other."""
    drawn = torch.randint(1, 2**count, (1,), generator=generator, device=generator.device).item()
    return tuple(modality for modality in range(count) if int(drawn) >> modality & 1)
