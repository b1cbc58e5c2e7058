"""The velocity field of a trained flow: a network between exact scalings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from infoloom.observations.flows.frequencies import CosineTransform
from infoloom.observations.flows.networks import build_network
from infoloom.observations.flows.scaling import Numbers, as_array

__all__ = ["VelocityField", "flop_count", "path_spread"]


def path_spread(time: Tensor, sigma: float) -> Tensor:
    """Standard deviation s(t) = 1 − (1 − σ)t of the straight path around one data point.

    Source: Lipman, Chen, Ben-Hamu, Nickel, Le, Flow matching for generative modeling (2023), equation 20.
    """
    return 1.0 - (1.0 - sigma) * time


class VelocityField(nn.Module):
    """ψ(x, t) = a(t) x + b(t) F(c(t) x, t): the best linear velocity plus what a network F adds.

    For data of standard deviation q and x = t x₁ + s x₀ the best linear velocity is a = (t q² − (1 − σ) s) / v with
    v = t² q² + s²; b = q / √v is the standard deviation it leaves over, c = 1 / √v scales the input. With a deviation
    q for every frequency, a and b act on the cosine transform: where the data have nothing but the path's noise, the
    velocity is the exact one and the network has next to no part in it.

    Args:
        settings: Settings of the network, as `build_network` takes them.
        shape: Shape of one observation.
        classes: Number of classes, 0 for none; class number `classes` stands for "any".
        sigma: Width σ of the path at t = 1.
        spread: Standard deviation q of the data, or that of every frequency, numbers that spread over `shape`.
    """

    deviations: Tensor

    def __init__(
        self,
        settings: Mapping[str, Any],
        shape: tuple[int, ...],
        classes: int,
        *,
        sigma: float,
        spread: Numbers,
    ) -> None:
        super().__init__()
        self.network = build_network(settings, shape, classes + 1 if classes else 0)
        self.shape, self.sigma = shape, sigma
        self.scale_by(spread)

    def scale_by(self, spread: Numbers) -> None:
        """Take another standard deviation q of the data, in the form of `spread`."""
        self.spread = spread
        self.transform = None if isinstance(spread, float | int) else CosineTransform(self.shape)
        self.register_buffer("deviations", torch.from_numpy(as_array(spread)), persistent=False)

    def coefficients(self, time: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Factors a, b and c at (m,) times, (m, 1, …); a and b are (m, *shape) with a deviation per frequency."""
        moment = time.view(-1, *(1 for _ in self.shape))
        path = path_spread(moment, self.sigma)
        spread = self.spread if isinstance(self.spread, float | int) else self.deviations
        variance = moment**2 * spread**2 + path**2
        skip = (moment * spread**2 - (1.0 - self.sigma) * path) / variance
        gain = spread * variance.rsqrt()
        if self.transform is None:
            return skip, gain, variance.rsqrt()
        return skip, gain, (moment**2 * self.deviations.square().mean() + path**2).rsqrt()

    def residual(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """The network's own part F(c(t) x, t), of unit size."""
        part: Tensor = self.network(values * self.coefficients(time)[2], time, label)
        return part

    def residual_of(self, velocity: Tensor, values: Tensor, time: Tensor) -> Tensor:
        """What `residual` has to say for a velocity at values (n, *shape) and times (n,)."""
        skip, gain, _ = self.coefficients(time)
        return self._times(1.0 / gain, velocity - self._times(skip, values))

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(n, *shape), (n or 1,) times, (n or 1,) classes → velocities (n, *shape)."""
        skip, gain, _ = self.coefficients(time)
        return self._times(skip, values) + self._times(gain, self.residual(values, time, label))

    def _times(self, factor: Tensor, values: Tensor) -> Tensor:
        return factor * values if self.transform is None else self.transform.multiplied(values, factor)


def flop_count(field: VelocityField, label: bool) -> int:
    """Floating-point operations of one velocity of one row."""
    from torch.utils.flop_counter import FlopCounterMode

    values = torch.zeros((1, *field.shape), dtype=next(field.parameters()).dtype)
    number = torch.zeros(1, dtype=torch.long) if label else None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        field(values, torch.zeros(1, dtype=values.dtype), number)
    return int(counter.get_total_flops())
