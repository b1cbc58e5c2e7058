"""How an observation moves when its latent does: forward differentiation through a bijection."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor, func

from infoloom.errors import FlowError

if TYPE_CHECKING:
    from infoloom.bijections.base import Bijection

__all__ = ["push_forward", "tangent"]


def tangent(bijection: Bijection, z: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """f(z) and the derivative of f at z along a direction, J_f(z) v, in one forward pass.

    Args:
        bijection: f.
        z: Latents, (n, *shape_in).
        direction: v, one for every row, of the shape and type of z.

    Returns:
        Observations and their derivatives, each (n, *shape_out).

    Raises:
        FlowError: Directions of another shape.

    Example:
        >>> import torch
        >>> from infoloom.bijections import build
        >>> tangent(build("vector(2) | cube"), torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]]))[1]
        tensor([[3., 0.]])
    """
    if direction.shape != z.shape or direction.dtype != z.dtype:
        raise FlowError(
            f"directions of shape `{tuple(direction.shape)}` and {direction.dtype}: expected {tuple(z.shape)} and "
            f"{z.dtype}, one direction for every row."
        )
    return push_forward(bijection.forward, z, direction)


def push_forward(
    function: Callable[[Tensor], Tensor], points: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Values of any map and its Jacobian times a direction, at every point."""
    with warnings.catch_warnings():
        # What torch loads on first use tells its own developers of things they deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        values, moved = func.jvp(function, (points,), (direction,))[:2]
    return values, moved
