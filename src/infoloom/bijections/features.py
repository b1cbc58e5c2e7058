"""Features by which samples are compared with real rows: a small classifier of our own, or principal components."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from infoloom.bijections.training_data import TrainingData

__all__ = ["Features", "train_features"]

Array = NDArray[np.float64]


class Features:
    """A map of rows to feature vectors and, where the data have classes, to class scores.

    Args:
        embed: (n, *shape) float32 → (n, f).
        classify: (n, *shape) float32 → class numbers (n,), or None.
        accuracy: Share of held-out real rows that `classify` gets right, or None.
    """

    def __init__(
        self,
        embed: Callable[[NDArray[np.float32]], Array],
        classify: Callable[[NDArray[np.float32]], NDArray[np.int64]] | None,
        accuracy: float | None,
    ) -> None:
        self.embed, self.classify, self.accuracy = embed, classify, accuracy


class _Classifier(nn.Module):
    """Three strided convolutions, the mean over positions as features, a linear layer on top."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        sizes = (channels, 32, 64, 96)
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.GroupNorm(8, size) for size in sizes[1:])
        self.out = nn.Linear(sizes[-1], classes)

    def features(self, values: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            values = functional.silu(norm(layer(values)))
        return values.mean(dim=(2, 3))

    def forward(self, values: Tensor) -> Tensor:
        scores: Tensor = self.out(self.features(values))
        return scores


def train_features(data: TrainingData, *, steps: int = 600, seed: int = 0) -> Features:
    """Train a small classifier on the real data; principal components where there are no classes or no pictures.

    Args:
        data: Real data.
        steps: Steps of 128 rows.
        seed: Seed of weights and order.
    """
    if data.labels is None or data.values.ndim != 4:
        return _principal(data)
    values = torch.from_numpy((data.values - data.center) / data.scale)
    labels = torch.from_numpy(data.labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Classifier(data.shape[0], len(data.classes or ()))
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(values), (128,), generator=generator)
        loss = functional.cross_entropy(network(values[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return _with_accuracy(network.eval().requires_grad_(False), data)


def _with_accuracy(network: _Classifier, data: TrainingData) -> Features:
    def run(function: Callable[[Tensor], Tensor], rows: NDArray[np.float32]) -> NDArray[np.float32]:
        values = torch.from_numpy((rows - data.center) / data.scale)
        return torch.cat([function(part) for part in torch.split(values, 256)]).numpy()

    def embed(rows: NDArray[np.float32]) -> Array:
        return run(network.features, rows).astype(np.float64)

    def classify(rows: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.asarray(run(network, rows).argmax(axis=1), dtype=np.int64)

    accuracy = None
    if data.held_out_labels is not None and len(data.held_out):
        accuracy = float((classify(data.held_out) == data.held_out_labels).mean())
    return Features(embed, classify, accuracy)


def _principal(data: TrainingData, count: int = 32) -> Features:
    rows = data.values.reshape(len(data.values), -1).astype(np.float64)
    middle = rows.mean(axis=0)
    directions = np.linalg.svd(rows[:2000] - middle, full_matrices=False)[2][:count]
    size = float(((rows - middle) @ directions.T).std())
    return Features(lambda made: (made.reshape(len(made), -1) - middle) @ directions.T / size, None, None)
