"""Maps of every component on its own; each changes marginals and no information."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.base import Bijection

__all__ = ["Affine", "Asinh", "Cdf", "Identity", "Power"]


class _Elementwise(Bijection):
    """A map of each component; subclasses give the curve, its inverse and the logarithm of its slope."""

    by_formula = True
    componentwise = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape_in = self.shape_out = tuple(shape)

    def forward(self, z: Tensor) -> Tensor:
        return self._curve(self.check_input(z))

    def inverse(self, x: Tensor) -> Tensor:
        return self._inverse_curve(self.check_output(x))

    def log_det(self, z: Tensor) -> Tensor:
        return self._log_slope(self.check_input(z)).flatten(1).sum(dim=1)

    def move_back(self, z: Tensor, change: Tensor) -> Tensor:
        moved = self.inverse(self.forward(z) + change) - z
        return torch.where(moved.isfinite(), moved, self.pull_back(z, change))  # outside of the curve's range

    def _curve(self, z: Tensor) -> Tensor:
        raise NotImplementedError

    def _inverse_curve(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _log_slope(self, z: Tensor) -> Tensor:
        raise NotImplementedError


class Identity(Bijection):
    """Latents as they are, in another shape."""

    by_formula = True

    def __init__(self, shape_in: tuple[int, ...], shape_out: tuple[int, ...]) -> None:
        self.shape_in, self.shape_out = tuple(shape_in), tuple(shape_out)

    def forward(self, z: Tensor) -> Tensor:
        return self.check_input(z).reshape(-1, *self.shape_out)

    def inverse(self, x: Tensor) -> Tensor:
        return self.check_output(x).reshape(-1, *self.shape_in)

    def log_det(self, z: Tensor) -> Tensor:
        return z.new_zeros(len(self.check_input(z)))


class Affine(_Elementwise):
    """x = shift + scale · z."""

    def __init__(self, shape: tuple[int, ...], scale: float = 1.0, shift: float = 0.0) -> None:
        super().__init__(shape)
        self.scale, self.shift = _nonzero("affine", "scale", scale), float(shift)

    def _curve(self, z: Tensor) -> Tensor:
        return self.shift + self.scale * z

    def _inverse_curve(self, x: Tensor) -> Tensor:
        return (x - self.shift) / self.scale

    def _log_slope(self, z: Tensor) -> Tensor:
        return torch.full_like(z, math.log(abs(self.scale)))


class Asinh(_Elementwise):
    """x = asinh(scale · z) / scale: the astronomer's stretch, linear at the centre and logarithmic in the wings."""

    def __init__(self, shape: tuple[int, ...], scale: float = 1.0) -> None:
        super().__init__(shape)
        self.scale = _positive("asinh", "scale", scale)

    def _curve(self, z: Tensor) -> Tensor:
        return torch.asinh(self.scale * z) / self.scale

    def _inverse_curve(self, x: Tensor) -> Tensor:
        return torch.sinh(self.scale * x) / self.scale

    def _log_slope(self, z: Tensor) -> Tensor:
        return -0.5 * torch.log1p((self.scale * z) ** 2)


class Power(_Elementwise):
    """x = sign(z) · |z|^exponent: long tails above 1, short ones below; `cube` is 3, `half_cube` is 3/2."""

    def __init__(self, shape: tuple[int, ...], exponent: float = 3.0) -> None:
        super().__init__(shape)
        self.exponent = _positive("power", "exponent", exponent)

    may_saturate = True

    def saturated(self, z: Tensor) -> int:
        x = self.forward(z)
        tiny = torch.finfo(x.dtype).tiny
        return int(((x.abs() < tiny) | ~x.isfinite()).sum())

    def _curve(self, z: Tensor) -> Tensor:
        return torch.copysign(z.abs().pow(self.exponent), z)

    def _inverse_curve(self, x: Tensor) -> Tensor:
        return torch.copysign(x.abs().pow(1.0 / self.exponent), x)

    def _log_slope(self, z: Tensor) -> Tensor:
        return math.log(self.exponent) + (self.exponent - 1.0) * z.abs().log()


class Cdf(_Elementwise):
    """x = Φ(z), the normal distribution function: every marginal becomes uniform, the copula stays.

    Floating point resolves values near 1 coarsely: in float32 latents above about 5 run together (one in 3 million).
    """

    def _curve(self, z: Tensor) -> Tensor:
        share: Tensor = 0.5 * torch.special.erfc(
            -math.sqrt(0.5) * z.double()
        )  # ndtr of torch is 0 below −8.3
        return share.to(z.dtype)

    def _inverse_curve(self, x: Tensor) -> Tensor:
        quantile: Tensor = torch.special.ndtri(x.double())
        return quantile.to(x.dtype)

    def _log_slope(self, z: Tensor) -> Tensor:
        return -0.5 * z**2 - 0.5 * math.log(2.0 * math.pi)

    may_saturate = True

    def saturated(self, z: Tensor) -> int:
        x = self.forward(z)
        return int(((x <= 0.0) | (x >= 1.0)).sum())

    def certificate(self) -> Mapping[str, Any]:
        """Exact, with the range that float32 resolves."""
        return {"kind": "exact", "passes": True, "float32_resolves": [-12.0, 5.0]}


def _positive(name: str, argument: str, value: float) -> float:
    if not (isinstance(value, int | float) and math.isfinite(value) and value > 0.0):
        raise FlowError(
            f"flow `{name}({argument}={value})`: expected a number above 0, because the map must be invertible."
        )
    return float(value)


def _nonzero(name: str, argument: str, value: float) -> float:
    if not (isinstance(value, int | float) and math.isfinite(value) and value != 0.0):
        raise FlowError(
            f"flow `{name}({argument}={value})`: expected a number other than 0, because the map must be invertible."
        )
    return float(value)
