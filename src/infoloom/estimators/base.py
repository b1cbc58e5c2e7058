"""Everything an estimator owes its callers, derived from one function, `measure`."""

from __future__ import annotations

import dataclasses
import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from infoloom.errors import EstimatorError
from infoloom.estimators.copies import near_copies, repeated_rows
from infoloom.estimators.inputs import expect, flat, paired_rows
from infoloom.estimators.kinds import expect_kind
from infoloom.estimators.protocol import Array, Estimate
from infoloom.flags import expect_flags

__all__ = ["ArrayEstimator"]


@dataclass(frozen=True)
class ArrayEstimator(ABC):
    """An estimator on arrays: a subclass has its settings as fields and says how to `measure`.

    Class attributes: `source` cites the paper, `accepts` names the kinds of pairs (`continuous`, `mixed`, `discrete`),
    `least_rows` is the fewest rows, `keeps_shape` asks for rows in their own shape instead of flattened ones, and
    `null_safe` says whether independent data read about 0.
    """

    source: ClassVar[str] = ""
    accepts: ClassVar[tuple[str, ...]] = ("continuous",)
    least_rows: ClassVar[int] = 8
    keeps_shape: ClassVar[bool] = False
    null_safe: ClassVar[bool] = True

    @abstractmethod
    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from checked rows: (n, d), or (n, ...) where `keeps_shape`.

        Real numbers come as float64, and, where `accepts` goes beyond `continuous`, whole numbers as int64.
        """

    def kinds(self) -> tuple[str, ...]:
        """The kinds of pairs that this estimator takes: of `continuous`, `mixed` and `discrete`."""
        return self.accepts

    def estimate_with_info(self, x: Any, y: Any) -> Estimate:
        """Estimate the mutual information with its interval, reliability, time and details.

        Args:
            x: Rows of the first variable, (n,), (n, d) or (n, ...); flattened in C order where the method
                needs vectors. Whole numbers are taken as categories or counts, all other numbers as real.
            y: Rows of the second variable, likewise, in the same order.

        Returns:
            The estimate (nats). Where more than a twentieth of the pairs are copies of others, exactly or but for
            rounding, `reliable` is False and `details` says so: copies have no distance, and may lie on both sides of a
            split.

        Raises:
            EstimatorError: If the arrays cannot be used.
            KindError: If they are not of a kind that the estimator takes.
        """
        flags = [field.name for field in dataclasses.fields(self) if isinstance(field.default, bool)]
        expect_flags(EstimatorError, **{name: getattr(self, name) for name in flags})
        x, y = paired_rows(x, y, self.least_rows)
        expect_kind(type(self).__name__, x, y, self.kinds())
        if not self.keeps_shape:
            x, y = flat(x), flat(y)
        start = time.perf_counter()
        found = self.measure(x, y)
        expect(
            math.isfinite(found.nats),
            type(self).__name__,
            found.nats,
            "a finite estimate",
            "Look at the data for extreme values, or change the settings.",
        )
        found = dataclasses.replace(found, seconds=time.perf_counter() - start)
        return _doubt_copies(found, x, y)

    def estimate(self, x: Any, y: Any) -> float:
        """Estimate the mutual information (nats)."""
        return self.estimate_with_info(x, y).nats

    def __call__(self, x: Any, y: Any) -> float:
        """Estimate the mutual information (nats)."""
        return self.estimate(x, y)

    def parameters(self) -> dict[str, Any]:
        """The settings as JSON-able values, those of estimators and trainings inside included."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings as scikit-learn names them: `estimator__neighbors` is one of an inner estimator."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        inner = {
            f"{name}__{key}": value
            for name, part in own.items()
            if deep and isinstance(part, ArrayEstimator)
            for key, value in part.get_params().items()
        }
        return own | inner


def _doubt_copies(found: Estimate, x: Array, y: Array) -> Estimate:
    """The estimate, doubted where pairs stand in the rows several times."""
    copies, near = repeated_rows(x, y), near_copies(x, y)
    if copies:
        found = found.doubted(f"{copies} of {len(x)} pairs are copies of others")
    if near:
        found = found.doubted(f"{near} of {len(x)} pairs are copies of others but for rounding")
    return found


def _plain(value: Any) -> Any:
    """A setting as JSON writes it."""
    if isinstance(value, ArrayEstimator):
        return {"estimator": type(value).__name__, **value.parameters()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(part) for name, part in dataclasses.asdict(value).items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
