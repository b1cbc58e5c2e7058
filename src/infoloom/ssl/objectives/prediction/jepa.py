"""Cross-modal prediction of features: from a view of one modality, what a slow copy of the encoders says of each.

Source: Assran et al., Self-supervised learning from images with a joint-embedding predictive architecture (CVPR 2023):
layer-normalised targets of encoders that follow by a moving average, a predictor, smooth L1 (facebookresearch/ijepa,
`src/train.py`); here from modality to modality, on features of a whole row, not of its patches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import layer_norm, smooth_l1_loss

from infoloom.ssl.checks import check_shapes, expect
from infoloom.ssl.learner import Batch, Learner, Shapes, with_fused
from infoloom.ssl.models.encoders import encoders, first_weights, perceptron
from infoloom.ssl.models.views import view
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Jepa", "Settings", "learner", "prediction_loss"]


@dataclass(frozen=True)
class Settings(EncoderSettings):
    """Settings of `jepa`.

    Args:
        momentum: Share of the slow encoders that stays at a step.
        noise: Standard deviation of the noise of a view, in standardised values.
        erased: Share of a modality that a view erases.
    """

    momentum: float = 0.99
    noise: float = 0.3
    erased: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        expect(0.0 <= self.momentum < 1.0, "momentum", self.momentum, "a share below 1", "Use 0.99.")
        expect(self.noise >= 0.0, "noise", self.noise, "0 or more", "Use 0.3.")
        expect(0.0 <= self.erased < 1.0, "erased", self.erased, "a share below 1", "Use 0.3.")


def prediction_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """Smooth L1 between predictions and layer-normalised targets, through which no gradient flows.

    Args:
        predicted: (n, d).
        target: (n, d).
    """
    return smooth_l1_loss(predicted, layer_norm(target.detach(), target.shape[1:]))


class Jepa(Learner):
    """Encoders that are trained, slow copies of them that say what is to be predicted, and a predictor for each pair.

    Args:
        shapes: Modality → shape of one row.
        settings: Widths, momentum and views.
    """

    def __init__(self, shapes: Shapes, settings: Settings) -> None:
        check_shapes(shapes, least=2)
        super().__init__("jepa", shapes, settings)
        self.told, count = settings, len(self.shapes)
        sizes = (settings.features, settings.hidden, settings.features)
        with first_weights(settings.seed):
            self.encoders = encoders(self.shapes, settings)
            self.predictors = nn.ModuleList(perceptron(sizes) for _ in range(count * count))
        self._begin_slow()

    def take_encoders(self, encoders: nn.ModuleList) -> None:
        """Put other encoders in place of these; the slow ones begin as copies of them."""
        for name, _ in self.encoders.named_parameters():
            delattr(self, _slow(name))
        super().take_encoders(encoders)
        self._begin_slow()

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The mean over pairs of modalities, each with itself too; in training the slow encoders follow first."""
        if self.training:
            self._follow()
        scaled, told = self.scaled(batch), self.told
        seen = self._features(view(scaled, generator, noise=told.noise, erased=told.erased))
        with torch.no_grad():
            wanted = [rows.float() for rows in self._targets(scaled)]
        losses = [
            prediction_loss(self.predictors[a * len(wanted) + b](rows).float(), target)
            for a, rows in enumerate(seen.values())
            for b, target in enumerate(wanted)
        ]
        return torch.stack(losses).mean()

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, features) of the trained encoders of each modality, and all of them side by side."""
        return with_fused(self._features(self.scaled(batch)))

    def _features(self, scaled: Mapping[str, Tensor]) -> dict[str, Tensor]:
        networks = dict(zip(self.shapes, self.encoders, strict=True))
        return {name: networks[name](rows) for name, rows in scaled.items()}

    def _targets(self, scaled: Mapping[str, Tensor]) -> list[Tensor]:
        """What the slow encoders say of whole rows."""
        found = []
        for number, (network, rows) in enumerate(zip(self.encoders, scaled.values(), strict=True)):
            weights = {
                name: self.get_buffer(_slow(f"{number}.{name}")) for name, _ in network.named_parameters()
            }
            found.append(cast(Tensor, functional_call(network, weights, (rows,))))
        return found

    def _begin_slow(self) -> None:
        for name, weight in self.encoders.named_parameters():
            self.register_buffer(_slow(name), weight.detach().clone())

    @torch.no_grad()
    def _follow(self) -> None:
        """slow ← momentum · slow + (1 − momentum) · trained."""
        for name, weight in self.encoders.named_parameters():
            self.get_buffer(_slow(name)).lerp_(weight, 1.0 - self.told.momentum)


def _slow(name: str) -> str:
    return "slow_" + name.replace(".", "_")


learner = Jepa
