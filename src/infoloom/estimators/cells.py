"""Whole numbers as cells and as indicators."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.estimators.inputs import expect, flat
from infoloom.estimators.protocol import Array

__all__ = ["indicators", "joint_cells", "plug_in_entropy"]

_MOST_VALUES: Final = 1024


def joint_cells(*sides: NDArray[Any]) -> NDArray[np.intp]:
    """Number the different rows of arrays side by side, from 0, (n,).

    Args:
        sides: Arrays (n, ...).

    Example:
        >>> joint_cells(np.array([[5, 1], [5, 2], [3, 1], [5, 1]]))
        array([1, 2, 0, 1])
    """
    code = np.zeros(len(sides[0]), dtype=np.intp)
    for side in sides:
        for column in flat(side).T:
            values, place = np.unique(column, return_inverse=True)
            # numbered anew after each column, so that products stay below the square of the rows
            code = np.unique(code * len(values) + place, return_inverse=True)[1]
    return code


def plug_in_entropy(cells: NDArray[np.intp]) -> tuple[float, float]:
    """Entropy of the frequencies of cells (n,), and what Miller and Madow add: (K − 1) / 2n, both in nats."""
    share = np.bincount(cells) / len(cells)
    share = share[share > 0.0]
    return -float(np.sum(share * np.log(share))), (len(share) - 1) / (2.0 * len(cells))


def indicators(rows: NDArray[Any], name: str = "x") -> Array:
    """Whole numbers as indicators of all values of each column but the first; real numbers as they are.

    Args:
        rows: int64 or float64, (n, ...).
        name: Of the variable, for the message.

    Returns:
        (n, Σ (V − 1)) of 0 and 1, or the rows.

    Raises:
        EstimatorError: A column of more than 1024 values.

    Example:
        >>> indicators(np.array([[0], [1], [2]]))
        array([[0., 0.],
               [1., 0.],
               [0., 1.]])
    """
    if rows.dtype.kind != "i":
        return rows
    columns = []
    for column in flat(rows).T:
        values = np.unique(column)
        expect(
            len(values) <= _MOST_VALUES,
            name,
            f"{len(values)} values in a column of whole numbers",
            f"at most {_MOST_VALUES}, because each value is an input of the network",
            "Give quantities as .astype(float), or take `gao`.",
        )
        columns.append((column[:, None] == values[1:]).astype(np.float64))
    return np.concatenate(columns, axis=1)
