"""Mutual information from the noise that two denoisers see: one knows y, the other does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.neural.layers import perceptron
from infoloom.estimators.neural.training import fit, tensors
from infoloom.estimators.preparation import check_preparation, prepare_pair
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.settings import Training
from infoloom.estimators.splits import Split, held_out_estimate

__all__ = ["MINDEEstimator"]

_RANGE = 7.0


@dataclass(frozen=True)
class MINDEEstimator(ArrayEstimator):
    """Conditional and unconditional denoisers of x, compared at every level of noise.

    With x_l = α x + σ ε at log signal-to-noise ratio l, I(x; y) = ½ ∫ E‖ε̂(x_l | y) − ε̂(x_l)‖² dl, here over
    l from −7 to 7. One network serves both, with y and a flag set to zero where it must not know. A squared
    difference of two trained networks is positive even for independent data, so `scores` reads high there;
    `losses` compares what both fail to denoise, ½ ∫ E(‖ε − ε̂(x_l)‖² − ‖ε − ε̂(x_l | y)‖²) dl, and does not.

    Args:
        reading: `scores` (the paper's) or `losses`.
        preparation: `standardise`, `whiten` or `gaussianise`, fitted on the training rows.
        hidden: Widths of the hidden layers.
        levels: Levels of noise at which each held-out row is read.
        folds: 1 reports a quarter of the rows; more report every row once.
        training: Batch, learning rate, epochs, patience, time limit.
        seed: Seed of splits, weights, batches and noise.

    Source:
        Franzese, Bounoua and Michiardi 2024 (MINDE-c); Guo, Shamai and Verdú 2005 (the integral over noise).
    """

    reading: str = "scores"
    preparation: str = "standardise"
    hidden: tuple[int, ...] = (128, 128)
    levels: int = 32
    folds: int = 1
    training: Training = field(default_factory=lambda: Training(learning_rate=1e-3, patience=30))
    seed: int = 0

    source: ClassVar[str] = "Franzese, Bounoua and Michiardi 2024; Guo, Shamai and Verdú 2005"
    least_rows: ClassVar[int] = 40
    null_safe: ClassVar[bool] = False

    def __post_init__(self) -> None:
        expect(
            self.reading in ("scores", "losses"), "reading", self.reading, "scores or losses", "Choose one."
        )
        check_preparation(self.preparation)
        expect(self.levels >= 2, "levels", self.levels, "2 or more", "Use 32.")
        expect(len(self.hidden) >= 1, "hidden", self.hidden, "at least one width", "Use (128, 128).")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        return held_out_estimate(len(x), self.folds, self.seed, lambda split: self._terms(x, y, split))

    def _terms(self, x: Array, y: Array, split: Split) -> tuple[Array, dict[str, Any]]:
        """Train on a split; the integral over noise for each row held out."""
        x, y, lost = prepare_pair(self.preparation, x, y, split.train, split.seed)
        generator = torch.Generator().manual_seed(split.seed)
        x32, y32 = tensors(x, y)
        denoiser = _Denoiser(x.shape[1], y.shape[1], self.hidden, generator)
        train, validation, test = (
            torch.as_tensor(rows) for rows in (split.train, split.validation, split.test)
        )
        report = fit(
            denoiser,
            lambda left, right: denoiser.loss(left, right, generator),
            lambda: denoiser.loss(
                x32[validation], y32[validation], torch.Generator().manual_seed(split.seed)
            ),
            (x32[train], y32[train]),
            self.training,
            split.seed,
        )
        with torch.no_grad():
            scores, losses = self._integrals(denoiser, x32[test], y32[test], generator)
        read = scores if self.reading == "scores" else losses
        means = {"scores": float(scores.mean()), "losses": float(losses.mean())}
        return np.asarray(read, dtype=np.float64), {
            **lost,
            **report,
            **means,
            "null_safe": self.reading == "losses",
        }

    def _integrals(
        self, denoiser: _Denoiser, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Both readings of each row, levels of noise stratified over the range."""
        scores, losses = torch.zeros(len(x)), torch.zeros(len(x))
        for level in range(self.levels):
            shift = torch.rand(len(x), generator=generator)
            log_snr = _RANGE * (2.0 * (level + shift) / self.levels - 1.0)
            noisy, noise = _noised(x, log_snr, generator)
            knows = denoiser(noisy, y, log_snr, torch.ones(len(x)))
            blind = denoiser(noisy, y, log_snr, torch.zeros(len(x)))
            scores += ((knows - blind) ** 2).sum(dim=1)
            losses += ((noise - blind) ** 2).sum(dim=1) - ((noise - knows) ** 2).sum(dim=1)
        return scores * _RANGE / self.levels, losses * _RANGE / self.levels


class _Denoiser(nn.Module):
    """ε̂(x_l, y or nothing, l): the noise of a noisy row."""

    def __init__(self, dim_x: int, dim_y: int, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.network = perceptron((dim_x + dim_y + 6, *hidden, dim_x), generator, zero=True)

    def forward(self, noisy: Tensor, y: Tensor, log_snr: Tensor, knows: Tensor) -> Tensor:
        """Noise of each row (n, dx); the network corrects σ x_l, the noise of independent normal columns."""
        level = torch.stack([torch.tanh(log_snr / 2), log_snr / _RANGE], dim=1)
        waves = torch.cat([torch.sin(log_snr[:, None] / 2), torch.cos(log_snr[:, None] / 2)], dim=1)
        known = knows[:, None]
        inputs = torch.cat([noisy, y * known, known, level, waves, level[:, 1:] ** 2], dim=1)
        sigma = torch.sigmoid(-log_snr).sqrt()[:, None]
        noise: Tensor = sigma * noisy + self.network(inputs)
        return noise

    def loss(self, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """Squared error of the noise, summed over columns, half of the rows blind to y."""
        log_snr = _RANGE * (2.0 * torch.rand(len(x), generator=generator) - 1.0)
        knows = (torch.rand(len(x), generator=generator) < 0.5).float()
        noisy, noise = _noised(x, log_snr, generator)
        guess: Tensor = self(noisy, y, log_snr, knows)
        return ((noise - guess) ** 2).sum(dim=1).mean()


def _noised(x: Tensor, log_snr: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """α x + σ ε and ε, with α² = sigmoid(l) and σ² = sigmoid(−l)."""
    noise = torch.randn(x.shape, generator=generator)
    signal, sigma = torch.sigmoid(log_snr).sqrt()[:, None], torch.sigmoid(-log_snr).sqrt()[:, None]
    return signal * x + sigma * noise, noise
