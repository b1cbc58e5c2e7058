"""The velocity field of a trained flow: a network between exact scalings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from infoloom.observations.flows.networks import build_network

__all__ = ["VelocityField", "flop_count", "path_spread"]


def path_spread(time: Tensor, sigma: float) -> Tensor:
    """Standard deviation s(t) = 1 − (1 − σ)t of the straight path around one data point.

    Source: Lipman, Chen, Ben-Hamu, Nickel, Le, Flow matching for generative modeling (2023), equation 20.
    """
    return 1.0 - (1.0 - sigma) * time


class VelocityField(nn.Module):
    """ψ(x, t) = a(t) x + b(t) F(c(t) x, t): the best linear velocity plus what a network F adds.

    For data of standard deviation q and x = t x₁ + s x₀ the best linear velocity is a = (t q² − (1 − σ) s) / v with
    v = t² q² + s²; b = q / √v is the standard deviation it leaves over, c = 1 / √v scales the input.

    Args:
        settings: Settings of the network, as `build_network` takes them.
        shape: Shape of one observation.
        classes: Number of classes, 0 for none; class number `classes` stands for "any".
        sigma: Width σ of the path at t = 1.
        spread: Standard deviation q of the data.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        shape: tuple[int, ...],
        classes: int,
        *,
        sigma: float,
        spread: float,
    ) -> None:
        super().__init__()
        self.network = build_network(settings, shape, classes + 1 if classes else 0)
        self.shape, self.sigma, self.spread = shape, sigma, spread

    def coefficients(self, time: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The (m,) factors a, b and c at (m,) times."""
        path = path_spread(time, self.sigma)
        variance = time**2 * self.spread**2 + path**2
        skip = (time * self.spread**2 - (1.0 - self.sigma) * path) / variance
        return skip, self.spread * variance.rsqrt(), variance.rsqrt()

    def residual(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """The network's own part F(c(t) x, t), of unit size."""
        scale = self.coefficients(time)[2]
        part: Tensor = self.network(values * self._broadcast(scale), time, label)
        return part

    def residual_of(self, velocity: Tensor, values: Tensor, time: Tensor) -> Tensor:
        """What `residual` has to say for a velocity at values (n, *shape) and times (n,)."""
        skip, gain, _ = (self._broadcast(factor) for factor in self.coefficients(time))
        return (velocity - skip * values) / gain

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(n, *shape), (n or 1,) times, (n or 1,) classes → velocities (n, *shape)."""
        skip, gain, _ = (self._broadcast(factor) for factor in self.coefficients(time))
        return skip * values + gain * self.residual(values, time, label)

    def _broadcast(self, factor: Tensor) -> Tensor:
        return factor.view(-1, *(1 for _ in self.shape))


def flop_count(field: VelocityField, label: bool) -> int:
    """Floating-point operations of one velocity of one row."""
    from torch.utils.flop_counter import FlopCounterMode

    values = torch.zeros((1, *field.shape), dtype=next(field.parameters()).dtype)
    number = torch.zeros(1, dtype=torch.long) if label else None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        field(values, torch.zeros(1, dtype=values.dtype), number)
    return int(counter.get_total_flops())
