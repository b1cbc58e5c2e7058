"""One encoder a modality, trained so that the features of one row belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import check_shapes
from infoloom.ssl.learner import Batch, Learner, Shapes, with_fused
from infoloom.ssl.models.encoders import encoders, first_weights
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Towers"]


class Towers(Learner):
    """An encoder and a head for each modality, and a loss of the heads' embeddings.

    Features are what the encoders give, before the heads, as is usual.

    Args:
        objective: Its name in the registry.
        shapes: Modality → shape of one row.
        settings: Of the encoders.
        head: Makes a head (n, features) → (n, embedding).
        compare: Module from embeddings by modality, each (n, embedding), and a generator to a scalar.
    """

    def __init__(
        self,
        objective: str,
        shapes: Shapes,
        settings: EncoderSettings,
        head: Callable[[], nn.Module],
        compare: nn.Module,
    ) -> None:
        check_shapes(shapes, least=2)
        super().__init__(objective, shapes, settings)
        with first_weights(settings.seed):
            self.encoders = encoders(self.shapes, settings)
            self.heads = nn.ModuleList(head() for _ in self.shapes)
        self.compare = compare

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The loss of the embeddings, computed in float32 whatever the encoders computed in."""
        embeddings = {name: value.float() for name, value in self.embed(batch).items()}
        device = next(iter(embeddings.values())).device.type
        with torch.autocast(device, enabled=False):
            loss: Tensor = self.compare(embeddings, generator)
        return loss

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, features) of each modality, and all of them side by side."""
        return with_fused(self._features(batch))

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Embeddings (n, embedding) that the loss compares, by modality."""
        heads = dict(zip(self.shapes, self.heads, strict=True))
        return {name: heads[name](values) for name, values in self._features(batch).items()}

    def _features(self, batch: Batch) -> Mapping[str, Tensor]:
        encoders = dict(zip(self.shapes, self.encoders, strict=True))
        return {name: encoders[name](values) for name, values in self.scaled(batch).items()}
