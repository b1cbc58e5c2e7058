"""A variational autoencoder of several modalities; objectives differ in how they join what modalities say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import check_shapes
from infoloom.ssl.learner import Batch, Learner, Shapes
from infoloom.ssl.models.encoders import encoder, first_weights, perceptron
from infoloom.ssl.models.experts import Experts
from infoloom.ssl.settings import EncoderSettings

__all__ = ["AutoencoderSettings", "Bound", "MultimodalAutoencoder"]


@dataclass(frozen=True)
class AutoencoderSettings(EncoderSettings):
    """Settings of a variational autoencoder; `features` is the number of latent variables.

    Args:
        features: Latent variables, whose posterior means are the features.
    """

    features: int = 32


class Bound(Protocol):
    """A lower bound of log p(x₁, …, x_M)."""

    def __call__(
        self, experts: Experts, likelihood: Callable[[int, Tensor], Tensor], generator: torch.Generator
    ) -> Tensor:
        """The bound of each row.

        Args:
            experts: What each modality says of the latent variables, (M, n, d).
            likelihood: Number of a modality and latent variables (n, d) → log p(x_m | z), (n,), nats.
            generator: Of the samples.

        Returns:
            (n,), nats.
        """


class MultimodalAutoencoder(Learner):
    """An encoder to a normal posterior and a decoder for each modality.

    Likelihoods are normal around the decoder's output; the standard deviation, one a modality, is learned (Rybkin,
    Daniilidis and Levine, Simple and effective VAE training with calibrated decoders, 2021).

    Args:
        objective: Its name in the registry.
        shapes: Modality → shape of one row.
        settings: Widths.
        bound: What is maximised.
        join: Experts → posterior mean (n, d), of one modality or of several.
    """

    def __init__(
        self,
        objective: str,
        shapes: Shapes,
        settings: AutoencoderSettings,
        bound: Bound,
        join: Callable[[Experts], Tensor],
    ) -> None:
        check_shapes(shapes, least=1)
        super().__init__(objective, shapes, settings)
        self.bound, self.join = bound, join
        doubled, width = replace(settings, features=2 * settings.features), settings.hidden
        self.values = sum(math.prod(shape) for shape in self.shapes.values())
        with first_weights(settings.seed):
            self.encoders = nn.ModuleList(encoder(shape, doubled) for shape in self.shapes.values())
            self.decoders = nn.ModuleList(
                perceptron((settings.features, width, width, math.prod(shape)))
                for shape in self.shapes.values()
            )
        self.log_scales = nn.Parameter(torch.zeros(len(self.shapes)))

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The negative bound, averaged over rows and divided by the number of values in a row (nats a value)."""
        scaled = self.scaled(batch)
        experts = self.experts(scaled)
        rows = [values.flatten(1) for values in scaled.values()]

        def likelihood(modality: int, latent: Tensor) -> Tensor:
            decoded = self.decoders[modality](latent).float()
            scale = self.log_scales[modality]
            squares = (rows[modality] - decoded).square().sum(dim=1) * torch.exp(-2.0 * scale)
            constant = rows[modality].shape[1] * (2.0 * scale + math.log(2.0 * math.pi))
            said: Tensor = -0.5 * (squares + constant)
            return said

        return -self.bound(experts, likelihood, generator).mean() / self.values

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Posterior means (n, features) given each modality alone, and given all of them as `fused`."""
        scaled = self.scaled(batch)
        experts = self.experts(scaled)
        alone = {name: self.join(experts.of(number)) for number, name in enumerate(scaled)}
        return {**alone, "fused": self.join(experts)}

    def experts(self, scaled: Mapping[str, Tensor]) -> Experts:
        """What each of some modalities says, in float32.

        The encoders give natural parameters, mean / variance and log variance. Were the mean given itself, a product
        with the prior would weight it by a precision that the divergence drives to 0 before anything is learned.
        """
        encoders = dict(zip(self.shapes, self.encoders, strict=True))
        said: Sequence[Tensor] = [encoders[name](values).float() for name, values in scaled.items()]
        pulls, log_variances = torch.stack(list(said)).chunk(2, dim=-1)
        return Experts(pulls * log_variances.exp(), log_variances)
