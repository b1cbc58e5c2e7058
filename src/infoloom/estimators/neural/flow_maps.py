"""Trainable invertible maps from data towards a Gaussian, with the log-determinant of each row."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from infoloom.estimators.neural.layers import perceptron

__all__ = ["Bend", "Coupling", "FlowMap", "Linear", "standard_normal_log_density"]


class Linear(nn.Module):
    """x ↦ x W + b with a square W."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(start.clone())
        self.bias = nn.Parameter(torch.zeros(start.shape[1]))

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map rows (n, d); log|det W| is the same for each."""
        log_det = torch.linalg.slogdet(self.weights)[1]
        return rows @ self.weights + self.bias, log_det.expand(len(rows))


class Bend(nn.Module):
    """Each column through x ↦ eˢ x + Σ_k a_k tanh(b_k (x − c_k)), a_k, b_k > 0, which increases."""

    def __init__(self, columns: int, steps: int = 5) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(columns))
        self.height = nn.Parameter(torch.full((columns, steps), -5.0))
        self.rate = nn.Parameter(torch.full((columns, steps), math.log(math.e - 1.0)))
        self.centre = nn.Parameter(torch.linspace(-2.0, 2.0, steps).repeat(columns, 1))

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map rows (n, d); the log-determinant is the sum of the log derivatives."""
        height, rate = softplus(self.height), softplus(self.rate)
        bent = torch.tanh(rate * (rows[:, :, None] - self.centre))
        mapped = self.scale.exp() * rows + (height * bent).sum(dim=2)
        derivative = self.scale.exp() + (height * rate * (1.0 - bent**2)).sum(dim=2)
        return mapped, derivative.log().sum(dim=1)


class Coupling(nn.Module):
    """Half of the columns shift and scale the other half; starts as the identity.

    Source:
        Dinh, Sohl-Dickstein and Bengio 2017.
    """

    def __init__(self, columns: int, hidden: int, flip: bool, generator: torch.Generator) -> None:
        super().__init__()
        half = columns // 2
        self.still, self.moved = slice(0, half), slice(half, columns)
        if flip:
            self.still, self.moved = slice(columns - half, columns), slice(0, columns - half)
        self.network = perceptron((half, hidden, 2 * (columns - half)), generator, zero=True)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map rows (n, d), d ≥ 2; scales stay within e^±1."""
        raw, shift = self.network(rows[:, self.still]).chunk(2, dim=1)
        log_scale = torch.tanh(raw)
        mapped = rows.clone()
        mapped[:, self.moved] = rows[:, self.moved] * log_scale.exp() + shift
        return mapped, log_scale.sum(dim=1)


class FlowMap(nn.Module):
    """Elementwise bends, couplings and a last linear map, which starts at given directions.

    Args:
        start: Orthogonal (d, d), the last map before training.
        couplings: Number of couplings.
        hidden: Width of their networks.
        generator: Of the first weights.
    """

    def __init__(self, start: Tensor, couplings: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        columns = len(start)
        count = couplings if columns > 1 else 0
        middle = [Coupling(columns, hidden, bool(number % 2), generator) for number in range(count)]
        self.maps = nn.ModuleList([Linear(torch.eye(columns)), Bend(columns), *middle, Linear(start)])

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map rows (n, d) and return the log-determinant of each (n,)."""
        total = torch.zeros(len(rows))
        for part in self.maps:
            rows, log_det = part(rows)
            total = total + log_det
        return rows, total


def standard_normal_log_density(rows: Tensor) -> Tensor:
    """log N(row; 0, I) of each row (n,)."""
    return -0.5 * (rows**2).sum(dim=1) - 0.5 * rows.shape[1] * math.log(2.0 * math.pi)
