"""A floor: the observations themselves, flattened."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from infoloom.ssl.checks import check_shapes
from infoloom.ssl.learner import Batch, Learner, Shapes, with_fused
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Pixels", "Settings", "learner"]

Settings = EncoderSettings


class Pixels(Learner):
    """Standardised observations as features; the widths of encoders do not matter.

    Args:
        shapes: Modality → shape of one row.
        settings: Kept, not used.
    """

    def __init__(self, shapes: Shapes, settings: EncoderSettings) -> None:
        check_shapes(shapes, least=1)
        super().__init__("pixels", shapes, settings)
        self.words = dict(settings.vocabularies)

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Zero: nothing is learned."""
        return torch.zeros((), device=generator.device)

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """All values (n, values) of each modality, words as indicators, and all of them side by side."""
        rows = {
            name: one_hot(values, self.words[name]).float() if name in self.words else values
            for name, values in self.scaled(batch).items()
        }
        return with_fused({name: values.flatten(1) for name, values in rows.items()})


learner = Pixels
