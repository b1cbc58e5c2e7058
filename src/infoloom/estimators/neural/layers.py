"""Layers that take their first weights from a generator, so that no global seed is read or moved."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

__all__ = ["convolution", "convolutional", "linear", "perceptron"]

_WIDTH = 32
_Layer = TypeVar("_Layer", bound=nn.Module)


def linear(inputs: int, outputs: int, generator: torch.Generator, zero: bool = False) -> nn.Linear:
    """A linear layer, uniform in ±1/√inputs as usual, or zero."""
    return _filled(
        nn.Linear(inputs, outputs, device="meta"), 0.0 if zero else 1.0 / math.sqrt(inputs), generator
    )


def convolution(
    dimensions: int, inputs: int, outputs: int, generator: torch.Generator
) -> nn.Conv1d | nn.Conv2d:
    """A convolution of width 4 that halves each side, over signals (1) or pictures (2)."""
    kind = nn.Conv1d if dimensions == 1 else nn.Conv2d
    layer = kind(inputs, outputs, kernel_size=4, stride=2, padding=1, device="meta")
    return _filled(layer, 1.0 / math.sqrt(inputs * 4**dimensions), generator)


def perceptron(sizes: tuple[int, ...], generator: torch.Generator, zero: bool = False) -> nn.Sequential:
    """Linear layers of these sizes with SiLU between; the last may start at zero."""
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        last = number == len(sizes) - 2
        layers.append(linear(inputs, outputs, generator, zero=zero and last))
        layers.extend([] if last else [nn.SiLU()])
    return nn.Sequential(*layers)


def convolutional(
    shape: tuple[int, ...], hidden: tuple[int, ...], outputs: int, generator: torch.Generator
) -> nn.Sequential:
    """Halving convolutions until a side has at most 4 values, then a perceptron.

    Args:
        shape: (channels, length) or (channels, height, width) of one row.
        hidden: Widths of the perceptron.
        outputs: Values a row.
        generator: Of the first weights.
    """
    channels, *sides = shape
    layers: list[nn.Module] = []
    width = _WIDTH
    while min(sides) > 4:
        layers += [convolution(len(sides), channels, width, generator), nn.SiLU()]
        channels, sides, width = width, [side // 2 for side in sides], min(2 * width, 4 * _WIDTH)
    flat = channels * math.prod(sides)
    return nn.Sequential(*layers, nn.Flatten(), *perceptron((flat, *hidden, outputs), generator))


def _filled(layer: _Layer, bound: float, generator: torch.Generator) -> _Layer:
    """The layer with weights and biases drawn uniformly in ±bound; `meta` spared it a draw of its own."""
    layer = layer.to_empty(device="cpu")
    for weights in layer.parameters():
        _uniform(weights, bound, generator)
    return layer


def _uniform(weights: Tensor, bound: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        weights.uniform_(-bound, bound, generator=generator) if bound else weights.zero_()
