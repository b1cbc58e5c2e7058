"""Estimators of others: any callable, any object with `estimate`, or a program in its own environment."""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from infoloom.errors import EstimatorError
from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate, Estimator
from infoloom.estimators.registry import build

__all__ = ["CallableEstimator", "SubprocessEstimator", "as_estimator"]

_NATS = {"nats": 1.0, "bits": math.log(2.0)}


@dataclass(frozen=True)
class CallableEstimator(ArrayEstimator):
    """Any function of (x, y) as an estimator.

    Args:
        function: Takes rows (n, dx) and (n, dy), int64 where they are whole numbers and else float64, and returns a
            number, a pair (number, standard error), or an `Estimate` (nats).
        units: What the function returns, `nats` or `bits`.
        label: Name in results.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> one_bit = CallableEstimator(lambda x, y: 1.0, units="bits")
        >>> round(one_bit.estimate(rng.standard_normal(9), rng.standard_normal(9)), 3)
        0.693
    """

    function: Callable[[Array, Array], Any]
    units: str = "nats"
    label: str = "callable"

    accepts: ClassVar[tuple[str, ...]] = ("continuous", "mixed", "discrete")

    def __post_init__(self) -> None:
        _expect_units(self.units)
        expect(
            callable(self.function),
            "function",
            self.function,
            "a function of x and y",
            "Give the function itself, not its result.",
        )

    def measure(self, x: Array, y: Array) -> Estimate:
        """Call the function and read its answer in nats."""
        answer = self.function(x, y)
        if isinstance(answer, Estimate):
            return answer
        try:
            values = [float(value) for value in np.atleast_1d(np.asarray(answer, dtype=np.float64))]
        except (TypeError, ValueError):
            values = []
        expect(
            len(values) in (1, 2),
            self.label,
            repr(answer)[:80],
            "a number, or a number and its standard error",
            "Wrap the function so that it returns one of them.",
        )
        return _estimate(values[0], values[1] if len(values) == 2 else None, self.units)


@dataclass(frozen=True)
class SubprocessEstimator(ArrayEstimator):
    """A program in its own environment: arrays in, one JSON line out.

    The program is started with the path of an `.npz` file as its last argument; the file holds `x` (n, dx)
    and `y` (n, dy), int64 where they are whole numbers and else float64. The last line that it prints is a JSON object
    with `nats` or `bits`, and may hold `standard_error` in the same unit, `interval` (two numbers, same unit),
    `reliable` and `details`.

    Args:
        command: Program and arguments, such as `("/envs/other/bin/python", "estimate.py")`; no shell.
        limit: Seconds after which the program is ended.

    Raises:
        EstimatorError: If the program cannot start, fails, runs out of time or prints something else.
    """

    command: tuple[str, ...]
    limit: float = 600.0

    accepts: ClassVar[tuple[str, ...]] = ("continuous", "mixed", "discrete")

    def __post_init__(self) -> None:
        expect(
            isinstance(self.command, tuple) and len(self.command) > 0,
            "command",
            self.command,
            "a tuple of the program and its arguments, because no shell reads it",
            "Split it: ('python', 'estimate.py').",
        )
        expect(self.limit > 0.0, "limit", self.limit, "seconds above 0", "Use 600.")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Run the program on the arrays and read its answer."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.npz"
            np.savez(path, x=x, y=y)
            printed = self._run(path)
        return self._read(printed)

    def _run(self, path: Path) -> str:
        command = [*self.command, str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=self.limit, check=False)
        except OSError as error:
            raise self._refusal(str(error), "a program that starts", "Check the path.") from error
        except subprocess.TimeoutExpired as error:
            raise self._refusal(
                f"ran {self.limit:g} s", "an answer within the limit", "Raise `limit` or use fewer rows."
            ) from error
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
            raise self._refusal(f"exit {done.returncode}: {last}", "exit 0", "Run it by hand on an npz file.")
        return done.stdout

    def _read(self, printed: str) -> Estimate:
        last = (printed.strip().splitlines() or [""])[-1]
        try:
            answer = json.loads(last)
        except json.JSONDecodeError:
            answer = None
        units = [
            unit for unit in _NATS if isinstance(answer, dict) and isinstance(answer.get(unit), int | float)
        ]
        if not isinstance(answer, dict) or len(units) != 1:
            raise self._refusal(
                last[:80], "a last line of JSON with a number as `nats` or as `bits`", 'Print {"nats": 0.5}.'
            )
        found = _estimate(answer[units[0]], answer.get("standard_error"), units[0])
        interval = answer.get("interval")
        ends = (interval[0] * _NATS[units[0]], interval[1] * _NATS[units[0]]) if interval else found.interval
        return Estimate(found.nats, ends, answer.get("reliable"), details=answer.get("details", {}))

    def _refusal(self, got: str, expected: str, advice: str) -> EstimatorError:
        return EstimatorError(f"`{' '.join(self.command)}` `{got}`: expected {expected}. {advice}")


def as_estimator(given: Any, units: str = "nats") -> Any:
    """Turn what a caller has into an estimator.

    Args:
        given: A registered name, an `Estimator`, an object with `estimate(x, y)`, a callable, or a sequence
            of strings, the command of a program.
        units: What a foreign object or callable returns, `nats` or `bits`.

    Raises:
        EstimatorError: If it is none of these.
    """
    if isinstance(given, Estimator) and not isinstance(given, type):
        return given
    if isinstance(given, str):
        return build(given)
    if isinstance(given, list | tuple) and given and all(isinstance(word, str) for word in given):
        return SubprocessEstimator(tuple(given))
    if callable(getattr(given, "estimate", None)):
        return CallableEstimator(given.estimate, units, type(given).__name__)
    if callable(given):
        return CallableEstimator(given, units, getattr(given, "__name__", type(given).__name__))
    raise EstimatorError(
        f"`estimator` `{given!r}`: expected a name, a function of x and y, an object with `estimate`, or a "
        "command. Wrap it in a function."
    )


def _expect_units(units: str) -> None:
    expect(units in _NATS, "units", units, "nats or bits", "Look up which logarithm the package uses.")


def _estimate(value: float, error: float | None, units: str) -> Estimate:
    """A value with its standard error in some unit, as an estimate in nats."""
    nats = value * _NATS[units]
    spread = None if error is None else 1.96 * float(error) * _NATS[units]
    details: Mapping[str, Any] = {"units": units}
    return Estimate(nats, None if spread is None else (nats - spread, nats + spread), details=details)
