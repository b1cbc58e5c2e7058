"""Rows as a source gives them, before some are held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.flows.scaling import Numbers
from infoloom.observations.training.data.in_float32 import refuse_rounding

__all__ = ["BRIGHTNESS", "GREY", "LOUDNESS", "OWN_UNITS", "Array", "Rows", "Scaling", "joined"]

BRIGHTNESS: Final = "brightness, −1 black to 1 white"
GREY: Final = "grey, −1 black to 1 white"
LOUDNESS: Final = "decibel below the loudest point"
OWN_UNITS: Final = (BRIGHTNESS, GREY, LOUDNESS)
"""Units of values that the reader makes itself; float32 holds them."""
Array = NDArray[Any]
Scaling = Callable[[Array], tuple[Numbers, Numbers]]
"""Center and scale out of all rows, (n, *shape)."""


@dataclass(frozen=True)
class Rows:
    """Numbers as they were read, with what is known about them.

    Args:
        values: (n, *shape), in natural units and in the precision of the source.
        label: Class of each row by name, (n,), or None.
        group: What rows belong together, such as an object that was seen several times, (n,), or None.
        held_out: Which rows the source itself holds out, (n,), or None where that is to be chosen.
        classes: Names of the classes in their order; sorted names of the labels when None.
        unit: What a value means.
        scale: How the kind of source is centred and scaled; None for mean and deviation of the training rows.
        notes: What was done in reading, a sentence each.
        every: Hold every so manieth row out, as the flows that come with the package were trained; None for a
            stratified choice.
    """

    values: Array
    label: NDArray[np.str_] | None = None
    group: NDArray[np.str_] | None = None
    held_out: NDArray[np.bool_] | None = None
    classes: tuple[str, ...] | None = None
    unit: str = "as given"
    scale: Scaling | None = None
    notes: tuple[str, ...] = ()
    every: int | None = None

    def only(self, kept: NDArray[np.bool_], note: str | None = None) -> Rows:
        """Some of the rows.

        Args:
            kept: Which, (n,).
            note: What to say about the others.
        """
        return replace(
            self,
            values=self.values[kept],
            label=None if self.label is None else self.label[kept],
            group=None if self.group is None else self.group[kept],
            held_out=None if self.held_out is None else self.held_out[kept],
            notes=self.notes if note is None else (*self.notes, note),
        )


def joined(parts: list[Rows], sources: list[str]) -> Rows:
    """Several sources as one: classes are joined by name, the scale is that of all rows together.

    Raises:
        FlowError: Sources that do not fit together.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    shapes = {part.values.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise FlowError(
            f"training data: expected files of one shape, got {', '.join(map(str, sorted(shapes)))}."
        )
    for what in ("label", "group"):
        without = [name for name, part in zip(sources, parts, strict=True) if getattr(part, what) is None]
        if without and len(without) < len(parts):
            raise FlowError(
                f"training data `{without[0]}`: expected a {what} a row, because other files have them. Add them, or "
                "leave the file out."
            )
    if len({part.unit for part in parts}) > 1:
        raise FlowError(
            f"training data: expected files of one kind, got values in {', '.join(sorted({p.unit for p in parts}))}."
        )
    refuse_rounding([part.values for part in parts], ",".join(sources))
    known = [name for part in parts for name in part.classes or ()]
    held = [
        part.held_out if part.held_out is not None else np.zeros(len(part.values), bool) for part in parts
    ]
    return replace(
        first,
        values=np.concatenate([part.values for part in parts]),
        label=_together([part.label for part in parts]),
        group=_together([part.group for part in parts]),
        held_out=np.concatenate(held) if any(part.held_out is not None for part in parts) else None,
        classes=tuple(dict.fromkeys(known)) or None,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _together(parts: list[NDArray[np.str_] | None]) -> NDArray[np.str_] | None:
    found = [part for part in parts if part is not None]
    return np.concatenate(found) if found else None
