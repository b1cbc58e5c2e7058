"""Files of rows: npz, npy, Parquet, CSV, and folders of Hugging Face datasets."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from infoloom.errors import FlowError
from infoloom.observations.training.data.labels import (
    group_texts,
    label_texts,
    labels_by_name,
    numbered_labels,
)
from infoloom.observations.training.data.picture_files import brightness, decoded
from infoloom.observations.training.data.reading import Reading, refuse_names
from infoloom.observations.training.data.rows import BRIGHTNESS, Array, Rows
from infoloom.observations.training.data.spectrogram import log_mel

__all__ = ["ARRAY_NAMES", "LABEL_NAMES", "read_file", "read_hub_folder"]

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
LABEL_NAMES: Final = ("label", "labels", "y", "class", "target")


def read_file(path: Path, reading: Reading | None = None) -> Rows:
    """Read one file.

    Args:
        path: `.npz`, `.npy`, `.parquet` or `.csv`.
        reading: Which array or column, and which one groups the rows.

    Raises:
        FlowError: Another kind of file, or nothing that can be read as rows of numbers.
    """
    reading = reading or Reading()
    if not path.is_file():
        raise FlowError(f"training data `{path}`: expected a file. Check the path.")
    try:
        match path.suffix.lower():
            case ".npz":
                with np.load(path, allow_pickle=False) as archive:
                    return _archive({name: archive[name] for name in archive.files}, path, reading)
            case ".npy":
                refuse_names(reading, path)
                return _array(np.load(path, allow_pickle=False), path)
            case ".parquet":
                import pyarrow.parquet as parquet

                return _table(parquet.read_table(path), path, reading)
            case ".csv":
                import pyarrow.csv as csv

                return _table(_with_header(csv.read_csv(path), path), path, reading)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise FlowError(f"training data `{path}`: cannot be read ({error}).") from error
    except ValueError as error:
        if "pickle" not in str(error):
            raise FlowError(f"training data `{path}`: cannot be read ({error}).") from error
        raise FlowError(
            f"training data `{path}`: expected numbers, got objects; pickled arrays are not read. Save it with a dtype "
            "of numbers."
        ) from error
    raise FlowError(f"training data `{path}`: expected a folder, .npz, .npy, .parquet or .csv.")


def read_hub_folder(folder: Path, reading: Reading | None = None) -> list[tuple[Path, Rows]] | None:
    """The tables of a Hugging Face dataset: arrow files of `save_to_disk`, or Parquet files; None where there are none.

    Files below a folder named `test` or `validation`, or so named, are held out.
    """
    reading = reading or Reading()
    files = sorted(path for kind in ("*.arrow", "*.parquet") for path in folder.rglob(kind))
    found = []
    for path in files:
        if path.suffix == ".arrow":
            with pa.memory_map(str(path)) as source:
                try:
                    table = pa.ipc.open_stream(source).read_all()
                except pa.ArrowInvalid:
                    table = pa.ipc.open_file(source).read_all()
            rows = _table(table, path, reading)
        else:
            rows = read_file(path, reading)
        inside = path.relative_to(folder).as_posix()
        held = any(part.startswith(("test", "validation", "valid-")) for part in inside.split("/"))
        found.append((path, rows, held))
    several = len({held for *_, held in found}) > 1
    return [(p, _marked(rows, held) if several else rows) for p, rows, held in found] or None


def _marked(rows: Rows, held: bool) -> Rows:
    from dataclasses import replace

    return replace(rows, held_out=np.full(len(rows.values), held))


def _archive(arrays: Mapping[str, Array], path: Path, reading: Reading) -> Rows:
    group = reading.group
    special = (
        {"jpeg", "offset"},
        {"pcm", "offset"},
        {"train_image", "train_label", "test_image", "test_label"},
    )
    if any(names <= arrays.keys() for names in special) or ("beat" in arrays and "patient" not in arrays):
        refuse_names(reading, path)
    if {"jpeg", "offset", "label"} <= arrays.keys():
        return _jpegs(arrays, path)
    if {"pcm", "offset", "label"} <= arrays.keys():
        pictures = np.stack(
            [log_mel(np.asarray(arrays["pcm"][a:b], np.int16)) for a, b in pairwise(arrays["offset"])]
        )
        scale = float(pictures.mean()), float(2.0 * pictures.std())
        unit = "decibel below the loudest point"
        label, classes = numbered_labels(arrays["label"], path)
        return Rows(pictures, label, classes=classes, unit=unit, scale=scale, every=10)
    if {"train_image", "train_label", "test_image", "test_label"} <= arrays.keys():
        rows = brightness(np.concatenate([arrays["train_image"], arrays["test_image"]]), path)
        label, classes = numbered_labels(np.concatenate([arrays["train_label"], arrays["test_label"]]), path)
        held = np.arange(len(rows.values)) >= len(arrays["train_image"])
        return Rows(rows.values, label, None, held, classes, BRIGHTNESS, rows.scale, rows.notes)
    if (
        "beat" in arrays and "patient" not in arrays
    ):  # of one person, whose kinds of beats are not learnt apart
        beats = np.asarray(arrays["beat"], np.float32)
        return Rows(beats, unit="millivolt", scale=(0.0, float(beats.std())), every=10)
    label_name = next((name for name in LABEL_NAMES if name in arrays), None)
    others = [name for name in arrays if name not in (*LABEL_NAMES, group)]
    name = reading.array or next(
        (n for n in ARRAY_NAMES if n in arrays), others[0] if len(others) == 1 else None
    )
    if name is None or name not in arrays:
        wanted = reading.array or f"one of {', '.join(ARRAY_NAMES)}"
        raise FlowError(
            f"training data `{path}`: expected an array named {wanted}, got {', '.join(arrays) or 'nothing'}."
        )
    label = None if label_name is None else arrays[label_name]
    if label is not None and "classes" in arrays and np.issubdtype(label.dtype, np.integer):
        label = labels_by_name(label, [str(one) for one in arrays["classes"]], path)
    return _array(arrays[name], path, label, _grouping(arrays, group, path))


def _jpegs(arrays: Mapping[str, Array], path: Path) -> Rows:
    content, offset = arrays["jpeg"].tobytes(), arrays["offset"]
    files = [content[start:stop] for start, stop in pairwise(offset)]
    rows = decoded(files, [f"{path}, row {i}" for i in range(len(files))], str(path))
    numbers = np.asarray(arrays["label"], np.int64)
    if "classes" in arrays:
        classes = tuple(str(name) for name in arrays["classes"])
        label: Any = labels_by_name(numbers, classes, path)
        classes = (*classes, *(("unknown",) if (numbers < 0).any() else ()))
    else:
        label, classes = numbered_labels(numbers, path)
    held = np.full(len(files), True) if "test" in path.stem else None
    return Rows(rows.values, label, None, held, classes, BRIGHTNESS, rows.scale, rows.notes)


def _table(table: pa.Table, path: Path, reading: Reading) -> Rows:
    group = reading.group
    twice = next((name for name in table.column_names if table.column_names.count(name) > 1), None)
    if twice is not None:
        raise FlowError(
            f"training data `{path}`: expected every column once, got `{twice}` twice. Rename one."
        )
    columns = {name: table.column(name) for name in table.column_names}
    label_name = next((name for name in LABEL_NAMES if name in columns), None)
    label = None if label_name is None else _label_column(table, label_name, path)
    grouping = _grouping(
        {n: np.asarray(c.to_pylist()) for n, c in columns.items() if n == group}, group, path
    )
    names = [name for name in columns if name not in (label_name, group)]
    if reading.array is not None and reading.array not in names:
        raise FlowError(f"training data `{path}`: no column `{reading.array}`; it has {', '.join(names)}.")
    name = reading.array or next((n for n in ARRAY_NAMES if n in names and not _scalar(columns[n])), None)
    arrays = [n for n in names if not _scalar(columns[n]) and not pa.types.is_string(columns[n].type)]
    name = name or (arrays[0] if len(arrays) == 1 else None)
    if name is not None:
        if pa.types.is_struct(columns[name].type) or pa.types.is_binary(columns[name].type):
            return _pictures_of_table(columns[name].to_pylist(), path, label, grouping)
        return _array(_stacked(columns[name].to_pylist(), name, path), path, label, grouping)
    numeric = [n for n in names if _scalar(columns[n])]
    if not numeric or arrays:
        raise FlowError(
            f"training data `{path}`: expected one column of arrays, named one of {', '.join(ARRAY_NAMES)}, or a "
            f"number a column; got {', '.join(names) or 'none'}."
        )
    left = [n for n in names if n not in numeric]
    empty = [n for n in numeric if columns[n].null_count]
    if empty:
        raise FlowError(
            f"training data `{path}`: expected a number in every row, column `{empty[0]}` has "
            f"{columns[empty[0]].null_count} empty ones. Fill or remove them."
        )
    rows = _array(np.stack([columns[n].to_numpy() for n in numeric], axis=1), path, label, grouping)
    notes = [f"one variable a column: {', '.join(numeric)}"] + (
        [f"left out: {', '.join(left)}"] if left else []
    )
    return Rows(
        rows.values, rows.label, rows.group, unit=rows.unit, scale=rows.scale, notes=(*rows.notes, *notes)
    )


def _with_header(table: pa.Table, path: Path) -> pa.Table:
    """A CSV table whose first line names its columns.

    Raises:
        FlowError: The first line holds numbers only, and would be lost as a row.
    """
    if table.column_names and all(_is_number(name) for name in table.column_names):
        raise FlowError(
            f"training data `{path}`: expected names of columns in the first line, got numbers. Add a first line of "
            "names."
        )
    return table


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _scalar(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _label_column(table: pa.Table, name: str, path: Path) -> Array:
    """Labels by name where the schema of a Hugging Face dataset names them, else as they are."""
    import json

    values = np.asarray(table.column(name).to_pylist())
    try:
        features = json.loads((table.schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = [str(one) for one in features[name]["names"]]
        numbers = np.asarray(values, np.int64)
    except (KeyError, TypeError, ValueError):
        return values
    return labels_by_name(numbers, names, path)


def _stacked(values: list[Any], name: str, path: Path) -> Array:
    try:
        return np.asarray(values, np.float64)
    except (ValueError, TypeError) as error:
        raise FlowError(
            f"training data `{path}`: expected arrays of one shape in column `{name}` ({error})."
        ) from error


def _pictures_of_table(values: list[Any], path: Path, label: Array | None, group: Array | None) -> Rows:
    files = [value["bytes"] if isinstance(value, dict) else value for value in values]
    if any(not isinstance(one, bytes) for one in files):
        raise FlowError(
            f"training data `{path}`: expected the bytes of pictures. Save the dataset with its files."
        )
    rows = decoded(files, [f"{path}, row {i}" for i in range(len(files))], str(path))
    return Rows(
        rows.values,
        label_texts(label, len(files), path),
        group_texts(group, len(files), path),
        None,
        None,
        BRIGHTNESS,
        rows.scale,
        rows.notes,
    )


def _grouping(arrays: Mapping[str, Array], group: str | None, path: Path) -> Array | None:
    if group is None:
        return None
    if group not in arrays:
        raise FlowError(
            f"training data `{path}`: expected the column `{group}` to group by. Check `--group`."
        )
    return arrays[group]


def _array(values: Array, path: Path, label: Array | None = None, group: Array | None = None) -> Rows:
    if np.iscomplexobj(values):
        raise FlowError(
            f"training data `{path}`: expected real numbers, got {values.dtype}. Give real and imaginary parts as two "
            "channels."
        )
    if values.ndim < 2 or not np.issubdtype(values.dtype, np.number):
        raise FlowError(
            f"training data `{path}`: expected rows of numbers, got {values.dtype} of shape {values.shape}."
        )
    if not values[:1].size and len(values):
        raise FlowError(
            f"training data `{path}`: expected rows of one number or more, got shape {values.shape}."
        )
    named, grouped = label_texts(label, len(values), path), group_texts(group, len(values), path)
    if values.dtype == np.uint8 and values.ndim > 2:
        rows = brightness(values, path)
        return Rows(rows.values, named, grouped, unit=BRIGHTNESS, scale=rows.scale, notes=rows.notes)
    return Rows(values, named, grouped, notes=("axes: as given",))
