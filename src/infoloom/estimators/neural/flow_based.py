"""Two invertible maps to a Gaussian that couples its columns pair by pair."""

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
from infoloom.estimators.neural.training import fit, tensors
from infoloom.estimators.preparation import prepare_pair, shared_directions
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.settings import Training
from infoloom.estimators.splits import Split, held_out_estimate

__all__ = ["FlowBasedEstimator"]

_SPARE, _WEAK = 2, 0.05


@dataclass(frozen=True)
class FlowBasedEstimator(ArrayEstimator):
    """Flows of x and of y, trained together to a tri-diagonal Gaussian whose information is closed.

    The joint base has unit variances and correlations ρ_j between the j-th columns of both sides only, so its
    information is −½ Σ log(1 − ρ_j²). What is reported is the mean over held-out rows of the pointwise
    information of that model; the closed form is in the details. The flows start at the canonical directions
    of prepared rows; those above the noise are coupled, and two more weakly at first.

    Args:
        preparation: `whiten` or `gaussianise`, fitted on the training rows.
        couplings: Affine couplings on each side, between elementwise bends and the last linear map.
        hidden: Width of the networks in the couplings.
        pairs: Most coupled pairs.
        folds: 1 reports a quarter of the rows; more report every row once.
        training: Batch, learning rate, epochs, patience, time limit.
        seed: Seed of splits, weights and batches.

    Source:
        Butakov et al. 2024 (arXiv:2403.02187), the tri-diagonal form of section 4.
    """

    preparation: str = "gaussianise"
    couplings: int = 2
    hidden: int = 64
    pairs: int = 32
    folds: int = 1
    training: Training = field(default_factory=Training)
    seed: int = 0

    source: ClassVar[str] = "Butakov et al. 2024"
    least_rows: ClassVar[int] = 40

    def __post_init__(self) -> None:
        expect(
            self.preparation in ("whiten", "gaussianise"),
            "preparation",
            self.preparation,
            "whiten or gaussianise, because directions are read from a covariance",
            "Choose one.",
        )
        expect(self.couplings >= 0, "couplings", self.couplings, "0 or more", "Use 2.")
        for name in ("hidden", "pairs"):
            value = getattr(self, name)
            expect(value >= 1, name, value, "1 or more", f"Use {getattr(type(self), name)}.")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        return held_out_estimate(len(x), self.folds, self.seed, lambda split: self._terms(x, y, split))

    def _terms(self, x: Array, y: Array, split: Split) -> tuple[Array, dict[str, Any]]:
        """Train on a split; the model's pointwise information of each row held out."""
        x, y, lost = prepare_pair(self.preparation, x, y, split.train, split.seed)
        start = _with_spare(shared_directions(x[split.train], y[split.train], self.pairs), self.pairs)
        model = _Pair(start, self, torch.Generator().manual_seed(split.seed))
        x32, y32 = tensors(x, y)

        def part(rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
            return x32[torch.as_tensor(rows)], y32[torch.as_tensor(rows)]

        report = fit(
            model,
            lambda left, right: model.negative_log_density(left, right),
            lambda: model.negative_log_density(*part(split.validation)),
            part(split.train),
            self.training,
            split.seed,
        )
        with torch.no_grad():
            terms = np.asarray(model.information(*part(split.test)), dtype=np.float64)
            closed = float(-0.5 * torch.log1p(-(torch.tanh(model.coupling) ** 2)).sum())
        return terms, {**lost, **report, "closed_form": closed, "pairs": len(start[2])}


class _Pair(nn.Module):
    """The two flows and the correlations between the first columns of their images."""

    def __init__(
        self, start: tuple[Array, Array, Array], settings: FlowBasedEstimator, generator: torch.Generator
    ) -> None:
        super().__init__()
        left, right, correlation = tensors(*start)
        self.flow_x = FlowMap(left, settings.couplings, settings.hidden, generator)
        self.flow_y = FlowMap(right, settings.couplings, settings.hidden, generator)
        self.coupling = nn.Parameter(torch.atanh(correlation))

    def negative_log_density(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean of −log q(x, y) up to the constant of the preparation."""
        (left, det_x), (right, det_y) = self.flow_x(x), self.flow_y(y)
        marginals = standard_normal_log_density(left) + standard_normal_log_density(right)
        log_density: Tensor = marginals + self._log_ratio(left, right) + det_x + det_y
        return -log_density.mean()

    def information(self, x: Tensor, y: Tensor) -> Tensor:
        """log q(x, y) − log q(x) − log q(y) of each row (n,)."""
        return self._log_ratio(self.flow_x(x)[0], self.flow_y(y)[0])

    def _log_ratio(self, left: Tensor, right: Tensor) -> Tensor:
        """Σ_j (ρ u v − ½ ρ² (u² + v²)) / (1 − ρ²) − ½ log(1 − ρ²)."""
        correlation = torch.tanh(self.coupling)
        u, v = left[:, : len(correlation)], right[:, : len(correlation)]
        rest = 1.0 - correlation**2
        terms = (correlation * u * v - 0.5 * correlation**2 * (u**2 + v**2)) / rest - 0.5 * rest.log()
        return terms.sum(dim=1)


def _with_spare(start: tuple[Array, Array, Array], most: int) -> tuple[Array, Array, Array]:
    """Directions completed to bases, with two weakly coupled pairs to spare for what is not linear."""
    left, right = (_completed(directions) for directions in start[:2])
    count = min(len(left), len(right), most, len(start[2]) + _SPARE)
    correlation = np.full(count, _WEAK)
    correlation[: len(start[2])] = start[2]
    return left, right, correlation


def _completed(directions: Array) -> Array:
    """Orthonormal directions (d, k) and a basis of what they leave, (d, d)."""
    columns, known = directions.shape
    rest = np.linalg.svd(directions, full_matrices=True)[0][:, known:] if known else np.eye(columns)
    return np.hstack([directions, rest])
