"""Class labels and groups of rows, as a source gives them, as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.training.data.rows import Array

__all__ = [
    "LABEL_NAMES",
    "group_texts",
    "label_texts",
    "labels_by_name",
    "numbered_labels",
    "texts_or_numbers",
]

LABEL_NAMES: Final = ("label", "labels", "y", "class", "target")
_MANY: Final = 1000  # classes; more is no label
_UNKNOWN: Final = "unknown"
_EXACT: Final = 2.0**53  # whole numbers up to here are exact in float64
_KINDS: Final = "biufUSOM"


def label_texts(label: Array | None, rows: int, path: Path) -> NDArray[np.str_] | None:
    """Labels as text, (rows,); continuous numbers are no classes.

    Raises:
        FlowError: Not one label a row, rows without one, or numbers that name no classes.
    """
    if label is None:
        return None
    _require_kind(label, path)
    _require_one_each(label, rows, path)
    empty = sum(one is None for one in label.tolist())
    if empty:
        raise FlowError(
            f"training data `{path}`: expected a label in every row, {empty} are empty. Fill them, leave those rows "
            "out, or use `--unconditional`."
        )
    distinct = np.unique(label)
    whole = not np.issubdtype(label.dtype, np.inexact) or bool(np.all(distinct == np.round(distinct)))
    if not whole or len(distinct) > min(_MANY, max(2, rows // 2)):
        raise _no_classes(len(distinct), rows, path)
    return _texts(_whole(label, path) if label.dtype.kind == "f" else label, path)


def group_texts(group: Array | None, rows: int, path: Path) -> NDArray[np.str_] | None:
    """Groups as text, (rows,).

    Raises:
        FlowError: Not one group a row, or rows without one.
    """
    if group is None:
        return None
    if group.shape != (rows,):
        raise FlowError(
            f"training data `{path}`: expected a group a row, {rows} in all, got shape {group.shape}."
        )
    empty = sum(one is None for one in group.tolist())
    if empty:
        raise FlowError(
            f"training data `{path}`: expected a group in every row, {empty} are empty. Fill them, or leave those rows "
            "out."
        )
    return _texts(group, path)


def labels_by_name(labels: Array, names: Sequence[str], rows: int, path: Path) -> NDArray[np.str_]:
    """Labels by their numbers, (rows,); a negative number is `unknown`, as in data sets whose labels are partly kept.

    Raises:
        FlowError: Not one whole number a row, or one beyond the names.
    """
    _require_one_each(labels, rows, path)
    places = _whole(labels, path)
    if places.size and int(places.max()) >= len(names):
        raise FlowError(
            f"training data `{path}`: expected labels below {len(names)}, the number of named classes, got "
            f"{int(places.max())}. Name all classes, or use `--unconditional`."
        )
    known = np.array([*(str(name) for name in names), _UNKNOWN])
    return np.asarray(known[np.where(places < 0, len(names), places)])


def numbered_labels(labels: Array, rows: int, path: Path) -> NDArray[np.str_]:
    """Labels 0, 1, 2, … as text, (rows,); labels that are text already stay as they are.

    Raises:
        FlowError: Not one label a row, a negative number, one that is not whole, or too many classes.
    """
    if labels.dtype.kind in "USO":
        return np.asarray(label_texts(labels, rows, path))
    _require_one_each(labels, rows, path)
    numbers = _whole(labels, path)
    if numbers.size and int(numbers.min()) < 0:
        raise FlowError(
            f"training data `{path}`: expected labels of 0 or more, got {int(numbers.min())}. Name the classes in an "
            "array `classes`, or use `--unconditional`."
        )
    distinct = len(np.unique(numbers))
    if distinct > _MANY:
        raise _no_classes(distinct, rows, path)
    return numbers.astype(str)


def texts_or_numbers(values: list[Any], path: Path) -> Array:
    """Labels or groups of a table as an array.

    Raises:
        FlowError: A text that ends in the character NUL, which numpy would drop.
    """
    spoilt = next(
        (one for one in values if isinstance(one, (str, bytes)) and one[-1:] in ("\0", b"\0")), None
    )
    if spoilt is not None:
        raise FlowError(
            f"training data `{path}`: expected labels and groups without the character NUL at their end, got "
            f"{spoilt!r}. Remove it."
        )
    return np.asarray(values)


def _texts(values: Array, path: Path) -> NDArray[np.str_]:
    if values.dtype.kind != "S":
        return values.astype(str)
    try:
        return np.strings.decode(values, "utf-8")
    except UnicodeDecodeError as error:
        raise FlowError(
            f"training data `{path}`: expected labels and groups as text, got bytes that are no UTF-8. Save "
            "them as text."
        ) from error


def _whole(labels: Array, path: Path) -> NDArray[np.int64]:
    """Labels as whole numbers."""
    _require_kind(labels, path)
    if labels.dtype.kind == "f":
        wide = np.asarray(labels, np.float64)
        fits = np.isfinite(wide) & (np.abs(wide) <= _EXACT) & (wide == np.round(wide))
    elif labels.dtype.kind in "biu":
        fits = np.asarray(labels <= np.iinfo(np.int64).max)
    else:
        fits = np.zeros(labels.shape, bool)
    if not fits.all():
        raise FlowError(
            f"training data `{path}`: expected class labels as whole numbers, got {labels[~fits][0]}. Number the "
            "classes, name them by text, or use `--unconditional`."
        )
    return np.asarray(labels, np.int64)


def _require_kind(labels: Array, path: Path) -> None:
    if labels.dtype.kind not in _KINDS:
        raise FlowError(
            f"training data `{path}`: expected class labels as whole numbers or text, got {labels.dtype}. Change their "
            "dtype, or use `--unconditional`."
        )


def _require_one_each(label: Array, rows: int, path: Path) -> None:
    if label.shape != (rows,):
        hint = "; of one-hot labels give the place of the 1" if label.ndim == 2 and len(label) == rows else ""
        raise FlowError(
            f"training data `{path}`: expected a label a row, {rows} in all, got shape {label.shape}{hint}."
        )


def _no_classes(distinct: int, rows: int, path: Path) -> FlowError:
    return FlowError(
        f"training data `{path}`: expected class labels, got {distinct} different values in {rows} rows. "
        "Cut them into classes, rename the array, or use `--unconditional`."
    )
