"""MMVAE: a variational autoencoder whose joint posterior is a mixture of experts.

Source: Shi, Siddharth, Paige and Torr, Variational mixture-of-experts autoencoders for multi-modal deep generative
models (NeurIPS 2019), equation 3, with normal experts and one sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.autoencoder import AutoencoderSettings, MultimodalAutoencoder
from infoloom.ssl.models.experts import Experts, draw, log_density

__all__ = ["Settings", "learner", "mmvae_bound"]

Settings = AutoencoderSettings


def mmvae_bound(
    experts: Experts, likelihood: Callable[[int, Tensor], Tensor], generator: torch.Generator
) -> Tensor:
    """E_q [log p(z) + Σ_m log p(x_m | z) − log q(z)], q(z) = (1/M) Σ_m q(z | x_m).

    Stratified: row i draws from the expert of modality i mod M, so the mean over rows in random order is that over
    experts, at the cost of one decoding.

    Args:
        experts: (M, n, d).
        likelihood: As in `Bound`.
        generator: Of the samples.

    Returns:
        (n,), nats.
    """
    count, rows, _ = experts.means.shape
    every = torch.arange(rows, device=experts.means.device)
    latent = draw(experts.means[every % count, every], experts.log_variances[every % count, every], generator)
    mixture = torch.logsumexp(log_density(latent, experts.means, experts.log_variances), dim=0) - math.log(
        count
    )
    said = torch.stack([likelihood(modality, latent) for modality in range(count)]).sum(dim=0)
    return said + log_density(latent, torch.zeros_like(latent), torch.zeros_like(latent)) - mixture


def learner(shapes: Shapes, settings: AutoencoderSettings) -> MultimodalAutoencoder:
    """The mean of a mixture is the mean of the experts' means."""
    return MultimodalAutoencoder(
        "mmvae", shapes, settings, mmvae_bound, lambda given: given.means.mean(dim=0)
    )
