"""Archives of named arrays: pictures as JPEG, sounds, parts to train on and to test, beats, or any array of rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.training.data.labels import LABEL_NAMES, labels_by_name, numbered_labels
from infoloom.observations.training.data.own_scale import of_loudness, of_size
from infoloom.observations.training.data.picture_files import brightness, channels_first, decoded
from infoloom.observations.training.data.reading import Reading, refuse_names
from infoloom.observations.training.data.rows import BRIGHTNESS, LOUDNESS, Array, Rows
from infoloom.observations.training.data.sources.arrays import require_numbers, rows_of_array
from infoloom.observations.training.data.spectrogram import log_mel
from infoloom.observations.training.data.splitting import HELD_OUT

__all__ = ["ARRAY_NAMES", "rows_of_archive"]

ARRAY_NAMES: Final = (
    "x",
    "image",
    "images",
    "img",
    "array",
    "arrays",
    "data",
    "values",
    "beat",
    "curve",
    "flux",
)
_JPEGS: Final = {"jpeg", "offset"}
_SOUNDS: Final = {"pcm", "offset"}
_PARTS: Final = {"train_image", "train_label", "test_image", "test_label"}


def rows_of_archive(arrays: Mapping[str, Array], path: Path, reading: Reading) -> Rows:
    """The rows of an archive.

    Args:
        arrays: By name.
        path: Of the archive; one of JPEGs whose name has the word `test`, or another of `HELD_OUT`, is held out.
        reading: Which array, and which one groups the rows.

    Raises:
        FlowError: Nothing that can be read as rows of numbers.
    """
    beats = "beat" in arrays and "patient" not in arrays and reading.array != "beat"
    if beats or any(names <= arrays.keys() for names in (_JPEGS, _SOUNDS, _PARTS)):
        refuse_names(reading, path)
    if {*_JPEGS, "label"} <= arrays.keys():
        return _jpegs(arrays, path)
    if {*_SOUNDS, "label"} <= arrays.keys():
        return _sounds(arrays, path)
    if arrays.keys() >= _PARTS:
        return _train_and_test(arrays, path)
    return _beats(arrays, path) if beats else _any_array(arrays, path, reading)


def _jpegs(arrays: Mapping[str, Array], path: Path) -> Rows:
    content = arrays["jpeg"]
    if content.ndim != 1 or content.dtype.itemsize != 1:
        raise FlowError(
            f"training data `{path}`: expected the bytes of pictures in `jpeg`, got {content.dtype} of shape "
            f"{content.shape}. Join the files as uint8."
        )
    offset, whole = _offsets(arrays["offset"], len(content), path), content.tobytes()
    files = [whole[start:stop] for start, stop in pairwise(offset)]
    rows = decoded(files, [f"{path}, row {i}" for i in range(len(files))], str(path))
    classes = None
    if "classes" in arrays:
        names = _class_names(arrays["classes"], path)
        label = labels_by_name(arrays["label"], names, len(files), path)
        classes = (*names, *(("unknown",) if (arrays["label"] < 0).any() else ()))
    else:
        label = numbered_labels(arrays["label"], len(files), path)
    words = re.findall("[a-z]+", path.stem.lower())
    held = np.full(len(files), True) if any(word in HELD_OUT for word in words) else None
    return Rows(rows.values, label, None, held, classes, BRIGHTNESS, rows.scale, rows.notes)


def _sounds(arrays: Mapping[str, Array], path: Path) -> Rows:
    """Recordings of 16 bits at 8 kHz as log-mel pictures."""
    pcm = arrays["pcm"]
    if pcm.ndim != 1 or pcm.dtype.kind not in "iu" or not np.can_cast(pcm.dtype, np.int16):
        raise FlowError(
            f"training data `{path}`: expected sounds as int16 in `pcm`, got {pcm.dtype} of shape {pcm.shape}. "
            "Multiply sounds from −1 to 1 by 32767, and round them."
        )
    offset = _offsets(arrays["offset"], len(pcm), path)
    pictures = np.stack([log_mel(np.asarray(pcm[start:stop], np.int16)) for start, stop in pairwise(offset)])
    label = numbered_labels(arrays["label"], len(pictures), path)
    return Rows(pictures, label, unit=LOUDNESS, scale=of_loudness, every=10)


def _train_and_test(arrays: Mapping[str, Array], path: Path) -> Rows:
    train, test = arrays["train_image"], arrays["test_image"]
    if train.dtype != test.dtype or train.shape[1:] != test.shape[1:]:
        raise FlowError(
            f"training data `{path}`: expected pictures of one kind in `train_image` and `test_image`, got "
            f"{train.dtype} of shape {train.shape} and {test.dtype} of shape {test.shape}. Bring them to one."
        )
    pictures = np.concatenate([train, test])
    require_numbers(pictures, path)
    label = np.concatenate(
        [
            numbered_labels(arrays["train_label"], len(train), path),
            numbered_labels(arrays["test_label"], len(test), path),
        ]
    )
    held = np.arange(len(pictures)) >= len(train)
    if pictures.dtype == np.uint8:
        rows = brightness(pictures, path)
    else:
        values, note = channels_first(pictures)
        rows = Rows(values, notes=(note,))
    return Rows(rows.values, label, None, held, None, rows.unit, rows.scale, rows.notes)


def _beats(arrays: Mapping[str, Array], path: Path) -> Rows:
    """Beats of one person, whose kinds are not learnt apart."""
    beats = arrays["beat"]
    require_numbers(beats, path)
    left = next((name for name in LABEL_NAMES if name in arrays), None)
    notes = () if left is None else (f"`{left}` of beats was left out; `--array beat` reads it",)
    return Rows(beats, unit="millivolt", scale=of_size, notes=notes, every=10)


def _any_array(arrays: Mapping[str, Array], path: Path, reading: Reading) -> Rows:
    group = reading.group
    others = [name for name in arrays if name not in (*LABEL_NAMES, group)]
    name = reading.array or next(
        (n for n in ARRAY_NAMES if n in arrays), others[0] if len(others) == 1 else None
    )
    if name is None or name not in arrays:
        wanted = reading.array or f"one of {', '.join(ARRAY_NAMES)}"
        raise FlowError(
            f"training data `{path}`: expected an array named {wanted}, got {', '.join(arrays) or 'nothing'}."
        )
    if group is not None and group not in arrays:
        raise FlowError(
            f"training data `{path}`: expected the column `{group}` to group by. Check `--group`."
        )
    values, label_name = arrays[name], next((one for one in LABEL_NAMES if one in arrays), None)
    label = arrays[label_name] if label_name is not None and reading.labelled else None
    require_numbers(values, path)
    if label is not None and "classes" in arrays and label.dtype.kind in "biuf":
        label = labels_by_name(label, _class_names(arrays["classes"], path), len(values), path)
    return rows_of_array(values, path, label, None if group is None else arrays[group])


def _class_names(names: Array, path: Path) -> list[str]:
    if names.ndim != 1:
        raise FlowError(
            f"training data `{path}`: expected a list of names in `classes`, got shape {names.shape}. Give a name for "
            "each class."
        )
    return [str(name) for name in names]


def _offsets(offset: Array, length: int, path: Path) -> NDArray[np.int64]:
    """Where each of several joined things begins, and at the end, where the last one ends."""
    if (
        offset.ndim != 1
        or offset.dtype.kind not in "iu"
        or len(offset) < 2
        or int(offset[0]) < 0
        or int(offset[-1]) > length
        or not (offset[1:] > offset[:-1]).all()
    ):
        raise FlowError(
            f"training data `{path}`: expected whole numbers in `offset` that rise from 0 to {length}, got "
            f"{offset.dtype} of shape {offset.shape}. Give where each row begins, and at the end, where the last one "
            "ends."
        )
    return np.asarray(offset, np.int64)
