"""What a learner is: a loss on a batch of all modalities, and features of each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from infoloom.ssl.checks import check_vocabularies, expect, whole_shapes
from infoloom.ssl.scaling import Standardise, TokenIds
from infoloom.ssl.settings import LearnerSettings

__all__ = ["Batch", "Learner", "Shapes", "expect_features", "with_fused"]

Batch: TypeAlias = Mapping[str, Tensor]
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


class Learner(nn.Module, ABC):
    """A model of several modalities. It is trained with its own loss and then frozen.

    Args:
        objective: Its name; in messages, and where it is one of the registry, what `load` builds.
        shapes: Modality → shape of one row.
        settings: What `build` was given; a learner of one's own may leave them out.

    Attributes:
        scales: One a modality: `scaled` divides by them.
        encoders: Where a learner has one a modality, in the order of `shapes`, (n, *shape) → (n, features); others can
            take their place.
    """

    #: Whether the loss takes batches that lack some of `needs`.
    partial = False

    encoders: nn.ModuleList

    def __init__(self, objective: str, shapes: Shapes, settings: LearnerSettings | None = None) -> None:
        super().__init__()
        self.objective, self.settings = objective, LearnerSettings() if settings is None else settings
        expect(
            isinstance(self.settings, LearnerSettings),
            f"settings of {objective}",
            type(settings).__name__,
            "`infoloom.ssl.LearnerSettings`, or a subclass",
            "Use them, or leave them out.",
        )
        self.shapes = whole_shapes(shapes)
        words = self.settings.vocabularies
        check_vocabularies(words, self.shapes)
        # Lists, not dicts, of modules: a modality may be called `values` or `type`.
        self.scales = nn.ModuleList(
            TokenIds(name, words[name]) if name in words else Standardise(shape)
            for name, shape in self.shapes.items()
        )

    @property
    def needs(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of one row, of every array that the loss reads; () of a number a row."""
        return dict(self.shapes)

    def prepare(self, arrays: Mapping[str, Any]) -> None:
        """Take mean and scale of each channel from the training rows; everything that follows divides by them.

        Raises:
            LearnerError: Token ids beyond their vocabulary.
        """
        for name, scale in zip(self.shapes, self.scales, strict=True):
            scale.fit(arrays[name])  # type: ignore[operator]

    def scaled(self, batch: Batch) -> dict[str, Tensor]:
        """The modalities that a batch holds, standardised, or as whole ids; others of its arrays are left out."""
        return {
            name: scale(batch[name])
            for name, scale in zip(self.shapes, self.scales, strict=True)
            if name in batch
        }

    @abstractmethod
    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The objective, lower is better.

        Args:
            batch: Name → (n, *shape), float32, everything in `needs`.
            generator: Of masks, negatives and noise, on the device of the batch.

        Returns:
            A scalar.
        """

    @abstractmethod
    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Features (n, d) of each modality in the batch by name, and `fused` of all of them together."""

    def take_encoders(self, encoders: nn.ModuleList) -> None:
        """Put other encoders in place of `encoders`, where a learner has one a modality.

        Args:
            encoders: In the order of the shapes; what a subclass derives from them, it makes anew here.
        """
        self.encoders = encoders

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The same as `encode`."""
        return self.encode(batch)


def with_fused(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Features by modality, and side by side as `fused`.

    Args:
        features: Modality → (n, d), as many rows each.

    Raises:
        LearnerError: No features, or others than such tensors.
    """
    name = "features of with_fused"
    expect(isinstance(features, Mapping), name, type(features).__name__, "a dict of tensors", "Give one.")
    expect(len(features) > 0, name, "{}", "features of at least one modality", "Encode one.")
    rows = None
    for one, values in features.items():
        expect_features(f"features of {one}", values, rows)
        rows = len(values)
    return {**features, "fused": torch.cat(list(features.values()), dim=1)}


def expect_features(name: str, values: Any, rows: int | None) -> None:
    """Raise a `LearnerError` unless these are features, a tensor (rows, d), of any number of rows where it is None."""
    expect(isinstance(values, Tensor), name, type(values).__name__, "a tensor", "Return one.")
    expect(
        values.ndim == 2 and rows in (None, len(values)) and values.shape[1] > 0,
        name,
        f"of shape {tuple(values.shape)}",
        f"shape ({'rows' if rows is None else rows}, features), a vector for each row that went in",
        "Flatten them, or make a column of one number a row by `[:, None]`.",
    )
