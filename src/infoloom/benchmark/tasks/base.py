"""What every task owes its users, derived from how it draws rows and what it knows about them."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.checks import expect, whole
from infoloom.benchmark.tasks.identifiers import Value, write_id
from infoloom.errors import TaskError
from infoloom.information.quantity import Quantity

__all__ = ["KINDS", "Array", "PairTask", "expect", "from_params", "whole"]

#: Kinds of a side: real numbers, whole numbers, or real numbers of which some values have a probability of their own.
KINDS: Final = ("continuous", "discrete", "mixture")

Array = NDArray[np.float64]
_Task = TypeVar("_Task", bound="PairTask")


@dataclass(frozen=True)
class PairTask(ABC):
    """Pairs of any number of rows whose mutual information is known; its fields are its settings.

    Class attributes: `family` names the family and opens the id, `source` cites where the task or its truth comes from,
    `in_ids` says how ids write some values of a setting, {setting: {in ids: here}}; all others are written as they are.
    """

    family: ClassVar[str]
    source: ClassVar[str] = ""
    in_ids: ClassVar[Mapping[str, Mapping[str, Value]]] = {}

    @property
    @abstractmethod
    def name(self) -> str:
        """Name for people."""

    @property
    @abstractmethod
    def truth(self) -> Quantity:
        """The mutual information with how it was found (nats)."""

    @property
    @abstractmethod
    def shape_x(self) -> tuple[int, ...]:
        """Shape of a row of x."""

    @property
    @abstractmethod
    def shape_y(self) -> tuple[int, ...]:
        """Shape of a row of y."""

    @property
    def kinds(self) -> tuple[str, str]:
        """Of all columns of x and of all columns of y: `continuous`, `discrete` (int64) or `mixture`."""
        return "continuous", "continuous"

    @property
    def kind(self) -> str:
        """The kind of pair that estimators see: `continuous`, `mixed` or `discrete`."""
        return ("continuous", "mixed", "discrete")[self.kinds.count("discrete")]

    @property
    @abstractmethod
    def gaussian(self) -> bool:
        """Whether what `unveil` gives is jointly Gaussian."""

    @abstractmethod
    def draw(self, rows: int, seed: int) -> tuple[Array, Array]:
        """x (rows, *shape_x) and y (rows, *shape_y) of checked rows and seed."""

    @abstractmethod
    def behind(self, rows: int, seed: int) -> tuple[Array, Array]:
        """What `unveil` makes of the rows of `sample`, without the detour: vectors (n, dx) and (n, dy)."""

    @abstractmethod
    def unveil(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Undo the maps behind which x and y hide: vectors (n, dx) and (n, dy) with the same information."""

    @abstractmethod
    def pmi_behind(self, u: Array, v: Array) -> Array:
        """Pointwise mutual information of each row (n,), nats, of what `unveil` gives."""

    def pmi(self, x: Array, y: Array) -> Array:
        """Pointwise mutual information of each row (n,), nats; its mean converges to the truth."""
        return self.pmi_behind(*self.unveil(x, y))

    @property
    def params(self) -> dict[str, Value]:
        """Settings that make the task, as its id writes them."""
        return {
            field.name: _written(self.in_ids.get(field.name, {}), getattr(self, field.name))
            for field in dataclasses.fields(self)
        }

    @property
    def id(self) -> str:
        """Family and every setting; `build` makes the task from it."""
        return write_id(self.family, self.params)

    @property
    def dim_x(self) -> int:
        """Columns of x once flattened."""
        return math.prod(self.shape_x)

    @property
    def dim_y(self) -> int:
        """Columns of y once flattened."""
        return math.prod(self.shape_y)

    @property
    def discrete_x(self) -> tuple[bool, ...]:
        """Which columns of x, flattened, hold whole numbers that stand for classes or counts: all or none."""
        return (self.kinds[0] == "discrete",) * self.dim_x

    @property
    def discrete_y(self) -> tuple[bool, ...]:
        """Which columns of y do, likewise."""
        return (self.kinds[1] == "discrete",) * self.dim_y

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""
        return self.truth.value

    @property
    def target(self) -> float:
        """The truth (nats), under another name that is in use."""
        return self.mutual_information

    @property
    def metadata(self) -> dict[str, Any]:
        """All that describes the task, as JSON-able values."""
        truth = self.truth
        return {
            "id": self.id,
            "family": self.family,
            "name": self.name,
            "params": dict(self.params),
            "shape_x": list(self.shape_x),
            "shape_y": list(self.shape_y),
            "dim_x": self.dim_x,
            "dim_y": self.dim_y,
            "kind_x": self.kinds[0],
            "kind_y": self.kinds[1],
            "discrete_x": [column for column, is_so in enumerate(self.discrete_x) if is_so],
            "discrete_y": [column for column, is_so in enumerate(self.discrete_y) if is_so],
            "unit": "nats",
            "mutual_information": truth.value,
            "truth": {
                "method": truth.method,
                "tolerance": truth.tolerance,
                "standard_error": truth.standard_error,
            },
            "source": self.source,
        }

    def sample(self, n_samples: int, seed: int) -> tuple[Array, Array]:
        """Draw rows; the first ones are those of a smaller sample of the same seed, up to rounding.

        Args:
            n_samples: Number of rows, 1 or more.
            seed: Seed, 0 or more.

        Returns:
            x (n_samples, *shape_x) and y (n_samples, *shape_y), float64, or int64 where `kinds` says discrete.

        Raises:
            TaskError: Not such numbers.
        """
        self._check(n_samples, seed)
        return self.draw(int(n_samples), int(seed))

    def rvs(self, size: int, random_state: int | None = None) -> tuple[Array, Array]:
        """`sample` under the name that scipy uses; without a seed, rows that no call repeats."""
        seed = int(np.random.SeedSequence().generate_state(1)[0]) if random_state is None else random_state
        return self.sample(size, seed)

    def sample_all(self, n: int, seed: int) -> Mapping[str, Array]:
        """Rows of every variable by name: here `x` and `y`."""
        x, y = self.sample(n, seed)
        return {"x": x, "y": y}

    def _check(self, rows: int, seed: int) -> None:
        expect(whole(rows) and rows >= 1, "n_samples", rows, "a whole number of 1 or more", "Ask for rows.")
        expect(whole(seed) and seed >= 0, "seed", seed, "a whole number of 0 or more", "Use 0.")


