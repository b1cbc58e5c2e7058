"""Maps one after the other: what a composition of bijections and a rendering share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Final

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.injection import Injection

__all__ = [
    "check_fit",
    "forward",
    "inverse",
    "may_saturate",
    "move_back",
    "pull_back",
    "resolves",
    "run_together",
    "saturated",
]

Parts = Sequence[Injection]
_USUAL: Final = 3.5  # deviations; what lies further out `saturated` of a part counts
_RESOLVED: Final = 1e-3
_LOST: Final = 0.01
_PROBES: Final = 4


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


def move_back(parts: Parts, z: Tensor, change: Tensor) -> Tensor:
    """The move of latents behind a change of observations; see `Injection.move_back`."""
    points = _points(parts, z)
    for part, point in zip(reversed(parts), reversed(points), strict=True):
        change = part.move_back(point, change)
    return change


def pull_back(parts: Parts, z: Tensor, change: Tensor) -> Tensor:
    """The move of latents behind a small change of observations; see `Injection.pull_back`."""
    points = _points(parts, z)
    for part, point in zip(reversed(parts), reversed(points), strict=True):
        change = part.pull_back(point, change)
    return change


def _points(parts: Parts, z: Tensor) -> list[Tensor]:
    """What every part is given."""
    points = [z]
    for part in parts[:-1]:
        points.append(part.forward(points[-1]))
    return points


def may_saturate(parts: Parts) -> bool:
    """Whether `saturated` can be above 0."""
    early = parts[: _formulas(parts)]
    return any(part.may_saturate for part in parts) or any(part.componentwise for part in early)


def saturated(parts: Parts, z: Tensor) -> int:
    """How many numbers saturate on the way; parts after the last that may are not computed.

    Numbers that formulas of single components do not give back count too, such as those of a large shift: floating
    point lets them run together. Formulas behind a network or a renderer are looked at when they are built, by
    `resolves`.
    """
    early = _formulas(parts)
    last = max(
        (i for i, one in enumerate(parts) if one.may_saturate or (one.componentwise and i < early)),
        default=-1,
    )
    count = together = done = 0
    for alone, group in groupby(parts[: last + 1], key=lambda part: part.componentwise):
        segment = list(group)
        if alone and done < early:
            together += run_together(segment, z)
        for part in segment:
            count += part.saturated(z)
            z = part.forward(z)
        done += len(segment)
    return max(count, together)


def run_together(parts: Parts, z: Tensor) -> int:
    """How many numbers within 3.5 deviations do not come back to 0.001 deviations, from maps of single components."""
    if not z.numel():
        return 0
    size, center = torch.std_mean(z.double(), correction=0)
    back = inverse(parts, forward(parts, z)).double()
    usual = (z.double() - center).abs() <= _USUAL * size
    return int((usual & ~((back - z.double()).abs() <= _RESOLVED * size)).sum())


def resolves(parts: Parts) -> bool:
    """Whether maps of single components behind a network or a renderer give back what it makes, as computed."""
    early = _formulas(parts)
    if not any(part.componentwise for part in parts[early:]):
        return True
    z = torch.randn((_PROBES, *parts[0].shape_in), generator=torch.Generator().manual_seed(0))
    z = forward(parts[: early + 1], z.to(getattr(parts[early], "dtype", torch.float32)))
    for alone, group in groupby(parts[early + 1 :], key=lambda part: part.componentwise):
        segment = list(group)
        if alone and run_together(segment, z) > _LOST * z.numel():
            return False
        z = forward(segment, z)
    return True


def _formulas(parts: Parts) -> int:
    """How many parts come before the first network or renderer."""
    return next((i for i, part in enumerate(parts) if not part.by_formula), len(parts))
