"""Mutual information from a flow of independent pairs to true ones: what its velocity field compresses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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

__all__ = ["FlowMatchingEstimator"]


@dataclass(frozen=True)
class FlowMatchingEstimator(ArrayEstimator):
    """A flow that moves y from its own law to that given x; its divergence counts the entropy that y loses.

    For y' drawn without x and z_t = (1 − t) y' + t y, the velocity v(z, t, x) = E[y − y' | z_t, x] carries the product
    of the laws to the joint one, and entropy changes by the mean divergence: I(x; y) = −∫ E div_z v(z_t, t, x) dt. The
    network corrects (2t − 1) z / ((1 − t)² + t²), the velocity of independent standard normal columns, whose integral
    is 0. Of x and y the one with fewer columns is moved.

    It gives no interval: divergences hardly differ between rows, so their spread says nothing of the error.
    Null-safe: on independent rows the field before training is nearly right, validation keeps it where training finds
    nothing better, and errors of the divergence have no sign.

    Args:
        preparation: `standardise`, `whiten` or `gaussianise`, fitted on the training rows.
        hidden: Widths of the hidden layers.
        times: Times at which each held-out row is read, nodes of Gauss and Legendre.
        folds: 1 reports a quarter of the rows; more report every row once.
        training: Batch, learning rate, epochs, patience, time limit.
        seed: Seed of splits, weights, batches and pairs.

    Source:
        Butakov, Semenenko, Frolov and Oseledets 2025, FMMI (arXiv 2511.08552), the conditional form; Lipman et al. 2023
        (flow matching).
    """

    preparation: str = "gaussianise"
    hidden: tuple[int, ...] = (128, 128)
    times: int = 16
    folds: int = 1
    training: Training = field(default_factory=lambda: Training(learning_rate=1e-3, patience=30))
    seed: int = 0

    source: ClassVar[str] = (
        "Butakov, Semenenko, Frolov and Oseledets 2025 (arXiv 2511.08552); Lipman et al. 2023"
    )
    least_rows: ClassVar[int] = 40

    def __post_init__(self) -> None:
        check_preparation(self.preparation)
        expect(self.times >= 2, "times", self.times, "2 or more", "Use 16.")
        expect(len(self.hidden) >= 1, "hidden", self.hidden, "at least one width", "Use (128, 128).")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        still, moved = (y, x) if x.shape[1] < y.shape[1] else (x, y)
        found = held_out_estimate(
            len(x), self.folds, self.seed, lambda split: self._terms(still, moved, split)
        )
        return replace(found, interval=None)

    def _terms(self, x: Array, y: Array, split: Split) -> tuple[Array, dict[str, Any]]:
        """Train on a split; what the flow of each row held out compresses."""
        x, y, lost = prepare_pair(self.preparation, x, y, split.train, split.seed)
        generator = torch.Generator().manual_seed(split.seed)
        field_ = _Velocity(x.shape[1], y.shape[1], self.hidden, generator)
        x32, y32 = tensors(x, y)
        train, validation, test = (
            torch.as_tensor(rows) for rows in (split.train, split.validation, split.test)
        )

        def validate() -> Tensor:
            repeat = torch.Generator().manual_seed(split.seed)
            losses = [field_.loss(x32[validation], y32[validation], repeat) for _ in range(8)]
            return torch.stack(losses).mean()

        report = fit(
            field_,
            lambda left, right: field_.loss(left, right, generator),
            validate,
            (x32[train], y32[train]),
            self.training,
            split.seed,
        )
        return self._compression(field_, x32[test], y32[test], generator), {**lost, **report}

    def _compression(self, field_: _Velocity, x: Tensor, y: Tensor, generator: torch.Generator) -> Array:
        """−∫ div v dt along the path of each row (n,)."""
        nodes, weights = np.polynomial.legendre.leggauss(self.times)
        total = torch.zeros(len(x), dtype=torch.float64)
        for node, weight in zip(nodes, weights, strict=True):
            apart = y[torch.randperm(len(y), generator=generator)]
            time = torch.full((len(x),), float(0.5 * (1.0 + node)))
            found = field_.divergence(torch.lerp(apart, y, time[:, None]), time, x)
            total -= 0.5 * float(weight) * found.double()
        return np.asarray(total.numpy(), dtype=np.float64)


class _Velocity(nn.Module):
    """v(z, t, x): the velocity of independent normal columns and a network's correction, zero at first."""

    def __init__(self, dim_x: int, dim_y: int, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.network = perceptron((dim_x + dim_y + 4, *hidden, dim_y), generator, zero=True)

    def forward(self, z: Tensor, time: Tensor, x: Tensor) -> Tensor:
        """Velocities (n, dy)."""
        return _drift(time)[:, None] * z + self._correction(z, time, x)

    def divergence(self, z: Tensor, time: Tensor, x: Tensor) -> Tensor:
        """Σ_i ∂v_i/∂z_i, exactly, a column at a time (n,)."""
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            correction = self._correction(z, time, x)
            total = z.shape[1] * _drift(time)
            for column in range(z.shape[1]):
                (slope,) = torch.autograd.grad(correction[:, column].sum(), z, retain_graph=True)
                total = total + slope[:, column]
        return total.detach()

    def loss(self, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """Squared error of the velocity, summed over columns; the row that y comes from is another's."""
        apart = y[torch.randperm(len(y), generator=generator)]
        time = torch.rand(len(y), generator=generator)
        found: Tensor = self(torch.lerp(apart, y, time[:, None]), time, x)
        return ((y - apart - found) ** 2).sum(dim=1).mean()

    def _correction(self, z: Tensor, time: Tensor, x: Tensor) -> Tensor:
        turn = torch.pi * time
        clock = torch.stack([time, time**2, torch.sin(turn), torch.cos(turn)], dim=1)
        found: Tensor = self.network(torch.cat([z, x, clock], dim=1))
        return found


def _drift(time: Tensor) -> Tensor:
    """The factor of z in the velocity from independent to independent standard normal columns."""
    return (2.0 * time - 1.0) / ((1.0 - time) ** 2 + time**2)
