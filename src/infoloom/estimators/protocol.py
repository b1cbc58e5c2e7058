"""What a task offers and what an estimator answers; information is in nats everywhere.

The names are those of the benchmarks people know, so their tasks and estimators fit without a change.
This module imports nothing of infoloom's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Estimate", "Estimator", "Task"]

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimate of a mutual information and what is known about its quality.

    Args:
        nats: The estimate. It may be negative: nothing is clipped.
        interval: Ends of a 95 % interval (nats), or None where the method gives none.
        reliable: Whether the method's own checks passed; None if it has none.
        seconds: Wall-clock time of the estimation.
        details: What else the method has to say, as JSON-able values.

    Example:
        >>> Estimate(nats=math.log(4.0)).bits
        2.0
    """

    nats: float
    interval: tuple[float, float] | None = None
    reliable: bool | None = None
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bits(self) -> float:
        """The estimate in bits."""
        return self.nats / math.log(2.0)

    def doubted(self, reason: str) -> Estimate:
        """The same estimate, not reliable, with one more reason in `details["doubts"]`."""
        doubts = [*self.details.get("doubts", ()), reason]
        return replace(self, reliable=False, details={**self.details, "doubts": doubts})


@runtime_checkable
class Task(Protocol):
    """Pairs of any number of rows whose mutual information is known."""

    @property
    def id(self) -> str:
        """Short name, unique in a suite, that encodes every setting."""

    @property
    def name(self) -> str:
        """Name for people."""

    @property
    def params(self) -> Mapping[str, Any]:
        """Settings that make the task."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """All that describes the task, as JSON-able values."""

    @property
    def dim_x(self) -> int:
        """Columns of x once flattened."""

    @property
    def dim_y(self) -> int:
        """Columns of y once flattened."""

    @property
    def mutual_information(self) -> float:
        """The truth (nats)."""

    def sample(self, n_samples: int, seed: int) -> tuple[Array, Array]:
        """Draw rows: x (n_samples, ...) and y (n_samples, ...)."""

    def rvs(self, size: int, random_state: int | None = None) -> tuple[Array, Array]:
        """The same draw under the name that scipy uses."""

    def sample_all(self, n: int, seed: int) -> Mapping[str, Array]:
        """Draw rows of every variable by name."""

    def pmi(self, x: Array, y: Array) -> Array:
        """Pointwise mutual information of each row (n,), nats."""


@runtime_checkable
class Estimator(Protocol):
    """A method that estimates mutual information from paired rows."""

    def estimate(self, x: Array, y: Array) -> float:
        """The estimate (nats)."""

    def estimate_with_info(self, x: Array, y: Array) -> Estimate:
        """The estimate with its interval, its reliability and its time."""

    def parameters(self) -> Mapping[str, Any]:
        """The settings as JSON-able values."""

    def get_params(self, deep: bool = True) -> Mapping[str, Any]:
        """The settings in scikit-learn's convention."""

    def __call__(self, x: Array, y: Array) -> float:
        """The estimate (nats)."""
