"""The way back from an observation to the few numbers that made it: nearest of many, then Gauss–Newton."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from infoloom.observations.tangent import push_forward

__all__ = ["LeftInverse", "fit", "jacobians", "least_squares", "residuals"]

Render = Callable[[Tensor], Tensor]
BANK: Final = 8192
STARTS: Final = 40
STEPS: Final = 50
_SKETCH: Final = 128
_ROWS: Final = 8
_AT_BOUND: Final = 0.8  # of the way to the end of a range in one step
_STILL: Final = 1e-10  # of the way to the end of a range: the step after one this small is rounding
_CHANGE: Final = 1e-7
_STALLED: Final = 1e-5  # of the squares that are left: what is gained by a step at the bottom of a valley
_FOUND: Final = 1e-5  # of the spread of observations: above, a fit has stopped in a wrong place


def jacobians(render: Render, shares: Tensor) -> Tensor:
    """The Jacobian of every row, (n, m, k), by forward mode.

    Args:
        render: (n, k) → (n, …), each row on its own.
        shares: (n, k), float64.
    """

    every = torch.eye(shares.shape[1], dtype=shares.dtype, device=shares.device)
    columns = [push_forward(render, shares, one.expand_as(shares))[1].flatten(1) for one in every]
    return torch.stack(columns, dim=2)


def least_squares(jacobian: Tensor, change: Tensor) -> Tensor:
    """J⁺ e of every row, (n, k), for J (n, m, k) of full rank and e (n, m); columns are scaled to length 1 first."""
    length: Tensor = jacobian.norm(dim=1).clamp(min=1e-300)
    q, r = torch.linalg.qr(jacobian / length[:, None])
    solved: Tensor = torch.linalg.solve_triangular(r, q.mT @ change[:, :, None], upper=True)
    return solved[:, :, 0] / length


def residuals(render: Render, shares: Tensor, x: Tensor) -> Tensor:
    """Root mean square difference of every row's observation from x, (n,)."""
    parts = zip(torch.split(shares, _ROWS), torch.split(x, _ROWS), strict=True)
    found = [(render(one) - other).flatten(1).square().mean(dim=1).sqrt() for one, other in parts]
    return torch.cat(found) if found else shares.new_zeros(0)


def fit(render: Render, start: Tensor, x: Tensor, steps: int = STEPS) -> Tensor:
    """Shares whose observation is closest to x, near a start, by damped Gauss–Newton (Levenberg 1944, Marquardt 1963).

    Args:
        render: (n, k) → (n, …).
        start: (n, k), between 0 and 1.
        x: (n, …).
        steps: At most so many.

    Returns:
        (n, k), between 0 and 1.
    """
    found = start.clone()
    for i in range(0, len(start), _ROWS):
        part = slice(i, i + _ROWS)
        found[part] = _fit(render, start[part], x[part].flatten(1), steps)
    return found


def _fit(render: Render, shares: Tensor, x: Tensor, steps: int) -> Tensor:
    shares = shares.clone()
    damping = shares.new_full((len(shares),), 1e-3)
    left = x - render(shares).flatten(1)
    cost = left.square().sum(dim=1)
    open_rows = torch.arange(len(shares))
    for _ in range(steps):
        now, before = shares[open_rows], cost[open_rows]
        step = _damped(_differences(render, now), left[open_rows], damping[open_rows])
        moved = _inside(now, step)
        off = x[open_rows] - render(moved).flatten(1)
        reached = off.square().sum(dim=1)
        better = reached <= before
        taken = open_rows[better]
        shares[taken], left[taken], cost[taken] = moved[better], off[better], reached[better]
        eased = torch.where(better, damping[open_rows] * 0.02, damping[open_rows] * 10.0)
        damping[open_rows] = eased.clamp(1e-14, 1e9)
        still = (step.abs() <= _STILL * now.minimum(1.0 - now)).all(dim=1)
        stalled = better & (before - reached <= _STALLED * before)
        open_rows = open_rows[~(still | stalled | (eased > 1e8))]
        if not len(open_rows):
            break
    return shares


def _differences(render: Render, shares: Tensor) -> Tensor:
    """The Jacobian by differences, a third of the work: what it is off by only slows the last step."""
    rows, size = shares.shape
    change = torch.where(shares < 0.5, _CHANGE, -_CHANGE)
    moved = shares[:, None] + torch.diag_embed(change)
    every = torch.cat([shares[:, None], moved], dim=1).reshape(-1, size)
    made = render(every).reshape(rows, size + 1, -1)
    return ((made[:, 1:] - made[:, :1]) / change[:, :, None]).mT


def _damped(jacobian: Tensor, left: Tensor, damping: Tensor) -> Tensor:
    """The step of Marquardt, (JᵀJ + λ diag JᵀJ)⁻¹ Jᵀ e: the next step makes up for what rounding takes of this one."""
    length = jacobian.norm(dim=1).clamp(min=1e-300)
    scaled = jacobian / length[:, None]
    gram = scaled.mT @ scaled + damping[:, None, None] * torch.eye(jacobian.shape[2], dtype=left.dtype)
    step: Tensor = torch.linalg.solve(gram, scaled.mT @ left[:, :, None])[:, :, 0] / length
    return step


def _inside(shares: Tensor, step: Tensor) -> Tensor:
    """A step that stays between 0 and 1: each factor goes at most most of the way to its end."""
    room = torch.where(step > 0.0, 1.0 - shares, shares) * _AT_BOUND
    return shares + step.sign() * step.abs().minimum(room)


class LeftInverse:
    """x ↦ the shares that made it: starts are the nearest of many random observations, compared in random projections.

    Args:
        render: (n, k) → (n, …), injective.
        size: k.
    """

    def __init__(self, render: Render, size: int) -> None:
        self.render, self.size = render, size

    def __call__(self, x: Tensor) -> Tensor:
        """(n, …) → (n, k), between 0 and 1."""
        with torch.no_grad():
            bank, sketches, projection, spread = self.bank
            distance = torch.cdist(x.flatten(1).to(projection) @ projection, sketches)
            nearest = distance.topk(STARTS, largest=False).indices
            shares = fit(self.render, bank[nearest[:, 0]], x)
            off = residuals(self.render, shares, x)
            for attempt in range(1, STARTS):
                left = torch.nonzero(off > _FOUND * spread)[:, 0]
                if not len(left):
                    break
                again = fit(self.render, bank[nearest[left, attempt]], x[left])
                reached = residuals(self.render, again, x[left])
                better = reached < off[left]
                shares[left[better]], off[left[better]] = again[better], reached[better]
        return shares

    @functools.cached_property
    def bank(self) -> tuple[Tensor, Tensor, Tensor, float]:
        """Random shares (N, k), their observations projected, the projection (m, 128), and their spread."""
        generator = torch.Generator().manual_seed(0)
        shares = 1e-3 + 0.998 * torch.rand((BANK, self.size), generator=generator, dtype=torch.float64)
        first = self.render(shares[:_ROWS]).flatten(1)
        projection = torch.randn((first.shape[1], _SKETCH), generator=generator) / _SKETCH**0.5
        sketches = [self.render(part).flatten(1).float() @ projection for part in torch.split(shares, 256)]
        spread = float((first - first.mean(dim=0)).square().mean().sqrt())
        return shares, torch.cat(sketches), projection, spread
