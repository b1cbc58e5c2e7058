"""The smallest eigenvalue of a matrix that is too large to form, at many points at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from infoloom.observations.tangent import push_forward

__all__ = ["Extreme", "smallest_eigenvalue"]

_NOTHING: Final = 1e-9


@dataclass(frozen=True)
class Extreme:
    """An extreme eigenvalue of a symmetric matrix, one for every row.

    Args:
        value: Ritz values, (n,); NaN where the matrix is not finite.
        residual: ‖S v − θ v‖ of their vectors, (n,): a true eigenvalue lies within it.
    """

    value: Tensor
    residual: Tensor


def smallest_eigenvalue(
    increment: Callable[[Tensor], Tensor], points: Tensor, *, rounds: int = 16, seed: int = 0
) -> Extreme:
    """Smallest eigenvalue of I + sym(Dg) at every point, by Lanczos with Jacobian–vector products only.

    Args:
        increment: g, maps (n, d) to (n, d), each row on its own.
        points: (n, d).
        rounds: Size of the Krylov space; all of the space where d is no larger.
        seed: Seed of the starting vectors.
    """
    back = torch.func.vjp(increment, points)[1]

    def symmetric(direction: Tensor) -> Tensor:
        forth = push_forward(increment, points, direction)[1]
        found: Tensor = direction + 0.5 * (forth + back(direction)[0])
        return found

    return _lanczos(symmetric, points, min(rounds, points.shape[1]), seed)


def _without(vector: Tensor, basis: list[Tensor]) -> Tensor:
    """The part of every row's vector that is orthogonal to its basis; twice is enough (Kahan)."""
    for _ in range(2):
        for known in basis:
            vector = vector - (vector * known).sum(dim=1, keepdim=True) * known
    return vector


def _lanczos(apply: Callable[[Tensor], Tensor], points: Tensor, rounds: int, seed: int) -> Extreme:
    """The smallest Ritz pair of a symmetric map on every row, with full reorthogonalisation."""
    generator = torch.Generator().manual_seed(seed)
    vector = torch.randn(points.shape, generator=generator).to(points)
    basis = [vector / vector.norm(dim=1, keepdim=True)]
    images: list[Tensor] = []
    for _ in range(rounds):
        images.append(apply(basis[-1]))
        rest = _without(images[-1], basis)
        length = rest.norm(dim=1, keepdim=True)
        if len(basis) == rounds or bool((length < _NOTHING).all()):
            break
        # What is left may be rounding alone, and then is not yet orthogonal to the basis in units of itself.
        fresh = _without(rest / length.clamp(min=_NOTHING), basis)
        left = fresh.norm(dim=1, keepdim=True)
        usable = (length >= _NOTHING) & (left > 0.5)
        basis.append(torch.where(usable, fresh / left.clamp(min=0.5), torch.zeros_like(fresh)))
    space, mapped = torch.stack(basis, dim=1).double(), torch.stack(images, dim=1).double()
    small = space @ mapped.transpose(1, 2)
    # Where a row's space is exhausted before the others', the empty vectors must not count as an eigenvalue 0.
    empty = space.norm(dim=2) < 0.5
    small = small + torch.diag_embed(empty * small[:, :1, 0])
    finite = small.isfinite().flatten(1).all(dim=1)
    small = torch.where(finite[:, None, None], small, torch.zeros_like(small))
    values, vectors = torch.linalg.eigh(0.5 * (small + small.transpose(1, 2)))
    values = torch.where(finite[:, None], values, torch.nan)
    weights = vectors[:, :, :1]
    ritz = (space * weights).sum(dim=1)
    image = (mapped * weights).sum(dim=1)
    return Extreme(values[:, 0], (image - values[:, :1] * ritz).norm(dim=1))
