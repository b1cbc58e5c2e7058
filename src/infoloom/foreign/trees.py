"""JSON read strictly, and trees of plain values checked against a schema: short errors, for a caller to complete."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

__all__ = ["Finite", "Line", "Open", "Text", "Tree", "Word", "checked", "parse_json", "said"]

MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 19
_SHOWN: Final = 60

Word = Annotated[str, StringConstraints(max_length=256)]
"""A name."""
Line = Annotated[str, StringConstraints(max_length=4096)]
"""A query, an equation or a sentence."""
Text = Annotated[str, StringConstraints(max_length=2**21)]
"""A whole text."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A number that is one."""


class Tree(BaseModel):
    """An object of exactly these keys, each of its very type: no text for a number, no number for a truth value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Open(BaseModel):
    """An object of at least these keys; others, of later versions, are kept as they are."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


_Model = TypeVar("_Model", bound=BaseModel)


def parse_json(content: bytes | str, *, constants: bool = False) -> Any:
    """Read JSON as its standard says, so that every reader sees the same.

    Args:
        content: UTF-8 text.
        constants: Whether `NaN` and `Infinity` are let in, as texts.

    Returns:
        Plain values; every number is finite, every whole number fits 64 bits, nothing is nested deeper than 32 levels.

    Raises:
        ValueError: Not UTF-8 or not JSON, a key twice, a number out of range, nested too deeply, half a character.

    Example:
        >>> parse_json(b'{"rows": 3}')
        {'rows': 3}
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is no UTF-8") from error
    try:
        tree = json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_real,
            parse_constant=str if constants else _no_number,
        )
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
    _walk(tree)
    return tree


def checked(model: type[_Model], tree: Any) -> _Model:
    """A tree of plain values as a value of a schema.

    Raises:
        ValueError: The first thing that does not fit, with its path, and how many more there are.

    Example:
        >>> class Size(Tree):
        ...     rows: int
        >>> checked(Size, {"rows": "3"})
        Traceback (most recent call last):
        ValueError: `rows`: expected a valid integer, got '3'
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise ValueError(said(error)) from error


def said(error: ValidationError) -> str:
    """What a schema found wrong first, in a line."""
    found = error.errors(include_url=False, include_context=False)
    first = found[0]
    path = ".".join(str(part)[:_SHOWN] for part in first["loc"] if not _of_union(part)) or "it"
    message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    got = "" if first["type"] == "missing" else f", got {_short(first['input'])}"
    more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
    expected = "it is missing" if first["type"] == "missing" else f"expected {message}"
    return f"`{path}`: {expected}{got}{more}"


def _short(value: object) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key `{twice[:_SHOWN]}` is there twice")
    return tree


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS + 1 or not -(2**63) <= int(digits) < 2**63:
        raise ValueError(f"number {digits[:20]}… does not fit 64 bits")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"number {digits[:20]} is too large")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no number of JSON")


def _walk(tree: Any) -> None:
    """Depth, and texts that no file could hold; level by level, so that depth costs no stack."""
    level = [tree]
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _require_text(value)
            elif isinstance(value, list):
                below += value
            elif isinstance(value, dict):
                for key in value:
                    _require_text(key)
                below += value.values()
        if not below:
            return
        level = below
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _require_text(value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("half a character (a lone surrogate)") from error


def _of_union(part: object) -> bool:
    """Whether a part of a path is the kind of a union that was tried, and no key of the file."""
    return isinstance(part, str) and part.startswith(("constrained-", "list[", "function-"))
