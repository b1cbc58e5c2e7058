"""The two-sample classifier test: can a network tell samples of a flow from real rows?"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from infoloom.errors import FlowError
from infoloom.observations.realism.classifier import Classifier
from infoloom.observations.realism.feature_network import FeatureNetwork, whiten_patches

__all__ = ["FEWEST_TESTED", "MOST_PASSES", "TwoSample", "two_sample_test"]

Rows = NDArray[np.float32]
FEWEST_TESTED: Final = 50
MOST_PASSES: Final = 100
_PATIENCE: Final = 25
_BATCH: Final = 64


@dataclass(frozen=True)
class TwoSample:
    """Result of a two-sample classifier test.

    Attributes:
        accuracy: Share of rows put on the right side, of rows that the network never saw; 0.5 where nothing can be
            told.
        standard_error: Of the accuracy.
        rows: Rows of each kind: to train, to stop, to report.
        epochs: Passes over the training rows until the accuracy on the rows to stop by no longer rose.
    """

    accuracy: float
    standard_error: float
    rows: tuple[int, int, int]
    epochs: int

    def to_dict(self) -> dict[str, object]:
        """Plain values, for the card."""
        return {
            "accuracy": self.accuracy,
            "standard_error": self.standard_error,
            "rows": list(self.rows),
            "epochs": self.epochs,
        }


def two_sample_test(
    real: Rows,
    made: Rows,
    *,
    sizes: tuple[int, ...] = (32, 64, 96),
    strong: bool = False,
    epochs: int = MOST_PASSES,
    seed: int = 0,
) -> TwoSample:
    """Train a convolutional network to tell two kinds of rows apart, and report its accuracy on rows kept back.

    Of each kind 70 % train, 10 % say when to stop, 20 % are reported.

    Args:
        real: Real rows, (n, *shape); give them the noise of the flow's path, which every sample carries.
        made: Samples, (m, *shape); as many are used as there are of the rarer kind.
        sizes: Channels of the network's layers, each of half the resolution.
        strong: Two convolutions with batch normalisation at each resolution, on whitened patches, instead of one.
        epochs: At most so many passes; it stops when 25 passes bring nothing. Fewer would stop it too early where few
            rows say when to stop.
        seed: Of weights and order.

    Raises:
        FlowError: Fewer than 50 rows of a kind.

    Source:
        Lopez-Paz, Oquab, Revisiting classifier two-sample tests (2017), section 3.
    """
    count = min(len(real), len(made))
    if count < FEWEST_TESTED:
        raise FlowError(
            f"two-sample test: expected at least {FEWEST_TESTED} rows of each kind, got {count}. Give more rows."
        )
    values, labels = _standardised(real[:count], made[:count])
    parts = _split(count, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind = FeatureNetwork if strong else Classifier
        network = kind(tuple(real.shape[1:]), 2, sizes)
    if isinstance(network, FeatureNetwork):
        whiten_patches(network, values[parts[0]][:5000])
    generator = torch.Generator().manual_seed(seed)
    learned = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=2e-3, weight_decay=0.05)
    best, best_at, kept, epoch = -math.inf, 0, network.state_dict(), 0
    for epoch in range(1, epochs + 1):
        network.train()
        for chosen in torch.split(parts[0][torch.randperm(len(parts[0]), generator=generator)], _BATCH):
            loss = functional.cross_entropy(network(values[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        told = _accuracy(network, values[parts[1]], labels[parts[1]])
        if told > best:
            best, best_at = told, epoch
            kept = {name: value.clone() for name, value in network.state_dict().items()}
        if epoch - best_at >= _PATIENCE:
            break
    network.load_state_dict(kept)
    reached = _accuracy(network, values[parts[2]], labels[parts[2]])
    error = math.sqrt(max(reached * (1.0 - reached), 0.25 / len(parts[2])) / len(parts[2]))
    sizes_of = tuple(len(part) // 2 for part in parts)
    return TwoSample(reached, error, (sizes_of[0], sizes_of[1], sizes_of[2]), epoch)


def _standardised(real: Rows, made: Rows) -> tuple[Tensor, Tensor]:
    """Both kinds by the mean and deviation of the real rows, and which is which (1: real)."""
    both = torch.from_numpy(np.concatenate([real, made]))
    values = (both - float(real.mean())) / max(float(real.std()), 1e-12)
    return values, torch.cat([torch.ones(len(real)), torch.zeros(len(made))]).long()


def _split(count: int, seed: int) -> list[Tensor]:
    """Places of rows to train, stop and report by; as many of either kind in each."""
    generator = torch.Generator().manual_seed(seed)
    kinds = [torch.randperm(count, generator=generator) + offset for offset in (0, count)]
    ends = (0, 7 * count // 10, 8 * count // 10, count)
    return [torch.cat([kind[a:b] for kind in kinds]) for a, b in itertools.pairwise(ends)]


@torch.no_grad()
def _accuracy(network: nn.Module, values: Tensor, labels: Tensor) -> float:
    network.eval()
    found = torch.cat([network(part) for part in torch.split(values, 256)])
    return float((found.argmax(dim=1) == labels).float().mean())
