"""Tasks behind which a story stands: two sides of it, seen through their flows or as latents."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from infoloom.benchmark.tasks.base import Array, PairTask
from infoloom.benchmark.tasks.stories.columns import as_story_rows, columns, has_words, is_discrete, numbers
from infoloom.datasets.making.observe import observer
from infoloom.errors import QueryError
from infoloom.information.quantity import Quantity
from infoloom.story import Story

if TYPE_CHECKING:
    from infoloom.observations import Injection

__all__ = ["StoryPairTask"]

Names = tuple[str, ...]
_MAPPED = 2**22


@dataclass(frozen=True)
class StoryPairTask(PairTask):
    """Two sides of a story, each one variable or several side by side; the truth is the story's.

    A caption is seen as the numbers of its words, (n, slots), and a label as its class, (n, 1), both int64; a side has
    either such variables or others. A categorical cause is seen as the number of its category, from 0, int64, but
    beside variables that are not discrete as its value.

    Rows are those of `Story.sample`: the first of a large sample are a small sample to the bit.
    """

    @cached_property
    @abstractmethod
    def compiled(self) -> Story:
        """The story."""

    @property
    @abstractmethod
    def sides(self) -> tuple[Names, Names]:
        """Variables of x and of y."""

    @property
    @abstractmethod
    def observed(self) -> bool:
        """Whether modalities are seen through their flows, or as latents before whitening."""

    @cached_property
    def truth(self) -> Quantity:
        """The information of the sides with how it was found (nats)."""
        self._refuse_chosen(chain(*self.sides))
        x, y = (", ".join(names) for names in self.sides)
        return self.compiled.quantity(f"I({x}; {y})")

    @property
    def shape_x(self) -> tuple[int, ...]:
        """Shape of a row of x: that of its variable, or so many columns where it has several."""
        return self._shape(self.sides[0])

    @property
    def shape_y(self) -> tuple[int, ...]:
        """Shape of a row of y, likewise."""
        return self._shape(self.sides[1])

    @property
    def kinds(self) -> tuple[str, str]:
        """Of the columns of x and of y: `discrete` where they are words, classes or categories, else `continuous`."""
        x, y = ("discrete" if is_discrete(self.compiled, names) else "continuous" for names in self.sides)
        return x, y

    @property
    def gaussian(self) -> bool:
        """Whether the joint law of the latents is Gaussian, which that of words and classes is not."""
        return self.compiled.gaussian and "discrete" not in self.kinds

    def mi(self, a: str, b: str) -> float:
        """I(a; b) of any variables of the story, several as `"x1, x2"` (nats)."""
        return self.compiled.information(f"I({a}; {b})")

    def cmi(self, a: str, b: str, given: str) -> float:
        """I(a; b | given) of any variables of the story (nats)."""
        return self.compiled.information(f"I({a}; {b} | {given})")

    def total_correlation(self, *names: str) -> float:
        """Total correlation of variables, of all modalities where none is named (nats)."""
        return self.compiled.information(f"TC({', '.join(names or self.compiled.modalities)})")

    def latents(self, n: int, seed: int) -> Mapping[str, Array]:
        """Rows of causes, targets and latents before whitening by name, each (n, d)."""
        self._check(n, seed)
        rows = self.compiled.sample(n, seed)
        return {name: rows[name].reshape(n, -1).astype(np.float64) for name in rows}

    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, *shape_x) and y (rows, *shape_y)."""
        self._refuse_chosen(chain(*self.sides))
        drawn = self.compiled.sample(rows, seed)
        x, y = (
            self._beside([self._seen(name, drawn, is_discrete(self.compiled, side)) for name in side])
            for side in self.sides
        )
        return x, y

    def sample_all(self, n: int, seed: int) -> Mapping[str, Array]:
        """Rows of every cause, target and modality by name, modalities as the task shows them."""
        self._check(n, seed)
        self._refuse_chosen(self.compiled.mapped if self.observed else ())
        drawn = self.compiled.sample(n, seed)
        return {name: self._seen(name, drawn) for name in drawn}

    def behind(self, rows: int, seed: int) -> tuple[Array, Array]:
        """Latents before whitening, scalars, and words, (rows, dx) and (rows, dy)."""
        self._check(rows, seed)
        self._refuse_chosen(chain(*self.sides))
        drawn = self.compiled.sample(rows, seed)
        x, y = (
            np.concatenate(
                [self._behind(name, drawn, is_discrete(self.compiled, side)) for name in side], axis=1
            )
            for side in self.sides
        )
        return x, y

    def unveil(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Latents before whitening, scalars, and words, (n, dx) and (n, dy)."""
        u, v = (
            np.concatenate(list(self._hidden(side).values()), axis=1)
            for side in self._split(x, y, self._seen_columns)
        )
        return u, v

    def pmi_behind(self, u: Array, v: Array) -> Array:
        """Pointwise mutual information of each row (n,), nats."""
        rows: dict[str, np.ndarray[Any, Any]] = {}
        impossible = np.zeros(len(u), dtype=np.bool_)  # rows whose sides name two categories of one cause
        for side in self._split(u, v, self._hidden_columns):
            words = is_discrete(self.compiled, tuple(side))
            for name, values in side.items():
                said = as_story_rows(self.compiled, name, values) if words else {name: values}
                for one in said.keys() & rows.keys():
                    impossible |= ~np.isclose(rows[one].reshape(len(u)), said[one].reshape(len(u)))
                rows |= said
        return np.where(impossible, -np.inf, self.compiled.pmi(rows, *self.sides))

    @cached_property
    def bijections(self) -> Mapping[str, Injection]:
        """Of every modality that is seen through its flow: whitening, then the flow."""
        shown = self.compiled.mapped if self.observed else ()
        nodes = self.compiled.graph.nodes
        return {name: observer(self.compiled, name) for name in shown if not nodes[name].chosen}

    def _refuse_chosen(self, names: Iterable[str]) -> None:
        """Refuse modalities of which a category chooses the class: their rows do not say it."""
        nodes, mapped = self.compiled.graph.nodes, self.compiled.mapped
        chosen = next((one for one in names if one in mapped and nodes[one].chosen), None)
        if chosen is not None:
            raise QueryError(
                f"task of `{self.compiled.name}`: a categorical cause chooses `{chosen}`; expected modalities whose "
                "latents make them alone. Take another modality."
            )

    def _shape(self, names: Names) -> tuple[int, ...]:
        if len(names) == 1 and self.observed and not has_words(self.compiled, names[0]):
            return self.compiled.shape(names[0]) or (1,)
        return (sum(self._seen_columns(name) for name in names),)

    def _hidden_columns(self, name: str) -> int:
        """Columns of a variable as `unveil` gives it."""
        story = self.compiled
        return columns(story, name) if has_words(story, name) else story.dim(name)

    def _seen_columns(self, name: str) -> int:
        """Columns of a variable as the task shows it."""
        shown = self.observed and name in self.compiled.mapped
        return math.prod(self.compiled.shape(name)) if shown else self._hidden_columns(name)

    def _beside(self, parts: Sequence[Array]) -> Array:
        return parts[0] if len(parts) == 1 else np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)

    def _split(self, x: Array, y: Array, size: Callable[[str], int]) -> list[dict[str, Array]]:
        """The columns of every variable of each side."""
        parts = []
        for names, values in zip(self.sides, (x, y), strict=True):
            flat = np.asarray(values).reshape(len(values), -1)
            ends = np.cumsum([size(name) for name in names])[:-1]
            parts.append(dict(zip(names, np.split(flat, ends, axis=1), strict=True)))
        return parts

    def _seen(self, name: str, rows: Mapping[str, np.ndarray[Any, Any]], whole: bool = False) -> Array:
        """Values of a variable as the task shows them, (n, *shape); see `_behind`."""
        if name in self.bijections:
            return _mapped(self.bijections[name].forward, rows[name], self.bijections[name].shape_in)
        return self._behind(name, rows, whole)

    def _behind(self, name: str, rows: Mapping[str, np.ndarray[Any, Any]], whole: bool = False) -> Array:
        """Values of a variable as `unveil` gives them, (n, d); categories as whole numbers on a discrete side."""
        if whole or has_words(self.compiled, name):
            found: np.ndarray[Any, Any] = numbers(self.compiled, name, rows)
            return found
        values = rows[name]
        return values.reshape(len(values), -1).astype(np.float64)

    def _hidden(self, side: Mapping[str, Array]) -> dict[str, Array]:
        """Latents of what is seen, (n, d) each."""
        maps = self.bijections
        return {
            name: _mapped(maps[name].inverse, values, maps[name].shape_out) if name in maps else values
            for name, values in side.items()
        }


def _mapped(function: Any, values: np.ndarray[Any, Any], shape: tuple[int, ...]) -> Array:
    """A bijection's direction applied to rows in float32, as datasets are made, some rows at a time."""
    import torch

    step = max(1, _MAPPED // math.prod(shape))
    done = []
    with torch.no_grad():
        for start in range(0, len(values), step):
            part = values[start : start + step].astype(np.float32).reshape(-1, *shape)
            done.append(function(torch.from_numpy(part)).numpy().astype(np.float64))
    return np.concatenate(done)
