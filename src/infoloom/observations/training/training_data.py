"""Reading data for training flows: archives of pictures, sounds and signals, arrays, tables, folders of pictures."""

from __future__ import annotations

import glob
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.training.spectrogram import log_mel

__all__ = ["TrainingData", "load_training_data"]

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
ARRAY_NAMES = ("x", "image", "images", "array", "arrays", "data", "values", "beat")
LABEL_NAMES = ("label", "labels", "y")


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
        center: Value that stands for zero in training.
        scale: Size that stands for one in training.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int64] | None
    held_out: NDArray[np.float32]
    held_out_labels: NDArray[np.int64] | None
    classes: tuple[str, ...] | None
    unit: str
    center: float = 0.0
    scale: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.values.shape[1:])


def load_training_data(source: str, *, unconditional: bool = False) -> TrainingData:
    """Read real data from a path, a pattern of paths, or `sklearn:digits`.

    Args:
        source: `sklearn:digits`; a folder of pictures, with one folder a class if there are classes; or one or more
            `.npz`, `.npy` or `.parquet` files, by pattern or separated by commas. An archive may hold `jpeg` with
            `offset`, `pcm` with `offset`, `train_image` and `test_image`, `beat`, or any single array of rows.
        unconditional: Leave the classes out.

    Raises:
        FlowError: Nothing there, or nothing that can be read as rows of numbers.
    """
    if source == "sklearn:digits":
        data = _sklearn_digits()
    elif Path(source).is_dir():
        data = _picture_folder(Path(source))
    else:
        data = _files(_paths(source))
    if len(data.values) + len(data.held_out) < 16:
        raise FlowError(f"training data `{source}`: expected at least 16 rows, got {len(data.values)}.")
    if not (np.isfinite(data.values).all() and np.isfinite(data.held_out).all()):
        raise FlowError(
            f"training data `{source}`: expected finite numbers. Remove rows with NaN or infinity."
        )
    if unconditional:
        data = replace(data, labels=None, held_out_labels=None, classes=None)
    return data


def _sklearn_digits() -> TrainingData:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    values = (bunch.images[:, None] / 8.0 - 1.0).astype(np.float32)
    return _split(
        values, bunch.target.astype(np.int64), tuple("0123456789"), "grey, −1 black to 1 white", pick=5
    )


def _paths(source: str) -> list[Path]:
    paths = [Path(path) for part in source.split(",") for path in sorted(glob.glob(part.strip()))]
    if not paths:
        raise FlowError(f"training data `{source}`: no such file or folder. Check the path.")
    return paths


def _files(paths: list[Path]) -> TrainingData:
    parts = [_file(path) for path in paths]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _file(path: Path) -> TrainingData:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return _archive({name: archive[name] for name in archive.files}, path)
    if path.suffix == ".npy":
        return _plain(np.load(path, allow_pickle=False), None, path)
    if path.suffix == ".parquet":
        return _table(path)
    raise FlowError(f"training data `{path}`: expected a folder, .npz, .npy or .parquet.")


def _archive(arrays: Mapping[str, NDArray[Any]], path: Path) -> TrainingData:
    if {"jpeg", "offset", "label"} <= arrays.keys():
        return _jpeg_archive(arrays, "test" in path.stem)
    if {"pcm", "offset", "label"} <= arrays.keys():
        return _sound_archive(arrays)
    if {"train_image", "train_label", "test_image", "test_label"} <= arrays.keys():
        return _train_test(arrays)
    if "beat" in arrays:
        beats = arrays["beat"].astype(np.float32)
        return _scaled(_split(beats, None, None, "millivolt"), 0.0, float(beats.std()))
    label = next((arrays[name] for name in LABEL_NAMES if name in arrays), None)
    values = next((arrays[name] for name in ARRAY_NAMES if name in arrays), None)
    if values is None:
        raise FlowError(
            f"training data `{path}`: expected an array named one of {', '.join(ARRAY_NAMES)}, "
            f"got {', '.join(arrays) or 'nothing'}."
        )
    return _plain(values, label, path)


def _jpeg_archive(arrays: Mapping[str, NDArray[Any]], all_held_out: bool) -> TrainingData:
    from PIL import Image

    joined, offset = arrays["jpeg"].tobytes(), arrays["offset"]
    pictures = np.stack(
        [
            np.asarray(Image.open(io.BytesIO(joined[start:stop])).convert("RGB"))
            for start, stop in pairwise(offset)
        ]
    )
    values, labels = _picture_values(pictures), arrays["label"].astype(np.int64)
    classes = tuple(str(name) for name in arrays["classes"]) if "classes" in arrays else _numbered(labels)
    held = slice(None) if all_held_out else slice(0, 0)
    kept = slice(0, 0) if all_held_out else slice(None)
    return TrainingData(values[kept], labels[kept], values[held], labels[held], classes, PICTURE_UNIT)


PICTURE_UNIT = "brightness, −1 black to 1 white"


