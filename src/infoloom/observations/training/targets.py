"""What a velocity field is trained towards: the velocity of straight paths from noise to data."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from infoloom.observations.flows.velocity import VelocityField, path_spread

__all__ = ["FlowMatching", "Target", "flow_matching_target", "path_point"]


class Target(Protocol):
    """Times to train at, and what the network should say there."""

    @property
    def name(self) -> str:
        """What is learnt, and all that it depends on beside the data: a stopped training goes on with the same."""

    def moments(self, count: int, generator: torch.Generator) -> Tensor:
        """Random times of a batch, (count,)."""

    def held_out_moments(self, even: Tensor) -> Tensor:
        """Times for evenly spread numbers of 0 to 1, (count,)."""

    def __call__(
        self, field: VelocityField, data: Tensor, noise: Tensor, moment: Tensor, label: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Points of the path and the residual target there, both (n, *shape)."""


class FlowMatching:
    """The velocity of the straight path; times are denser towards the data."""

    name = "flow matching"

    def moments(self, count: int, generator: torch.Generator) -> Tensor:
        """Times: three quarters logistic-normal towards the data, one quarter uniform, both stratified."""
        device = generator.device
        shift = torch.rand(1, generator=generator, device=device)
        even = (torch.arange(count, device=device) + shift) / count
        normal = math.sqrt(2.0) * torch.special.erfinv((2.0 * even - 1.0).clamp(-0.9999, 0.9999))
        bent = torch.sigmoid(0.8 + 1.3 * normal)
        order = torch.randperm(count, generator=generator, device=device)
        uniform = torch.rand(count, generator=generator, device=device) < 0.25
        return torch.where(uniform, even, bent)[order]

    def held_out_moments(self, even: Tensor) -> Tensor:
        """The evenly spread times themselves."""
        return even

    def __call__(
        self, field: VelocityField, data: Tensor, noise: Tensor, moment: Tensor, label: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """See `flow_matching_target`; it is the same for all classes."""
        return flow_matching_target(field, data, noise, moment)


def flow_matching_target(
    field: VelocityField, data: Tensor, noise: Tensor, moment: Tensor
) -> tuple[Tensor, Tensor]:
    """A point of the straight path and what the network should say there.

    x_t = t x₁ + s(t) x₀ and the velocity x₁ − (1 − σ) x₀, both in the network's own scaling.

    Args:
        field: The velocity field.
        data: Real rows x₁, (n, *shape).
        noise: Standard normal x₀, (n, *shape).
        moment: Times, (n,).

    Returns:
        x_t and the residual target, both (n, *shape).

    Source:
        Lipman et al., Flow matching for generative modeling (2023), section 4.1, example II.
    """
    point = path_point(field, data, noise, moment)
    return point, field.residual_of(data - (1.0 - field.sigma) * noise, point, moment)


def path_point(field: VelocityField, data: Tensor, noise: Tensor, moment: Tensor) -> Tensor:
    """x_t = t x₁ + s(t) x₀, (n, *shape); arguments as in `flow_matching_target`."""
    wide = (-1, *(1 for _ in field.shape))
    return moment.view(wide) * data + path_spread(moment, field.sigma).view(wide) * noise
