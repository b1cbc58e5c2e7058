"""An endless stream of random tasks whose information is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from threadpoolctl import ThreadpoolController

from infoloom.benchmark.checks import expect, whole
from infoloom.benchmark.meta.laws.base import Float32
from infoloom.benchmark.meta.recipes import BLOCK, Recipe, block
from infoloom.benchmark.meta.request import Request, request
from infoloom.information.quantity import Quantity

__all__ = ["RandomTask", "TaskStream", "stream"]

_MOST: Final = 2**53


@dataclass(frozen=True)
class RandomTask:
    """Rows of a random joint law and their mutual information.

    Attributes:
        x: Rows (n, dim_x), float32; whole numbers where `discrete[0]`.
        y: Rows (n, dim_y), float32; whole numbers where `discrete[1]`.
        recipe: All that made them.
    """

    x: Float32
    y: Float32
    recipe: Recipe

    @property
    def index(self) -> int:
        """Number of the task in its stream."""
        return self.recipe.index

    @property
    def family(self) -> str:
        """Name of the family of its law."""
        return self.recipe.family

    @property
    def maps(self) -> tuple[str, str]:
        """Names of what x and y hide behind."""
        return self.recipe.maps

    @property
    def discrete(self) -> tuple[bool, bool]:
        """Whether x and y hold whole numbers."""
        return self.recipe.discrete

    @property
    def truth(self) -> Quantity:
        """The mutual information with how it was found (nats)."""
        return self.recipe.truth

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        return self.truth.value

    @property
    def params(self) -> dict[str, Any]:
        """Settings of the law as JSON-able values."""
        return self.recipe.params


class TaskStream:
    """Random tasks, endless: `next(stream)`, `stream[k]`, `stream.position`; task k depends on the request and k only.

    Args:
        asked: What tasks shall be like.
        start: Number of the task that comes next.
    """

    def __init__(self, asked: Request, start: int = 0) -> None:
        expect(
            whole(start) and 0 <= start < _MOST, "start", start, "a whole number from 0 to 2^53 - 1", "Use 0."
        )
        self.request, self.position = asked, int(start)
        self._number, self._recipes = -1, list[Recipe]()

    def __iter__(self) -> Iterator[RandomTask]:
        return self

    def __next__(self) -> RandomTask:
        task = self[self.position]
        self.position += 1
        return task

    def __getitem__(self, index: int) -> RandomTask:
        """Task number `index`, the position untouched."""
        recipe = self.recipe(index)
        with _blas().limit(limits=1):
            return RandomTask(*recipe.draw(), recipe)

    def recipe(self, index: int) -> Recipe:
        """What makes task number `index`, without its rows.

        Raises:
            TaskError: No such number.
        """
        expect(
            whole(index) and 0 <= index < _MOST, "index", index, "a whole number from 0 to 2^53 - 1", "Use 0."
        )
        number, place = divmod(int(index), BLOCK)
        if number != self._number:
            with _blas().limit(limits=1):
                self._recipes, self._number = block(self.request, number), number
        return self._recipes[place]


def stream(
    seed: int,
    dims: Sequence[int] = (1, 32),
    rows: Sequence[int] = (50, 500),
    nats: Sequence[float] = (0.0, 6.0),
    families: Iterable[str] | None = None,
    maps: Iterable[str] | None = None,
    start: int = 0,
) -> TaskStream:
    """An endless stream of random tasks whose information is known: what learned estimators are trained on.

    Information is uniform over its range, numbers of rows and columns log-uniform over theirs, up to what a family's
    columns can carry; where the range starts at 0, one task in sixteen has no information at all. Rows are
    float32.

    Args:
        seed: Seed, 0 or more.
        dims: Fewest and most columns of x and of y, each 1 to 128.
        rows: Fewest and most rows of a task, each 1 to 100,000.
        nats: Least and most information (nats).
        families: Out of `story`, `gaussian`, `student`, `additive`, `mixture`, `discrete`, `mixed`; all when left out.
        maps: What x and y hide behind, out of `plain`, `bent`, `rotated`, `turned` (rotated, bent, rotated) and
            `coupling`, which are all meant when left out; `flow` (residual steps) and `rendered` (a rotation curve, a
            spectrum or a ring whose factors the columns set: it has more columns than `dims`, and needs torch).
            Labels are renamed instead.
        start: Number of the first task; a stream that stopped at `position` goes on with `start=position`.

    Returns:
        The stream. Task k depends on the seed, the ranges and k only.

    Raises:
        TaskError: Not such numbers or names, or more information than the columns can carry.

    Example:
        >>> tasks = stream(seed=0, dims=(1, 4), rows=(50, 60))
        >>> task = next(tasks)
        >>> task.x.shape[0] == task.y.shape[0], 0.0 <= task.mutual_information <= 6.0
        (True, True)
        >>> tasks.position
        1
    """
    return TaskStream(request(seed, dims, rows, nats, families, maps), start)


@cache
def _blas() -> ThreadpoolController:
    """The libraries that multiply matrices: with one thread always, or last digits depend on how many there are."""
    return ThreadpoolController().select(user_api="blas")
