"""The strain of a compact binary that spirals in, at leading order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import torch
from torch import Tensor

from infoloom.observations.renderers.base import Renderer
from infoloom.spec.flows.renderers import FORMS, RendererForm

__all__ = ["Chirp"]

_SUN: Final = 4.925490947e-6  # G M☉ / c³, seconds
_MPC: Final = 1.0292712503e14  # seconds of light travel
_UNIT: Final = 1e-21
_TAPER: Final = 0.004  # seconds


class Chirp(Renderer):
    """h(t) = (m^(5/4) / d) (5 / τ)^(1/4) cos[φ − 2 (τ / 5 m)^(5/8)], τ = t_c − t, m = G M / c³.

    The quadrupole formula for a circular binary seen face on, chirp mass M and distance d (in seconds of light). Near
    the merger τ is bent smoothly to a positive number and the strain fades within about 10 ms: the formula would
    diverge. One second, in 10⁻²¹.

    Source: Maggiore (2008), Gravitational Waves 1, equations 4.31 and 4.32.
    """

    form: ClassVar[RendererForm] = FORMS["chirp"]

    def render(self, values: Mapping[str, Tensor]) -> Tensor:
        samples = self.setup.size
        time = torch.arange(samples, dtype=values["mass"].dtype, device=values["mass"].device) / samples
        mass, merger, phase, distance = (values[name][:, None] for name in self.form.names)
        left = (merger - time) / _TAPER
        until = _TAPER * torch.nn.functional.softplus(left) + 1e-9
        seconds = mass * _SUN
        size = seconds**1.25 / (distance * _MPC * _UNIT) * (5.0 / until) ** 0.25
        turned = phase - 2.0 * (until / (5.0 * seconds)) ** 0.625
        return size * torch.cos(turned) * torch.sigmoid(2.0 * left - 3.0)
