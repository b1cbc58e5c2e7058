"""y = x + noise, column by column: uniform + uniform and Cauchy + Cauchy, both in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

from infoloom.benchmark.meta.laws.base import Family, Float32, Frame, split
from infoloom.information.quantity import Quantity

__all__ = ["ADDITIVE", "AdditiveLaw", "width_of"]

_Array = NDArray[np.float64]
_MOST: Final = 6.0
_ROOT: Final = np.sqrt(12.0)


@dataclass(frozen=True)
class AdditiveLaw:
    """The first columns of y are those of x with noise of some width; all others are independent.

    Uniform on (0, 1) with noise uniform on (−ε, ε): I = 1/(4ε) for ε ≥ ½, else ε − log 2ε.
    Cauchy of scale 1 with noise Cauchy of scale γ: the sum is Cauchy of scale 1 + γ, so I = log(1 + 1/γ).
    """

    frame: Frame
    widths: _Array
    heavy: bool

    @property
    def truth(self) -> Quantity:
        """In closed form, summed over pairs (nats)."""
        w = self.widths
        each = np.log1p(1.0 / w) if self.heavy else np.where(w >= 0.5, 0.25 / w, w - np.log(2.0 * w))
        return Quantity(float(each.sum()))

    @property
    def discrete(self) -> tuple[bool, bool]:
        """Neither side."""
        return False, False

    @property
    def params(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {"noise": "cauchy" if self.heavy else "uniform", "widths": self.widths.tolist()}

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Float32, Float32]:
        """x (rows, dim_x) and y (rows, dim_y), columns of about unit width around 0."""
        pairs, widths = len(self.widths), self.widths.astype(np.float32)
        if self.heavy:
            x = rng.standard_cauchy((rows, self.frame.dim_x)).astype(np.float32)
            y = rng.standard_cauchy((rows, self.frame.dim_y)).astype(np.float32)
            y[:, :pairs] = (x[:, :pairs] + widths * y[:, :pairs]) / (1.0 + widths)
            return x, y
        x = rng.random((rows, self.frame.dim_x), dtype=np.float32) - np.float32(0.5)
        y = rng.random((rows, self.frame.dim_y), dtype=np.float32) - np.float32(0.5)
        y[:, :pairs] = (x[:, :pairs] + 2.0 * widths * y[:, :pairs]) / np.sqrt(1.0 + 4.0 * widths**2)
        return x * np.float32(_ROOT), y * np.float32(_ROOT)


def width_of(nats: _Array, heavy: bool) -> _Array:
    """Widths of the noise that leave so many nats, (n,): the inverses of the formulas above."""
    if heavy:
        return np.asarray(1.0 / np.expm1(nats))
    narrow = -lambertw(-0.5 * np.exp(-nats), 0).real  # ε e^(−ε) = e^(−nats) / 2
    return np.where(nats <= 0.5, 0.25 / nats, narrow)


def _sketch(rng: np.random.Generator, frame: Frame) -> AdditiveLaw:
    heavy = bool(rng.random() < 0.5)
    return AdditiveLaw(frame, width_of(split(rng, frame, _MOST), heavy), heavy)


def _settle(laws: Sequence[AdditiveLaw]) -> list[AdditiveLaw]:
    return list(laws)


ADDITIVE: Final = Family(_sketch, _settle, _MOST, _MOST)
