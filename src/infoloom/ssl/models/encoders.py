"""Encoders: convolutions for pictures and signals, a perceptron for vectors, a transformer for words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import nn

from infoloom.ssl.models.text import TextEncoder
from infoloom.ssl.settings import EncoderSettings

__all__ = ["encoder", "encoders", "first_weights", "perceptron"]

#: Sides are halved until the largest is at most this.
_SMALL = 4


@contextmanager
def first_weights(seed: int) -> Iterator[None]:
    """Draw the first weights of modules from a seed, and leave the global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def encoders(shapes: Mapping[str, tuple[int, ...]], settings: EncoderSettings) -> nn.ModuleList:
    """An encoder for each modality, in their order.

    Args:
        shapes: Modality → shape of one row.
        settings: Widths, and which modalities are words.
    """
    words = settings.vocabularies
    return nn.ModuleList(
        TextEncoder(shape[0], words[name], settings.hidden, settings.features)
        if name in words
        else encoder(shape, settings)
        for name, shape in shapes.items()
    )


def encoder(shape: tuple[int, ...], settings: EncoderSettings) -> nn.Sequential:
    """The network that suits a modality.

    No layer normalises over a row or a batch: that would erase a cause that shifts a whole picture, or tie a
    row's features to its neighbours.

    Args:
        shape: (d,), (leads, samples) or (channels, height, width) of one row.
        settings: Widths.

    Returns:
        (n, *shape) → (n, features).
    """
    if len(shape) == 1:
        return perceptron((*shape, settings.hidden, settings.hidden, settings.features))
    channels, *sides = shape
    layers: list[nn.Module] = []
    width = settings.channels
    while max(sides) > _SMALL:
        layers += [_halving(len(sides), channels, width), nn.SiLU()]
        channels, sides = width, [math.ceil(side / 2) for side in sides]
        width = min(2 * width, 8 * settings.channels)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * math.prod(sides), settings.features))


def perceptron(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of these sizes with SiLU between: (n, first) → (n, last)."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def _halving(sides: int, inputs: int, outputs: int) -> nn.Module:
    """A convolution that halves each side, rounding up, over signals (1 side) or pictures (2)."""
    kind, kernel = (nn.Conv1d, 5) if sides == 1 else (nn.Conv2d, 3)
    return kind(inputs, outputs, kernel, stride=2, padding=kernel // 2)
