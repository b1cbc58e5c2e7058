"""A sung tone that one can listen to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Final

import torch
from torch import Tensor

from infoloom.observations.renderers.base import Renderer
from infoloom.spec.flows.renderers import FORMS, RendererForm

__all__ = ["RATE", "Tone"]

RATE: Final = 8000  # samples a second
_VIBRATO: Final = 5.5  # Hz
_DECAY: Final = 0.5  # seconds


class Tone(Renderer):
    """x(t) = L (1 − q²) Σ_k q^(k−1) sin kθ(t) · (1 − exp(−t / a)) exp(−t / 0.5 s), in closed form.

    Σ_k q^(k−1) sin kθ = sin θ / (1 − 2 q cos θ + q²): each partial is q times the one before. The pitch f swings by the
    vibrato v around itself: θ = 2π f [t + v (1 − cos 2π 5.5 t) / 2π 5.5]. L is the loudness, a the attack.
    """

    form: ClassVar[RendererForm] = FORMS["tone"]

    def render(self, values: Mapping[str, Tensor]) -> Tensor:
        time = (
            torch.arange(self.setup.size, dtype=values["pitch"].dtype, device=values["pitch"].device) / RATE
        )
        pitch, loudness, tilt, attack, vibrato = (values[name][:, None] for name in self.form.names)
        swing = (1.0 - torch.cos(2.0 * math.pi * _VIBRATO * time)) / (2.0 * math.pi * _VIBRATO)
        angle = 2.0 * math.pi * pitch * (time + vibrato * swing)
        partials = torch.sin(angle) * (1.0 - tilt**2) / (1.0 - 2.0 * tilt * torch.cos(angle) + tilt**2)
        return loudness * partials * (1.0 - torch.exp(-time / attack)) * torch.exp(-time / _DECAY)
