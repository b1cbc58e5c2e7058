"""Networks that give a trained flow its velocity: a U-Net for pictures, one for signals, an MLP for vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from infoloom.errors import FlowError
from infoloom.observations.flows.network_layers import (
    Attention,
    Downsample,
    Modulated,
    ResidualBlock,
    TimeClassEmbedding,
    Upsample,
    zero,
)

__all__ = ["NETWORKS", "MlpNetwork", "UNet", "build_network"]


class UNet(nn.Module):
    """Convolutional U-Net over folded patches: space becomes channels first, so that all work is done on a small
    grid.

    Args:
        shape: Shape of one observation, (channels, height, width).
        classes: Number of classes, 0 for none.
        channels: Channels of the finest level.
        multipliers: Channels of each level, as multiples.
        blocks: Residual blocks a level, on the way down; the way up has as many.
        patch: Height and width of the patches folded into channels.
        kernel: Height and width of the convolutions.
        attention: Levels with self-attention after each block.
        width: Size of the time and class embedding.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        channels: int = 64,
        multipliers: tuple[int, ...] = (1, 2),
        blocks: int = 1,
        patch: tuple[int, int] = (2, 2),
        kernel: tuple[int, int] = (3, 3),
        attention: tuple[int, ...] = (),
        width: int = 192,
    ) -> None:
        super().__init__()
        self.patch = patch
        depth, factor = shape[0] * patch[0] * patch[1], (min(2, kernel[0]), min(2, kernel[1]))
        _check_divisible(shape, patch, factor, len(multipliers))
        widths = [channels * multiple for multiple in multipliers]
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.embedding = TimeClassEmbedding(width, classes)
        self.enter = nn.Conv2d(depth, channels, kernel, padding=padding)
        self.down, self.up, self.shrink, self.grow = (nn.ModuleList() for _ in range(4))
        for level, outputs in enumerate(widths):
            attentive = level in attention
            self.down.append(_Stack(outputs, outputs, blocks, width, kernel, attentive))
            self.up.append(_Stack(2 * outputs, outputs, blocks, width, kernel, attentive))
            if level + 1 < len(widths):
                self.shrink.append(Downsample(outputs, widths[level + 1], factor))
                self.grow.append(Upsample(widths[level + 1], outputs, factor))
        self.middle = ResidualBlock(widths[-1], widths[-1], width, kernel)
        self.last = Modulated(channels, width)
        self.leave = nn.Conv2d(channels, depth, kernel, padding=padding)
        zero(self.leave)

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(n, *shape), (n or 1,) times, (n or 1,) classes → (n, *shape)."""
        embedded = self.embedding(time, label)
        hidden, kept = self.enter(_fold(values, self.patch)), []
        for level, stack in enumerate(self.down):
            hidden = stack(hidden, embedded)
            kept.append(hidden)
            if level < len(self.shrink):
                hidden = self.shrink[level](hidden)
        hidden = self.middle(hidden, embedded)
        for level in reversed(range(len(self.up))):
            hidden = self.up[level](torch.cat([hidden, kept[level]], dim=1), embedded)
            if level:
                hidden = self.grow[level - 1](hidden)
        return _unfold(self.leave(functional.silu(self.last(hidden, embedded))), self.patch)


class SignalUNet(nn.Module):
    """The U-Net along one axis, for signals of shape (leads, samples) or (samples,)."""

    def __init__(
        self, shape: tuple[int, ...], classes: int, *, patch: int = 4, kernel: int = 5, **settings: Any
    ) -> None:
        super().__init__()
        leads = shape[0] if len(shape) == 2 else 1
        self.unet = UNet((leads, 1, shape[-1]), classes, patch=(1, patch), kernel=(1, kernel), **settings)

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(n, leads, samples) or (n, samples) → the same shape."""
        flat = values.reshape(len(values), -1, 1, values.shape[-1])
        velocity: Tensor = self.unet(flat, time, label)
        return velocity.reshape(values.shape)


