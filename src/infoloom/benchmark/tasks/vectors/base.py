"""Tasks made of a law in closed form and one injective map on each side."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

from infoloom.benchmark.tasks.base import Array, PairTask
from infoloom.benchmark.tasks.laws.closed_form import Law
from infoloom.benchmark.tasks.vectors.maps import Map
from infoloom.information.quantity import Quantity

__all__ = ["VectorTask"]


@dataclass(frozen=True)
class VectorTask(PairTask):
    """Rows of a law, x and y each behind a map of its own; the truth is the law's."""

    @cached_property
    @abstractmethod
    def law(self) -> Law:
        """Where rows come from."""

    @cached_property
    @abstractmethod
    def maps(self) -> tuple[Map, Map]:
        """What x and y go through."""

    @property
    def truth(self) -> Quantity:
        """The mutual information of the law, in closed form (nats)."""
        return Quantity(self.law.mutual_information)

    @property
    def shape_x(self) -> tuple[int, ...]:
        """Shape of a row of x."""
        return (self.law.dim_x + self.maps[0].added,)

    @property
    def shape_y(self) -> tuple[int, ...]:
        """Shape of a row of y."""
        return (self.law.dim_y + self.maps[1].added,)

    @property
    def gaussian(self) -> bool:
        """Whether the law is."""
        return self.law.gaussian

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, dim_x) and y (rows, dim_y)."""
        x, y = self.law.draw(rows, seed)
        return self.maps[0].forward(x), self.maps[1].forward(y)

    def behind(self, rows: int, seed: int) -> tuple[Array, Array]:
        """The rows of the law."""
        self._check(rows, seed)
        return self.law.draw(rows, seed)

    def unveil(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The rows of the law behind those of the task."""
        return self.maps[0].inverse(x), self.maps[1].inverse(y)

    def pmi_behind(self, u: Array, v: Array) -> Array:
        """Pointwise mutual information of each row (n,), nats."""
        return self.law.pmi(u, v)
