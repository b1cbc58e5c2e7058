"""MoPoE: a variational autoencoder whose joint posterior is a mixture of the products of all subsets of experts.

Source: Sutter, Daunhawer and Vogt, Generalized multimodal ELBO (ICLR 2021), equations 5 to 7.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from infoloom.ssl.learner import Shapes
from infoloom.ssl.models.autoencoder import AutoencoderSettings, MultimodalAutoencoder
from infoloom.ssl.models.experts import Experts, draw, product, relative_entropy

__all__ = ["Settings", "learner", "mopoe_bound", "random_subsets"]

Settings = AutoencoderSettings


def mopoe_bound(
    experts: Experts, likelihood: Callable[[int, Tensor], Tensor], generator: torch.Generator
) -> Tensor:
    """⟨E_{q_S} Σ_m log p(x_m | z) − KL(q_S ‖ p(z))⟩ over non-empty subsets S, q_S ∝ Π_S q(z | x_m).

    Each row draws a subset, so the mean over rows estimates that over the 2^M − 1 subsets without bias, at the cost of
    one decoding.

    Args:
        experts: (M, n, d).
        likelihood: As in `Bound`.
        generator: Of the subsets and the samples.

    Returns:
        (n,), nats.
    """
    count, rows, _ = experts.means.shape
    mean, log_variance = product(
        experts, random_subsets(count, rows, generator).to(experts.means), prior=False
    )
    latent = draw(mean, log_variance, generator)
    said = torch.stack([likelihood(modality, latent) for modality in range(count)]).sum(dim=0)
    return said - relative_entropy(mean, log_variance)


def random_subsets(count: int, rows: int, generator: torch.Generator) -> Tensor:
    """A non-empty subset of `count` modalities for each row, all as likely: (count, rows) of booleans."""
    drawn = torch.randint(1, 2**count, (rows,), generator=generator, device=generator.device)
    return (drawn >> torch.arange(count, device=generator.device)[:, None] & 1).bool()


def learner(shapes: Shapes, settings: AutoencoderSettings) -> MultimodalAutoencoder:
    """Posterior means are those of products, as the prior is no expert."""
    return MultimodalAutoencoder(
        "mopoe", shapes, settings, mopoe_bound, lambda given: product(given, prior=False)[0]
    )
