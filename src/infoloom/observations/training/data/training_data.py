"""Real data for training flows: read, checked, split into training and held-out rows, and described."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.flows.scaling import Numbers, as_array
from infoloom.observations.training.data.files import read_file, read_hub_folder
from infoloom.observations.training.data.own_scale import own_scale
from infoloom.observations.training.data.picture_files import folder_of_pictures
from infoloom.observations.training.data.reading import Reading, chosen_classes, refuse_names, resized
from infoloom.observations.training.data.rows import BRIGHTNESS, Array, Rows, joined
from infoloom.observations.training.data.splitting import choose_held_out

__all__ = ["TrainingData", "load_training_data"]

_FEWEST: Final = 16
_LONGEST: Final = 256  # characters of a class name
_COARSE: Final = 1e-3  # rounding of float32 in units of a column's deviation


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

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.values.shape[1:])

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
        lines.append(f"in training {_shown(self.center)} stands for 0 and {_shown(self.scale)} for 1")
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
    if reading.classes is not None:
        rows = chosen_classes(rows, reading.classes, source)
    if reading.size is not None:
        rows = resized(rows, reading.size, source)
    if reading.unconditional:
        rows = replace(rows, label=None, classes=None)
    if len(rows.values) < _FEWEST:
        raise FlowError(
            f"training data `{source}`: expected at least {_FEWEST} rows, got {len(rows.values)}."
        )
    if not np.isfinite(rows.values).all():
        raise FlowError(
            f"training data `{source}`: expected finite numbers. Remove rows with NaN or infinity."
        )
    largest = float(np.abs(rows.values).max())
    if largest > float(np.finfo(np.float32).max):
        raise FlowError(
            f"training data `{source}`: expected numbers that float32 can hold, got {largest:.3g}. Change the unit."
        )
    if rows.scale is None:
        _refuse_coarse(rows.values, source)
    held = _held_out(rows, seed)
    center, scale = rows.scale or own_scale(rows.values[~held])
    if rows.unit == BRIGHTNESS and not held.all():
        center = float(
            np.asarray(rows.values[~held], np.float64).mean()
        )  # dark grounds would lie far from what the first layer expects
    classes, numbers = _classes(rows)
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
        rows.notes,
    )


def _read(source: str, reading: Reading) -> Rows:
    if source == "sklearn:digits":
        refuse_names(reading, source)
        return _sklearn_digits()
    if Path(source).is_dir():
        found = read_hub_folder(Path(source), reading)
        if found is None:
            refuse_names(reading, source)
            return folder_of_pictures(Path(source))
        return joined([rows for _, rows in found], [str(path) for path, _ in found])
    found_by = {part.strip(): sorted(glob.glob(part.strip())) for part in source.split(",")}
    lost = next((part for part, found in found_by.items() if not found), None)
    if lost is not None:
        raise FlowError(f"training data `{lost}`: no such file or folder. Check the path.")
    paths = [Path(path) for found in found_by.values() for path in found]
    return joined([read_file(path, reading) for path in paths], [str(path) for path in paths])


def _sklearn_digits() -> Rows:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return Rows(
        (bunch.images[:, None] / 8.0 - 1.0).astype(np.float32),
        bunch.target.astype(str),
        classes=tuple("0123456789"),
        unit="grey, −1 black to 1 white",
        scale=(0.0, 1.0),
        every=5,
    )


def _held_out(rows: Rows, seed: int) -> NDArray[np.bool_]:
    if rows.held_out is not None:
        return rows.held_out
    if rows.every is not None:
        return np.asarray(np.arange(len(rows.values)) % rows.every == rows.every - 1)
    return choose_held_out(len(rows.values), rows.label, rows.group, seed)


def _classes(rows: Rows) -> tuple[tuple[str, ...] | None, NDArray[np.int64] | None]:
    """Names of the classes, and the number of each row's."""
    if rows.label is None:
        return None, None
    found = [str(name) for name in np.unique(rows.label)]
    whole = all(name.lstrip("-").isdecimal() for name in found)
    classes = rows.classes or tuple(sorted(found, key=int) if whole else found)
    for name in classes:
        if not name.strip() or len(name) > _LONGEST:
            raise FlowError(
                f"training data: expected names of classes of 1 to {_LONGEST} characters, got {name[:40]!r} of "
                f"{len(name)}. Rename it, or leave its rows out."
            )
    number = {name: i for i, name in enumerate(classes)}
    return classes, np.array([number[str(name)] for name in rows.label], np.int64)


def _shown(numbers: Numbers) -> str:
    """One number, or the first columns' own."""
    flat = as_array(numbers).reshape(-1)
    if flat.size == 1:
        return f"{flat[0]:.6g}"
    return f"{', '.join(f'{one:.6g}' for one in flat[:6])}{', …' if flat.size > 6 else ''} (column by column)"


def _refuse_coarse(values: Array, source: str) -> None:
    """Observations are float32: a column whose offset is so large that its digits are lost cannot be one."""
    flat = np.asarray(values, np.float64).reshape(len(values), -1)
    step = np.spacing(np.abs(flat).max(axis=0).astype(np.float32)).astype(np.float64)
    spread = flat.std(axis=0)
    lost = np.flatnonzero((spread > 0.0) & (step > _COARSE * spread))
    if len(lost):
        at = int(lost[0])
        raise FlowError(
            f"training data `{source}`: component {at} lies around {flat[:, at].mean():.6g} with a deviation of "
            f"{spread[at]:.3g}, and float32 tells apart steps of {step[at]:.2g} only. Subtract the offset "
            f"({len(lost)} of {flat.shape[1]} components)."
        )


def _copies(values: NDArray[np.float32], held_out: NDArray[np.float32]) -> int:
    known = {row.tobytes() for row in values}
    return sum(row.tobytes() in known for row in held_out)
