"""How accurate a value is asked to be, and what may be spent on it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from infoloom.errors import QueryError
from infoloom.foreign.plain import whole

__all__ = ["DEFAULT", "DEFAULT_WORK", "SEED", "Effort", "Purse"]

ABSOLUTE: Final = 1e-3
RELATIVE: Final = 0.01
DEFAULT_WORK: Final = 3e9  # cells of sums over nodes: a few seconds of one core
SEED: Final = 20_251_021


@dataclass(frozen=True)
class Effort:
    """What is asked for.

    Attributes:
        tolerance: Largest error, nats; 1 % or 1e-3 nats, whichever is larger, when left out.
        budget: Seconds; when left out a fixed amount of work, so that the value does not depend on the machine.
        seed: Of Monte Carlo rows, ≥ 0.

    Raises:
        QueryError: A tolerance or a budget that is not positive, or a negative seed.
    """

    tolerance: float | None = None
    budget: float | None = None
    seed: int = SEED

    def __post_init__(self) -> None:
        for name, value in (("tolerance", self.tolerance), ("budget", self.budget)):
            given = isinstance(value, float | np.floating) or whole(value) is not None
            if value is not None and not (given and 0.0 < value < math.inf):
                unit = "nats" if name == "tolerance" else "seconds"
                raise QueryError(f"{name} `{value}`: expected a positive number of {unit}.")
        if (number := whole(self.seed)) is None or number < 0:
            raise QueryError(f"seed `{self.seed}`: expected a whole number that is not negative.")

    def wanted(self, value: float) -> float:
        """The error that is small enough for a value, nats."""
        return max(ABSOLUTE, RELATIVE * abs(value)) if self.tolerance is None else self.tolerance

    def purse(self) -> Purse:
        """What may be spent, from now on."""
        return Purse(DEFAULT_WORK if self.budget is None else math.inf, self.budget)


DEFAULT: Final = Effort()


class Purse:
    """What is left of a budget.

    Args:
        work: Cells of sums, each about 2 ns.
        budget: Seconds, or nothing.
    """

    def __init__(self, work: float, budget: float | None) -> None:
        self.work = work
        self.speed: float | None = None  # cells a second, once known
        self.end = None if budget is None else time.monotonic() + budget

    def affords(self, work: float) -> bool:
        """Whether so much work may still be begun."""
        if self.end is None:
            return work <= self.work
        return time.monotonic() + work / (self.speed or 1e8) <= self.end

    def spend(self, work: float, seconds: float) -> None:
        """Note what was done."""
        self.work -= work
        if seconds > 0.05:
            self.speed = work / seconds
