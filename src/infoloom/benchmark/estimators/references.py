"""References that know the task: what an estimator could reach at best, and what needs no learning."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np

from infoloom.benchmark.tasks import PairTask
from infoloom.benchmark.tasks.base import Array, expect
from infoloom.errors import TaskError
from infoloom.estimators import Estimate, GaussianEstimator

__all__ = ["NAMES", "READINGS", "Oracle", "PixelFloor", "Reference", "build"]

READINGS: Final = ("auto", "gaussian", "pointwise")
_ENOUGH: Final = 2  # rows per column of the covariance
_LOOKED_AT: Final = 4
_ROUND_TRIP: Final = 1e-2


class Reference(Protocol):
    """Estimates like an estimator, and may look at the task behind the rows."""

    def estimate_with_info(self, x: Array, y: Array) -> Estimate:
        """The estimate with its interval and its time (nats)."""

    def parameters(self) -> Mapping[str, Any]:
        """Its settings as JSON-able values."""


@dataclass(frozen=True)
class Oracle:
    """What the rows hold for one who can undo every flow and map.

    `gaussian` applies the Gaussian estimator to the undone rows, without bias where they are Gaussian; `pointwise` is
    the mean of their pointwise information, which knows every weight besides. `auto` takes the first where the law is
    Gaussian and there are two rows for every column, else the second.

    Args:
        task: Where the rows come from.
        reading: `auto`, `gaussian` or `pointwise`.
        seed: Seed of the rows, if known: trained flows are then undone for a few rows only, to see that they are what
            they seem, and the rest is drawn again.

    Raises:
        TaskError: A reading that is unknown or does not fit the task.

    Example:
        >>> from infoloom.benchmark.tasks import from_mi
        >>> task = from_mi(0.5, 2, hidden="bent")
        >>> abs(Oracle(task).estimate(*task.sample(2000, 0)) - 0.5) < 0.1
        True
    """

    task: PairTask
    reading: str = "auto"
    seed: int | None = None

    def __post_init__(self) -> None:
        expect(
            self.reading in READINGS, "reading", self.reading, f"one of {', '.join(READINGS)}", "Use auto."
        )
        fits = self.reading != "gaussian" or self.task.gaussian
        expect(fits, "reading", self.reading, "auto or pointwise for a law that is not Gaussian", "Use auto.")

    def parameters(self) -> dict[str, Any]:
        """Its settings."""
        return {"reading": self.reading, "seed": self.seed}

    def estimate(self, x: Array, y: Array) -> float:
        """The estimate (nats)."""
        return float(self.estimate_with_info(x, y).nats)

    def estimate_with_info(self, x: Array, y: Array) -> Estimate:
        """The estimate with its interval and its time (nats)."""
        start = time.perf_counter()
        u, v = self._undone(x, y)
        enough = len(u) >= _ENOUGH * (u.shape[1] + v.shape[1])
        reading = self.reading
        if reading == "auto":
            reading = "gaussian" if self.task.gaussian and enough else "pointwise"
        found = GaussianEstimator().estimate_with_info(u, v) if reading == "gaussian" else self._mean(u, v)
        details = {**found.details, "reading": reading}
        return replace(found, seconds=time.perf_counter() - start, details=details)

    def _mean(self, u: Array, v: Array) -> Estimate:
        """The mean of the pointwise information, with an interval of 1.96 standard errors."""
        values = self.task.pmi_behind(u, v)
        mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
        return Estimate(mean, (mean - 1.96 * error, mean + 1.96 * error), details={"standard_error": error})

    def _undone(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The rows behind the maps: all undone, or drawn again and compared with some that are."""
        if self.seed is None:
            return self.task.unveil(x, y)
        drawn = self.task.behind(len(x), self.seed)
        few = self.task.unveil(x[:_LOOKED_AT], y[:_LOOKED_AT])
        for seen, wanted in zip(few, drawn, strict=True):
            away = float(np.max(np.abs(seen - wanted[:_LOOKED_AT])))
            if not away <= _ROUND_TRIP * max(1.0, float(np.max(np.abs(wanted[:_LOOKED_AT])))):
                raise TaskError(
                    f"oracle `seed={self.seed}`: expected the rows that the task draws with this seed, got others "
                    f"({away:.2g} away). Leave the seed out to undo every row."
                )
        return drawn


@dataclass(frozen=True)
class PixelFloor:
    """The Gaussian estimator on the rows as they are seen: what linear relations between pixels tell.

    Args:
        task: Where the rows come from.
    """

    task: PairTask

    def parameters(self) -> dict[str, Any]:
        """It has no settings."""
        return {}

    def estimate(self, x: Array, y: Array) -> float:
        """The estimate (nats)."""
        return float(self.estimate_with_info(x, y).nats)

    def estimate_with_info(self, x: Array, y: Array) -> Estimate:
        """The estimate with its interval and its time (nats)."""
        found: Estimate = GaussianEstimator().estimate_with_info(x, y)
        return found


_REFERENCES: Final[Mapping[str, Callable[..., Reference]]] = {"oracle": Oracle, "pixel-floor": PixelFloor}

#: Names of the references.
NAMES: Final = tuple(_REFERENCES)


def build(name: str, task: PairTask, **settings: Any) -> Reference:
    """A reference by name, for the rows of a task.

    Raises:
        TaskError: No such reference, or settings that it has not.
    """
    if name not in _REFERENCES:
        raise TaskError(f"reference `{name}`: expected one of {', '.join(NAMES)}. Name one of them.")
    try:
        return _REFERENCES[name](task, **settings)
    except TypeError as error:
        raise TaskError(
            f"settings of the reference `{name}` `{', '.join(settings)}`: expected those that it has ({error}). "
            "Leave them out."
        ) from error
