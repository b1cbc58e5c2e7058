"""Real data for training flows: read, checked, split into training and held-out rows, and described."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.flows.scaling import Numbers, as_array
from infoloom.observations.training.data.files import read_file
from infoloom.observations.training.data.in_float32 import refuse_coarse, refuse_unheld
from infoloom.observations.training.data.own_scale import constant, of_brightness, own_scale
from infoloom.observations.training.data.reading import Reading, chosen_classes, refuse_names, resized
from infoloom.observations.training.data.rows import BRIGHTNESS, GREY, OWN_UNITS, Rows, joined
from infoloom.observations.training.data.sources.folders import folder_of_pictures, read_hub_folder
from infoloom.observations.training.data.splitting import ONE_IN, held_out_rows, only_trained

__all__ = ["TrainingData", "load_training_data"]

_FEWEST: Final = 16
_LONGEST: Final = 256  # characters of a class name
_WHOLE: Final = re.compile(r"-?\d+")


@dataclass(frozen=True)
class TrainingData:
    """Real rows to train on and real rows held out, in natural units.

    Args:
        values: Training rows, (n, *shape) float32.
        labels: Their class numbers, (n,), or None.
        held_out: Rows never trained on, (m, *shape) float32.
        held_out_labels: Their class numbers, (m,), or None.
        classes: Class names, or None.
        unit: What a value means.
        center: Value that stands for zero in training; one for each column or channel where they differ.
        scale: Size that stands for one in training, likewise.
        notes: How the source was read, a sentence each.
        one_in: One row in so many is held out, where the source does not say which; None where it does.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    held_out: NDArray[np.float32]
    held_out_labels: NDArray[np.int64] | None
    classes: tuple[str, ...] | None
    unit: str
    center: Numbers = 0.0
    scale: Numbers = 1.0
    notes: tuple[str, ...] = field(default=(), compare=False)
    one_in: int | None = field(default=None, compare=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.values.shape[1:])

    def require_trainable(self) -> None:
        """Refuse what nothing can be learned from.

        Raises:
            FlowError: No rows to train on, or rows that are all alike.
        """
        if not len(self.values):
            raise FlowError(
                "training data: expected rows to train on, got held-out rows only. Add the training files."
            )
        if constant(self.values, (0,)).all():
            raise FlowError("training data: expected rows that differ, got a constant. Choose other data.")

    def description(self) -> list[str]:
        """What was read, a line each: rows, shape, classes, range, distinct values, copies, and how it was read."""
        whole = np.concatenate([self.values, self.held_out])
        lines = [
            f"rows: {len(self.values):,} to train on, {len(self.held_out):,} held out",
            f"shape of a row: {' × '.join(map(str, self.shape))}; {'; '.join(self.notes) or 'as given'}",
        ]
        if self.classes is not None and self.labels is not None and self.held_out_labels is not None:
            counts = [
                np.bincount(one, minlength=len(self.classes)) for one in (self.labels, self.held_out_labels)
            ]
            lines.append(
                f"classes: {', '.join(f'{name} {a} + {b}' for name, a, b in zip(self.classes, *counts, strict=True))}"
            )
        else:
            lines.append("classes: none")
        low, high = float(whole.min()), float(whole.max())
        lines.append(
            f"values: {low:.6g} to {high:.6g}, {len(np.unique(whole)):,} different ones ({self.unit})"
        )
        if len(self.values):
            wide = np.asarray(self.values, np.float64)
            lines.append(f"training rows: mean {wide.mean():.6g}, standard deviation {wide.std():.6g}")
        lines.append(
            f"in training: {_shown(as_array(self.center))} is subtracted, and the result is divided by "
            f"{_shown(as_array(self.scale))}"
        )
        lines.append(
            f"held-out rows that are copies of training rows: {_copies(self.values, self.held_out):,}"
        )
        return lines


