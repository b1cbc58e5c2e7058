"""Answers of other people's estimators, read strictly: a number, a tuple, or an object with named parts."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import numpy as np

from infoloom.errors import EstimatorError
from infoloom.estimators.protocol import Estimate

__all__ = ["UNITS", "read_answer"]

#: Nats of a unit.
UNITS: Final[Mapping[str, float]] = {"nats": 1.0, "bits": math.log(2.0)}
_KEYS: Final = (*UNITS, "standard_error", "interval", "reliable", "details")
_SHOWN: Final = 120


def read_answer(answer: Any, units: str, who: str, shown: str | None = None) -> Estimate:
    """An answer as an estimate in nats.

    Args:
        answer: A number; a tuple (number, standard error) or (number, low, high); an object with `nats` or `bits`, and
            with `standard_error`, `interval`, `reliable` and `details` if it has them; or an `Estimate`, in nats.
        units: Unit of numbers and tuples, `nats` or `bits`.
        who: Who answered, for messages.
        shown: The answer as it was written, for messages.

    Raises:
        EstimatorError: It is something else: no number where one belongs, an interval whose ends are not finite or in
            the wrong order, a verdict that is neither true nor false.

    Example:
        >>> read_answer((0.5, 0.4, 0.7), "nats", "mine").interval
        (0.4, 0.7)
    """
    reader = _Reader(who, shown if shown is not None else repr(answer))
    if isinstance(answer, Estimate):
        return reader.estimate(answer)
    if isinstance(answer, Mapping):
        return reader.tree(answer)
    if isinstance(answer, tuple):
        return reader.parts(answer, UNITS[units], units)
    return Estimate(reader.number(answer, "answer") * UNITS[units], details={"units": units})


class _Reader:
    """One answer; every refusal shows it."""

    def __init__(self, who: str, shown: str) -> None:
        self.who, self.shown = who, shown

    def refuse(self, expected: str, advice: str) -> NoReturn:
        raise EstimatorError(f"`{self.who}` `{self.shown[:_SHOWN]}`: expected {expected}. {advice}")

    def number(self, value: Any, name: str) -> float:
        """A finite real number: no truth value, no text, no list of one."""
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        item = getattr(value, "item", None)
        if item is not None and getattr(value, "ndim", None) == 0:
            value = item()  # a scalar of numpy, torch or jax
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(
                f"a number as `{name}`, a tuple of it with its standard error or its interval, or a dict",
                'Give 0.5, (0.5, 0.02), (0.5, 0.4, 0.6) or {"nats": 0.5}.',
            )
        if not math.isfinite(value):
            self.refuse(f"a finite `{name}`", "Raise an error where there is no estimate.")
        return float(value)

    def parts(self, answer: tuple[Any, ...], scale: float, units: str) -> Estimate:
        """A number with its standard error, or with the ends of its interval."""
        if len(answer) not in (2, 3):
            self.refuse(
                "two numbers, the estimate and its standard error, or three, the estimate and its interval",
                "Give one of them.",
            )
        nats = self.number(answer[0], "estimate") * scale
        if len(answer) == 3:
            ends = self.interval(answer[1:], scale)
        else:
            ends = self.spread(nats, answer[1], scale)
        return Estimate(nats, ends, details={"units": units})

    def tree(self, answer: Mapping[Any, Any]) -> Estimate:
        """An object with named parts."""
        unknown = next((key for key in answer if key not in _KEYS), None)
        if unknown is not None:
            near = difflib.get_close_matches(str(unknown), _KEYS, n=1)
            advice = f"Did you mean `{near[0]}`?" if near else "Put anything else into `details`."
            self.refuse(f"the keys {', '.join(_KEYS)}, got `{unknown}`", advice)
        given = [unit for unit in UNITS if unit in answer]
        if len(given) != 1:
            self.refuse("a number as `nats` or as `bits`, one of them", 'Give {"nats": 0.5}.')
        scale = UNITS[given[0]]
        nats = self.number(answer[given[0]], given[0]) * scale
        ends = None
        if answer.get("standard_error") is not None:
            ends = self.spread(nats, answer["standard_error"], scale)
        if answer.get("interval") is not None:
            ends = self.interval(answer["interval"], scale)
        return Estimate(nats, ends, self.verdict(answer.get("reliable")), details=self.details(answer))

    def estimate(self, answer: Estimate) -> Estimate:
        """One of ours, made by a stranger: the same checks."""
        self.number(answer.nats, "nats")
        if answer.interval is not None:
            self.interval(answer.interval, 1.0)
        self.verdict(answer.reliable)
        return answer

    def interval(self, ends: Any, scale: float) -> tuple[float, float]:
        """Two finite numbers, the lower first."""
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            self.refuse("an `interval` of two numbers", "Give both ends, or leave it out.")
        low, high = (self.number(end, "interval") * scale for end in ends)
        if low > high:
            self.refuse("an `interval` whose first number is the lower one", "Swap them.")
        return low, high

    def spread(self, nats: float, error: Any, scale: float) -> tuple[float, float]:
        """The interval of a standard error."""
        half = 1.96 * self.number(error, "standard_error") * scale
        if half < 0.0:
            self.refuse("a `standard_error` of 0 or more", "Give its absolute value.")
        return nats - half, nats + half

    def verdict(self, value: Any) -> bool | None:
        """True, false, or nothing."""
        if isinstance(value, np.bool_):
            value = bool(value)
        if value is not None and not isinstance(value, bool):
            self.refuse(
                "`reliable` to be true or false, and no text or number", "Leave it out where there is none."
            )
        return value

    def details(self, answer: Mapping[Any, Any]) -> Mapping[str, Any]:
        """Anything, by name."""
        found = answer.get("details") or {}
        if not isinstance(found, Mapping):
            self.refuse("`details` to be an object", "Give its parts names.")
        return {str(name): value for name, value in found.items()}
