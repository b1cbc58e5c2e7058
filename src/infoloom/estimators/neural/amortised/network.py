"""The network: rows become vectors, their mean and spread meet what is known of the sample, and quantiles come out."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from infoloom.estimators.neural.amortised.features import OF_ROWS, OF_SAMPLE

__all__ = ["LEVELS", "Quantiles", "pinball"]

#: Levels of the quantiles that the network gives; the middle one is the estimate, the outer ones are its interval.
LEVELS: Final = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
_CONTEXT: Final = 7  # sizes, which open the features of the sample


class Quantiles(nn.Module):
    """Quantiles of the information, given features of rows and sample; the order of rows does not matter.

    Source:
        Zaheer et al. 2017 (Deep Sets); Koenker and Bassett 1978 (quantile loss).
    """

    def __init__(self, width: int = 64, hidden: int = 256) -> None:
        super().__init__()
        self.register_buffer("row_mean", torch.zeros(OF_ROWS))
        self.register_buffer("row_std", torch.ones(OF_ROWS))
        self.register_buffer("sample_mean", torch.zeros(OF_SAMPLE))
        self.register_buffer("sample_std", torch.ones(OF_SAMPLE))
        self.register_buffer("sample_low", torch.zeros(OF_SAMPLE))
        self.register_buffer("sample_high", torch.zeros(OF_SAMPLE))
        self.of_row = nn.Sequential(
            nn.Linear(OF_ROWS + _CONTEXT, width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.of_sample = nn.Sequential(
            nn.Linear(2 * width + OF_SAMPLE, hidden), nn.GELU(),
            nn.Linear(hidden, hidden), nn.GELU(),
            nn.Linear(hidden, hidden), nn.GELU(),
            nn.Linear(hidden, len(LEVELS)),
        )  # fmt: skip

    def forward(self, rows: Tensor, owner: Tensor, sample: Tensor) -> Tensor:
        """Quantiles, rising.

        Args:
            rows: Features of the rows of all samples, one after another (rows, OF_ROWS).
            owner: To which sample each row belongs (rows,).
            sample: Features of the samples (n, OF_SAMPLE).

        Returns:
            (n, len(LEVELS)) nats.
        """
        sample = (sample - self.get_buffer("sample_mean")) / self.get_buffer("sample_std")
        rows = (rows - self.get_buffer("row_mean")) / self.get_buffer("row_std")
        seen: Tensor = self.of_row(torch.cat([rows, sample[owner, :_CONTEXT]], dim=1))
        sizes = torch.bincount(owner, minlength=len(sample))[:, None]
        mean = torch.zeros(len(sample), seen.shape[1]).index_add(0, owner, seen) / sizes
        square = torch.zeros(len(sample), seen.shape[1]).index_add(0, owner, seen**2) / sizes
        spread = (square - mean**2).clamp(min=1e-6).sqrt()
        raw = self.of_sample(torch.cat([mean, spread, sample], dim=1))
        middle, half = raw[:, :1], len(LEVELS) // 2
        up = softplus(raw[:, 1 : 1 + half]).cumsum(dim=1)
        down = softplus(raw[:, 1 + half :]).cumsum(dim=1).flip(1)
        return torch.cat([middle - down, middle, middle + up], dim=1)

    def outside(self, sample: Tensor) -> Tensor:
        """How many features of each sample lie outside what was seen in training (n,)."""
        low, high = self.get_buffer("sample_low"), self.get_buffer("sample_high")
        margin = 1e-3 + 0.02 * (high - low)
        return ((sample < low - margin) | (sample > high + margin)).sum(dim=1)


def pinball(quantiles: Tensor, truth: Tensor) -> Tensor:
    """Mean quantile loss of (n, len(LEVELS)) against truths (n,)."""
    error = truth[:, None] - quantiles
    levels = torch.tensor(LEVELS)
    return torch.maximum(levels * error, (levels - 1.0) * error).mean()