def load_training_data(source: str, reading: Reading | None = None, *, seed: int = 0) -> TrainingData:
    """Read real data from a path, a pattern of paths, or `sklearn:digits`.

    Args:
        source: `sklearn:digits`; a folder of pictures, with one folder a class if there are classes; the folder of a
            Hugging Face dataset; or one or more `.npz`, `.npy`, `.parquet` or `.csv` files, by pattern or separated by
            commas. An archive may hold `jpeg` with `offset`, `pcm` with `offset`, `train_image` and `test_image`, or
            any single array of rows; a table one column of arrays, or a number a column.
        reading: What to take of it; everything, and no rows that belong together, when None.
        seed: Of the choice of held-out rows; a tenth of every class.

    Raises:
        FlowError: Nothing there, or nothing that can be read as rows of numbers that float32 can hold.
    """
    reading = reading or Reading()
    if not source.strip():
        raise FlowError("training data ``: expected a file, a folder or a pattern. Give one.")
    rows = _read(source, reading)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are refused below
        prescribed = None if rows.scale is None else rows.scale(rows.values)
    rows = _taken(rows, reading, source)
    if len(rows.values) < _FEWEST:
        raise FlowError(
            f"training data `{source}`: expected at least {_FEWEST} rows, got {len(rows.values)}."
        )
    refuse_unheld(rows.values, source)
    if rows.unit not in OWN_UNITS:
        refuse_coarse(rows.values, source)
    rows, held = only_trained(rows, held_out_rows(rows, seed), source, seed)
    trained = rows.values if held.all() else rows.values[~held]
    center, scale = prescribed or own_scale(trained)
    if rows.unit == BRIGHTNESS and not held.all():
        center = float(
            np.asarray(trained, np.float64).mean()
        )  # dark grounds would lie far from what the first layer expects
    classes, numbers, empty = _classes(rows, keep_empty=bool(held.all()))
    values = rows.values.astype(np.float32)
    return TrainingData(
        values[~held],
        None if numbers is None else numbers[~held],
        values[held],
        None if numbers is None else numbers[held],
        classes,
        rows.unit,
        center,
        scale,
        (*rows.notes, *([f"classes without rows left out: {', '.join(empty)}"] if empty else [])),
        None if rows.held_out is not None else rows.every or ONE_IN,
    )


def _taken(rows: Rows, reading: Reading, source: str) -> Rows:
    """What the reading takes of the rows."""
    if reading.classes is not None:
        rows = chosen_classes(rows, reading.classes, source)
    if reading.size is not None:
        rows = resized(rows, reading.size, source)
    return replace(rows, label=None, classes=None) if reading.unconditional else rows


def _read(source: str, reading: Reading) -> Rows:
    if source == "sklearn:digits":
        refuse_names(reading, source)
        return _sklearn_digits()
    if os.path.isdir(source):
        found = read_hub_folder(Path(source), reading)
        if found is None:
            refuse_names(reading, source)
            return folder_of_pictures(Path(source), reading)
        return joined([rows for _, rows in found], [str(path) for path, _ in found])
    paths = _paths(source)
    return joined([read_file(path, reading) for path in paths], [str(path) for path in paths])


def _paths(source: str) -> list[Path]:
    """The files of a list of paths and patterns; the path of a file that exists is no list and no pattern."""
    if os.path.isfile(source):
        return [Path(source)]
    found_by = {
        part: [part] if os.path.isfile(part) else sorted(glob.glob(part))
        for part in (one.strip() for one in source.split(","))
    }
    lost = next((part for part, found in found_by.items() if not found), None)
    if lost is not None:
        raise FlowError(f"training data `{lost}`: no such file or folder. Check the path.")
    return [Path(path) for found in found_by.values() for path in found]


def _sklearn_digits() -> Rows:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return Rows(
        (bunch.images[:, None] / 8.0 - 1.0).astype(np.float32),
        bunch.target.astype(str),
        classes=tuple("0123456789"),
        unit=GREY,
        scale=of_brightness,
        every=5,
    )


def _classes(
    rows: Rows, *, keep_empty: bool
) -> tuple[tuple[str, ...] | None, NDArray[np.int64] | None, list[str]]:
    """Names of the classes, the number of each row's, and names that the source declares but no row has.

    Args:
        rows: With labels, or none.
        keep_empty: Keep such names.
    """
    if rows.label is None:
        return None, None, []
    found = [str(name) for name in np.unique(rows.label)]
    for name in (*found, *(rows.classes or ())):
        if not name.strip() or len(name) > _LONGEST:
            raise FlowError(
                f"training data: expected names of classes of 1 to {_LONGEST} characters, got {name[:40]!r} of "
                f"{len(name)}. Rename it, or leave its rows out."
            )
    whole = all(_WHOLE.fullmatch(name) for name in found)
    declared = rows.classes or ()
    empty = [] if keep_empty else [name for name in declared if name not in found]
    others = [name for name in (sorted(found, key=int) if whole else found) if name not in declared]
    classes = (*(name for name in declared if name not in empty), *others)
    number = {name: i for i, name in enumerate(classes)}
    return classes, np.array([number[str(name)] for name in rows.label], np.int64), empty


def _shown(numbers: NDArray[np.float64]) -> str:
    """One number, or the first columns' or channels' own."""
    flat = numbers.reshape(-1)
    if flat.size == 1:
        return f"{flat[0]:.6g}"
    what = "channel" if numbers.shape[-1] == 1 else "column"
    return f"{', '.join(f'{one:.6g}' for one in flat[:6])}{', …' if flat.size > 6 else ''} ({what} by {what})"


def _copies(values: NDArray[np.float32], held_out: NDArray[np.float32]) -> int:
    known = {row.tobytes() for row in values}
    return sum(row.tobytes() in known for row in held_out)
