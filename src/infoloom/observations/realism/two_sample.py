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

__all__ = ["FEWEST_TESTED", "PASSES", "TwoSample", "two_sample_test"]

Rows = NDArray[np.float32]
FEWEST_TESTED: Final = 50
PASSES: Final = 100
_BATCH: Final = 64
_SPLITS: Final = 5
_REPORTED: Final = 400  # of each kind


@dataclass(frozen=True)
class TwoSample:
    """Result of a two-sample classifier test.

    Attributes:
        accuracy: Share of rows put on the right side, of rows that the network never saw; 0.5 where nothing can be
            told.
        standard_error: Of the accuracy.
        rows: Rows of each kind: to train, to choose the weights, to report; all splits together report the last.
        kept: The pass whose weights were kept, the largest of all splits: near the last pass, more might tell more.
    """

    accuracy: float
    standard_error: float
    rows: tuple[int, int, int]
    kept: int

    def to_dict(self) -> dict[str, object]:
        """Plain values, for the card."""
        return {
            "accuracy": self.accuracy,
            "standard_error": self.standard_error,
            "rows": list(self.rows),
            "kept": self.kept,
        }


def two_sample_test(
    real: Rows,
    made: Rows,
    *,
    sizes: tuple[int, ...] = (32, 64, 96),
    strong: bool = False,
    epochs: int = PASSES,
    seed: int = 0,
) -> TwoSample:
    """Train a convolutional network to tell two kinds of rows apart, and report its accuracy on rows kept back.

    Of each kind 70 % train, 10 % say which pass is kept, 20 % are reported. All passes are made: on few rows an early
    pass may look best by luck, and a test that stops then finds nothing. Where so few rows are reported that chance
    decides, up to five splits report other rows each.

    Args:
        real: Real rows, (n, *shape); give them the noise of the flow's path, which every sample carries.
        made: Samples, (m, *shape); as many are used as there are of the rarer kind.
        sizes: Channels of the network's layers, each of half the resolution.
        strong: Two convolutions with batch normalisation at each resolution, on whitened patches, instead of one.
        epochs: Passes over the rows that train.
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
    splits = min(_SPLITS, math.ceil(_REPORTED / (count // _SPLITS)))
    right, kept, parts = [], 0, _split(count, seed)
    for number in range(splits):
        parts = _split(count, seed, number)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + number)
            network: nn.Module = (FeatureNetwork if strong else Classifier)(tuple(real.shape[1:]), 2, sizes)
        at = _train(network, values, labels, parts, epochs, seed + number)
        right.append(_right(network, values[parts[2]], labels[parts[2]]))
        kept = max(kept, at)
    reached, tested = float(torch.cat(right).float().mean()), len(torch.cat(right))
    error = math.sqrt(max(reached * (1.0 - reached), 0.25 / tested) / tested)
    return TwoSample(reached, error, (len(parts[0]) // 2, len(parts[1]) // 2, tested // 2), kept)


def _train(
    network: nn.Module, values: Tensor, labels: Tensor, parts: list[Tensor], epochs: int, seed: int
) -> int:
    """Train, leave the best weights of all passes in the network, and say which pass they are of."""
    if isinstance(network, FeatureNetwork):
        whiten_patches(network, values[parts[0]][:5000])
    generator = torch.Generator().manual_seed(seed)
    learned = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=2e-3, weight_decay=0.05)
    best, best_at, kept = -math.inf, 0, network.state_dict()
    for epoch in range(1, epochs + 1):
        network.train()
        for chosen in torch.split(parts[0][torch.randperm(len(parts[0]), generator=generator)], _BATCH):
            loss = functional.cross_entropy(network(values[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        told = float(_right(network, values[parts[1]], labels[parts[1]]).float().mean())
        if told > best:
            best, best_at = told, epoch
            kept = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(kept)
    return best_at


def _standardised(real: Rows, made: Rows) -> tuple[Tensor, Tensor]:
    """Both kinds by the mean and deviation of the real rows, and which is which (1: real)."""
    both = torch.from_numpy(np.concatenate([real, made]))
    values = (both - float(real.mean())) / max(float(real.std()), 1e-12)
    return values, torch.cat([torch.ones(len(real)), torch.zeros(len(made))]).long()


def _split(count: int, seed: int, number: int = 0) -> list[Tensor]:
    """Places of rows to train, to choose and to report by; as many of either kind in each.

    Splits with other numbers up to 4 report other rows.
    """
    generator = torch.Generator().manual_seed(seed)
    turn = number * (count // _SPLITS)
    kinds = [torch.randperm(count, generator=generator).roll(turn) + offset for offset in (0, count)]
    ends = (0, 7 * count // 10, 8 * count // 10, count)
    return [torch.cat([kind[a:b] for kind in kinds]) for a, b in itertools.pairwise(ends)]


@torch.no_grad()
def _right(network: nn.Module, values: Tensor, labels: Tensor) -> Tensor:
    """Which rows are put on the right side."""
    network.eval()
    found = torch.cat([network(part) for part in torch.split(values, 256)])
    return found.argmax(dim=1) == labels
