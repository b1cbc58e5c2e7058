"""Binding what a person wrote in a template call to the parameters of the function that draws it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infoloom.spec.equations.expression import TemplateCall

__all__ = ["Misfit", "bind"]

MAX_SEED = 2**63 - 1


class Misfit(Exception):
    """The short form of a template error; the public functions add which template and which shape."""


def bind(function: Callable[..., Any], call: TemplateCall) -> dict[str, Any]:
    """Match the arguments of a call to the named parameters of a drawing function.

    Args:
        function: Takes a place first, then its parameters, each annotated `int`, `float` or `str`.
        call: The call as written; `normalize` and `channel` are not parameters of a drawing function and are left
            out.

    Returns:
        Parameter name → checked value, defaults left to the function.

    Raises:
        Misfit: Too many, too few, unknown, repeated or wrongly typed arguments.
    """
    parameters = dict(list(inspect.signature(function).parameters.items())[1:])
    usage = _usage(call.name, parameters)
    if len(call.args) > len(parameters):
        raise Misfit(f"expected {_count(len(parameters))}, got {len(call.args)}. Write {usage}")
    given = dict(zip(parameters, call.args, strict=False))
    for name, value in call.kwargs:
        if name in ("normalize", "channel"):
            continue
        if name not in parameters:
            raise Misfit(f"expected no argument called `{name}`. Write {usage}")
        if name in given:
            raise Misfit(f"expected `{name}` once. Write {usage}")
        given[name] = value
    missing = [name for name, p in parameters.items() if p.default is p.empty and name not in given]
    if missing:
        raise Misfit(f"expected a value for {' and '.join(f'`{name}`' for name in missing)}. Write {usage}")
    return {name: _checked(name, value, parameters[name].annotation) for name, value in given.items()}


def _checked(name: str, value: Any, kind: str) -> Any:
    if not _FITS[kind](value):
        raise Misfit(f"expected {_EXPECTED[kind]} for `{name}`, got {_literal(value)}. Change `{name}`")
    if name == "seed" and not 0 <= value <= MAX_SEED:
        raise Misfit(f"expected a seed from 0 to 2^63 - 1, got {value}. Change `seed`")
    return _READ[kind](value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and int(value) == value


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _count(number: int) -> str:
    return ("no argument", "one argument")[number] if number < 2 else f"at most {number} arguments"


def _usage(name: str, parameters: dict[str, inspect.Parameter]) -> str:
    words = [
        p.name if p.default is p.empty else f"{p.name}={_literal(p.default)}" for p in parameters.values()
    ]
    return f"`{name}({', '.join(words)})`" if words else f"`{name}`"


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


# The annotations of a drawing function are its grammar; they arrive as text because of the future import.
_EXPECTED = {"int": "a whole number", "float": "a finite number", "str": "a text in quotes"}
_FITS: dict[str, Callable[[Any], bool]] = {
    "int": _is_whole,
    "float": _is_number,
    "str": lambda value: isinstance(value, str),
}
_READ: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str}
