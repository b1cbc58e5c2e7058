"""The nonlinear probe: one hidden layer, stopped for every target where its validation error is smallest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infoloom.ssl.probes.linear import standardise
from infoloom.ssl.probes.splits import Split

__all__ = ["mlp"]

Array = NDArray[np.float64]
_HIDDEN: Final = 128
_BATCH: Final = 256
_EPOCHS: Final = 30
_PATIENCE: Final = 5


def mlp(features: Array, targets: Mapping[str, Array], split: Split, seed: int = 0) -> dict[str, Array]:
    """A network of one hidden layer with all targets as outputs, trained on their standardised squared error.

    Args:
        features: Shape (n, d).
        targets: By name, shape (n,) or (n, k).
        split: Rows; the network is trained on `train`, and of every target the epoch that is best on `validation`
            is taken.
        seed: Of weights and batches.

    Returns:
        Predictions on the test rows by name.
    """
    x = torch.from_numpy(standardise(features, split.train).astype(np.float32))
    centres = {name: values[split.train].mean(axis=0) for name, values in targets.items()}
    spreads = {
        name: float(np.sqrt(np.square(values[split.train] - centres[name]).mean()))
        for name, values in targets.items()
    }
    parts = {
        name: _tensor((values - centres[name]) / (spreads[name] or 1.0)) for name, values in targets.items()
    }
    widths = [part.shape[1] for part in parts.values()]
    y = torch.cat(list(parts.values()), dim=1)
    # A vector counts as much as a scalar in the loss, whatever its number of components.
    weight = torch.cat([torch.full((width,), 1.0 / width) for width in widths])
    outputs = _train(x, y, weight, split, widths, seed)
    return {
        name: centres[name]
        + spreads[name] * output.double().numpy().reshape(len(split.test), *targets[name].shape[1:])
        for name, output in zip(targets, outputs, strict=True)
    }


def _train(x: Tensor, y: Tensor, weight: Tensor, split: Split, widths: list[int], seed: int) -> list[Tensor]:
    """Outputs on the test rows, those of each target from its own best epoch."""
    generator = torch.Generator().manual_seed(seed)
    network = _network(x.shape[1], y.shape[1], generator)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    train, validation, test = (torch.from_numpy(rows) for rows in (split.train, split.validation, split.test))
    best = [float("inf")] * len(widths)
    kept = [torch.zeros(len(test), width) for width in widths]
    last = 0
    for epoch in range(_EPOCHS):
        for chosen in torch.split(train[torch.randperm(len(train), generator=generator)], _BATCH):
            optimiser.zero_grad()
            loss = (weight * (network(x[chosen]) - y[chosen]).square()).sum(dim=1).mean()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            errors = torch.split((network(x[validation]) - y[validation]).square(), widths, dim=1)
            outputs = torch.split(network(x[test]), widths, dim=1)
        for i, error in enumerate(errors):
            value = float(error.mean())
            if value < best[i]:
                best[i], kept[i], last = value, outputs[i], epoch
        if epoch - last >= _PATIENCE:
            break
    return kept


def _network(inputs: int, outputs: int, generator: torch.Generator) -> nn.Sequential:
    """Weights uniform in ±1/√inputs, from a generator: no global seed is read or moved."""
    layers = [nn.Linear(inputs, _HIDDEN, device="meta"), nn.Linear(_HIDDEN, outputs, device="meta")]
    for layer in layers:
        layer.to_empty(device="cpu")
        bound = max(layer.in_features, 1) ** -0.5
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.uniform_(-bound, bound, generator=generator)
    return nn.Sequential(layers[0], nn.SiLU(), layers[1])


def _tensor(values: Array) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32).reshape(len(values), -1))
