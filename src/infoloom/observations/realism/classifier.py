"""A small convolutional classifier for pictures, signals and vectors."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["SIZES", "Classifier"]

SIZES = (32, 64, 96)


class Classifier(nn.Module):
    """Strided convolutions, the mean over positions as features, a linear layer on top.

    Args:
        shape: Shape of one row: (channels, height, width), (leads, samples) or (samples,).
        classes: Number of classes.
        sizes: Channels of the layers, multiples of 8.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, sizes: tuple[int, ...] = SIZES) -> None:
        super().__init__()
        self.picture = len(shape) == 3
        kernel, step = (3, 2) if self.picture else ((1, 5), (1, 2))
        padding = 1 if self.picture else (0, 2)
        channels = shape[0] if len(shape) > 1 else 1
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, kernel, stride=step, padding=padding) for a, b in pairwise((channels, *sizes))
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, size) for size in sizes)
        self.out = nn.Linear(sizes[-1], classes)

    def features(self, values: Tensor) -> Tensor:
        """(n, *shape) → (n, sizes[-1])."""
        if not self.picture:
            values = values.reshape(len(values), self.layers[0].in_channels, 1, values.shape[-1])  # type: ignore[call-overload]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            values = functional.silu(norm(layer(values)))
        return values.mean(dim=(2, 3))

    def forward(self, values: Tensor) -> Tensor:
        """(n, *shape) → scores (n, classes)."""
        scores: Tensor = self.out(self.features(values))
        return scores
