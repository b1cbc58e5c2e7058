"""Gaussian experts: each modality's opinion of the latent variables, and how opinions are joined."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Experts", "draw", "log_density", "product", "relative_entropy"]

_LOG_TWO_PI = math.log(2.0 * math.pi)


@dataclass(frozen=True)
class Experts:
    """Normal distributions of d latent variables, one a modality and row.

    Args:
        means: (modalities, n, d).
        log_variances: (modalities, n, d).
    """

    means: Tensor
    log_variances: Tensor

    def of(self, modality: int) -> Experts:
        """One expert, still with an axis of modalities."""
        return Experts(self.means[modality : modality + 1], self.log_variances[modality : modality + 1])


def product(experts: Experts, kept: Tensor | None = None, *, prior: bool) -> tuple[Tensor, Tensor]:
    """The normalised product of normal densities: precisions add up, and means are weighted by them.

    Args:
        experts: The factors.
        kept: Which experts of each row take part, (modalities, n), 0 or 1; all if left out.
        prior: Whether N(0, 1) is one more factor; without it every row needs an expert.

    Returns:
        Mean and log variance, (n, d).

    Source:
        Wu and Goodman, Multimodal generative models for scalable weakly-supervised learning (2018), section 2.2.
    """
    precisions = torch.exp(-experts.log_variances)
    if kept is not None:
        precisions = kept[:, :, None] * precisions
    total = precisions.sum(dim=0) + (1.0 if prior else 0.0)
    return (precisions * experts.means).sum(dim=0) / total, -torch.log(total)


def draw(mean: Tensor, log_variance: Tensor, generator: torch.Generator) -> Tensor:
    """One sample of each normal distribution, differentiable in both arguments."""
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + torch.exp(0.5 * log_variance) * noise


def relative_entropy(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)) summed over the last axis (nats): ½ Σ (v + m² − 1 − log v)."""
    return 0.5 * (log_variance.exp() + mean.square() - 1.0 - log_variance).sum(dim=-1)


def log_density(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(values; mean, variance) summed over the last axis (nats)."""
    squares = (values - mean).square() * torch.exp(-log_variance)
    return -0.5 * (squares + log_variance + _LOG_TWO_PI).sum(dim=-1)
