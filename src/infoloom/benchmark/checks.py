"""How settings of tasks are refused."""

from __future__ import annotations

import numpy as np

from infoloom.errors import TaskError

__all__ = ["expect", "whole"]


def whole(value: object) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def expect(condition: bool, name: str, got: object, wanted: str, advice: str) -> None:
    """Refuse a setting of a task.

    Raises:
        TaskError: Where the condition does not hold.
    """
    if not condition:
        raise TaskError(f"task setting `{name}={got}`: expected {wanted}. {advice}")
