"""The sizes that ceilings are asked for, checked before anything is drawn."""

from __future__ import annotations

from typing import Final

from infoloom.errors import QueryError
from infoloom.foreign.plain import whole

__all__ = ["require_sizes"]

# name → smallest, largest (a batch has a table of all its pairs), and why or what to do
_RANGES: Final = {
    "classes": (2, 1_000, "equally likely classes of a target"),
    "batch": (2, 8_192, "pairs, of which each is told from the others"),
    "batches": (2, 1_000_000, "batches, over which the standard error is taken"),
    "seed": (0, 2**63 - 1, "a seed"),
}


def require_sizes(**asked: object) -> dict[str, int | None]:
    """Whole numbers in their ranges; None where one is left out.

    Args:
        asked: `classes`, `batch`, `batches` or `seed`.

    Raises:
        QueryError: Another value.

    Example:
        >>> require_sizes(batch=64, classes=None)
        {'batch': 64, 'classes': None}
    """
    return {name: _whole(name, value) for name, value in asked.items()}


def _whole(name: str, value: object) -> int | None:
    if value is None and name != "seed":
        return None
    least, most, meaning = _RANGES[name]
    number = whole(value)
    if number is None or not least <= number <= most:
        raise QueryError(
            f"ceilings: {name} `{value}`: expected a whole number from {least} to {most:,}: {meaning}. Change it."
        )
    return number
