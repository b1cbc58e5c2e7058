"""Views of a row for objectives that compare a row with itself: noise, and a block of it erased."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["view"]


def view(
    scaled: Mapping[str, Tensor], generator: torch.Generator, *, noise: float, erased: float
) -> dict[str, Tensor]:
    """Another look at standardised rows.

    Values get normal noise. Of each row a block with a random place is set to the mean, 0: a rectangle of a picture, a
    stretch of a signal or a vector, as a share of the values; of words each is set to 0 with that probability. What a
    view hides is information that an objective is told not to need.

    Args:
        scaled: Modality → standardised rows (n, *shape), or token ids (n, length).
        generator: Of noise and places.
        noise: Standard deviation of the noise.
        erased: Share that is erased, from 0 to below 1.
    """
    return {
        name: _words(rows, generator, erased)
        if rows.dtype == torch.int64
        else _values(rows, generator, noise, erased)
        for name, rows in scaled.items()
    }


def _words(rows: Tensor, generator: torch.Generator, erased: float) -> Tensor:
    kept = torch.rand(rows.shape, generator=generator, device=rows.device) >= erased
    return rows * kept


def _values(rows: Tensor, generator: torch.Generator, noise: float, erased: float) -> Tensor:
    drawn = torch.randn(rows.shape, generator=generator, device=rows.device, dtype=rows.dtype)
    sides = rows.shape[2:] or rows.shape[1:]
    inside = torch.ones(len(rows), *(1 for _ in rows.shape[1:]), dtype=torch.bool, device=rows.device)
    share = erased ** (1.0 / len(sides))
    for axis, side in enumerate(sides, rows.ndim - len(sides)):
        length = round(share * side)
        first = torch.rand(len(rows), generator=generator, device=rows.device) * (side - length + 1)
        place = torch.arange(side, device=rows.device) - first.floor().view(-1, 1)
        within = (place >= 0) & (place < length)
        inside = inside & within.view(len(rows), *(side if at == axis else 1 for at in range(1, rows.ndim)))
    return torch.where(inside, 0.0, rows + noise * drawn) if math.prod(sides) > 1 else rows + noise * drawn
