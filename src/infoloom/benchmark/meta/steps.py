"""Injective maps of vectors, made for speed: they keep the precision of the rows they are given.

Each has an inverse. None changes an information value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BENDS",
    "Bend",
    "Columns",
    "Coupling",
    "Relabel",
    "Residual",
    "Rotation",
    "Step",
    "backward",
    "forward",
]

_Array = NDArray[np.float64]
Rows = NDArray[Any]
_SHRINKS: Final = 0.8
_ITERATIONS: Final = 120  # 0.8^120 is 2e-12


class Step(Protocol):
    """A map of rows (n, d) with its inverse."""

    def forward(self, rows: Rows) -> Rows: ...
    def inverse(self, rows: Rows) -> Rows: ...


def forward(steps: Sequence[Step], rows: Rows) -> Rows:
    """Rows through one step after another."""
    for step in steps:
        rows = step.forward(rows)
    return rows


def backward(steps: Sequence[Step], rows: Rows) -> Rows:
    """The rows that `forward` took."""
    for step in reversed(steps):
        rows = step.inverse(rows)
    return rows


@dataclass(frozen=True)
class Columns:
    """Columns in another order, scaled and shifted."""

    order: NDArray[np.int64]
    scale: _Array
    shift: _Array

    def forward(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        return np.asarray(rows[:, self.order] * self.scale.astype(rows.dtype) + self.shift.astype(rows.dtype))

    def inverse(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        plain = (rows - self.shift.astype(rows.dtype)) / self.scale.astype(rows.dtype)
        return np.asarray(plain[:, np.argsort(self.order)])


@dataclass(frozen=True)
class Relabel:
    """Columns in another order, and the levels of each renamed: whole numbers stay whole numbers.

    Args:
        order: Where every column comes from (d,).
        names: New names of the levels of every column after that (d, levels).
    """

    order: NDArray[np.int64]
    names: NDArray[np.int64]

    def forward(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        levels = rows[:, self.order].astype(np.int64)
        return np.asarray(self.names[np.arange(len(self.order)), levels].astype(rows.dtype))

    def inverse(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        old = np.argsort(self.names, axis=1)
        levels = old[np.arange(len(self.order)), rows.astype(np.int64)]
        return np.asarray(levels[:, np.argsort(self.order)].astype(rows.dtype))


@dataclass(frozen=True)
class Rotation:
    """Every row times an orthogonal matrix."""

    matrix: _Array

    def forward(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        return np.asarray(rows @ self.matrix.astype(rows.dtype))

    def inverse(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        return np.asarray(rows @ self.matrix.T.astype(rows.dtype))


@dataclass(frozen=True)
class Bend:
    """Increasing functions of single columns.

    Args:
        parts: Names of functions, each with the column where its columns end.
    """

    parts: tuple[tuple[str, int], ...]

    def forward(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        return self._apply(rows, 0)

    def inverse(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        return self._apply(rows, 1)

    def _apply(self, rows: Rows, direction: int) -> Rows:
        bent, start = np.empty_like(rows), 0
        for name, end in self.parts:
            bent[:, start:end] = BENDS[name][direction](rows[:, start:end])
            start = end
        return bent


@dataclass(frozen=True)
class Coupling:
    """One half a of the columns stays, the other moves: b ↦ b · exp(½ tanh r(a)) + t(a), r and t a small network.

    Args:
        order: Columns, first those that stay (d,).
        first: Weights into the hidden layer (kept, 32).
        bias: Of the hidden layer (32,).
        last: Weights out of it, logarithms of scales beside shifts (32, 2 · moved).

    Source:
        Dinh, Sohl-Dickstein and Bengio 2017, "Density estimation using Real NVP", ICLR (equations 7 and 8).
    """

    order: NDArray[np.int64]
    first: _Array
    bias: _Array
    last: _Array

    def forward(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        moved = rows.copy()
        log_scale, shift, places = self._network(rows)
        moved[:, places] = rows[:, places] * np.exp(log_scale) + shift
        return moved

    def inverse(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        moved = rows.copy()
        log_scale, shift, places = self._network(rows)
        moved[:, places] = (rows[:, places] - shift) * np.exp(-log_scale)
        return moved

    def _network(self, rows: Rows) -> tuple[Rows, Rows, NDArray[np.int64]]:
        kept = len(self.first)
        inside = rows[:, self.order[:kept]] @ self.first.astype(rows.dtype) + self.bias.astype(rows.dtype)
        raw, shift = np.split(np.tanh(inside) @ self.last.astype(rows.dtype), 2, axis=1)
        return 0.5 * np.tanh(raw), shift, self.order[kept:]


@dataclass(frozen=True)
class Residual:
    """v ↦ v + g(v), g a small network that shrinks distances by 0.8 or more: a step of a flow.

    Args:
        first: Weights into the hidden layer (d, 32), spectral norm 1.
        bias: Of the hidden layer (32,).
        last: Weights out of it (32, d), spectral norm 1.

    Source:
        Behrmann et al. 2019, "Invertible residual networks", ICML.
    """

    first: _Array
    bias: _Array
    last: _Array

    def forward(self, rows: Rows) -> Rows:
        """(n, d) → (n, d)."""
        return np.asarray(rows + self._change(rows))

    def inverse(self, rows: Rows) -> Rows:
        """(n, d) → (n, d), by fixed-point iteration, each step nearer by 0.8 or more."""
        found = rows.copy()
        for _ in range(_ITERATIONS):
            found = rows - self._change(found)
        return found

    def _change(self, rows: Rows) -> Rows:
        inside = np.tanh(rows @ self.first.astype(rows.dtype) + self.bias.astype(rows.dtype))
        return np.asarray(_SHRINKS * (inside @ self.last.astype(rows.dtype)))


def _squash(v: Rows) -> Rows:
    bent = np.arcsinh(2.0 * v)
    return np.asarray(bent / (1.0 + np.abs(bent)))


def _unsquash(v: Rows) -> Rows:
    return np.asarray(0.5 * np.sinh(v / (1.0 - np.abs(v))))


def _skew(v: Rows) -> Rows:
    up = np.maximum(v, 0.0)
    return np.asarray(up + 0.5 * up * up + np.arcsinh(np.minimum(v, 0.0)))


def _unskew(v: Rows) -> Rows:
    up = np.maximum(v, 0.0)
    return np.asarray(2.0 * up / (1.0 + np.sqrt(1.0 + 2.0 * up)) + np.sinh(np.minimum(v, 0.0)))


def _three_halves(v: Rows) -> Rows:
    return np.asarray(v * np.sqrt(np.abs(v)))


def _two_thirds(v: Rows) -> Rows:
    return np.asarray(np.sign(v) * np.cbrt(v * v))


def _steep(v: Rows) -> Rows:
    return np.asarray(v + 0.5 * v * np.abs(v))


def _unsteep(v: Rows) -> Rows:
    return np.asarray(2.0 * v / (1.0 + np.sqrt(1.0 + 2.0 * np.abs(v))))


def _wave(v: Rows) -> Rows:
    return np.asarray(v + 0.4 * np.sin(2.0 * v))


def _unwave(v: Rows) -> Rows:
    """By bisection: the map moves no value by more than 0.4."""
    below, above = v - 0.4, v + 0.4
    for _ in range(60):
        middle = 0.5 * (below + above)
        less = _wave(middle) < v
        below, above = np.where(less, middle, below), np.where(less, above, middle)
    return np.asarray(0.5 * (below + above))


#: Name → an increasing function of numbers and its inverse; all hold for tails as long as those of Cauchy's law.
BENDS: Final[Mapping[str, tuple[Callable[[Rows], Rows], Callable[[Rows], Rows]]]] = {
    "identity": (lambda v: v, lambda v: v),
    "asinh": (lambda v: np.asarray(np.arcsinh(3.0 * v)), lambda v: np.asarray(np.sinh(v) / 3.0)),
    "skew": (_skew, _unskew),
    "squash": (_squash, _unsquash),
    "steep": (_steep, _unsteep),
    "three-halves": (_three_halves, _two_thirds),
    "wave": (_wave, _unwave),
}
