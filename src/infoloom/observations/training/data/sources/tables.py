"""Tables: one column of arrays or of pictures, or a number a column."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from infoloom.errors import FlowError
from infoloom.observations.training.data.in_float32 import refuse_rounding
from infoloom.observations.training.data.labels import LABEL_NAMES, group_texts, label_texts, labels_by_name
from infoloom.observations.training.data.picture_files import decoded
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.rows import BRIGHTNESS, Array, Rows
from infoloom.observations.training.data.sources.archives import ARRAY_NAMES
from infoloom.observations.training.data.sources.arrays import rows_of_array
from infoloom.observations.training.data.sources.columns import as_array, keys, kind_of, numbers, plain

__all__ = ["refuse_no_header", "refuse_spoilt", "rows_of_table"]


def rows_of_table(table: pa.Table, path: Path, reading: Reading) -> Rows:
    """The rows of a table.

    Args:
        table: With at most one column of labels, named one of `LABEL_NAMES`.
        path: Of its file, for messages.
        reading: Which column, and which one groups the rows.

    Raises:
        FlowError: Nothing that can be read as rows of numbers.
    """
    twice = next((name for name in table.column_names if table.column_names.count(name) > 1), None)
    if twice is not None:
        raise FlowError(
            f"training data `{path}`: expected every column once, got `{twice}` twice. Rename one."
        )
    columns = {name: plain(table.column(name)) for name in table.column_names}
    label_name = next((name for name in LABEL_NAMES if name in columns), None)
    label = None
    if label_name is not None and reading.labelled:
        label = _labels(keys(columns[label_name], label_name, path), _class_names(table, label_name), path)
    if reading.group is not None and reading.group not in columns:
        raise FlowError(
            f"training data `{path}`: expected the column `{reading.group}` to group by. Check `--group`."
        )
    group = None if reading.group is None else keys(columns[reading.group], reading.group, path)
    kinds = {
        name: kind_of(one.type) for name, one in columns.items() if name not in (label_name, reading.group)
    }
    if reading.array is not None and reading.array not in kinds:
        raise FlowError(f"training data `{path}`: no column `{reading.array}`; it has {', '.join(kinds)}.")
    arrays = [name for name, kind in kinds.items() if kind in ("array", "picture")]
    name = reading.array or next((one for one in ARRAY_NAMES if one in arrays), None)
    name = name or (arrays[0] if len(arrays) == 1 else None)
    if name is None:
        return _one_a_column(columns, kinds, path, label, group)
    if kinds[name] not in ("array", "picture"):
        raise FlowError(
            f"training data `{path}`: expected arrays or pictures in column `{name}`, got {columns[name].type}. Choose "
            "another column by `--array`."
        )
    if kinds[name] == "picture":
        return _pictures(columns[name].to_pylist(), path, label, group)
    return rows_of_array(as_array(columns[name], name, path), path, label, group)


def refuse_no_header(table: pa.Table, path: Path) -> None:
    """Refuse a CSV table whose first line names no columns.

    Raises:
        FlowError: The first line holds numbers only, and would be lost as a row.
    """
    if table.column_names and all(_is_number(name) for name in table.column_names):
        raise FlowError(
            f"training data `{path}`: expected names of columns in the first line, got numbers. Add a first line of "
            "names."
        )


def refuse_spoilt(table: pa.Table, path: Path, reading: Reading) -> None:
    """Refuse a CSV table with a column of numbers in which a few places are text; it would be left out as text.

    Raises:
        FlowError: At least half of a column are numbers, and not all.
    """
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name in (*LABEL_NAMES, reading.group) or not pa.types.is_string(column.type):
            continue
        texts = [text for text in column.to_pylist() if text is not None]
        spoilt = [text for text in texts if not _is_number(text)]
        if spoilt and len(spoilt) <= len(texts) // 2:
            raise FlowError(
                f"training data `{path}`: expected numbers in column `{name}`, got `{spoilt[0][:40]}`, and "
                f"{len(spoilt)} texts in all among {len(texts)} values. Mend or remove them, or remove the column."
            )


def _one_a_column(
    columns: dict[str, pa.ChunkedArray],
    kinds: dict[str, Any],
    path: Path,
    label: Array | None,
    group: Array | None,
) -> Rows:
    numeric = [name for name, kind in kinds.items() if kind == "number"]
    if not numeric or any(kind in ("array", "picture") for kind in kinds.values()):
        raise FlowError(
            f"training data `{path}`: expected one column of arrays, named one of {', '.join(ARRAY_NAMES)}, or a "
            f"number a column; got {', '.join(kinds) or 'none'}."
        )
    empty = next((name for name in numeric if columns[name].null_count), None)
    if empty is not None:
        raise FlowError(
            f"training data `{path}`: expected a number in every row, column `{empty}` has "
            f"{columns[empty].null_count} empty ones. Fill or remove them."
        )
    values = [numbers(columns[name]) for name in numeric]
    refuse_rounding(values, path)
    rows = rows_of_array(np.stack(values, axis=1), path, label, group)
    left = [name for name in kinds if name not in numeric]
    notes = [f"one variable a column: {', '.join(numeric)}"]
    notes += [f"left out: {', '.join(left)}"] if left else []
    return replace(rows, notes=(*rows.notes, *notes))


def _pictures(values: list[Any], path: Path, label: Array | None, group: Array | None) -> Rows:
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


def _labels(values: Array, names: list[str] | None, path: Path) -> Array:
    """Labels by name where a Hugging Face dataset names them, else as they are."""
    if names is None or values.dtype.kind not in "biuf":
        return values
    return labels_by_name(values, names, len(values), path)


def _class_names(table: pa.Table, column: str) -> list[str] | None:
    """The names of classes in the schema of a Hugging Face dataset."""
    try:
        features = json.loads((table.schema.metadata or {})[b"huggingface"])["info"]["features"]
        return [str(one) for one in features[column]["names"]]
    except (KeyError, TypeError, ValueError):
        return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
