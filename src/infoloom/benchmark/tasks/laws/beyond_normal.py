"""The laws of "Beyond Normal" by name, with their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from infoloom.benchmark.tasks.base import expect
from infoloom.benchmark.tasks.laws.closed_form import (
    AdditiveLaw,
    CanonicalLaw,
    DenseLaw,
    Law,
    StudentLaw,
    correlated,
)
from infoloom.errors import TaskError

__all__ = ["LAWS", "LawForm", "parameters"]

_WHOLE: Final = ("dim_x", "dim_y", "pairs")
_MOST_COLUMNS: Final = 100_000


@dataclass(frozen=True)
class LawForm:
    """A law as an id names it.

    Args:
        names: Its parameters, in the order of the ids that are in use.
        build: The law of these parameters.
        title: Name for people, with the parameters in braces.
    """

    names: tuple[str, ...]
    build: Callable[..., Law]
    title: str


def _normal(correlation: float) -> Law:
    return correlated(1, 1, correlation, 1)


def _pairs(dim_x: float, dim_y: float, pairs: float, strength: float) -> CanonicalLaw:
    shared = strength**2  # a common factor of this weight beside noise of weight 1
    return correlated(int(dim_x), int(dim_y), shared / (1.0 + shared), int(pairs))


def _dense(dim_x: float, dim_y: float, correlation: float) -> Law:
    return DenseLaw(int(dim_x), int(dim_y), correlation)


def _student(dim_x: float, dim_y: float, freedom: float) -> Law:
    return StudentLaw(CanonicalLaw(int(dim_x), int(dim_y), ()), freedom)


def _student_pairs(dim_x: float, dim_y: float, pairs: float, strength: float, freedom: float) -> Law:
    return StudentLaw(_pairs(dim_x, dim_y, pairs, strength), freedom)


#: Laws by the word that names them.
LAWS: Final[Mapping[str, LawForm]] = {
    "1v1-normal": LawForm(("correlation",), _normal, "Bivariate normal 1 × 1"),
    "1v1-additive": LawForm(("epsilon",), AdditiveLaw, "Uniform 1 × 1 (additive noise={epsilon:g})"),
    "1v1-bimodal": LawForm(("correlation",), _normal, "Bimodal 1 × 1"),
    "multinormal-dense": LawForm(
        ("dim_x", "dim_y", "correlation"), _dense, "Multinormal {dim_x:g} × {dim_y:g} (dense)"
    ),
    "multinormal-sparse": LawForm(
        ("dim_x", "dim_y", "pairs", "strength"), _pairs, "Multinormal {dim_x:g} × {dim_y:g} ({pairs:g}-pair)"
    ),
    "student-identity": LawForm(
        ("dim_x", "dim_y", "freedom"), _student, "Student-t {dim_x:g} × {dim_y:g} (dof={freedom:g})"
    ),
    "student-sparse": LawForm(
        ("dim_x", "dim_y", "pairs", "strength", "freedom"),
        _student_pairs,
        "Student-t {dim_x:g} × {dim_y:g} ({pairs:g}-pair, dof={freedom:g})",
    ),
}


def parameters(law: str, text: str) -> dict[str, float]:
    """The parameters that an id gives to a law: `3-3-2-2.0` in order, or `dim_x=3,dim_y=3,pairs=2,strength=2.0`.

    Raises:
        TaskError: Not all of them, others, or numbers out of range.
    """
    names = LAWS[law].names
    named = dict(part.partition("=")[::2] for part in text.split(","))
    given = text.split("," if "=" in text else "-")
    words = named if "=" in text else dict(zip(names, given, strict=False))
    if sorted(words) != sorted(names) or len(given) != len(names):
        raise TaskError(
            f"parameters of `{law}` `{text}`: expected {', '.join(f'{name}=…' for name in names)}. "
            "Write each once."
        )
    found = {name: _number(name, words[name]) for name in names}
    _check(found)
    return found


def _number(name: str, text: str) -> float:
    wanted = "a whole number from 1" if name in _WHOLE else "a number"
    try:
        value = float(int(text)) if name in _WHOLE else float(text)
    except (ValueError, OverflowError) as error:
        raise TaskError(f"task setting `{name}={text}`: expected {wanted}. Write it in digits.") from error
    expect(math.isfinite(value), name, text, wanted, "Write it in digits.")
    return value


def _check(found: Mapping[str, float]) -> None:
    """Refuse parameters at which a law does not exist, or whose rows floating point does not hold."""
    ranges: dict[str, tuple[Callable[[float], bool], str]] = {
        "correlation": (lambda value: 0.0 <= value <= 1.0 - 1e-9, "a number from 0 to 1 - 1e-9"),
        "epsilon": (lambda value: 1e-9 <= value <= 1e6, "a number from 1e-9 to 1e6"),
        "strength": (lambda value: 0.0 <= value <= 1e4, "a number from 0 to 1e4"),
        "freedom": (lambda value: 0.1 <= value <= 1e6, "a number from 0.1 to 1e6"),
        "dim_x": (lambda value: 1 <= value <= _MOST_COLUMNS, f"a whole number from 1 to {_MOST_COLUMNS}"),
        "dim_y": (lambda value: 1 <= value <= _MOST_COLUMNS, f"a whole number from 1 to {_MOST_COLUMNS}"),
        "pairs": (
            lambda value: 0 <= value <= min(found["dim_x"], found["dim_y"]),
            "a whole number, at most the columns of the narrower side",
        ),
    }
    for name, value in found.items():
        holds, wanted = ranges[name]
        expect(holds(value), name, f"{value:.12g}", wanted, "Change it.")
