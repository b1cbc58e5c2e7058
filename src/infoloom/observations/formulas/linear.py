"""Linear bijections: rotation, permutation, blockwise whitening, coupling."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.foreign.plain import whole
from infoloom.observations.base import Bijection
from infoloom.observations.batching import in_fixed_batches

__all__ = ["Permutation", "Rotation", "Whitening", "WhitenerLike"]

ROTATION_LIMIT = 8192


class WhitenerLike(Protocol):
    """What a story's whitener offers: an orthonormal basis V (r, d), the map in its span (r, r), a factor
    outside it."""

    @property
    def basis(self) -> NDArray[np.float64]: ...
    @property
    def in_span(self) -> NDArray[np.float64]: ...
    @property
    def complement(self) -> float: ...


class Rotation(Bijection):
    """x = Q z with a random orthogonal matrix Q: spreads every component over all of them.

    Args:
        shape: Shape of one row.
        seed: Seed of the matrix.

    Raises:
        FlowError: More than 8192 components.
    """

    by_formula = True

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.shape_in = self.shape_out = tuple(shape)
        size = math.prod(shape)
        if size > ROTATION_LIMIT:
            raise FlowError(
                f"flow `rotation` of `{size}` components: expected at most {ROTATION_LIMIT}, because its matrix is "
                "dense. Take `permutation` instead."
            )
        normal = seeded("rotation", seed).standard_normal((size, size))
        basis, upper = np.linalg.qr(normal)
        self.matrix = torch.from_numpy(basis * np.sign(np.diag(upper)))

    def forward(self, z: Tensor) -> Tensor:
        return self._turn(self.check_input(z), self.matrix.T)

    def inverse(self, x: Tensor) -> Tensor:
        return self._turn(self.check_output(x), self.matrix)

    def log_det(self, z: Tensor) -> Tensor:
        return z.new_zeros(len(self.check_input(z)))

    def _turn(self, values: Tensor, matrix: Tensor) -> Tensor:
        placed = matrix.to(values.device)
        turned = in_fixed_batches(lambda rows: rows.double() @ placed, values.flatten(1), _batch(len(matrix)))
        return turned.to(values.dtype).view(values.shape)


class Permutation(Bijection):
    """The same components in a random order.

    Args:
        shape: Shape of one row.
        seed: Seed of the order.
    """

    by_formula = True

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.shape_in = self.shape_out = tuple(shape)
        self.order = torch.from_numpy(seeded("permutation", seed).permutation(math.prod(shape)))
        self.back = torch.argsort(self.order)

    def forward(self, z: Tensor) -> Tensor:
        return self.check_input(z).flatten(1)[:, self.order.to(z.device)].view(z.shape)

    def inverse(self, x: Tensor) -> Tensor:
        return self.check_output(x).flatten(1)[:, self.back.to(x.device)].view(x.shape)

    def log_det(self, z: Tensor) -> Tensor:
        return z.new_zeros(len(self.check_input(z)))


class Whitening(Bijection):
    """Blockwise whitening, W z = c (z − VᵀV z) + Vᵀ M V z: correlated latents become N(0, I), information stays.

    Args:
        whitener: Basis V (r, d), in-span map M (r, r), complement factor c; a `centre` (r,), if it has one, is
            the mean of z in the span and is taken off first.

    Raises:
        FlowError: A singular map.
    """

    by_formula = True

    def __init__(self, whitener: WhitenerLike) -> None:
        basis = np.asarray(whitener.basis, dtype=np.float64)
        in_span = np.asarray(whitener.in_span, dtype=np.float64)
        self.complement = float(whitener.complement)
        rank, size = basis.shape
        sign, log_det = np.linalg.slogdet(in_span) if rank else (1.0, 0.0)
        if sign == 0.0 or not self.complement > 0.0 or not math.isfinite(log_det):
            raise FlowError(
                "whitening: expected an invertible map, got a singular one. Give the latents noise of their own."
            )
        self.shape_in = self.shape_out = (size,)
        self.basis = torch.from_numpy(basis)
        self.shift = torch.from_numpy(in_span - self.complement * np.eye(rank))
        self.inverse_shift = torch.from_numpy(np.linalg.inv(in_span) - np.eye(rank) / self.complement)
        centre = getattr(whitener, "centre", None)
        inside = np.zeros(rank) if centre is None else np.asarray(centre, dtype=np.float64)
        self.centre = torch.from_numpy(inside @ basis)
        self.image = torch.from_numpy(in_span @ inside @ basis)
        self.constant = (size - rank) * math.log(self.complement) + float(log_det)

    def forward(self, z: Tensor) -> Tensor:
        return self._map(self.check_input(z), self.complement, self.shift, -self.image)

    def inverse(self, x: Tensor) -> Tensor:
        return self._map(self.check_output(x), 1.0 / self.complement, self.inverse_shift, self.centre)

    def log_det(self, z: Tensor) -> Tensor:
        return torch.full_like(self.check_input(z)[:, 0], self.constant)

    def _map(self, values: Tensor, factor: float, shift: Tensor, added: Tensor) -> Tensor:
        basis, moved, centre = (part.to(values.device) for part in (self.basis, shift.T, added))

        def rows(part: Tensor) -> Tensor:
            wide = part.double()
            return (factor * wide + wide @ basis.T @ moved @ basis + centre).to(part.dtype)

        return in_fixed_batches(rows, values, _batch(self.dim))


def _batch(dim: int) -> int:
    """Rows of a fixed batch: a power of two, fewer where rows are long."""
    return int(min(4096, max(16, 2 ** math.floor(math.log2(2**18 / dim + 1)))))


def seeded(name: str, seed: int) -> np.random.Generator:
    """Where the random numbers of a map come from.

    Raises:
        FlowError: A seed that is none.
    """
    if (number := whole(seed)) is None or number < 0:
        raise FlowError(f"flow `{name}(seed={seed})`: expected a whole number that is not negative.")
    return np.random.default_rng(number)
