"""Ids that encode everything: `gaussian:dim_x=25,dim_y=25,nats=2.0,pairs=5,hidden=rotated,turn=0`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from infoloom.errors import TaskError

__all__ = ["Value", "read_id", "write_id"]

Value = str | int | float
_WORD: Final = re.compile(r"-?[A-Za-z0-9_][A-Za-z0-9_./+-]*")


def write_id(family: str, params: Mapping[str, Value]) -> str:
    """The id of a family's task.

    Args:
        family: Name of the family.
        params: Every setting; numbers are written so that they read back to the bit.

    Raises:
        TaskError: A word with signs that an id cannot hold.

    Example:
        >>> write_id("gaussian", {"dim_x": 2, "nats": 0.5})
        'gaussian:dim_x=2,nats=0.5'
    """
    return f"{family}:" + ",".join(f"{name}={_text(name, value)}" for name, value in params.items())


def read_id(task_id: str) -> tuple[str, dict[str, str]]:
    """Family and settings of an id, the settings as text.

    Raises:
        TaskError: Not of the form `family:name=value,name=value`.

    Example:
        >>> read_id("gaussian:dim_x=2,nats=0.5")
        ('gaussian', {'dim_x': '2', 'nats': '0.5'})
    """
    family, colon, rest = task_id.partition(":")
    pairs = [item.partition("=") for item in rest.split(",") if item]
    names = [name for name, _, _ in pairs]
    if not colon or not all(name and sign and value for name, sign, value in pairs):
        raise TaskError(
            f"task `{task_id}`: expected `family:name=value,name=value`. Run `infoloom bench tasks`."
        )
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise TaskError(f"task `{task_id}`: expected `{repeated}` once. Remove one of them.")
    return family, {name: value for name, _, value in pairs}


def _text(name: str, value: Value) -> str:
    text = value if isinstance(value, str) else repr(value)
    if not _WORD.fullmatch(text):
        raise TaskError(
            f"task setting `{name}={text}`: expected letters, digits and `_ . / + -`, because it is a part of the "
            "task's id. Choose another value."
        )
    return text
