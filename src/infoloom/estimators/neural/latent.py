"""Nearest neighbours in a learned space of few dimensions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.classical.ksg import KSGEstimator
from infoloom.estimators.inputs import expect, rounded_doubt
from infoloom.estimators.neural.layers import perceptron
from infoloom.estimators.neural.training import fit, tensors
from infoloom.estimators.preparation import check_preparation, prepare_pair
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.settings import Training
from infoloom.estimators.splits import Split, splits

__all__ = ["LatentEstimator"]


@dataclass(frozen=True)
class LatentEstimator(ArrayEstimator):
    """Autoencoders that predict both sides from each, then KSG between the two codes.

    The code of x is trained to reconstruct x and y, and so is the code of y, which keeps what is shared; the
    codes of rows not trained on go to nearest neighbours. Codes lose information, and KSG reads low in many
    dimensions, so the estimate is a floor more than a value.

    Args:
        dimensions: Size of each code.
        neighbors: k of KSG.
        preparation: `standardise`, `whiten` or `gaussianise`, fitted on the training rows.
        hidden: Widths of the hidden layers.
        folds: Parts held out in turn; the estimate is the mean over them.
        training: Batch, learning rate, epochs, patience, time limit.
        seed: Seed of splits, weights and batches.

    Source:
        Gowri, Lun, Klein and Yin 2024.
    """

    dimensions: int = 8
    neighbors: int = 3
    preparation: str = "standardise"
    hidden: tuple[int, ...] = (128, 64)
    folds: int = 2
    training: Training = field(default_factory=lambda: Training(learning_rate=1e-3))
    seed: int = 0

    source: ClassVar[str] = "Gowri, Lun, Klein and Yin 2024"
    least_rows: ClassVar[int] = 40

    def __post_init__(self) -> None:
        expect(self.dimensions >= 1, "dimensions", self.dimensions, "1 or more", "Use 8.")
        expect(len(self.hidden) >= 1, "hidden", self.hidden, "at least one width", "Use (128, 64).")
        KSGEstimator(neighbors=self.neighbors)
        check_preparation(self.preparation)

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        found = [self._fold(x, y, split) for split in splits(len(x), self.folds, self.seed)]
        values = [value for value, _ in found]
        details = {"values": values, "folds": [report for _, report in found]}
        doubted = any(report["reliable"] is False for _, report in found)
        told = Estimate(float(np.mean(values)), reliable=False if doubted else None, details=details)
        doubt = rounded_doubt(x, y)
        return told.doubted(doubt) if doubt else told

    def _fold(self, x: Array, y: Array, split: Split) -> tuple[float, dict[str, Any]]:
        """Train on a split; KSG between the codes of the rows held out."""
        x, y, lost = prepare_pair(self.preparation, x, y, split.train, split.seed)
        x32, y32 = tensors(x, y)
        generator = torch.Generator().manual_seed(split.seed)
        coder = _CrossCoder(x.shape[1], y.shape[1], self.dimensions, self.hidden, generator)
        train, validation, test = (
            torch.as_tensor(rows) for rows in (split.train, split.validation, split.test)
        )
        report = fit(
            coder,
            coder.loss,
            lambda: coder.loss(x32[validation], y32[validation]),
            (x32[train], y32[train]),
            self.training,
            split.seed,
        )
        with torch.no_grad():
            codes = [np.asarray(code, dtype=np.float64) for code in coder(x32[test], y32[test])]
        return KSGEstimator(neighbors=self.neighbors).estimate(*codes), {**lost, **report}


class _CrossCoder(nn.Module):
    """A code of each side, and from each code both sides."""

    def __init__(
        self, dim_x: int, dim_y: int, dimensions: int, hidden: tuple[int, ...], generator: torch.Generator
    ) -> None:
        super().__init__()
        back = tuple(reversed(hidden))
        self.encode = nn.ModuleList(
            [perceptron((dim, *hidden, dimensions), generator) for dim in (dim_x, dim_y)]
        )
        self.decode = nn.ModuleList(
            [perceptron((dimensions, *back, dim_x + dim_y), generator) for _ in range(2)]
        )

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (n, k) of both sides."""
        return self.encode[0](x), self.encode[1](y)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean squared error of x from both codes and of y from both codes."""
        codes = self(x, y)
        total = torch.zeros(())
        for decode, code in zip(self.decode, codes, strict=True):
            guess_x, guess_y = decode(code).split([x.shape[1], y.shape[1]], dim=1)
            total = total + ((guess_x - x) ** 2).mean() + ((guess_y - y) ** 2).mean()
        return total