class MlpNetwork(nn.Module):
    """Residual perceptron for vectors, or for anything flattened.

    Args:
        shape: Shape of one observation.
        classes: Number of classes, 0 for none.
        hidden: Width of the hidden layers.
        blocks: Number of residual blocks.
        width: Size of the time and class embedding.
    """

    def __init__(
        self, shape: tuple[int, ...], classes: int, *, hidden: int = 256, blocks: int = 3, width: int = 128
    ) -> None:
        super().__init__()
        size = int(torch.Size(shape).numel())
        self.shape = shape
        self.embedding = TimeClassEmbedding(width, classes)
        self.enter = nn.Linear(size, hidden)
        self.modulated = nn.ModuleList(Modulated(hidden, width) for _ in range(blocks))
        self.first = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(blocks))
        self.second = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(blocks))
        self.leave = nn.Linear(hidden, size)
        for layer in (*self.second, self.leave):
            zero(layer)

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(n, *shape) → the same shape."""
        embedded = self.embedding(time, label)
        hidden = self.enter(values.flatten(1))
        for modulated, first, second in zip(self.modulated, self.first, self.second, strict=True):
            hidden = hidden + second(functional.silu(first(functional.silu(modulated(hidden, embedded)))))
        velocity: Tensor = self.leave(functional.silu(hidden))
        return velocity.view(-1, *self.shape)


class _Stack(nn.Module):
    """Residual blocks of one level, each followed by attention where the level has it."""

    def __init__(
        self, inputs: int, outputs: int, blocks: int, width: int, kernel: tuple[int, int], attentive: bool
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(inputs if index == 0 else outputs, outputs, width, kernel)
            for index in range(blocks)
        )
        self.attentions = nn.ModuleList(
            Attention(outputs) if attentive else nn.Identity() for _ in range(blocks)
        )

    def forward(self, values: Tensor, embedded: Tensor) -> Tensor:
        for block, attention in zip(self.blocks, self.attentions, strict=True):
            values = attention(block(values, embedded))
        return values


_LARGEST: Final = 2**16

NETWORKS = {"unet": UNet, "signal-unet": SignalUNet, "mlp": MlpNetwork}


def build_network(settings: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> nn.Module:
    """Build a network from its settings, as a checkpoint keeps them.

    Args:
        settings: `{"name": "unet", "channels": 48, …}`.
        shape: Shape of one observation.
        classes: Number of classes, 0 for none.

    Raises:
        FlowError: Unknown name, unknown settings, or a shape the network cannot take.
    """
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    name = options.pop("name", None)
    if name not in NETWORKS:
        raise FlowError(f"network `{name}`: expected one of {', '.join(sorted(NETWORKS))}.")
    ranks = {"unet": (3,), "signal-unet": (1, 2)}
    if name in ranks and len(shape) not in ranks[name]:
        axes = " or ".join(map(str, ranks[name]))
        raise FlowError(
            f"network `{name}` for shape {shape}: expected {axes} axes. Choose another network, such as `mlp`."
        )
    for key, value in options.items():
        numbers = value if isinstance(value, tuple) else (value,)
        least = {"attention": 0, "width": 4}.get(key, 1)
        given = bool(numbers) or key == "attention"
        if not given or any(type(one) is not int or not least <= one <= _LARGEST for one in numbers):
            raise FlowError(
                f"network `{name}`, {key} {value}: expected whole numbers from {least} to {_LARGEST}. Change it."
            )
    try:
        network: nn.Module = NETWORKS[name](shape, classes, **options)
    except (LookupError, TypeError, ValueError) as error:
        raise FlowError(
            f"network `{name}` with {options}: expected its own settings only ({error})."
        ) from error
    return network


def _check_divisible(
    shape: tuple[int, ...], patch: tuple[int, int], factor: tuple[int, int], levels: int
) -> None:
    for size, folded, halved in zip(shape[1:], patch, factor, strict=True):
        unit = folded * halved ** (levels - 1)
        if size % unit:
            raise FlowError(
                f"network for shape {shape}: expected sizes divisible by {unit}, because {levels} levels halve the "
                f"grid of patches of {patch}. Take fewer levels or another patch."
            )


def _fold(values: Tensor, patch: tuple[int, int]) -> Tensor:
    rows, channels, height, breadth = values.shape
    up, across = patch
    tiles = values.reshape(rows, channels, height // up, up, breadth // across, across)
    folded = tiles.permute(0, 1, 3, 5, 2, 4).reshape(
        rows, channels * up * across, height // up, breadth // across
    )
    return folded.contiguous()  # of one signal it is a view, whose strides group norms cannot take


def _unfold(values: Tensor, patch: tuple[int, int]) -> Tensor:
    rows, channels, height, breadth = values.shape
    up, across = patch
    tiles = values.reshape(rows, channels // (up * across), up, across, height, breadth)
    return tiles.permute(0, 1, 4, 2, 5, 3).reshape(rows, -1, height * up, breadth * across)
