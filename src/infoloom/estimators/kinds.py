"""What kind of variables a pair consists of, and which estimators take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import KindError
from infoloom.estimators.registry import takers

__all__ = ["KINDS", "expect_kind", "kind_of"]

#: Kinds of pairs: both sides real numbers, one side of them whole numbers, both sides whole numbers.
KINDS: Final = {
    "continuous": "real numbers on both sides",
    "mixed": "whole numbers on one side and real numbers on the other",
    "discrete": "whole numbers on both sides",
}
_NAMES: Final = {True: "whole numbers", False: "real numbers"}


def kind_of(x: NDArray[Any], y: NDArray[Any]) -> str:
    """The kind of a pair, by the types of its arrays.

    Example:
        >>> kind_of(np.arange(3), np.linspace(0.0, 1.0, 3))
        'mixed'
    """
    return tuple(KINDS)[_whole(x) + _whole(y)]


def expect_kind(name: str, x: NDArray[Any], y: NDArray[Any], accepted: Sequence[str]) -> None:
    """Refuse a pair of a kind that an estimator does not take.

    Args:
        name: Of the estimator.
        x: Rows of the first variable.
        y: Rows of the second variable.
        accepted: Names of kinds.

    Raises:
        KindError: It does not; the message names estimators that do.
    """
    given = kind_of(x, y)
    if given in accepted:
        return
    wanted = ", or ".join(KINDS[kind] for kind in accepted)
    raise KindError(
        f"`{name}` `x of {_NAMES[_whole(x)]}, y of {_NAMES[_whole(y)]}`: expected {wanted}. "
        f"For this pair take one of {', '.join(takers(given))}; {_conversion(x, y, accepted)}."
    )


def _conversion(x: NDArray[Any], y: NDArray[Any], accepted: Sequence[str]) -> str:
    """What to do if the types do not say what the values are."""
    whole = [name for name, rows in (("x", x), ("y", y)) if _whole(rows)]
    real = [name for name in ("x", "y") if name not in whole]
    if "continuous" in accepted:
        return f"where the numbers of {' and '.join(whole)} are quantities, give them as .astype(float)"
    if not real:
        return "where the numbers of one side are quantities, give them as .astype(float)"
    return f"where the values of {' or '.join(real)} are categories, give them as whole numbers"


def _whole(rows: NDArray[Any]) -> bool:
    return bool(np.asarray(rows).dtype.kind in "iub")
