"""Building blocks of the small networks behind trained flows: every one treats each row on its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "Attention",
    "Downsample",
    "Modulated",
    "ResidualBlock",
    "TimeClassEmbedding",
    "Upsample",
    "group_norm",
    "zero",
]


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with up to eight groups of at least four channels; never across rows."""
    groups = next(n for n in (8, 4, 2, 1) if (channels % n == 0 and channels // n >= 4) or n == 1)
    return nn.GroupNorm(groups, channels)


def zero(layer: nn.Module) -> None:
    """Start a layer at zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class TimeClassEmbedding(nn.Module):
    """Embed the time of a step and, where the flow has classes, the class.

    Args:
        width: Size of the embedding.
        classes: Number of classes, 0 for an unconditional flow.
    """

    frequencies: Tensor

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        half = width // 4
        frequencies = 200.0 * torch.exp(-math.log(400.0) * torch.arange(half, dtype=torch.float64) / half)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.time = nn.Sequential(nn.Linear(2 * half, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes, width) if classes else None

    def forward(self, time: Tensor, label: Tensor | None) -> Tensor:
        """(m,) times and (m,) class numbers → (m, width)."""
        angle = time.double()[:, None] * self.frequencies.double()
        waves = torch.cat([angle.cos(), angle.sin()], dim=1).to(next(self.time.parameters()).dtype)
        embedded: Tensor = self.time(waves)
        if self.label is not None:
            embedded = embedded + self.label(label)
        return functional.silu(embedded)


class Modulated(nn.Module):
    """Normalise, then scale and shift the channels by the embedding."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.condition = nn.Linear(width, 2 * channels)
        zero(self.condition)

    def forward(self, values: Tensor, embedded: Tensor) -> Tensor:
        """(n, channels, …) and (n or 1, width) → (n, channels, …)."""
        condition = self.condition(embedded)
        scale, shift = condition[(...,) + (None,) * (values.dim() - 2)].chunk(2, dim=1)
        modulated: Tensor = self.norm(values) * (1 + scale) + shift
        return modulated


class ResidualBlock(nn.Module):
    """Two convolutions around a modulation; the second starts at zero, so the block starts as a skip."""

    def __init__(self, inputs: int, outputs: int, width: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.norm = group_norm(inputs)
        self.first = nn.Conv2d(inputs, outputs, kernel, padding=padding)
        self.modulated = Modulated(outputs, width)
        self.second = nn.Conv2d(outputs, outputs, kernel, padding=padding)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        zero(self.second)

    def forward(self, values: Tensor, embedded: Tensor) -> Tensor:
        """(n, inputs, h, w) → (n, outputs, h, w)."""
        hidden = self.first(functional.silu(self.norm(values)))
        hidden = self.second(functional.silu(self.modulated(hidden, embedded)))
        total: Tensor = self.skip(values) + hidden
        return total


class Attention(nn.Module):
    """Self-attention over the positions of one row, with heads of 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // 32)
        self.norm = group_norm(channels)
        self.project = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        zero(self.out)

    def forward(self, values: Tensor) -> Tensor:
        """(n, channels, h, w) → the same shape."""
        rows, channels, height, breadth = values.shape
        packed = self.project(self.norm(values)).flatten(2)
        query, key, value = (
            packed.view(rows, 3, self.heads, channels // self.heads, -1).transpose(3, 4).unbind(1)
        )
        scores = query @ key.transpose(2, 3) * (channels // self.heads) ** -0.5
        mixed = (scores.softmax(dim=-1) @ value).transpose(2, 3)
        projected: Tensor = self.out(mixed.reshape(rows, channels, height, breadth))
        return values + projected


class Downsample(nn.Module):
    """Strided convolution to half the size."""

    def __init__(self, inputs: int, outputs: int, factor: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, factor, stride=factor)

    def forward(self, values: Tensor) -> Tensor:
        """(n, inputs, h, w) → (n, outputs, h / factor, w / factor)."""
        halved: Tensor = self.conv(values)
        return halved


class Upsample(nn.Module):
    """Change the channels, then repeat every position."""

    def __init__(self, inputs: int, outputs: int, factor: tuple[int, int]) -> None:
        super().__init__()
        self.factor = factor
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, values: Tensor) -> Tensor:
        """(n, inputs, h, w) → (n, outputs, h · factor, w · factor)."""
        mixed: Tensor = self.conv(values)
        rows, channels, height, breadth = mixed.shape
        up, across = self.factor
        wide = mixed[:, :, :, None, :, None].expand(rows, channels, height, up, breadth, across)
        return wide.reshape(rows, channels, height * up, breadth * across)
