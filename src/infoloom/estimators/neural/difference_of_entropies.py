"""The entropy of y less its entropy given x, both as held-out code lengths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.neural.flow_maps import FlowMap, standard_normal_log_density
from infoloom.estimators.neural.layers import perceptron
from infoloom.estimators.neural.training import fit, tensors
from infoloom.estimators.preparation import prepare_pair, shared_directions
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.settings import Training
from infoloom.estimators.splits import Split, held_out_estimate

__all__ = ["DifferenceOfEntropies"]


@dataclass(frozen=True)
class DifferenceOfEntropies(ArrayEstimator):
    """h(y) − h(y | x), each the code length of held-out rows under a model of its own.

    The marginal is the Gaussian of the prepared rows in closed form, or a trained flow; the conditional starts
    as the linear regression on canonical directions and a network bends its mean and scales. Neither is
    read at its last step: the weights that were best on validation rows are, and a model still improving when
    its training ended makes the estimate unreliable. A difference of two upper bounds is no bound, and may
    err to either side.

    Args:
        marginal: `gaussian` or `flow`.
        preparation: `whiten` or `gaussianise`, fitted on the training rows; it cancels in the difference.
        hidden: Widths of the hidden layers.
        folds: 1 reports a quarter of the rows; more report every row once.
        training: Batch, learning rate, epochs, patience, time limit, of each model.
        seed: Seed of splits, weights and batches.

    Source:
        McAllester and Stratos 2020.
    """

    marginal: str = "gaussian"
    preparation: str = "gaussianise"
    hidden: tuple[int, ...] = (64,)
    folds: int = 1
    training: Training = field(default_factory=Training)
    seed: int = 0

    source: ClassVar[str] = "McAllester and Stratos 2020"
    least_rows: ClassVar[int] = 40

    def __post_init__(self) -> None:
        expect(
            self.marginal in ("gaussian", "flow"),
            "marginal",
            self.marginal,
            "gaussian or flow",
            "Choose one.",
        )
        expect(
            self.preparation in ("whiten", "gaussianise"),
            "preparation",
            self.preparation,
            "whiten or gaussianise, because the marginal starts as a standard normal",
            "Choose one.",
        )
        expect(len(self.hidden) >= 1, "hidden", self.hidden, "at least one width", "Use (64,).")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        return held_out_estimate(len(x), self.folds, self.seed, lambda split: self._terms(x, y, split))

    def _terms(self, x: Array, y: Array, split: Split) -> tuple[Array, dict[str, Any]]:
        """Train both models on a split; log q(y | x) − log q(y) of each row held out."""
        x, y, lost = prepare_pair(self.preparation, x, y, split.train, split.seed)
        generator = torch.Generator().manual_seed(split.seed)
        x32, y32 = tensors(x, y)
        conditional = _Conditional(x[split.train], y[split.train], self.hidden, generator)
        reports = {"conditional": self._fit(conditional, (x32, y32), split)}
        marginal: nn.Module = _StandardNormal()
        if self.marginal == "flow":
            marginal = _Flow(y.shape[1], self.hidden[0], generator)
            reports["marginal"] = self._fit(marginal, (y32,), split)
        test = torch.as_tensor(split.test)
        with torch.no_grad():
            log_q = conditional(x32[test], y32[test]), marginal(y32[test])
        cut = any(
            report["best_epoch"] == self.training.epochs or report["stopped"] == "diverged"
            for report in reports.values()
        )
        entropies = {"entropy": -float(log_q[1].mean()), "conditional_entropy": -float(log_q[0].mean())}
        terms = np.asarray(log_q[0] - log_q[1], dtype=np.float64)
        details = {**lost, **reports, **entropies}
        return terms, {**details, "reliable": False} if cut else details

    def _fit(self, model: nn.Module, data: tuple[Tensor, ...], split: Split) -> dict[str, Any]:
        """Train a model of log densities on the rows of a split."""

        def part(rows: NDArray[np.intp]) -> tuple[Tensor, ...]:
            return tuple(tensor[torch.as_tensor(rows)] for tensor in data)

        return fit(
            model,
            lambda *batch: -model(*batch).mean(),
            lambda: -model(*part(split.validation)).mean(),
            part(split.train),
            self.training,
            split.seed,
        )


class _Conditional(nn.Module):
    """log N((y − B x) R; m(x), e^{2 s(x)}) + log|R|, m and s zero at first, B and R of the linear regression."""

    def __init__(self, x: Array, y: Array, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        left, right, correlation = shared_directions(x, y, min(x.shape[1], y.shape[1]))
        whitening = np.eye(y.shape[1]) + (right * (1.0 / np.sqrt(1.0 - correlation**2) - 1.0)) @ right.T
        self.regression = nn.Parameter(tensors((left * correlation) @ right.T)[0])
        self.whitening = nn.Parameter(tensors(whitening)[0])
        self.network = perceptron((x.shape[1], *hidden, 2 * y.shape[1]), generator, zero=True)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Log density of each row (n,)."""
        mean, raw = self.network(x).chunk(2, dim=1)
        log_scale = torch.tanh(raw)
        residual = ((y - x @ self.regression) @ self.whitening - mean) * torch.exp(-log_scale)
        log_det: Tensor = torch.linalg.slogdet(self.whitening)[1] - log_scale.sum(dim=1)
        return standard_normal_log_density(residual) + log_det


class _StandardNormal(nn.Module):
    """log N(y; 0, I), the closed form of prepared rows."""

    def forward(self, y: Tensor) -> Tensor:
        """Log density of each row (n,)."""
        return standard_normal_log_density(y)


class _Flow(nn.Module):
    """Log density of a flow to the standard normal."""

    def __init__(self, columns: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.flow = FlowMap(torch.eye(columns), 2, hidden, generator)

    def forward(self, y: Tensor) -> Tensor:
        """Log density of each row (n,)."""
        mapped, log_det = self.flow(y)
        log_density: Tensor = standard_normal_log_density(mapped) + log_det
        return log_density