def _sound_archive(arrays: Mapping[str, NDArray[Any]]) -> TrainingData:
    offset, labels = arrays["offset"], arrays["label"].astype(np.int64)
    pictures = np.stack([log_mel(arrays["pcm"][a:b]) for a, b in pairwise(offset)])
    data = _split(pictures, labels, _numbered(labels), "decibel below the loudest point")
    return _scaled(data, float(pictures.mean()), float(2.0 * pictures.std()))


def _train_test(arrays: Mapping[str, NDArray[Any]]) -> TrainingData:
    labels = arrays["train_label"].astype(np.int64)
    return TrainingData(
        _picture_values(arrays["train_image"]),
        labels,
        _picture_values(arrays["test_image"]),
        arrays["test_label"].astype(np.int64),
        _numbered(labels),
        PICTURE_UNIT,
    )


def _table(path: Path) -> TrainingData:
    import pyarrow.parquet as parquet

    table = parquet.read_table(path)
    names = [name for name in table.column_names if name not in LABEL_NAMES]
    name = next((name for name in ARRAY_NAMES if name in names), names[0] if len(names) == 1 else None)
    if name is None:
        raise FlowError(
            f"training data `{path}`: expected one column of arrays, named one of {', '.join(ARRAY_NAMES)}; "
            f"got {', '.join(names)}."
        )
    values = np.asarray(table.column(name).to_pylist(), dtype=np.float32)
    label = next(
        (np.asarray(table.column(key).to_pylist()) for key in LABEL_NAMES if key in table.column_names), None
    )
    return _plain(values, label, path)


def _picture_folder(folder: Path) -> TrainingData:
    from PIL import Image

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not files:
        raise FlowError(f"training data `{folder}`: expected pictures ({', '.join(PICTURES)}), found none.")
    pictures = [np.asarray(Image.open(path).convert(_mode(path))) for path in files]
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1:
        raise FlowError(
            f"training data `{folder}`: expected pictures of one size, got {len(sizes)} such as "
            f"{', '.join(map(str, sorted(sizes)[:3]))}. Resize them first."
        )
    groups = [path.parent.relative_to(folder).as_posix() for path in files]
    classes = tuple(sorted(set(groups)))
    labels = np.array([classes.index(group) for group in groups]) if len(classes) > 1 else None
    return _split(
        _picture_values(np.stack(pictures)), labels, classes if labels is not None else None, PICTURE_UNIT
    )


def _mode(path: Path) -> str:
    from PIL import Image

    with Image.open(path) as picture:
        return "L" if picture.mode in ("1", "L", "LA", "I;16") else "RGB"


def _plain(values: NDArray[Any], label: NDArray[Any] | None, path: Path) -> TrainingData:
    if values.ndim < 2 or not np.issubdtype(values.dtype, np.number):
        raise FlowError(
            f"training data `{path}`: expected rows of numbers, got {values.dtype} of shape {values.shape}."
        )
    if label is not None and len(label) != len(values):
        raise FlowError(
            f"training data `{path}`: expected a label a row, got {len(label)} for {len(values)} rows."
        )
    classes, labels = None, None
    if label is not None:
        names, numbers = np.unique(label, return_inverse=True)
        classes, labels = tuple(str(name) for name in names), numbers.astype(np.int64)
    if values.dtype == np.uint8:
        return _split(_picture_values(values), labels, classes, PICTURE_UNIT)
    data = _split(values.astype(np.float32), labels, classes, "as given")
    return _scaled(data, float(data.values.mean()), float(data.values.std()) or 1.0)


def _picture_values(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    values = pictures.astype(np.float32) / 127.5 - 1.0
    return values[:, None] if values.ndim == 3 else np.ascontiguousarray(np.moveaxis(values, -1, 1))


def _numbered(labels: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(str(number) for number in range(int(labels.max()) + 1))


def _split(
    values: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    classes: tuple[str, ...] | None,
    unit: str,
    pick: int = 10,
) -> TrainingData:
    """Hold every `pick`-th row out."""
    held = np.arange(len(values)) % pick == pick - 1
    return TrainingData(
        values[~held],
        None if labels is None else labels[~held],
        values[held],
        None if labels is None else labels[held],
        classes,
        unit,
    )


def _scaled(data: TrainingData, center: float, scale: float) -> TrainingData:
    return replace(data, center=center, scale=scale)


def _joined(parts: list[TrainingData]) -> TrainingData:
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise FlowError(
            f"training data: expected files of one shape, got {', '.join(map(str, sorted(shapes)))}."
        )
    first = parts[0]
    labelled = first.labels is not None
    return replace(
        first,
        values=np.concatenate([part.values for part in parts]),
        labels=np.concatenate([part.labels for part in parts if part.labels is not None])
        if labelled
        else None,
        held_out=np.concatenate([part.held_out for part in parts]),
        held_out_labels=np.concatenate(
            [part.held_out_labels for part in parts if part.held_out_labels is not None]
        )
        if labelled
        else None,
    )
