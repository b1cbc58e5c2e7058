"""Distributions of causes by name, such as `laplace` or `student_t(5)`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from infoloom.plugins import load, offered
from infoloom.spec.equations.parser import ExpressionError, parse_call

__all__ = ["DISTRIBUTIONS", "DistributionCall", "parse_distribution", "parse_scale"]

DISTRIBUTIONS: Final = {
    "normal": "normal",
    "laplace": "laplace",
    "student_t": "student_t(df), df > 2",
    "uniform": "uniform",
    "categorical": "categorical(k), 2 ≤ k ≤ 1000",
    "mixture": "mixture(w1, m1, s1, w2, m2, s2, …)",
}
MAX_CATEGORIES: Final = 1000
MAX_PARTS: Final = 50


@dataclass(frozen=True)
class DistributionCall:
    """A distribution's name and numbers; it is standardised to mean 0 and variance 1."""

    name: str
    args: tuple[float, ...] = ()


def parse_distribution(text: str) -> DistributionCall:
    """Read the distribution of a cause.

    Args:
        text: A name, with its numbers in brackets where it has any.

    Raises:
        ValueError: An unknown name, or numbers that make no distribution.

    Example:
        >>> parse_distribution("student_t(5)")
        DistributionCall(name='student_t', args=(5.0,))
    """
    try:
        call = parse_call(text)
    except ExpressionError as error:
        raise ValueError(f"the distribution `{text}`: {error} (character {error.position + 1})") from error
    others = offered("distributions")
    if call.name not in DISTRIBUTIONS and call.name not in others:
        near = difflib.get_close_matches(call.name, [*DISTRIBUTIONS, *others], n=1)
        hint = (
            f"did you mean `{near[0]}`?"
            if near
            else f"expected one of {', '.join([*DISTRIBUTIONS.values(), *sorted(others)])}"
        )
        raise ValueError(f"unknown distribution `{call.name}`; {hint}")
    numbers = [value for value in call.args if isinstance(value, int | float) and not isinstance(value, bool)]
    args = tuple(float(value) for value in numbers)
    usage = DISTRIBUTIONS[call.name] if call.name in DISTRIBUTIONS else load("distributions", call.name).usage
    if call.kwargs or len(args) != len(call.args) or not _fits(call.name, args):
        raise ValueError(f"the distribution `{text}`: expected {usage}{_why(call.name)}")
    return DistributionCall(call.name, args)


def parse_scale(text: str) -> float:
    """Read the common scale of all sources, `student_t(5)`: its degrees of freedom.

    Raises:
        ValueError: Anything else.
    """
    call = parse_distribution(text)
    if call.name != "student_t":
        raise ValueError(f"the scale `{text}`: expected student_t(df), df > 2, the scale with a closed form")
    return call.args[0]


def _fits(name: str, args: tuple[float, ...]) -> bool:
    if name not in DISTRIBUTIONS:
        return bool(load("distributions", name).fits(args))
    match name:
        case "student_t":
            return len(args) == 1 and 2.0 < args[0] <= 1e6
        case "categorical":
            return len(args) == 1 and args[0].is_integer() and 2 <= args[0] <= MAX_CATEGORIES
        case "mixture":
            parts = 0 < len(args) <= 3 * MAX_PARTS and len(args) % 3 == 0
            return parts and min(args[0::3]) > 0.0 and min(args[2::3]) > 0.0
    return not args


def _why(name: str) -> str:
    if name == "student_t":
        return ", because its variance is infinite for df ≤ 2, and above 1e6 it is as good as `normal`"
    if name == "mixture":
        return ", with weights and widths above 0"
    return ""
