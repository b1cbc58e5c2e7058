"""A floor: the encoders of the other objectives, with their first weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import check_shapes
from infoloom.ssl.learner import Batch, Learner, Shapes, with_fused
from infoloom.ssl.models.encoders import encoders, first_weights
from infoloom.ssl.settings import EncoderSettings

__all__ = ["RandomEncoder", "Settings", "learner"]

Settings = EncoderSettings


class RandomEncoder(Learner):
    """Encoders that are never trained.

    Args:
        shapes: Modality → shape of one row.
        settings: Of the encoders.
    """

    def __init__(self, shapes: Shapes, settings: EncoderSettings) -> None:
        check_shapes(shapes, least=1)
        super().__init__("random", shapes, settings)
        with first_weights(settings.seed):
            self.encoders = encoders(self.shapes, settings)
        self.requires_grad_(False)

    def take_encoders(self, encoders: nn.ModuleList) -> None:
        """Put other encoders in place of these; they are not trained either."""
        super().take_encoders(encoders.requires_grad_(False))

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Zero: nothing is learned."""
        return torch.zeros((), device=generator.device)

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, features) of each modality, and all of them side by side."""
        encoders = dict(zip(self.shapes, self.encoders, strict=True))
        return with_fused({name: encoders[name](values) for name, values in self.scaled(batch).items()})


learner = RandomEncoder
