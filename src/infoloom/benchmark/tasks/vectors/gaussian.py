"""Canonical Gaussian pairs in any dimension, as they are, rotated, or bent; the null tasks; the staircase."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from infoloom.benchmark.tasks.base import expect, whole
from infoloom.benchmark.tasks.laws.closed_form import CanonicalLaw, canonical
from infoloom.benchmark.tasks.vectors.base import VectorTask
from infoloom.benchmark.tasks.vectors.maps import IDENTITY, Map, bent_asinh, bent_cubic, chain, turned

__all__ = ["HARD", "HIDDEN", "STAIRCASE", "GaussianTask", "from_mi", "read_dims"]

#: What the pairs may hide behind.
HIDDEN: Final = ("plain", "rotated", "bent")
_MOST: Final = 20.0  # nats a pair
_TURNED: Final = 4096  # columns that are turned


@dataclass(frozen=True)
class GaussianTask(VectorTask):
    """Canonical pairs that share the information evenly, among columns that are independent.

    `plain` leaves them as they are, `rotated` turns x and y by a random orthogonal matrix each, and `bent` also bends
    each component of x by v + 0.3 v³ and of y by asinh(3 v) and turns them again. Whatever the task hides behind, one
    seed draws the same pairs. Without information it is a null task.

    Args:
        dims: Columns of x and of y, such as `25v25`.
        nats: The truth.
        pairs: Over how many pairs of columns it is spread; 0 for a null task.
        hidden: `plain`, `rotated` or `bent`.
        turn: Seed of the matrices, a property of the task and not of the sample.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> task = GaussianTask("2v3", nats=0.5, pairs=1)
        >>> task.id
        'gaussian:dims=2v3,nats=0.5,pairs=1,hidden=plain,turn=0'
        >>> [part.shape for part in task.sample(10, seed=0)]
        [(10, 2), (10, 3)]
    """

    dims: str
    nats: float
    pairs: int
    hidden: str = "plain"
    turn: int = 0

    family: ClassVar[str] = "gaussian"
    source: ClassVar[str] = "canonical correlations; information of a Gaussian, -1/2 sum log(1 - rho^2)"

    def __post_init__(self) -> None:
        most = min(read_dims(self.dims))
        least = 0 if self.nats == 0.0 else 1
        fits = whole(self.pairs) and least <= self.pairs <= most
        expect(
            fits,
            "pairs",
            self.pairs,
            f"a whole number from {least} to {most}",
            "Use fewer pairs or more columns.",
        )
        highest = _MOST * max(self.pairs, 1)
        wanted = f"a number from 0 to {highest:g}, {_MOST:g} a pair, which floating point holds"
        expect(0.0 <= self.nats <= highest, "nats", self.nats, wanted, "Use 1.0, or more pairs.")
        expect(self.hidden in HIDDEN, "hidden", self.hidden, f"one of {', '.join(HIDDEN)}", "Use plain.")
        expect(
            whole(self.turn) and self.turn >= 0, "turn", self.turn, "a whole number of 0 or more", "Use 0."
        )
        small = self.hidden == "plain" or max(read_dims(self.dims)) <= _TURNED
        expect(small, "dims", self.dims, f"at most {_TURNED:,} columns where they are turned", "Use plain.")
        object.__setattr__(self, "nats", float(self.nats))

    @property
    def name(self) -> str:
        """Name for people."""
        columns = self.dims.replace("v", " × ")
        if not self.nats:
            return f"independent {columns}, {self.hidden}"
        return f"{self.nats:g} nats in {self.pairs} pairs, {columns}, {self.hidden}"

    @cached_property
    def law(self) -> CanonicalLaw:
        """The pairs."""
        return canonical(*read_dims(self.dims), self.nats, self.pairs)

    @cached_property
    def maps(self) -> tuple[Map, Map]:
        """What they hide behind."""
        if self.hidden == "plain":
            return IDENTITY, IDENTITY
        sizes, bends = read_dims(self.dims), (bent_cubic(), bent_asinh())
        first = [turned(size, 4 * self.turn + side) for side, size in enumerate(sizes)]
        if self.hidden == "rotated":
            return first[0], first[1]
        second = [turned(size, 4 * self.turn + 2 + side) for side, size in enumerate(sizes)]
        x, y = (chain(*parts) for parts in zip(first, bends, second, strict=True))
        return x, y


def read_dims(text: str) -> tuple[int, int]:
    """Columns of x and of y.

    Raises:
        TaskError: Not of the form `25v25`.

    Example:
        >>> read_dims("25v30")
        (25, 30)
    """
    found = re.fullmatch(r"([1-9]\d{0,6})v([1-9]\d{0,6})", text)
    expect(found is not None, "dims", text, "columns of x and of y, such as 25v25", "Write them so.")
    return (int(found[1]), int(found[2])) if found else (0, 0)


def from_mi(
    mi: float,
    dims: int | tuple[int, int] = 1,
    *,
    pairs: int | None = None,
    hidden: str = "plain",
    turn: int = 0,
) -> GaussianTask:
    """A Gaussian task of the wanted information.

    Args:
        mi: The truth (nats).
        dims: Columns of x and of y, or one number for both.
        pairs: Over how many pairs it is spread; all that fit when left out.
        hidden: `plain`, `rotated` or `bent`.
        turn: Seed of the matrices.

    Raises:
        TaskError: Settings that do not fit.

    Example:
        >>> from_mi(2.0, (25, 30)).mutual_information
        2.0
    """
    dim_x, dim_y = (dims, dims) if isinstance(dims, int) else dims
    spread = min(dim_x, dim_y) if pairs is None else pairs
    return GaussianTask(f"{dim_x}v{dim_y}", float(mi), spread if mi else 0, hidden, turn)


#: What most estimators fail, with the rows at which they do: linear in 25 columns, bent in 64, and independent.
HARD: Final = {
    "linear": (GaussianTask("25v25", 2.0, 5, "rotated"), 5000),
    "bent": (GaussianTask("64v64", 2.0, 5, "bent"), 10_000),
    "null": (GaussianTask("25v25", 0.0, 0, "rotated"), 5000),
}

#: 2, 4, 6, 8 and 10 bits in ten pairs (Lee and Rhee 2024, Gaussian column).
STAIRCASE: Final = tuple(GaussianTask("10v10", bits * math.log(2.0), 10) for bits in (2, 4, 6, 8, 10))
