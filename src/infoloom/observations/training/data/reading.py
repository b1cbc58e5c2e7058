"""How a source of data is meant: which array, which classes, what size; the zoo's recipes say it for their data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from infoloom.errors import FlowError
from infoloom.foreign.trees import said
from infoloom.observations.training.data.rows import Rows

__all__ = ["Reading", "chosen_classes", "refuse_names", "resized"]


@dataclass(frozen=True)
class Reading:
    """What to take of a source.

    Args:
        array: Name of the array or column with the rows; found by itself when None.
        group: Array or column that says which rows belong together and are held out together.
        size: Height and width to which pictures are brought, by the mean over areas; as they are when None.
        classes: New class names, and the names of the source that each joins; rows of other classes are left out. All
            classes as they are when None.
        unconditional: Leave the classes out.
    """

    array: str | None = None
    group: str | None = None
    size: int | None = None
    classes: Mapping[str, tuple[str, ...]] | None = None
    unconditional: bool = False

    @property
    def labelled(self) -> bool:
        """Whether labels are needed: to learn classes, or to choose rows by them."""
        return self.classes is not None or not self.unconditional

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the card."""
        return {key: value for key, value in asdict(self).items() if value not in (None, False)}

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Reading:
        """From a card.

        Raises:
            ValueError: Entries that are no reading.
        """
        try:
            return TypeAdapter(cls).validate_python(dict(entries))
        except ValidationError as error:
            raise ValueError(said(error)) from error


def refuse_names(reading: Reading, source: object) -> None:
    """Refuse names of arrays or columns for a source that has none to choose from.

    Raises:
        FlowError: An array or a grouping was asked for.
    """
    for option, name in (("array", reading.array), ("group", reading.group)):
        if name is not None:
            raise FlowError(
                f"training data `{source}`: expected arrays or columns with names, to find `{name}`; this kind of "
                f"source is read as a whole. Leave `--{option}` out, or give an .npz or a table."
            )


def resized(rows: Rows, size: int, source: str) -> Rows:
    """Pictures brought to size × size by the mean over areas.

    Raises:
        FlowError: Rows that are no square pictures, or that are smaller already.
    """
    shape = rows.values.shape[1:]
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] < size:
        raise FlowError(
            f"training data `{source}`: expected square pictures of at least {size}×{size}, got shape {shape}. "
            "Leave `--size` out, or give larger pictures."
        )
    if shape[1] == size:
        return rows
    weights = _areas(shape[1], size)
    values = np.asarray(rows.values, np.float32)
    smaller = np.concatenate(
        [weights @ part @ weights.T for part in np.array_split(values, len(values) // 256 + 1)]
    )
    return replace(
        rows,
        values=smaller.astype(np.float32),
        notes=(*rows.notes, f"brought from {shape[1]} to {size} pixels"),
    )


def chosen_classes(rows: Rows, classes: Mapping[str, tuple[str, ...]], source: str) -> Rows:
    """Rows of the classes asked for, under their new names.

    Raises:
        FlowError: No classes in the source, or a name that it does not have.
    """
    if rows.label is None:
        raise FlowError(
            f"training data `{source}`: expected classes to join, got none. Leave `--classes` out."
        )
    known = sorted(set(rows.classes or ()) | {str(name) for name in np.unique(rows.label)})
    asked = [name for old in classes.values() for name in old]
    for name in asked:
        if name not in known:
            raise FlowError(f"training data `{source}`: no class `{name}`; it has {', '.join(known)}.")
    if len(set(asked)) < len(asked):
        raise FlowError(f"training data `{source}`: expected every class once, got {', '.join(asked)}.")
    renamed = {old: new for new, several in classes.items() for old in several}
    kept = np.isin(rows.label, asked)
    left_out = int((~kept).sum())
    rest = rows.only(kept, f"{left_out:,} rows of other classes left out" if left_out else None)
    label = np.array([renamed[str(name)] for name in rows.label[kept]])
    return replace(rest, label=label, classes=tuple(classes))


def _areas(old: int, new: int) -> NDArray[np.float32]:
    """Share of each old pixel in each new one, (new, old), along one axis."""
    edges = np.arange(new + 1) * old / new
    low, high = np.arange(old), np.arange(1, old + 1)
    overlap = np.minimum(edges[1:, None], high) - np.maximum(edges[:-1, None], low)
    return np.asarray(np.clip(overlap, 0.0, None) * new / old, np.float32)
