"""Plain values as users give them: whole numbers of Python or of numpy, one text or several."""

from __future__ import annotations

import operator
from collections.abc import Sequence

__all__ = ["texts", "whole"]


def whole(value: object) -> int | None:
    """A whole number as one of Python; None of anything else.

    Example:
        >>> whole(3), whole(3.0), whole(True), whole("3")
        (3, None, None, None)
    """
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def texts(value: object) -> list[str] | None:
    """One text or several as a list; None of anything else.

    Example:
        >>> texts("a"), texts(("a", "b")), texts(3)
        (['a'], ['a', 'b'], None)
    """
    if isinstance(value, str):
        return [value]
    several = isinstance(value, Sequence) and all(isinstance(one, str) for one in value)
    return [str(one) for one in value] if several else None  # type: ignore[attr-defined]
