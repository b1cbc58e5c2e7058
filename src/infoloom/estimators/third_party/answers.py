"""Answers of other people's estimators, read strictly: a number, a tuple, or an object with named parts."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, NoReturn

import numpy as np
from pydantic import Field

from infoloom.errors import EstimatorError
from infoloom.estimators.protocol import Estimate
from infoloom.foreign.trees import Open, checked, parse_json

__all__ = ["MOST", "UNITS", "DetailsTree", "Nats", "read_answer"]

#: Nats of a unit.
UNITS: Final[Mapping[str, float]] = {"nats": 1.0, "bits": math.log(2.0)}
#: Nats, of anything that is scored or drawn.
MOST: Final = 1e9
Nats = Annotated[float, Field(ge=-MOST, le=MOST)]
_KEYS: Final = (*UNITS, "standard_error", "interval", "reliable", "details")
_SHOWN: Final = 120
_LONGEST: Final = 2**20  # signs of details, as JSON


class CeilingTree(Open):
    """Details of an estimate of which a figure speaks."""

    ceiling: Nats | None = None


class DetailsTree(CeilingTree):
    """Details of an estimate, and of its folds."""

    folds: Annotated[list[CeilingTree], Field(max_length=10_000)] = Field(default_factory=list)


def read_answer(answer: Any, units: str, who: str, shown: str | None = None) -> Estimate:
    """An answer as an estimate in nats.

    Args:
        answer: A number; a tuple (number, standard error) or (number, low, high); an object with `nats` or `bits`, and
            with `standard_error`, `interval`, `reliable` and `details` if it has them; or an `Estimate`, in nats.
        units: Unit of numbers and tuples, `nats` or `bits`.
        who: Who answered, for messages.
        shown: The line of JSON in which a program printed the answer, for messages.

    Raises:
        EstimatorError: It is something else: no number where one belongs, one beyond 1e9 nats, an interval whose ends
            are in the wrong order, a verdict that is neither true nor false, details that a results file cannot hold.

    Example:
        >>> read_answer((0.5, 0.4, 0.7), "nats", "mine").interval
        (0.4, 0.7)
    """
    reader = _Reader(who, shown if shown is not None else _shown(answer), printed=shown is not None)
    if isinstance(answer, Estimate):
        return reader.estimate(answer)
    if isinstance(answer, Mapping):
        return reader.tree(answer)
    if isinstance(answer, tuple):
        return reader.parts(answer, UNITS[units], units)
    return Estimate(reader.nats(answer, "answer", UNITS[units]), details={"units": units})


class _Reader:
    """One answer; every refusal shows it."""

    def __init__(self, who: str, shown: str, *, printed: bool) -> None:
        self.who, self.shown, self.printed = who, shown, printed
        self.none = "End with status 1" if printed else "Raise an error"

    def refuse(self, expected: str, advice: str) -> NoReturn:
        raise EstimatorError(f"`{self.who}` `{self.shown[:_SHOWN]}`: expected {expected}. {advice}")

    def number(self, value: Any, name: str) -> float:
        """A finite real number: no truth value, no text, no list of one, nothing masked."""
        masked = np.ma.is_masked(value)
        if isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        item = getattr(value, "item", None)
        if item is not None and getattr(value, "ndim", None) == 0:
            value = item()  # a scalar of numpy, torch or jax
        wrong = masked or isinstance(value, bool) or not isinstance(value, int | float)
        if wrong and self.printed:
            self.refuse(
                f"a number of JSON as `{name}`, without quotes",
                'Print {"nats": 0.5}, {"nats": 0.5, "standard_error": 0.02} or {"nats": 0.5, "interval": [0.4, 0.6]}.',
            )
        if wrong:
            self.refuse(
                f"a number as `{name}`, a tuple of it with its standard error or its interval, or a dict",
                'Give 0.5, (0.5, 0.02), (0.5, 0.4, 0.6) or {"nats": 0.5}.',
            )
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.refuse(f"a finite `{name}`", f"{self.none} where there is no estimate.")
        return number

    def nats(self, value: Any, name: str, scale: float) -> float:
        """A number of a unit in nats, of a size that an information may have."""
        nats = self.number(value, name) * scale
        self.within(nats, name)
        return nats

    def within(self, nats: float, name: str) -> None:
        """Refuse what is beyond any information."""
        if not abs(nats) <= MOST:
            self.refuse(f"`{name}` within ±{MOST:g} nats", f"{self.none} where there is no estimate.")

    def parts(self, answer: tuple[Any, ...], scale: float, units: str) -> Estimate:
        """A number with its standard error, or with the ends of its interval."""
        if len(answer) not in (2, 3):
            self.refuse(
                "two numbers, the estimate and its standard error, or three, the estimate and its interval",
                "Give one of them.",
            )
        nats = self.nats(answer[0], "estimate", scale)
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
        nats = self.nats(answer[given[0]], given[0], scale)
        ends = None
        if answer.get("standard_error") is not None:
            ends = self.spread(nats, answer["standard_error"], scale)
        if answer.get("interval") is not None:
            ends = self.interval(answer["interval"], scale)
        details = answer["details"] if answer.get("details") is not None else {}
        return Estimate(nats, ends, self.verdict(answer.get("reliable")), details=self.details(details))

    def estimate(self, answer: Estimate) -> Estimate:
        """One of ours, made by a stranger: the same checks."""
        nats = self.nats(answer.nats, "nats", 1.0)
        ends = None if answer.interval is None else self.interval(answer.interval, 1.0)
        if self.number(answer.seconds, "seconds") < 0.0:
            self.refuse("`seconds` of 0 or more", "Leave them out: they are measured.")
        return dataclasses.replace(
            answer,
            nats=nats,
            interval=ends,
            reliable=self.verdict(answer.reliable),
            details=self.details(answer.details),
        )

    def interval(self, ends: Any, scale: float) -> tuple[float, float]:
        """Two finite numbers, the lower first; those of a bootstrap need not hold the estimate."""
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            self.refuse("an `interval` of two numbers", "Give both ends, or leave it out.")
        low, high = (self.nats(end, "interval", scale) for end in ends)
        if low > high:
            self.refuse("an `interval` whose first number is the lower one", "Swap them.")
        return low, high

    def spread(self, nats: float, error: Any, scale: float) -> tuple[float, float]:
        """The interval of a standard error."""
        half = 1.96 * self.number(error, "standard_error") * scale
        if half < 0.0:
            self.refuse("a `standard_error` of 0 or more", "Give its absolute value.")
        self.within(abs(nats) + half, "standard_error")
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

    def details(self, found: Any) -> Mapping[str, Any]:
        """Anything that a results file can hold, by name."""
        if not isinstance(found, Mapping):
            self.refuse("`details` to be an object", "Give its parts names.")
        named = {str(name): value for name, value in found.items()}
        try:
            written = json.dumps({"details": named}, default=_listed)
            if len(written) > _LONGEST:
                raise ValueError(f"{len(written):,} signs of JSON, at most {_LONGEST:,}")
            checked(DetailsTree, parse_json(written)["details"])
        except (ValueError, TypeError, RecursionError) as error:
            self.refuse(f"`details` that a results file can hold ({error})", "Leave that part out.")
        return named


def _listed(value: Any) -> Any:
    """What JSON lacks, as results are written: arrays as lists, all else as it is shown."""
    return value.tolist() if hasattr(value, "tolist") else repr(value)


def _shown(answer: Any) -> str:
    """An answer for a message."""
    try:
        return repr(answer)
    except (ValueError, RecursionError):  # too many digits, or nested too deeply
        return f"a {type(answer).__name__}"
