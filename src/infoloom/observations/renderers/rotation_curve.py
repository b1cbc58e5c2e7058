"""A galaxy's rotation curve: an exponential disc in an isothermal halo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import torch
from torch import Tensor
from torch.special import i0e, i1e, scaled_modified_bessel_k0, scaled_modified_bessel_k1

from infoloom.observations.renderers.base import Renderer
from infoloom.spec.flows.renderers import FORMS, RendererForm

__all__ = ["ENDS", "RotationCurve", "disc_profile", "radii"]

ENDS: Final = (0.5, 40.0)  # kpc
_G: Final = 4.30091e-6  # kpc (km/s)² / M☉
_UNIT: Final = 100.0  # km/s


def radii(points: int) -> Tensor:
    """Radii at equal distances from 0.5 to 40 kpc, (points,), float64."""
    return torch.linspace(*ENDS, points, dtype=torch.float64)


class _Disc(torch.autograd.Function):
    """y² (I₀ K₀ − I₁ K₁) with its slope 2 y I₀ K₀ + 2 y² (I₁ K₀ − I₀ K₁).

    PyTorch has no derivative of its scaled Bessel functions K: in forward mode it gives zero without a word.
    """

    @staticmethod
    def forward(y: Tensor) -> tuple[Tensor, Tensor]:
        zeroth, first = i0e(y), i1e(y)
        k_zeroth, k_first = scaled_modified_bessel_k0(y), scaled_modified_bessel_k1(y)
        value = y**2 * (zeroth * k_zeroth - first * k_first)
        return value, 2.0 * y * zeroth * k_zeroth + 2.0 * y**2 * (first * k_zeroth - zeroth * k_first)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx: Any, change: Tensor, _: Any) -> Tensor:
        slope: Tensor = ctx.saved_tensors[0]
        return change * slope

    @staticmethod
    def jvp(ctx: Any, direction: Tensor) -> tuple[Tensor, None]:
        slope: Tensor = ctx.saved_tensors[0]
        return direction * slope, None


def disc_profile(y: Tensor) -> Tensor:
    """y² [I₀(y) K₀(y) − I₁(y) K₁(y)], the square of a thin exponential disc's velocity in units of 2 G M / R_d.

    Args:
        y: R / 2 R_d, any shape.

    Source: Freeman (1970), equation 10.
    """
    value: Tensor = _Disc.apply(y)[0]  # type: ignore[no-untyped-call]
    return value


class RotationCurve(Renderer):
    """v²(R) = (2 G M / R_d) y² [I₀ K₀ − I₁ K₁](y) + v_h² [1 − (r_c / R) arctan(R / r_c)], y = R / 2 R_d.

    A thin exponential disc (Freeman 1970) and a pseudo-isothermal halo, in 100 km/s from 0.5 to 40 kpc. The usual
    ranges are those of large spirals of SPARC (Lelli, McGaugh & Schombert 2016), but halo cores are kept large: behind
    a small one disc and halo could trade places.
    """

    form: ClassVar[RendererForm] = FORMS["rotation_curve"]

    def render(self, values: Mapping[str, Tensor]) -> Tensor:
        radius = radii(self.setup.size).to(values["disc"])
        disc, scale, halo, core = (values[name][:, None] for name in self.form.names)
        mass = torch.pow(10.0, disc)
        inner = 2.0 * _G * mass / scale * disc_profile(radius / (2.0 * scale))
        outer = halo**2 * (1.0 - core / radius * torch.atan(radius / core))
        return torch.sqrt(inner + outer) / _UNIT
