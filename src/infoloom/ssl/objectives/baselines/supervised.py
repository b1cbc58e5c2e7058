"""An upper reference: the same encoders, trained to regress targets.

Its features are as good as these encoders, rows and steps allow, so the gap between it and an objective is due to
the objective.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from infoloom.ssl.checks import check_shapes, expect, expect_names
from infoloom.ssl.learner import Batch, Learner, Shapes, with_fused
from infoloom.ssl.models.encoders import encoders, first_weights
from infoloom.ssl.scaling import Standardise
from infoloom.ssl.settings import EncoderSettings

__all__ = ["Settings", "Supervised", "learner"]


@dataclass(frozen=True)
class Settings(EncoderSettings):
    """Settings of `supervised`.

    Args:
        targets: Names of the arrays (n,) that are regressed.
    """

    targets: tuple[str, ...] = ("theta",)

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_names("targets", self.targets)
        object.__setattr__(self, "targets", tuple(self.targets))
        expect(len(self.targets) >= 1, "targets", self.targets, "at least one name", "Name a target.")


class Supervised(Learner):
    """Linear regression of the targets on the features of each modality, and on all of them together.

    Args:
        shapes: Modality → shape of one row.
        settings: Encoders and targets.
    """

    def __init__(self, shapes: Shapes, settings: Settings) -> None:
        check_shapes(shapes, least=1)
        super().__init__("supervised", shapes, settings)
        self.targets = settings.targets
        expect(
            not set(self.targets) & set(shapes), "targets", self.targets, "no modality", "Rename one of them."
        )
        self.target_scales = nn.ModuleList(Standardise((1,)) for _ in self.targets)
        count = len(self.targets)
        with first_weights(settings.seed):
            self.encoders = encoders(self.shapes, settings)
            self.heads = nn.ModuleList(nn.Linear(settings.features, count) for _ in self.shapes)
            self.fused_head = nn.Linear(settings.features * len(self.shapes), count)

    @property
    def needs(self) -> dict[str, tuple[int, ...]]:
        """The modalities and the targets, those with rows of shape ()."""
        return {**self.shapes, **dict.fromkeys(self.targets, ())}

    def prepare(self, arrays: Mapping[str, Any]) -> None:
        """Take mean and scale of modalities and targets from the training rows."""
        super().prepare(arrays)
        for name, scale in zip(self.targets, self.target_scales, strict=True):
            scale.fit(arrays[name][:, None])  # type: ignore[operator]

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Mean over modalities of the squared error of standardised targets, plus that of all together."""
        features = self.encode(batch)
        fused = features.pop("fused")
        wanted = torch.cat(
            [s(batch[t][:, None]) for t, s in zip(self.targets, self.target_scales, strict=True)], dim=1
        )
        answers = [head(values) for head, values in zip(self.heads, features.values(), strict=True)]
        alone = torch.stack([mse_loss(answer.float(), wanted) for answer in answers]).mean()
        return alone + mse_loss(self.fused_head(fused).float(), wanted)

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, features) of each modality, and all of them side by side."""
        encoders = dict(zip(self.shapes, self.encoders, strict=True))
        return with_fused({name: encoders[name](values) for name, values in self.scaled(batch).items()})


learner = Supervised
