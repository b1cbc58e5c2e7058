"""Rows that people give to a story, looked at before anything is computed of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from infoloom.arrays import real_array
from infoloom.errors import QueryError

__all__ = ["given_categories", "given_classes", "given_values", "same_rows"]

_NEAR = 1e-3  # of a category's value, beyond the rounding of float32

Array = np.ndarray[Any, np.dtype[Any]]


def given_values(rows: Mapping[str, Any], name: str, dim: int, what: str) -> Array:
    """The values of a variable, (n, dim), in the type in which they were given.

    Args:
        rows: Values by name: (n,) for scalars, (n, …) for others.
        name: Of the variable.
        dim: Components of it.
        what: What is computed, for the message.

    Raises:
        QueryError: There are none, or they are no finite real numbers, or too few or too many a row.

    Example:
        >>> given_values({"t": [1.0, 2.0]}, "t", 1, "prediction").shape
        (2, 1)
    """
    if name not in rows:
        raise QueryError(f"{what}: the rows have no values of `{name}`.")
    given = real_array(rows[name], name, QueryError)
    flat = given.reshape(len(given), math.prod(given.shape[1:])) if given.ndim else given.reshape(1, 1)
    if not given.ndim or flat.shape[1] != dim:
        got = flat.shape[1] if given.ndim else "one number without rows"
        raise QueryError(
            f"{what}: expected {dim} components of `{name}` a row, got {got}. Give latents as `sample` returns them."
        )
    if not np.isfinite(flat).all():
        raise QueryError(f"{what}: expected finite values of `{name}`. Remove other rows.")
    return flat


def given_classes(rows: Mapping[str, Any], name: str, classes: int, what: str) -> Array:
    """The classes of a label, (n,), int64.

    Args:
        rows: Values by name.
        name: Of the label.
        classes: How many there are.
        what: What is computed, for the message.

    Raises:
        QueryError: As `given_values`, or a value that is no class.

    Example:
        >>> given_classes({"c": [1.0, 0.0]}, "c", 2, "prediction")
        array([1, 0])
    """
    values = given_values(rows, name, 1, what)[:, 0]
    bad = values[(values < 0) | (values >= classes) | (values != np.floor(values))]
    if bad.size:
        raise QueryError(
            f"{what}: expected classes of `{name}`, whole numbers from 0 to {classes - 1}, got {bad[0]}. Give rows as "
            "`sample` returns them."
        )
    return values.astype(np.int64)


def same_rows(values: Mapping[str, Array], name: str, what: str) -> None:
    """Refuse values of a variable that are of another number of rows than those of others.

    Args:
        values: By name, those of `name` among them.
        name: Of the variable.
        what: What is computed, for the message.

    Raises:
        QueryError: They are.
    """
    for other, rows in values.items():
        if len(rows) != len(values[name]):
            raise QueryError(
                f"{what}: expected as many rows of `{name}` as of `{other}`, got {len(values[name])} and {len(rows)}."
            )


def given_categories(name: str, values: Array, atoms: Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The category of every value of a categorical cause, (n,).

    Args:
        name: Of the cause.
        values: Of it, (n,) or (n, 1).
        atoms: The value of each category, (k,), ascending.

    Raises:
        QueryError: A value that belongs to no category.
    """
    away = np.abs(values.astype(np.float64).reshape(-1, 1) - atoms)
    found = away.argmin(axis=1)
    if len(found) and not away[np.arange(len(found)), found].max() <= _NEAR:
        raise QueryError(
            f"values of `{name}`: expected its {len(atoms)} values from {atoms[0]:.4g} to {atoms[-1]:.4g} "
            "only, because it is categorical. Give rows as `sample` returns them."
        )
    return np.asarray(found, dtype=np.int64)
