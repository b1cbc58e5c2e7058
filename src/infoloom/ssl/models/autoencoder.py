"""A variational autoencoder of several modalities; objectives differ in how they join what modalities say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import check_shapes, expect
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
        weigh: How the likelihoods of modalities are weighted where `weights` says nothing: by `size`, the values of the
            largest modality over their own, so that a picture does not drown a curve, or `equal`.
        weights: Modality → weight of its likelihood.
    """

    features: int = 32
    weigh: Literal["size", "equal"] = "size"
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        expect(self.weigh in ("size", "equal"), "weigh", self.weigh, "size or equal", "Use size.")
        expect(
            isinstance(self.weights, Mapping), "weights", self.weights, "modality → weight", "Give a dict."
        )
        for name, weight in self.weights.items():
            holds = isinstance(weight, int | float) and math.isfinite(weight) and weight > 0.0
            expect(holds, f"weight of {name}", weight, "a number above 0", "Leave it out.")

    def weights_of(self, shapes: Shapes) -> tuple[float, ...]:
        """Weight of the likelihood of each modality, in their order."""
        for name in self.weights:
            expect(name in shapes, "weights", name, f"a modality among {', '.join(shapes)}", "Rename it.")
        sizes = {name: math.prod(shape) for name, shape in shapes.items()}
        usual = {
            name: max(sizes.values()) / size if self.weigh == "size" else 1.0 for name, size in sizes.items()
        }
        return tuple({**usual, **self.weights}[name] for name in shapes)


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

    Likelihoods are weighted between modalities, as in the authors' code of MVAE (`lambda_image` and `lambda_text` in
    mhw32/multimodal-vae-public) and of MMVAE (by size: `llik_scaling` in iffsid/mmvae).

    Likelihoods are normal around the decoder's output; the standard deviation, one a modality, is learned (Rybkin,
    Daniilidis and Levine, Simple and effective VAE training with calibrated decoders, 2021).

    Args:
        objective: Its name in the registry.
        shapes: Modality → shape of one row.
        settings: Widths.
        bound: What is maximised.
        join: Experts → posterior mean (n, d), of one modality or of several.
    """

    partial = True

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
        words = ", ".join(settings.vocabularies)
        expect(
            not words,
            "vocabularies",
            words,
            f"none for `{objective}`, because its likelihoods are normal",
            "Choose another objective, or give the words as indicators.",
        )
        self.bound, self.join = bound, join
        self.weights = settings.weights_of(self.shapes)
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
        """The negative bound, averaged over rows and divided by the number of values in a row.

        Nats a value, where every likelihood weighs 1.
        """
        scaled = self.scaled(batch)
        experts = self.experts(scaled)
        rows = [values.flatten(1) for values in scaled.values()]
        numbers = [list(self.shapes).index(name) for name in scaled]

        def likelihood(modality: int, latent: Tensor) -> Tensor:
            own = numbers[modality]
            decoded = self.decoders[own](latent).float()
            scale = self.log_scales[own]
            squares = (rows[modality] - decoded).square().sum(dim=1) * torch.exp(-2.0 * scale)
            constant = rows[modality].shape[1] * (2.0 * scale + math.log(2.0 * math.pi))
            said: Tensor = -0.5 * self.weights[own] * (squares + constant)
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
