"""Recipes of tasks: all that makes task k, drawn from the seed and k only, many settled in one batched call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from infoloom.benchmark.meta.laws.base import LEAST, Float32, Frame, Law, log_uniform
from infoloom.benchmark.meta.laws.named import FAMILIES
from infoloom.benchmark.meta.request import Request
from infoloom.benchmark.meta.sides import relabelled, side
from infoloom.benchmark.meta.steps import Step, backward, forward
from infoloom.information.quantity import Quantity

__all__ = ["BLOCK", "Recipe", "block"]

#: Tasks that are settled together; blocks start at multiples of it, so that a task always has the same company.
BLOCK: Final = 64
_SALT: Final = 0x7A5C
_NULL: Final = 1.0 / 16.0
_EQUAL: Final = 0.5


@dataclass(frozen=True)
class Recipe:
    """What makes a task.

    Attributes:
        seed: Of the stream.
        index: Number of the task in it.
        family: Name of the family of its law.
        rows: How many rows it has.
        law: Where its rows come from.
        maps: Names of what x and y hide behind.
        steps: The maps themselves, of the law's first and second side.
        swapped: Whether the law's first side is y.
    """

    seed: int
    index: int
    family: str
    rows: int
    law: Law
    maps: tuple[str, str]
    steps: tuple[tuple[Step, ...], tuple[Step, ...]]
    swapped: bool

    @cached_property
    def truth(self) -> Quantity:
        """The mutual information with how it was found (nats)."""
        return self.law.truth

    @property
    def params(self) -> dict[str, Any]:
        """Settings of the law as JSON-able values; `swapped` says that its first side is y."""
        return {**self.law.params, "swapped": self.swapped}

    @property
    def discrete(self) -> tuple[bool, bool]:
        """Whether x and y hold whole numbers."""
        first, second = self.law.discrete
        return (second, first) if self.swapped else (first, second)

    def latents(self) -> tuple[Float32, Float32]:
        """Rows of the law, its first side and its second."""
        return self.law.draw(_generator(self.seed, self.index, 1), self.rows)

    def draw(self) -> tuple[Float32, Float32]:
        """x (rows, dim_x) and y (rows, dim_y), float32."""
        sides = self.latents()
        first, second = (forward(steps, rows) for steps, rows in zip(self.steps, sides, strict=True))
        return (second, first) if self.swapped else (first, second)

    def unveil(self, x: Float32, y: Float32) -> tuple[Float32, Float32]:
        """Rows of the law, its first side and its second, behind those of the task."""
        sides = (y, x) if self.swapped else (x, y)
        first, second = (backward(steps, rows) for steps, rows in zip(self.steps, sides, strict=True))
        return first, second


def block(asked: Request, number: int) -> list[Recipe]:
    """The recipes of tasks `number · BLOCK` to `number · BLOCK + BLOCK − 1`."""
    drafts = [_Draft(asked, index) for index in range(number * BLOCK, (number + 1) * BLOCK)]
    for family in asked.families:
        mine = [draft for draft in drafts if draft.family == family]
        if mine:
            laws = FAMILIES[family].settle([draft.sketch for draft in mine])
            for draft, law in zip(mine, laws, strict=True):
                draft.law = law
    return [draft.recipe() for draft in drafts]


class _Draft:
    """A task whose random numbers are drawn and whose law is not settled yet."""

    law: Law

    def __init__(self, asked: Request, index: int) -> None:
        self.rng, self.seed, self.index = _generator(asked.seed, index, 0), asked.seed, index
        rng = self.rng
        self.family = asked.families[int(rng.integers(len(asked.families)))]
        self.rows = log_uniform(rng, asked.rows)
        frame = _frame(rng, asked, self.family)
        self.dims = (frame.dim_x, frame.dim_y)
        self.maps = _pick(rng, asked.maps), _pick(rng, asked.maps)
        self.swapped = bool(rng.random() < 0.5)
        self.sketch = FAMILIES[self.family].sketch(rng, frame)

    def recipe(self) -> Recipe:
        steps, names = [], []
        for name, dim, labels in zip(self.maps, self.dims, self.law.discrete, strict=True):
            steps.append(
                relabelled(self.rng, dim) if labels else side(self.rng, name, dim, heavy=self.law.heavy)
            )
            names.append("relabelled" if labels else name)
        shown = names[::-1] if self.swapped else names
        return Recipe(
            self.seed, self.index, self.family, self.rows, self.law, (shown[0], shown[1]),
            (steps[0], steps[1]), self.swapped,
        )  # fmt: skip


def _frame(rng: np.random.Generator, asked: Request, name: str) -> Frame:
    """Wanted information, then columns that can carry it."""
    family, (low, high), (fewest, most) = FAMILIES[name], asked.nats, asked.dims
    nats = max(rng.uniform(low, min(high, family.capacity(most))), min(high, LEAST))
    if low == 0.0 and rng.random() < _NULL:
        nats = 0.0
    fewest = min(max(fewest, family.pairs(nats)), most)
    dim_x = log_uniform(rng, (fewest, most))
    dim_y = dim_x if rng.random() < _EQUAL else log_uniform(rng, (fewest, most))
    return Frame(dim_x, dim_y, float(nats))


def _pick(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


def _generator(seed: int, index: int, part: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64([_SALT, part, seed, index]))