def from_params(task: type[_Task], given: Mapping[str, str]) -> _Task:
    """Build a family's task from settings as text; those left out have their default.

    Raises:
        TaskError: Unknown or missing settings, or values of the wrong kind.
    """
    kinds = get_type_hints(task)
    known = {field.name: kinds[field.name] for field in dataclasses.fields(task)}
    needed = [
        field.name
        for field in dataclasses.fields(task)
        if field.default is dataclasses.MISSING and field.name not in given
    ]
    unknown = [name for name in given if name not in known]
    if unknown or needed:
        wrong = f"without {', '.join(needed)}" if needed else ", ".join(unknown)
        wanted = f"{', '.join(known)}. Write them as name=value." if known else "none. Leave them out."
        raise TaskError(f"settings of `{task.family}` `{wrong}`: expected {wanted}")
    read = {name: _value(name, text, known[name]) for name, text in given.items()}
    return task(**{name: task.in_ids.get(name, {}).get(str(value), value) for name, value in read.items()})


def _written(in_ids: Mapping[str, Value], value: Value) -> Value:
    return next((written for written, here in in_ids.items() if here == value), value)


def _value(name: str, text: str, kind: type) -> Value:
    if kind is str:
        return text
    wanted = "a whole number" if kind is int else "a number"
    try:
        value: Value = int(text) if kind is int else float(text)
    except ValueError as error:
        raise TaskError(f"task setting `{name}={text}`: expected {wanted}. Write it in digits.") from error
    return value
