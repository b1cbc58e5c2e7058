"""Noise schedules of diffusion models, and the straight paths they correspond to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from infoloom.errors import FlowError

__all__ = ["NoiseSchedule"]


@dataclass(frozen=True)
class NoiseSchedule:
    """x_τ = a(τ) x₁ + b(τ) ε with a² + b² = 1, made continuous by straight lines in log(b/a).

    The straight path y_t = t x₁ + s(t) ε with s(t) = 1 − (1 − σ)t has the same ratio of noise to signal where
    s(t)/t = b(τ)/a(τ); then x_τ = y_t / √(t² + s²).

    Args:
        log_ratio: log(b/a) at timesteps 0 … T − 1, rising, (T,) float64.
        sigma: σ, the width that the path keeps at t = 1; that of timestep 0 ends the path there.
    """

    log_ratio: Tensor
    sigma: float

    @staticmethod
    def from_alphas(alphas_cumprod: ArrayLike, sigma: float | None = None) -> NoiseSchedule:
        """From a² at every timestep, diffusers' `alphas_cumprod`.

        Args:
            alphas_cumprod: (T,), falling, within 0 to 1.
            sigma: Width at t = 1; None for that of timestep 0.

        Raises:
            FlowError: Not such numbers.
        """
        given = torch.as_tensor(alphas_cumprod).detach().to("cpu", torch.float64)
        falling = given.dim() == 1 and len(given) >= 2 and bool((given[1:] < given[:-1]).all())
        if not falling or not bool(((given > 0.0) & (given < 1.0)).all()):
            raise FlowError(
                "schedule: expected alphas_cumprod, at least 2 falling numbers above 0 and below 1, "
                "because the noise "
                "grows with every timestep. A schedule that ends at 0 (zero terminal noise ratio) has no "
                "straight path."
            )
        table = 0.5 * (torch.log1p(-given) - torch.log(given))
        return NoiseSchedule(table, math.exp(float(table[0])) if sigma is None else sigma)

    @property
    def steps(self) -> int:
        """Number of timesteps T."""
        return len(self.log_ratio)

    def time_of(self, timestep: float) -> float:
        """The straight path's time of a timestep, 1 / (b/a + 1 − σ)."""
        below = min(int(timestep), self.steps - 2)
        share = timestep - below
        level = (1.0 - share) * float(self.log_ratio[below]) + share * float(self.log_ratio[below + 1])
        return 1.0 / (math.exp(level) + 1.0 - self.sigma)

    def timestep_of(self, ratio: Tensor) -> Tensor:
        """The timestep, between whole ones too, where b/a has a value; the last one beyond it."""
        level = torch.log(ratio.double())
        table = self.log_ratio.to(level.device)
        above = torch.searchsorted(table, level.contiguous()).clamp(1, self.steps - 1)
        low, high = table[above - 1], table[above]
        return (above - 1) + ((level - low) / (high - low)).clamp(0.0, 1.0)

    def grid(self, timesteps: Sequence[float]) -> tuple[float, ...]:
        """The flow's grid that takes a sampler's timesteps: 0, the timesteps' times, and 1.

        The first step only scales the noise; each of the others is one DDIM step with η = 0.

        Args:
            timesteps: Falling, within 0 to T − 1.

        Raises:
            FlowError: Not such timesteps.
        """
        falling = all(a > b for a, b in pairwise(timesteps))
        if not timesteps or not falling or timesteps[-1] < 0 or timesteps[0] > self.steps - 1:
            raise FlowError(
                f"timesteps `{list(timesteps)[:6]}`: expected falling numbers from at most "
                f"{self.steps - 1} to at least 0."
            )
        times = [self.time_of(float(step)) for step in timesteps]
        inner = [time for time in times if time < 1.0 - 1e-9]
        return (0.0, *inner, 1.0)

    def trailing(self, steps: int, power: float = 1.0) -> tuple[float, ...]:
        """Timesteps of a sampler with so many steps, from the last one down.

        Args:
            steps: Number of steps, from 1 to T.
            power: 1 for even spacing, diffusers' `trailing`; above 1 finer towards the data.
        """
        if not 1 <= steps <= self.steps:
            raise FlowError(f"steps `{steps}`: expected 1 to {self.steps}, as many as the schedule has.")
        if power == 1.0:
            return tuple(float(round(self.steps * (1.0 - k / steps)) - 1) for k in range(steps))
        return tuple((self.steps - 1) * (1.0 - k / steps) ** power for k in range(steps))
