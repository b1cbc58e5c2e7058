"""Affine coupling layers with random weights: a strongly nonlinear map whose inverse is a formula."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.base import Bijection
from infoloom.observations.batching import in_fixed_batches
from infoloom.observations.formulas.linear import seeded

__all__ = ["Coupling"]

_HIDDEN = 64


class Coupling(Bijection):
    """Layers that keep one half a of the components and map the other, b ↦ b · exp(s(a)) + t(a).

    s is bounded by `strength`, s = strength · tanh(…), so no layer stretches by more than exp(strength); t is of the
    size of b. Halves are drawn anew for every layer.

    Args:
        shape: Shape of one row, of two components or more.
        seed: Seed of weights and halves.
        layers: Number of layers.
        strength: Bound on the logarithm of every scale.

    Raises:
        FlowError: One component, or arguments that are not above 0.

    Source:
        Dinh, Sohl-Dickstein and Bengio 2017, "Density estimation using Real NVP", ICLR (equations 7 and 8).
    """

    by_formula = True

    def __init__(self, shape: tuple[int, ...], seed: int = 0, layers: int = 4, strength: float = 0.5) -> None:
        self.shape_in = self.shape_out = tuple(shape)
        size = math.prod(shape)
        if size < 2:
            raise FlowError(
                "flow `coupling` of `1` component: expected at least 2, because one half moves the other. "
                "Take `asinh` or `power` instead."
            )
        if not (isinstance(layers, int) and layers > 0):
            raise FlowError(f"flow `coupling(layers={layers})`: expected a whole number above 0. Use 4.")
        if not (math.isfinite(strength) and strength > 0.0):
            raise FlowError(f"flow `coupling(strength={strength})`: expected a number above 0. Use 0.5.")
        self.strength = float(strength)
        rng = seeded("coupling", seed)
        self.layers = [_Layer(size, rng) for _ in range(layers)]

    def forward(self, z: Tensor) -> Tensor:
        return self._rows(self.check_input(z), inverse=False)

    def inverse(self, x: Tensor) -> Tensor:
        return self._rows(self.check_output(x), inverse=True)

    def log_det(self, z: Tensor) -> Tensor:
        flat = self.check_input(z).flatten(1)
        return in_fixed_batches(
            lambda rows: self._map(rows, inverse=False)[1].to(rows.dtype), flat, self._batch
        )

    def _rows(self, values: Tensor, *, inverse: bool) -> Tensor:
        def mapped(rows: Tensor) -> Tensor:
            return self._map(rows, inverse=inverse)[0].to(rows.dtype)

        return in_fixed_batches(mapped, values.flatten(1), self._batch).view(values.shape)

    def _map(self, rows: Tensor, *, inverse: bool) -> tuple[Tensor, Tensor]:
        """Rows through all layers in float64, and the sum of the log-scales that they met."""
        values = rows.double()
        total = values.new_zeros(len(values))
        for layer in reversed(self.layers) if inverse else self.layers:
            log_scale, shift = layer.of(values, self.strength)
            kept, moved = values[:, layer.kept.to(values.device)], values[:, layer.moved.to(values.device)]
            moved = (
                (moved - shift) * torch.exp(-log_scale) if inverse else moved * torch.exp(log_scale) + shift
            )
            values = torch.cat([kept, moved], dim=1)[:, layer.back.to(values.device)]
            total = total + log_scale.sum(dim=1)
        return values, total

    @property
    def _batch(self) -> int:
        return int(min(1024, max(16, 2 ** math.floor(math.log2(2**18 / self.dim + 1)))))


class _Layer:
    """Which components stay, which move, and the network that says how."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        order = rng.permutation(size)
        half = size // 2
        self.kept, self.moved = torch.from_numpy(order[:half]), torch.from_numpy(order[half:])
        self.back = torch.from_numpy(np.argsort(order))
        self.first = torch.from_numpy(2.0 * rng.standard_normal((half, _HIDDEN)) / math.sqrt(half))
        self.bias = torch.from_numpy(rng.standard_normal(_HIDDEN))
        self.last = torch.from_numpy(
            1.5 * rng.standard_normal((_HIDDEN, 2 * (size - half))) / math.sqrt(_HIDDEN)
        )

    def of(self, values: Tensor, strength: float) -> tuple[Tensor, Tensor]:
        """Log-scale and shift of the components that move, (n, d/2) each."""
        first, bias, last = (part.to(values.device) for part in (self.first, self.bias, self.last))
        hidden = torch.tanh(values[:, self.kept.to(values.device)] @ first + bias)
        raw, shift = (hidden @ last).chunk(2, dim=1)
        return strength * torch.tanh(raw), shift
