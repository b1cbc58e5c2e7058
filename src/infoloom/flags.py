"""Settings that are true or false: a text such as "no" counts as true in Python, and is refused."""

from __future__ import annotations

from infoloom.errors import InfoloomError

__all__ = ["expect_flags"]


def expect_flags(error: type[InfoloomError], **given: object) -> None:
    """Refuse settings that are neither true nor false.

    Args:
        error: What is raised.
        given: Settings by name; True and False of numpy, 1 and 0 are taken too.

    Raises:
        error: One that is something else.

    Example:
        >>> expect_flags(InfoloomError, shuffle=True, drop_last=0)
    """
    for name, value in given.items():
        item = getattr(value, "item", None)
        plain = item() if callable(item) and getattr(value, "shape", None) == () else value
        if not isinstance(plain, bool | int) or plain not in (0, 1):
            raise error(
                f"`{name}` `{str(value)[:40]}`: expected True or False, because anything else may count as true. Write "
                f"{name}=True or {name}=False."
            )
