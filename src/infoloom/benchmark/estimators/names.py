"""Names of entrants and of sets, and texts of strangers: what tables, terminals and files hold."""

from __future__ import annotations

from typing import Final

__all__ = ["SIGNS", "is_name", "shown"]

#: What `is_name` asks for, for messages.
SIGNS: Final = "signs without spaces, control characters and `|`"


def is_name(text: str, most: int) -> bool:
    """Whether a text can be a name everywhere: not empty, not too long, one word, nothing that ends a cell or a line.

    Example:
        >>> is_name("mine/1", 100), is_name("a|b", 100), is_name("a b", 100), is_name("", 100)
        (True, False, False, False)
    """
    return 0 < len(text) <= most and text.isprintable() and not set(text) & {" ", "|"}


def shown(text: str) -> str:
    """A text of a stranger without what would steer a terminal or end a line.

    Example:
        >>> shown("a\\x1b[31mb")
        'a�[31mb'
    """
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "�" for sign in text)
