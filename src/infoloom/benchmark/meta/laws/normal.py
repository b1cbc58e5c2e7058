"""Canonical Gaussian pairs, and the same pairs divided by a common random scale: Student-t."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from infoloom.benchmark.meta.laws.base import Family, Float32, Frame, rising, split
from infoloom.information.quantity import Quantity

__all__ = ["GAUSSIAN", "STUDENT", "NormalLaw", "canonical_pairs"]

_Array = NDArray[np.float64]
_MOST: Final = 8.0  # nats a pair: what is left of y then is far above the rounding of float32
_FREEDOM: Final = (1.0, 200.0)


@dataclass(frozen=True)
class NormalLaw:
    """Standard normal columns; columns i of x and of y share `nats[i]`; a Student-t law where `freedom` is given.

    I = Σ nats_i + c(ν), c(ν) = f(ν) + f(ν + m + n) − f(ν + m) − f(ν + n), f(x) = log Γ(x/2) − (x/2) ψ(x/2).

    Source:
        Arellano-Valle, Contreras-Reyes and Genton 2013 (entropies of the Student-t law).
    """

    frame: Frame
    nats: _Array
    freedom: float | None = None

    @property
    def truth(self) -> Quantity:
        """In closed form (nats)."""
        extra = (
            0.0 if self.freedom is None else float(common_scale(np.array([self.freedom]), [self.frame])[0])
        )
        return Quantity(float(self.nats.sum()) + extra)

    @property
    def heavy(self) -> bool:
        """Student-t rows of three degrees of freedom or fewer."""
        return self.freedom is not None and self.freedom <= 3.0

    @property
    def discrete(self) -> tuple[bool, bool]:
        """Neither side."""
        return False, False

    @property
    def params(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {"pairs": self.nats.tolist(), **({"freedom": self.freedom} if self.freedom else {})}

    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Float32, Float32]:
        """x (rows, dim_x) and y (rows, dim_y)."""
        x, y = canonical_pairs(rng, rows, self.frame, self.nats)
        if self.freedom is None:
            return x, y
        scale = np.sqrt(self.freedom / rng.chisquare(self.freedom, (rows, 1))).astype(np.float32)
        return x * scale, y * scale


def canonical_pairs(
    rng: np.random.Generator, rows: int, frame: Frame, nats: _Array
) -> tuple[Float32, Float32]:
    """Standard normal columns, the first of x and y correlated by ρ² = 1 − exp(−2 nats)."""
    x = rng.standard_normal((rows, frame.dim_x), dtype=np.float32)
    y = rng.standard_normal((rows, frame.dim_y), dtype=np.float32)
    pairs = len(nats)
    if pairs:
        rho = np.sqrt(-np.expm1(-2.0 * nats)).astype(np.float32)
        y[:, :pairs] = rho * x[:, :pairs] + np.exp(-nats).astype(np.float32) * y[:, :pairs]
    return x, y


def common_scale(freedom: _Array, frames: Sequence[Frame]) -> _Array:
    """Nats that the common scale adds, c(ν), one a frame (n,)."""
    m = np.array([frame.dim_x for frame in frames], dtype=np.float64)
    n = np.array([frame.dim_y for frame in frames], dtype=np.float64)
    return np.asarray(_f(freedom) + _f(freedom + m + n) - _f(freedom + m) - _f(freedom + n))


def _f(x: _Array) -> _Array:
    return np.asarray(gammaln(x / 2.0) - x / 2.0 * digamma(x / 2.0))


def _gaussian(rng: np.random.Generator, frame: Frame) -> NormalLaw:
    return NormalLaw(frame, split(rng, frame, _MOST))


def _student(rng: np.random.Generator, frame: Frame) -> tuple[Frame, float, _Array]:
    """Frame, the share of the information that the scale shall have, and how pairs split the rest."""
    share = rng.uniform(0.05, 0.95)
    return frame, share, split(rng, frame, _MOST)


def _settle_student(sketches: Sequence[tuple[Frame, float, _Array]]) -> list[NormalLaw]:
    """Degrees of freedom so that the common scale has its share, none below the heaviest tail; pairs take the rest.

    Where even the lightest tail has more than the task's information, the law is Gaussian.
    """
    frames = [frame for frame, _, _ in sketches]
    wanted = np.array([frame.nats * share for frame, share, _ in sketches])
    low, high = np.log(_FREEDOM)
    freedom = np.exp(-rising(lambda v: common_scale(np.exp(-v), frames), wanted, -high, -low, secants=12))
    extra = common_scale(freedom, frames)
    laws = []
    for (frame, _, pairs), nu, more in zip(sketches, freedom, extra, strict=True):
        if more > frame.nats:
            laws.append(NormalLaw(frame, pairs))
            continue
        rest = pairs * ((frame.nats - more) / frame.nats) if frame.nats else pairs
        laws.append(NormalLaw(frame, rest, float(nu)))
    return laws


GAUSSIAN: Final = Family(_gaussian, lambda laws: list(laws), _MOST, _MOST)
STUDENT: Final = Family(_student, _settle_student, _MOST, _MOST)
