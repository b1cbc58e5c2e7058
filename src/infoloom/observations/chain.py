"""Maps one after the other: what a composition of bijections and a rendering share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.injection import Injection

__all__ = ["check_fit", "forward", "inverse", "pull_back", "saturated"]

Parts = Sequence[Injection]


def check_fit(parts: Parts, what: str) -> None:
    """Refuse parts that do not take what the one before gives.

    Raises:
        FlowError: Shapes that do not fit.
    """
    for before, after in pairwise(parts):
        if before.shape_out != after.shape_in:
            raise FlowError(
                f"{what}: expected shapes that fit, got {before.shape_out} before {after.shape_in}."
            )


def forward(parts: Parts, z: Tensor) -> Tensor:
    """Latents (n, *shape_in) → observations (n, *shape_out)."""
    for part in parts:
        z = part.forward(z)
    return z


def inverse(parts: Parts, x: Tensor) -> Tensor:
    """Observations (n, *shape_out) → latents (n, *shape_in)."""
    for part in reversed(parts):
        x = part.inverse(x)
    return x


def pull_back(parts: Parts, z: Tensor, change: Tensor) -> Tensor:
    """The move of latents behind a small change of observations; see `Injection.pull_back`."""
    points = [z]
    for part in parts[:-1]:
        points.append(part.forward(points[-1]))
    for part, point in zip(reversed(parts), reversed(points), strict=True):
        change = part.pull_back(point, change)
    return change


def saturated(parts: Parts, z: Tensor) -> int:
    """How many numbers saturate on the way; parts after the last that may are not computed."""
    count, last = 0, max((i for i, part in enumerate(parts) if part.may_saturate), default=-1)
    for part in parts[: last + 1]:
        count += part.saturated(z)
        z = part.forward(z)
    return count
