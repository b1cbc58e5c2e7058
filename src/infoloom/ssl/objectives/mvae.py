"""MVAE: a variational autoencoder whose joint posterior is the product of experts.

Source: Wu and Goodman, Multimodal generative models for scalable weakly-supervised learning (NeurIPS 2018), equations 3
to 5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

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
    """

    subsets: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        expect(self.subsets >= 0, "subsets", self.subsets, "0 or more", "Use 1.")


def mvae_bound(
    experts: Experts, likelihood: Callable[[int, Tensor], Tensor], generator: torch.Generator, subsets: int
) -> Tensor:
    """ELBO(all) + Σ_m ELBO(m) + Σ ELBO(random subsets).

    ELBO(S) = E log p(x_S | z) − KL(q(z | x_S) ‖ p(z)), with q(z | x_S) ∝ p(z) Π_S q(z | x_m).

    Args:
        experts: (M, n, d).
        likelihood: As in `Bound`.
        generator: Of the samples and the subsets.
        subsets: Number of random subsets.

    Returns:
        (n,), nats. With one modality all together and each alone are the same and count once.
    """
    count = len(experts.means)
    everything, alone = tuple(range(count)), [(modality,) for modality in range(count)]
    chosen = [everything, *(alone if count > 1 else []), *(_subset(count, generator) for _ in range(subsets))]
    return torch.stack([_elbo(experts, likelihood, generator, kept) for kept in chosen]).sum(dim=0)


def learner(shapes: Shapes, settings: Settings) -> MultimodalAutoencoder:
    """Posterior means are those of products, with the prior among the experts."""
    bound = partial(mvae_bound, subsets=settings.subsets)
    return MultimodalAutoencoder("mvae", shapes, settings, bound, lambda given: product(given, prior=True)[0])


def _elbo(
    experts: Experts,
    likelihood: Callable[[int, Tensor], Tensor],
    generator: torch.Generator,
    kept: tuple[int, ...],
) -> Tensor:
    numbers = list(kept)
    mean, log_variance = product(Experts(experts.means[numbers], experts.log_variances[numbers]), prior=True)
    latent = draw(mean, log_variance, generator)
    said = torch.stack([likelihood(modality, latent) for modality in kept]).sum(dim=0)
    return said - relative_entropy(mean, log_variance)


def _subset(count: int, generator: torch.Generator) -> tuple[int, ...]:
    """A non-empty subset of modalities, each as likely as any other."""
    drawn = torch.randint(1, 2**count, (1,), generator=generator, device=generator.device).item()
    return tuple(modality for modality in range(count) if int(drawn) >> modality & 1)
