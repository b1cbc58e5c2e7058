"""Where a flow's steps go: finer near the data, where the velocity bends most."""

from __future__ import annotations

import math

from infoloom.errors import FlowError

__all__ = ["step_grid"]


def step_grid(steps: int, sigma: float, bend: float = 1.0) -> tuple[float, ...]:
    """Times 0 = t_0 < … < t_K = 1 between even (bend 0) and geometric in the path's width s(t) (bend 1).

    With s(t) = 1 − (1 − σ)t the exact velocity obeys sym(Dv) ≥ −(1 − σ) / s(t), so an Euler step from s_k to
    s_{k+1} keeps its
    smallest eigenvalue at or above s_{k+1} / s_k; geometric widths make that bound the same, σ^(1/K), for every step.

    Args:
        steps: Number of steps K.
        sigma: Width of the path at t = 1.
        bend: Share of the geometric grid.

    Raises:
        FlowError: No steps, or a width or bend outside (0, 1).

    Example:
        >>> [round(t, 2) for t in step_grid(4, 0.0625)]
        [0.0, 0.53, 0.8, 0.93, 1.0]
    """
    if steps < 1 or not 0.0 < sigma < 1.0 or not 0.0 <= bend <= 1.0:
        raise FlowError(
            f"step grid `steps={steps}, sigma={sigma}, bend={bend}`: expected steps ≥ 1, sigma and bend within 0 to 1."
        )
    geometric = [(1.0 - math.exp(math.log(sigma) * k / steps)) / (1.0 - sigma) for k in range(steps + 1)]
    times = [bend * bent + (1.0 - bend) * k / steps for k, bent in enumerate(geometric)]
    return (0.0, *times[1:-1], 1.0)
