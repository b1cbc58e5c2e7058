"""The network whose features compare samples with real rows: whitened patches, convolutions, the largest value."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FeatureNetwork", "whiten_patches"]


class FeatureNetwork(nn.Module):
    """Patches, then stages of two convolutions of which the first halves the resolution, the maximum over positions.

    Args:
        shape: Shape of one row: (channels, height, width), (leads, samples) or (samples,).
        classes: Number of classes.
        sizes: Channels of each stage.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape if len(shape) == 3 else (1 if len(shape) == 1 else shape[0], 1, shape[-1])
        picture = len(shape) == 3
        self.patch = (2, 2) if picture else (1, 4)
        kernel, padding = ((3, 3), (1, 1)) if picture else ((1, 5), (0, 2))
        self.sides = (0, self.patch[1] - 1, 0, self.patch[0] - 1)
        inputs = self.shape[0] * self.patch[0] * self.patch[1]
        self.patches = nn.Conv2d(self.shape[0], 2 * inputs, self.patch, bias=False)
        layers: list[nn.Module] = []
        channels, extent = 2 * inputs, min(self.shape[1:]) if picture else self.shape[2]
        for size in sizes:
            layers.append(nn.Conv2d(channels, size, kernel, padding=padding, bias=False))
            if extent >= 2:
                layers.append(nn.MaxPool2d(2 if picture else (1, 2)))
                extent //= 2
            layers += [nn.BatchNorm2d(size, momentum=0.4), nn.GELU()]
            layers.append(nn.Conv2d(size, size, kernel, padding=padding, bias=False))
            layers += [nn.BatchNorm2d(size, momentum=0.4), nn.GELU()]
            channels = size
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(channels, classes, bias=False)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.dirac_(layer.weight[: layer.in_channels])

    def features(self, values: Tensor) -> Tensor:
        """(n, *shape) → (n, sizes[-1])."""
        values = functional.pad(values.reshape(len(values), *self.shape), self.sides)
        values = values.contiguous(memory_format=torch.channels_last)
        return self.layers(functional.gelu(self.patches(values))).amax(dim=(2, 3))  # type: ignore[no-any-return]

    def forward(self, values: Tensor) -> Tensor:
        """(n, *shape) → scores (n, classes)."""
        scores: Tensor = self.out(self.features(values)) / 8.0
        return scores


def whiten_patches(network: FeatureNetwork, rows: Tensor) -> None:
    """Set the first layer to the whitened principal directions of patches and their negatives, and hold it there.

    Args:
        network: Changed in place.
        rows: (n, *shape), standardised.

    Source:
        Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU (arXiv 2404.00498), section 3.2.
    """
    patches = functional.unfold(rows.reshape(len(rows), *network.shape), network.patch).transpose(1, 2)
    flat = patches.reshape(-1, patches.shape[-1]).double()
    sizes, directions = torch.linalg.eigh(flat.T @ flat / len(flat))
    weights = (directions / (sizes.clamp_min(0.0) + 1e-3 * sizes[-1]).sqrt()).T
    both = torch.cat([weights, -weights]).reshape(network.patches.weight.shape)
    with torch.no_grad():
        network.patches.weight.copy_(both)
    network.patches.weight.requires_grad_(False)
