"""Solving y + g(y) = x row by row: Anderson acceleration with guarded least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["Solution", "solve_step"]

MEMORY = 6
PATIENCE = 4  # evaluations without progress near the rounding floor
FAR, FAR_PATIENCE = (
    100.0,
    24,
)  # the same for rows that are still so many tolerances off: their search can pause


@dataclass(frozen=True)
class Solution:
    """The solution of every row, how far it is off, and what it took.

    Args:
        values: Solutions y, (n, d).
        error: max |y + g(y) − x| of each row relative to its size, (n,).
        evaluations: How often g was evaluated on the whole batch.
    """

    values: Tensor
    error: Tensor
    evaluations: int


def solve_step(
    increment: Callable[[Tensor], Tensor],
    goal: Tensor,
    *,
    tolerance: float,
    start: Tensor | None = None,
    limit: int = 100,
) -> Solution:
    """Solve y + g(y) = x for y.

    Each row keeps its own history and is frozen at its best point once it is within the tolerance, or has not come
    nearer in four evaluations (the rounding floor), in 24 while it is more than 100 tolerances off. So a row's solution
    does not depend on the rows beside it.

    Args:
        increment: g, maps (n, d) to (n, d), each row on its own.
        goal: x, (n, d).
        tolerance: Relative error at which a row is done.
        start: Where to start, (n, d); the goal if None.
        limit: Largest number of evaluations.

    Source:
        Walker and Ni, Anderson acceleration for fixed-point iterations (2011), unconstrained form.
    """
    size = goal.abs().amax(dim=1).clamp(min=1.0)
    point = goal if start is None else start
    best, best_error = point, torch.full_like(size, torch.inf)
    rounding = torch.finfo(goal.dtype).eps  # a far-off point may look like a solution by cancellation only
    history: list[tuple[Tensor, Tensor]] = []
    evaluations, stale = 0, torch.zeros_like(size)
    while evaluations < limit:
        residual = goal - point - increment(point)
        evaluations += 1
        error = (residual.abs().amax(dim=1) + rounding * point.abs().amax(dim=1)) / size
        better = error < best_error
        best = torch.where(better[:, None], point, best)
        best_error = torch.where(better, error, best_error)
        stale = torch.where(better, torch.zeros_like(stale), stale + 1)
        patience = torch.where(best_error > FAR * tolerance, FAR_PATIENCE, PATIENCE)
        active = (best_error > tolerance) & (stale < patience)
        if not bool(active.any()):
            break
        history = [*history[-MEMORY:], (point, residual)]
        point = torch.where(active[:, None], _accelerated(history), best)
    return Solution(best, best_error, evaluations)


def _accelerated(history: list[tuple[Tensor, Tensor]]) -> Tensor:
    """The next point: a plain step where the history is short or of no use."""
    point, residual = history[-1]
    if len(history) == 1:
        return point + residual
    moves = torch.stack([b[0] - a[0] for a, b in pairwise(history)], dim=1)
    changes = torch.stack([b[1] - a[1] for a, b in pairwise(history)], dim=1)
    wide = changes.double()
    lengths = wide.norm(dim=2, keepdim=True).clamp(min=torch.finfo(torch.float64).tiny)
    unit = wide / lengths
    gram = (unit[:, :, None, :] * unit[:, None, :, :]).sum(dim=3)
    right = (unit * residual.double()[:, None, :]).sum(dim=2)
    guard = 1e-14 if point.dtype == torch.float64 else 1e-8
    gram = gram + guard * torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    weights, failed = torch.linalg.solve_ex(gram, right)
    usable = (failed == 0) & weights.isfinite().all(dim=1)
    weights = torch.where(usable[:, None], weights, torch.zeros_like(weights)) / lengths[:, :, 0]
    moved: Tensor = (
        point + residual - ((moves + changes).double() * weights[:, :, None]).sum(dim=1).to(point.dtype)
    )
    return moved
