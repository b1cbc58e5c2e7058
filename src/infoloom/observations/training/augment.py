"""Changes that leave a row a row of its kind: mirror images and turns of pictures, amplitude and shift of signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from infoloom.errors import FlowError

__all__ = ["AUGMENTATIONS", "augment", "check_augmentation"]

_AMPLITUDE: Final = 0.05  # standard deviation of the logarithm of the factor
_SHIFT: Final = 1  # samples


def check_augmentation(name: str, shape: tuple[int, ...]) -> None:
    """Refuse an augmentation that rows of this shape cannot have.

    Raises:
        FlowError: Unknown, or for rows of another kind.
    """
    if name not in AUGMENTATIONS:
        raise FlowError(f"augmentation `{name}`: expected one of {', '.join(AUGMENTATIONS)}.")
    picture = len(shape) == 3
    if name in ("mirror", "dihedral", "rotate") and not picture:
        raise FlowError(
            f"augmentation `{name}`: expected pictures, got rows of shape {shape}. Choose amplitude or shift."
        )
    if name in ("dihedral", "rotate") and shape[1] != shape[2]:
        raise FlowError(f"augmentation `{name}`: expected square pictures, got shape {shape}. Choose mirror.")
    if name in ("amplitude", "shift") and picture:
        raise FlowError(
            f"augmentation `{name}`: expected signals or vectors, got shape {shape}. Choose mirror or rotate."
        )


def augment(name: str, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Rows after a random change of the kind.

    Args:
        name: See `AUGMENTATIONS`.
        rows: (n, *shape), 0 where the data have their center.
        generator: Of the random numbers, on the device of the rows.

    Returns:
        (n, *shape).
    """
    return AUGMENTATIONS[name](rows, generator)


def _mirror(rows: Tensor, generator: torch.Generator) -> Tensor:
    return torch.where(_half(rows, generator), rows.flip(-1), rows)


def _dihedral(rows: Tensor, generator: torch.Generator) -> Tensor:
    """One of the eight turns and mirror images that keep a square grid: exact."""
    rows = torch.where(_half(rows, generator), rows.flip(-1), rows)
    rows = torch.where(_half(rows, generator), rows.flip(-2), rows)
    return torch.where(_half(rows, generator), rows.transpose(-1, -2), rows)


def _rotate(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Any angle, by cubic interpolation, which blurs a little; beyond the edge the picture is mirrored."""
    angle = 2.0 * torch.pi * torch.rand(len(rows), generator=generator, device=rows.device)
    turned, zero = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]), torch.zeros_like(angle)
    matrix = torch.stack([turned[0], turned[1], zero, turned[2], turned[3], zero], dim=1).view(-1, 2, 3)
    grid = functional.affine_grid(matrix, list(rows.shape), align_corners=False)
    found = functional.grid_sample(rows, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return _mirror(found.clamp(float(rows.min()), float(rows.max())), generator)


def _amplitude(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Multiplied by a factor near 1."""
    drawn = torch.randn(len(rows), generator=generator, device=rows.device)
    return rows * torch.exp(_AMPLITUDE * drawn).view(-1, *(1 for _ in rows.shape[1:]))


def _shift(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Moved by part of a sample at most, by linear interpolation; the ends are repeated."""
    by = _SHIFT * (2.0 * torch.rand(len(rows), generator=generator, device=rows.device) - 1.0)
    by = by.view(-1, *(1 for _ in rows.shape[1:]))
    left = torch.cat([rows[..., :1], rows[..., :-1]], dim=-1)
    right = torch.cat([rows[..., 1:], rows[..., -1:]], dim=-1)
    return rows + by.clamp(min=0.0) * (left - rows) + (-by).clamp(min=0.0) * (right - rows)


def _half(rows: Tensor, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(len(rows), generator=generator, device=rows.device) < 0.5
    return drawn.view(-1, *(1 for _ in rows.shape[1:]))


AUGMENTATIONS: Final[dict[str, Callable[[Tensor, torch.Generator], Tensor]]] = {
    "none": lambda rows, generator: rows,
    "mirror": _mirror,
    "dihedral": _dihedral,
    "rotate": _rotate,
    "amplitude": _amplitude,
    "shift": _shift,
}
