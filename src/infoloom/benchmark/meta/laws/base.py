"""What every family of random laws owes: settings drawn for one task, then settled for many tasks at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py

from infoloom.information.quantity import Quantity

__all__ = [
    "LEAST",
    "MISS",
    "Family",
    "Float32",
    "Frame",
    "Law",
    "excess",
    "log_uniform",
    "refined",
    "rising",
    "split",
]

#: Least information of a task that has any (nats).
LEAST: Final = 1e-12
#: How far from the wanted information a law may be, as a share of it.
MISS: Final = 1e-6
_PATIENCE: Final = (6, 12, 48)  # secants, more where fewer did not do

Float32 = NDArray[np.float32]
_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """What a law must fit into: columns of both sides and the wanted information (nats)."""

    dim_x: int
    dim_y: int
    nats: float

    @property
    def pairs(self) -> int:
        """Most pairs of columns."""
        return min(self.dim_x, self.dim_y)


class Law(Protocol):
    """A joint law of x (dim_x,) and y (dim_y,) whose information is known."""

    @property
    def truth(self) -> Quantity: ...
    @property
    def discrete(self) -> tuple[bool, bool]: ...
    @property
    def heavy(self) -> bool: ...
    @property
    def params(self) -> dict[str, Any]: ...
    def draw(self, rng: np.random.Generator, rows: int) -> tuple[Float32, Float32]: ...


@dataclass(frozen=True)
class Family:
    """A way to make random laws.

    Args:
        sketch: Random numbers of one law, from a generator and its frame.
        settle: Sketches of many tasks to laws of the wanted information, in one batched call.
        most: Nats that one pair of columns can always carry.
        more: Nats that every further pair can carry; no frame asks for more than `capacity`.
        limit: Pairs beyond which nothing is added.
    """

    sketch: Callable[[np.random.Generator, Frame], Any]
    settle: Callable[[Sequence[Any]], Sequence[Law]]
    most: float
    more: float
    limit: int = 128

    def capacity(self, pairs: int) -> float:
        """Nats that so many pairs of columns can carry."""
        return self.most + (min(pairs, self.limit) - 1) * self.more

    def pairs(self, nats: float) -> int:
        """Fewest pairs of columns that can carry so many nats."""
        return 1 + max(0, math.ceil((nats - self.most) / self.more))


def rising(
    function: Callable[[_Array], _Array],
    wanted: _Array,
    low: float,
    high: float,
    *,
    halvings: int = 6,
    secants: int = 10,
) -> _Array:
    """Where rising functions take the wanted values, between two bounds, all at once (n,).

    Halvings, then secants that keep the root between their ends (the Illinois form of regula falsi); where a function
    does not reach its value, the bound.
    """
    a, b = np.full(len(wanted), low), np.full(len(wanted), high)
    at_a, at_b = function(a) - wanted, function(b) - wanted
    stayed, c = np.zeros(len(wanted)), a
    for step in range(halvings + secants):
        rise, c = at_b - at_a, 0.5 * (a + b)
        if step >= halvings:
            line = b - at_b * (b - a) / np.where(rise > 0.0, rise, 1.0)
            c = np.where(rise > 0.0, np.clip(line, a, b), c)
        at_c = function(c) - wanted
        less = at_c < 0.0
        end = np.where(less, 1.0, -1.0)
        at_a, at_b = (
            np.where(less, at_c, np.where(stayed == end, 0.5 * at_a, at_a)),
            np.where(less, np.where(stayed == end, 0.5 * at_b, at_b), at_c),
        )
        a, b, stayed = np.where(less, c, a), np.where(less, b, c), end
    return c


def refined(
    function: Callable[..., _Array],
    parts: Sequence[_Array],
    wanted: _Array,
    found: _Array,
    bounds: tuple[float, float],
) -> _Array:
    """Roots as they were found, but anew where a rising function misses its value by more than `MISS` of it (n,).

    Anew in logarithms of both, in which little information is a straight line.

    Args:
        function: Of the roots (n,) and of every part.
        parts: What the function takes beside them, one entry a root.
        wanted: Its values, above 0 (n,).
        found: Where they were found (n,).
        bounds: Between which numbers above 0 they are sought.
    """
    better, left = found.copy(), np.arange(len(found))
    for secants in _PATIENCE:
        own = [part[left] for part in parts]
        missed = ~(np.abs(function(better[left], *own) - wanted[left]) <= MISS * wanted[left])
        left, own = left[missed], [part[missed] for part in own]
        if not len(left):
            break
        better[left] = np.exp(
            rising(
                lambda v, own=own: np.log(np.maximum(function(np.exp(v), *own), 1e-300)),  # type: ignore[misc]
                np.log(wanted[left]),
                math.log(bounds[0]),
                math.log(bounds[1]),
                halvings=3,
                secants=secants,
            )
        )
    return better


def excess(change: _Array) -> _Array:
    """r log r − r + 1 of density ratios r = 1 + `change`, whose mean is their information, exact for small changes."""
    t = np.asarray(change)
    series = t * t * (1 / 2 - t * (1 / 6 - t * (1 / 12 - t * (1 / 20 - t / 30))))
    return np.where(np.abs(t) < 1e-3, series, xlog1py(1.0 + t, t) - t)


def split(rng: np.random.Generator, frame: Frame, most: float) -> _Array:
    """The wanted nats over a random number of pairs, evenly or not, at most `most` each (pairs,)."""
    if frame.nats == 0.0:
        return np.zeros(0)
    least = min(int(np.ceil(frame.nats / most)), frame.pairs)
    pairs = log_uniform(rng, (least, max(least, frame.pairs)))
    uneven = 0.98 * rng.dirichlet(np.ones(pairs)) + 0.02 / pairs  # no share is nothing
    shares = uneven if rng.random() < 0.5 else np.full(pairs, 1.0 / pairs)
    largest, evenly, allowed = shares.max(), 1.0 / pairs, most / frame.nats
    if largest > max(allowed, evenly):  # drawn towards even shares until the largest fits
        drawn = min(1.0, (largest - allowed) / (largest - evenly))
        shares = (1.0 - drawn) * shares + drawn * evenly
    return np.asarray(frame.nats * shares)


def log_uniform(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    """A whole number between two, both possible, small ones as likely as large ones in each octave."""
    low, high = bounds
    if low == high:
        return low
    return int(min(high, np.floor(np.exp(rng.uniform(np.log(low), np.log(high + 1.0))))))
