"""An X-ray spectrum: an absorbed power law with an emission line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Final

import torch
from torch import Tensor

from infoloom.observations.renderers.base import Renderer
from infoloom.spec.flows.renderers import FORMS, RendererForm

__all__ = ["ENDS", "XraySpectrum", "energies"]

ENDS: Final = (0.5, 10.0)  # keV
_CROSS_SECTION: Final = 2.4  # 10⁻²² cm² a hydrogen atom at 1 keV
_SLOPE: Final = -2.6
_BACKGROUND: Final = 1e-3


def energies(bins: int) -> Tensor:
    """Centres of bins of equal ratios from 0.5 to 10 keV, (bins,), float64."""
    edges = torch.linspace(math.log(ENDS[0]), math.log(ENDS[1]), bins + 1, dtype=torch.float64)
    return torch.exp(0.5 * (edges[1:] + edges[:-1]))


class XraySpectrum(Renderer):
    """x(E) = log₁₀ [N E^(2 − Γ) exp(−N_H σ(E)) (1 + s exp(−(E − E₀)² / 2 w²)) + 10⁻³].

    The energy flux of a power law of photon index Γ behind a column N_H of gas with photoelectric cross section
    σ(E) = 2.4·10⁻²² (E / keV)^−2.6 cm² a hydrogen atom, which follows Morrison & McCammon (1983) from 0.5 to 10 keV in
    broad lines, with an emission line at E₀ and a background.
    """

    form: ClassVar[RendererForm] = FORMS["xray_spectrum"]

    def render(self, values: Mapping[str, Tensor]) -> Tensor:
        energy = energies(self.setup.size).to(values["norm"])
        norm, index, column, line, width, strength = (values[name][:, None] for name in self.form.names)
        continuum = norm * torch.exp((2.0 - index) * torch.log(energy))
        seen = torch.exp(-_CROSS_SECTION * column * energy**_SLOPE)
        bump = 1.0 + strength * torch.exp(-0.5 * ((energy - line) / width) ** 2)
        return torch.log10(continuum * seen * bump + _BACKGROUND)
