"""Class labels and groups of rows, as a source gives them, as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.training.data.rows import Array

__all__ = ["group_texts", "label_texts", "labels_by_name", "numbered_labels"]

_MANY: Final = 1000  # classes; more is no label
_UNKNOWN: Final = "unknown"


def label_texts(label: Array | None, rows: int, path: Path) -> NDArray[np.str_] | None:
    """Labels as text, (rows,); continuous numbers are no classes.

    Raises:
        FlowError: Not one label a row, rows without one, or numbers that name no classes.
    """
    if label is None:
        return None
    if label.shape != (rows,):
        hint = "; of one-hot labels give the place of the 1" if label.ndim == 2 and len(label) == rows else ""
        raise FlowError(
            f"training data `{path}`: expected a label a row, {rows} in all, got shape {label.shape}{hint}."
        )
    empty = sum(one is None for one in label.tolist())
    if empty:
        raise FlowError(
            f"training data `{path}`: expected a label in every row, {empty} are empty. Fill them, leave those rows "
            "out, or use `--unconditional`."
        )
    distinct = np.unique(label)
    inexact = bool(np.issubdtype(label.dtype, np.inexact))
    whole = not inexact or bool(np.all(distinct == np.round(np.asarray(distinct, float))))
    if not whole or len(distinct) > min(_MANY, max(2, rows // 2)):
        raise FlowError(
            f"training data `{path}`: expected class labels, got {len(distinct)} different values in {rows} rows. "
            "Cut them into classes, rename the array, or use `--unconditional`."
        )
    return (np.asarray(label, np.int64) if inexact else label).astype(str)


def group_texts(group: Array | None, rows: int, path: Path) -> NDArray[np.str_] | None:
    """Groups as text, (rows,).

    Raises:
        FlowError: Not one group a row.
    """
    if group is None:
        return None
    if group.shape != (rows,):
        raise FlowError(
            f"training data `{path}`: expected a group a row, {rows} in all, got shape {group.shape}."
        )
    return group.astype(str)


def labels_by_name(numbers: Array, names: Sequence[str], path: Path) -> NDArray[np.str_]:
    """Labels by their numbers, (rows,); a negative number is `unknown`, as in data sets whose labels are partly kept.

    Raises:
        FlowError: A number beyond the names.
    """
    places = np.asarray(numbers, np.int64)
    if places.size and int(places.max()) >= len(names):
        raise FlowError(
            f"training data `{path}`: expected labels below {len(names)}, the number of named classes, got "
            f"{int(places.max())}. Name all classes, or use `--unconditional`."
        )
    known = np.array([*(str(name) for name in names), _UNKNOWN])
    return np.asarray(known[np.where(places < 0, len(names), places)])


def numbered_labels(labels: Array, path: Path) -> tuple[Any, tuple[str, ...]]:
    """Labels 0, 1, 2, … as text, (rows,), and the names of all up to the largest.

    Raises:
        FlowError: A negative number.
    """
    numbers = np.asarray(labels, np.int64)
    if numbers.size and int(numbers.min()) < 0:
        raise FlowError(
            f"training data `{path}`: expected labels of 0 or more, got {int(numbers.min())}. Name the classes in an "
            "array `classes`, or use `--unconditional`."
        )
    return numbers.astype(str), tuple(str(number) for number in range(int(numbers.max()) + 1))
