"""A black hole's image: a ring that is brighter on one side, over a smooth glow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import torch
from torch import Tensor

from infoloom.observations.renderers.base import Renderer, across, pixel_grid
from infoloom.spec.flows.renderers import FORMS, RendererForm

__all__ = ["Ring"]

_SIGMAS: Final = 2.3548200450309493  # full widths at half maximum to standard deviations
_GLOW: Final = 0.12
_REACH: Final = 0.9  # of the diameter


class Ring(Renderer):
    """I(x, y) = B [exp(−(r − D/2)² / 2σ²) (1 + a cos(φ − φ₀)) + 0.12 exp(−r² / 2 (0.9 D)²)].

    r² = (x / (1 − e))² + y² with the ellipticity e; σ is the width over 2.355; B makes the ring's flux its factor: it
    is 1 for a round ring of 32 and 6 pixels of 64 with flux 1. The angle φ₀ counts anticlockwise from the right.
    """

    form: ClassVar[RendererForm] = FORMS["ring"]

    def render(self, values: Mapping[str, Tensor]) -> Tensor:
        x, y = pixel_grid(self.setup.size, values["flux"])
        distance = torch.sqrt(x**2 + y**2).clamp(min=1e-6)
        diameter, width, ellipticity = (across(values[name]) for name in ("diameter", "width", "ellipticity"))
        angle = across(values["angle"])
        radius = torch.sqrt((x / (1.0 - ellipticity)) ** 2 + y**2 + 1e-12)
        ridge = torch.exp(-0.5 * ((radius - 0.5 * diameter) * (_SIGMAS / width)) ** 2)
        side = (x * torch.cos(angle) + y * torch.sin(angle)) / distance
        glow = _GLOW * torch.exp(-0.5 * (radius / (_REACH * diameter)) ** 2)
        usual = 32.0 * 6.0 * (self.setup.size / 64) ** 2
        bright = across(values["flux"]) * usual / (diameter * width * (1.0 - ellipticity))
        return (bright * (ridge * (1.0 + across(values["asymmetry"]) * side) + glow))[:, None]
