"""The one place where the arrays and settings given to an estimator are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.arrays import plain_array
from infoloom.errors import EstimatorError
from infoloom.estimators.protocol import Array

__all__ = ["expect", "flat", "paired_rows", "repeated_rows", "tied_values"]

_COPIED = 0.05  # share of rows that may repeat others by chance
_INT64 = 2**63


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
    """How many pairs are exact copies of another pair, where that looks like copying and not like a few atoms.

    Args:
        x: (n, …).
        y: (n, …).

    Returns:
        Pairs less different pairs; 0 where copies are rare, where so few pairs repeat that they are atoms of a mixture,
        and where both sides are whole numbers, which repeat by nature.
    """
    if x.dtype.kind == y.dtype.kind == "i":
        return 0
    both = np.ascontiguousarray(np.concatenate([flat(x), flat(y)], axis=1))
    rows = both.view(np.dtype((np.void, both.dtype.itemsize * both.shape[1])))
    times = np.unique(rows, return_counts=True)[1]
    copies = len(both) - len(times)
    return copies if copies > _COPIED * len(both) and np.sum(times > 1) > np.sqrt(len(both)) else 0


def tied_values(rows: Array) -> float:
    """The largest share of values of a column that repeat another of it: high for rounded or discrete columns.

    Example:
        >>> tied_values(np.array([[1.0], [1.0], [2.0], [3.0]]))
        0.25
    """
    columns = flat(rows)
    return max(1.0 - len(np.unique(column)) / len(column) for column in columns.T)


def paired_rows(x: Any, y: Any, least: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Check paired rows and return them as arrays (n, ...), a vector (n,) as (n, 1).

    Whole numbers and booleans are categories or counts and become int64, all other numbers float64.

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


def _rows(name: str, given: Any) -> NDArray[Any]:
    """One array of rows, numeric and finite."""
    rows = plain_array(given, name, EstimatorError)
    expect(
        not _text(rows),
        name,
        "text",
        "numbers, because sentences and words have no distance and no order of their own",
        "Give the words or the token ids as whole numbers: beside a dataset's caption `text` these are the columns "
        "`text_words` and `text_tokens`; for other text np.unique(values, return_inverse=True)[1].",
    )
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
    rows = rows.reshape(len(rows), *(rows.shape[1:] or (1,)))
    if rows.dtype.kind in "iub":
        largest = int(rows.max())
        expect(largest < _INT64, name, largest, "whole numbers below 2^63", "Number the categories from 0.")
        return rows.astype(np.int64)
    rows = rows.astype(np.float64)
    bad = np.argwhere(~np.isfinite(rows))
    expect(
        len(bad) == 0,
        name,
        f"{len(bad)} values nan or infinite, the first in row {bad[0][0] if len(bad) else 0}",
        "finite values",
        "Remove those rows from x and from y.",
    )
    return rows


def _text(rows: NDArray[Any]) -> bool:
    """Whether rows hold strings, in an array of strings or of objects."""
    return rows.dtype.kind in "UST" or (
        rows.dtype.kind == "O" and any(isinstance(one, str) for one in rows.flat)
    )


def _refuse_constant_columns(name: str, rows: NDArray[Any]) -> None:
    """A column that never varies holds no information and makes covariances singular.

    Beside others whole numbers may be constant: counting needs no covariance, and sentences often begin alike.
    """
    columns = flat(rows)
    constant = np.flatnonzero(np.ptp(columns, axis=0) == 0.0)
    if rows.dtype.kind == "i" and len(constant) < columns.shape[1]:
        return
    expect(
        len(constant) == 0,
        name,
        f"{len(constant)} constant columns, the first {constant[0] if len(constant) else 0}",
        "columns that vary, because a constant holds no information and makes a covariance singular",
        f"Drop them: {name}[:, np.ptp({name}, axis=0) > 0].",
    )
