"""Estimators of others: any callable, any object with `estimate`, or a program in its own environment."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from infoloom.errors import EstimatorError
from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect, flat
from infoloom.estimators.protocol import Array, Estimate, Estimator
from infoloom.estimators.registry import build
from infoloom.estimators.third_party.answers import UNITS, read_answer
from infoloom.estimators.third_party.programs import run_program
from infoloom.foreign.trees import parse_json

__all__ = ["CallableEstimator", "SubprocessEstimator", "as_estimator"]


@dataclass(frozen=True)
class CallableEstimator(ArrayEstimator):
    """Any function of (x, y) as an estimator.

    Args:
        function: Takes rows (n, dx) and (n, dy), int64 where they are whole numbers that stand for classes or counts
            and else float64, and returns a number, a pair (number, standard error), a triple (number, low, high), a
            dict such as `{"nats": 0.5, "interval": [0.4, 0.6], "reliable": True}`, or an `Estimate` (nats).
        units: What the function returns, `nats` or `bits`.
        label: Name in results.
        shaped: Whether the function wants rows in their own shape, such as (n, 3, 32, 32), instead of vectors.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> one_bit = CallableEstimator(lambda x, y: 1.0, units="bits")
        >>> round(one_bit.estimate(rng.standard_normal(9), rng.standard_normal(9)), 3)
        0.693
        >>> sides = CallableEstimator(lambda x, y: float(x.ndim), shaped=True)
        >>> sides.estimate(rng.standard_normal((9, 3, 4, 4)), rng.standard_normal(9))
        4.0
    """

    function: Callable[[Array, Array], Any]
    units: str = "nats"
    label: str = "callable"
    shaped: bool = False

    keeps_shape: ClassVar[bool] = True

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
        answer = self.function(x, y) if self.shaped else self.function(flat(x), flat(y))
        return read_answer(answer, self.units, self.label)


@dataclass(frozen=True)
class SubprocessEstimator(ArrayEstimator):
    """A program in its own environment: arrays in, one JSON line out.

    The program is started with the path of an `.npz` file as its last argument. The file holds `x` (n, dx) and
    `y` (n, dy), int64 where they are whole numbers and else float64; `shape_x` and `shape_y`, the shape of a row, such
    as [3, 32, 32], flattened in C order; `discrete_x` (dx,) and `discrete_y` (dy,), which columns hold whole numbers
    that stand for classes or counts. The last line that it prints is a JSON object with `nats` or `bits`, and may hold
    `standard_error` in the same unit, `interval` (two numbers, same unit), `reliable` and `details`.

    Args:
        command: Program and arguments, such as `("/envs/other/bin/python", "estimate.py")`; no shell.
        limit: Seconds after which the program is ended, with all that it started; infinity for none.
        discrete_x: Which columns of x are discrete; where left out, all of int64 rows and none of others.
        discrete_y: Which columns of y are, likewise.
        echo: Whether what it says on stderr is said on ours too, while it runs.
        label: What messages call it; the command where left out.

    Raises:
        EstimatorError: If the program cannot start, fails, runs out of time or prints something else; the message has
            the last ten lines of its stderr.
    """

    command: tuple[str, ...]
    limit: float = 600.0
    discrete_x: tuple[bool, ...] = ()
    discrete_y: tuple[bool, ...] = ()
    echo: bool = False
    label: str = ""

    keeps_shape: ClassVar[bool] = True

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
        sides = {"x": (x, self.discrete_x), "y": (y, self.discrete_y)}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.npz"
            np.savez(path, allow_pickle=False, **_arrays(sides))
            printed, said = self._run(path)
        return self._read(printed, said)

    def _run(self, path: Path) -> tuple[str, str]:
        """What it printed, and the last lines of what it said on stderr."""
        try:
            done = run_program([*self.command, str(path)], self.limit, self.echo)
        except (OSError, ValueError) as error:  # a word with a sign that no command has
            raise self._refusal(str(error), "a program that starts", "Check the path.") from error
        if done.status is None:
            raise self._refusal(
                f"ran {self.limit:g} s",
                "an answer within the limit",
                "Raise `limit` or use fewer rows.",
                done.said,
            )
        if done.status != 0:
            raise self._refusal(f"exit {done.status}", "exit 0", "Run it by hand on an npz file.", done.said)
        return done.printed, done.said

    def _read(self, printed: str, said: str) -> Estimate:
        # JSON ends its lines with these two only; a text in it may hold the other signs that end lines
        last = re.split(r"[\r\n]", printed.strip())[-1].strip()
        answer, problem = None, ""
        try:
            answer = parse_json(last)
        except ValueError as error:
            problem = f" ({error})" if last.startswith("{") else ""
        if not isinstance(answer, dict):
            raise self._refusal(
                last[:120],
                f"a last line of JSON, an object with `nats` or `bits`{problem}",
                'Print {"nats": 0.5}, or end with status 1 where there is no estimate.',
                said,
            )
        try:
            return read_answer(answer, "nats", self._name, last)
        except EstimatorError as error:
            raise EstimatorError(f"{error}{_heard(said)}") from error

    def _refusal(self, got: str, expected: str, advice: str, said: str = "") -> EstimatorError:
        return EstimatorError(f"`{self._name}` `{got}`: expected {expected}. {advice}{_heard(said)}")

    @property
    def _name(self) -> str:
        return self.label or " ".join(self.command)


def _heard(said: str) -> str:
    """The end of a message: what a program said on stderr."""
    return f"\nThe last lines of its stderr:\n{said}" if said else ""


def _arrays(sides: Mapping[str, tuple[Array, tuple[bool, ...]]]) -> dict[str, np.ndarray[Any, Any]]:
    """What the file for a program holds."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name, (rows, discrete) in sides.items():
        columns = flat(rows)
        whole = columns.dtype.kind == "i"
        kinds = np.asarray(discrete or (whole,) * columns.shape[1], dtype=np.bool_)
        expect(
            len(kinds) == columns.shape[1],
            f"discrete_{name}",
            f"{len(kinds)} columns",
            f"as many as {name} has, {columns.shape[1]}",
            "Leave it out: then whole numbers are discrete.",
        )
        found[name] = columns.astype(np.int64) if kinds.all() else columns.astype(np.float64)
        found[f"shape_{name}"] = np.asarray(rows.shape[1:], dtype=np.int64)
        found[f"discrete_{name}"] = kinds
    return found


def as_estimator(given: Any, units: str = "nats", *, shaped: bool = False) -> Any:
    """Turn what a caller has into an estimator.

    Args:
        given: A registered name, an `Estimator`, an object with `estimate(x, y)`, a callable, or a sequence
            of strings, the command of a program.
        units: What a foreign object or callable returns, `nats` or `bits`.
        shaped: Whether a foreign object or callable wants rows in their own shape instead of vectors.

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
        return CallableEstimator(given.estimate, units, type(given).__name__, shaped)
    if callable(given):
        return CallableEstimator(given, units, getattr(given, "__name__", type(given).__name__), shaped)
    raise EstimatorError(
        f"`estimator` `{given!r}`: expected a name, a function of x and y, an object with `estimate`, or a "
        "command. Wrap it in a function."
    )


def _expect_units(units: str) -> None:
    expect(units in UNITS, "units", units, "nats or bits", "Look up which logarithm the package uses.")
