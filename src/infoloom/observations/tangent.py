"""How an observation moves when its latent does: along a direction, or along every one."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, func

from infoloom.errors import FlowError

__all__ = ["jacobian", "push_forward", "tangent"]

CHUNK = 32


def tangent(forward: Callable[[Tensor], Tensor], z: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """f(z) and the derivative of f at z along a direction, J_f(z) v, in one forward pass.

    Args:
        forward: f, the `forward` of a map.
        z: Latents, (n, *shape_in).
        direction: v, one for every row, of the shape and type of z.

    Returns:
        Observations and their derivatives, each (n, *shape_out).

    Raises:
        FlowError: Directions of another shape.

    Example:
        >>> import torch
        >>> from infoloom.observations import build
        >>> tangent(build("vector(2) | cube").forward, torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]]))[1]
        tensor([[3., 0.]])
    """
    if direction.shape != z.shape or direction.dtype != z.dtype:
        raise FlowError(
            f"directions of shape `{tuple(direction.shape)}` and {direction.dtype}: expected {tuple(z.shape)} and "
            f"{z.dtype}, one direction for every row."
        )
    return push_forward(forward, z, direction)


def push_forward(
    function: Callable[[Tensor], Tensor], points: Tensor, direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Values of any map and its Jacobian times a direction, at every point."""
    with warnings.catch_warnings():
        # What torch loads on first use tells its own developers of things they deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        values, moved = func.jvp(function, (points,), (direction,))[:2]
    return values, moved


def jacobian(function: Callable[[Tensor], Tensor], row: Tensor) -> Tensor:
    """The whole Jacobian of a map at one row: one pass forth, then back for 32 components at a time.

    Args:
        function: Maps (1, *shape) to (1, …).
        row: (*shape).

    Returns:
        (components of the image, components of the row).
    """
    with torch.enable_grad():
        point = row.detach()[None].clone().requires_grad_()
        image = function(point).flatten()
        every = torch.eye(len(image), dtype=image.dtype, device=image.device)
        parts = [
            torch.autograd.grad(image, point, chosen, is_grads_batched=True, retain_graph=True)[0].flatten(1)
            for chosen in torch.split(every, CHUNK)
        ]
    return torch.cat(parts)
