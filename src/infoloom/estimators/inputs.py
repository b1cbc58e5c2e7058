"""The one place where the arrays and settings given to an estimator are checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from infoloom.arrays import plain_array
from infoloom.errors import EstimatorError
from infoloom.estimators.protocol import Array

__all__ = ["expect", "flat", "paired_rows", "repeated_rows", "tied_values"]

_COPIED = 0.05  # share of rows that may repeat others by chance or because values are discrete


def expect(holds: bool, name: str, got: object, expected: str, advice: str) -> None:
    """Raise an `EstimatorError` in the house form unless a condition holds."""
    if not holds:
        raise EstimatorError(f"`{name}` `{got}`: expected {expected}. {advice}")


def flat(rows: Array) -> Array:
    """Flatten each row in C order (last index fastest): (n, C, H, W) → (n, C·H·W).

    Example:
        >>> flat(np.zeros((5, 1, 2, 3))).shape
        (5, 6)
    """
    return rows.reshape(len(rows), -1)


def repeated_rows(x: Array, y: Array) -> int:
    """How many pairs are exact copies of another pair, where that looks like copying and not like few categories.

    Args:
        x: (n, …).
        y: (n, …).

    Returns:
        Pairs less different pairs; 0 where copies are rare, or where so few pairs differ that values are categories.
    """
    both = np.ascontiguousarray(np.concatenate([flat(x), flat(y)], axis=1))
    distinct = len(np.unique(both.view(np.dtype((np.void, both.dtype.itemsize * both.shape[1])))))
    copies = len(both) - distinct
    return copies if copies > _COPIED * len(both) and distinct > np.sqrt(len(both)) else 0


def tied_values(rows: Array) -> float:
    """The largest share of values of a column that repeat another of it: high for rounded or discrete columns.

    Example:
        >>> tied_values(np.array([[1.0], [1.0], [2.0], [3.0]]))
        0.25
    """
    columns = flat(rows)
    return max(1.0 - len(np.unique(column)) / len(column) for column in columns.T)


def paired_rows(x: Any, y: Any, least: int) -> tuple[Array, Array]:
    """Check paired rows and return them as float64 arrays (n, ...), a vector (n,) as (n, 1).

    Args:
        x: Rows of the first variable, (n,), (n, d), (n, channels, length) or (n, channels, height, width).
        y: Rows of the second variable, likewise.
        least: Fewest rows that the estimator works with.

    Raises:
        EstimatorError: Values that are not finite real numbers, different numbers of rows, too few rows,
            or columns that never vary.
    """
    first, second = _rows("x", x), _rows("y", y)
    expect(
        len(first) == len(second),
        "y",
        f"{len(second)} rows",
        f"as many rows as x, {len(first)}, because row i of x is paired with row i of y",
        "Give both arrays the same rows in the same order.",
    )
    expect(len(first) >= least, "x", f"{len(first)} rows", f"at least {least} rows", "Draw more rows.")
    for name, rows in (("x", first), ("y", second)):
        _refuse_constant_columns(name, rows)
    return first, second


def _rows(name: str, given: Any) -> Array:
    """One array of rows, numeric and finite."""
    rows = plain_array(given, name, EstimatorError)
    expect(
        rows.dtype.kind in "fiub",
        name,
        f"dtype {rows.dtype}",
        "an array of real numbers",
        "Convert the values to floats, or encode the categories as numbers.",
    )
    expect(
        rows.ndim >= 1 and rows.size > 0,
        name,
        f"shape {rows.shape}",
        "rows first, (n,) or (n, ...), and at least one value",
        "Give one row a sample.",
    )
    rows = rows.astype(np.float64).reshape(len(rows), *(rows.shape[1:] or (1,)))
    bad = np.argwhere(~np.isfinite(rows))
    expect(
        len(bad) == 0,
        name,
        f"{len(bad)} values nan or infinite, the first in row {bad[0][0] if len(bad) else 0}",
        "finite values",
        "Remove those rows from x and from y.",
    )
    return rows


def _refuse_constant_columns(name: str, rows: Array) -> None:
    """A column that never varies holds no information and makes covariances singular."""
    columns = flat(rows)
    constant = np.flatnonzero(np.ptp(columns, axis=0) == 0.0)
    expect(
        len(constant) == 0,
        name,
        f"{len(constant)} constant columns, the first {constant[0] if len(constant) else 0}",
        "columns that vary, because a constant holds no information and makes a covariance singular",
        f"Drop them: {name}[:, np.ptp({name}, axis=0) > 0].",
    )
