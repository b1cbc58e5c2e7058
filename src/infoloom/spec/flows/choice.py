"""A class that a categorical cause chooses, as a flow expression has it: `[{kind}]`, `[{kind}: heart, star]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from infoloom.errors import FlowError

__all__ = ["Choice", "parse_choice", "replace_choice"]

_CHOICE: Final = re.compile(r"\s*\{\s*(?P<cause>[^\W\d]\w*)\s*\}\s*(?::(?P<names>[^{}]*))?")
_IN_BRACKETS: Final = re.compile(r"\[\s*\{[^\[\]]*\]")


@dataclass(frozen=True)
class Choice:
    """A categorical cause and what each of its categories chooses.

    Attributes:
        cause: Name of the cause.
        names: What its categories 0, 1, … choose, in this order.
    """

    cause: str
    names: tuple[str, ...] = ()


def parse_choice(selector: str | None, known: tuple[str, ...] = ()) -> Choice | None:
    """Read a selector; None if it names a class itself.

    Args:
        selector: What stands in the brackets.
        known: All classes, which are chosen among where none are listed.

    Raises:
        FlowError: Curly brackets that are no choice, or a class that stands twice.

    Example:
        >>> parse_choice("{kind}: heart, star")
        Choice(cause='kind', names=('heart', 'star'))
    """
    if selector is None or "{" not in selector:
        return None
    match = _CHOICE.fullmatch(selector)
    names = tuple(name.strip() for name in (match["names"] or "").split(",")) if match else ()
    if match is None or (match["names"] is not None and not all(names)):
        raise FlowError(
            f"flow class `[{selector}]`: expected a categorical cause in curly brackets, then its classes if not all "
            "are meant. Write `[{kind}]` or `[{kind}: heart, star]`."
        )
    chosen = names if match["names"] is not None else known
    twice = next((name for name in chosen if chosen.count(name) > 1), None)
    if twice is not None:
        raise FlowError(
            f"flow class `[{selector}]`: `{twice}` stands twice; expected each once, because equal observations "
            "would not tell the category. Remove one."
        )
    return Choice(match["cause"], chosen)


def replace_choice(expression: str, name: str) -> str:
    """A flow expression with a class in the place of its choice.

    Example:
        >>> replace_choice("sprites[{kind}: heart, star](32) | affine(scale=2)", "star")
        'sprites[star](32) | affine(scale=2)'
    """
    return _IN_BRACKETS.sub(f"[{name}]", expression, count=1)
