"""The one place where the arrays and settings given to an estimator are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.arrays import plain_array, reachable
from infoloom.errors import EstimatorError
from infoloom.estimators.protocol import Array

__all__ = ["expect", "flat", "float32_steps", "paired_rows", "rounded_doubt", "tied_values"]

_INT64 = 2**63
_TIED = 0.25  # share of values that repeat
_COARSE = 1e-2  # step of float32 in deviations of a column


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


def tied_values(rows: Array) -> float:
    """The largest share of values of a column that repeat another of it: high for rounded or discrete columns.

    Example:
        >>> tied_values(np.array([[1.0], [1.0], [2.0], [3.0]]))
        0.25
    """
    columns = flat(rows)
    return max(1.0 - len(np.unique(column)) / len(column) for column in columns.T)


def rounded_doubt(*sides: Array) -> str:
    """Why nearest neighbours are not to be relied on: more than a quarter of the values of a real column repeat others.

    Two decimals on 1000 normal rows repeat half.

    Returns:
        A reason for `Estimate.doubted`, empty where there is none.
    """
    tied = max(tied_values(side) for side in sides)
    if tied <= _TIED:
        return ""
    return f"{tied:.0%} of the values of a column repeat others: rounded or discrete, so neighbours are tied"


def float32_steps(rows: Array) -> bool:
    """Whether a column was rounded to float32 around an offset, which leaves few steps within its deviation.

    Whole numbers, such as counts given as real numbers, are none of these.

    Example:
        >>> values = np.random.default_rng(0).standard_normal((100, 1)) + 1e6
        >>> float32_steps(values), float32_steps(values.astype(np.float32).astype(np.float64))
        (False, True)
    """
    columns = flat(rows)
    step = np.spacing(np.abs(columns).max(axis=0).astype(np.float32)).astype(np.float64)
    rounded = (columns.astype(np.float32) == columns).all(axis=0) & (columns != np.rint(columns)).any(axis=0)
    return bool(np.any(rounded & (step > _COARSE * columns.std(axis=0))))


def paired_rows(x: Any, y: Any, least: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Check paired rows and return them as arrays (n, ...), a vector (n,) as (n, 1).

    Whole numbers and booleans are categories or counts and become int64, all other numbers float64. Columns beyond
    2^200 or below 2^-200 are multiplied by a power of two, which changes no information: then their squares are finite.

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
    with np.errstate(over="ignore"):
        rows = rows.astype(np.float64)
    bad = np.argwhere(~np.isfinite(rows))
    expect(
        len(bad) == 0,
        name,
        f"{len(bad)} values nan or infinite, the first in row {bad[0][0] if len(bad) else 0}",
        "finite values",
        "Remove those rows from x and from y.",
    )
    shift = reachable(rows)
    return np.ldexp(rows, shift) if np.any(shift) else rows


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
