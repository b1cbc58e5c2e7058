"""Folders: of a Hugging Face dataset, or of pictures, with one folder a class; parts named `test` are held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.training.data.labels import LABEL_NAMES, label_texts
from infoloom.observations.training.data.picture_files import PICTURES, decoded
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.rows import Array, Rows
from infoloom.observations.training.data.sources.columns import keys, plain
from infoloom.observations.training.data.sources.opening import opened_table
from infoloom.observations.training.data.sources.tables import rows_of_table
from infoloom.observations.training.data.splitting import HELD_OUT, held_out_by_name

__all__ = ["folder_of_pictures", "read_hub_folder"]

_TRAIN: Final = ("train", "training")
_METADATA: Final = ("metadata.csv", "metadata.jsonl")
_FILE: Final = "file_name"


def read_hub_folder(folder: Path, reading: Reading) -> list[tuple[Path, Rows]] | None:
    """The tables of a Hugging Face dataset: arrow files of `save_to_disk`, or Parquet files; None where there are none.

    Files below a folder whose name begins with the word `test`, or another of `HELD_OUT`, or so named, are held out.
    What `datasets` keeps of its own computing, in files `cache-*.arrow`, and hidden folders are skipped.
    """
    files = [
        path
        for path in _below(folder)
        if path.suffix.lower() in (".arrow", ".parquet") and not path.name.startswith(("cache-", "metadata."))
    ]
    found = []
    for path in files:
        table = opened_table(path)
        held = any(held_out_by_name(part) for part in path.relative_to(folder).parts)
        found.append((path, rows_of_table(table, path, reading), held))
    several = len({held for *_, held in found}) > 1
    return [(p, _marked(rows, held) if several else rows) for p, rows, held in found] or None


def folder_of_pictures(folder: Path, reading: Reading) -> Rows:
    """All pictures below a folder; with one folder a class if there are several folders.

    Folders `train` and `test`, or another of `HELD_OUT`, are parts of the data, if all pictures lie in such folders.
    Labels of the files `metadata.csv` or `metadata.jsonl` come before names of folders.

    Raises:
        FlowError: No pictures, pictures of several sizes, or one that cannot be read.
    """
    files = [path for path in _below(folder) if path.suffix.lower() in PICTURES]
    if not files:
        raise FlowError(f"training data `{folder}`: expected pictures ({', '.join(PICTURES)}), found none.")
    places = [path.parent.relative_to(folder).parts for path in files]
    held = _held_out_parts([place[0] if place else "" for place in places])
    label = _labels_of_metadata(folder, files) if reading.labelled else None
    if label is None:
        names = np.array(["/".join(place if held is None else place[1:]) or "." for place in places])
        if held is not None:
            names = np.where(names == ".", "unknown", names)
        label = names if len(set(names)) > 1 else None
    contents = [path.read_bytes() for path in files]
    rows = decoded(contents, [str(path) for path in files], str(folder))
    return replace(rows, label=label, held_out=held)


def _below(folder: Path) -> list[Path]:
    """Files below a folder that are not hidden, and lie in no hidden folder."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _held_out_parts(tops: list[str]) -> NDArray[np.bool_] | None:
    """Which pictures are held out; None if the uppermost folders are no parts to train on and to test."""
    parts = {top.lower() for top in tops}
    held, trained = parts & set(HELD_OUT), parts & set(_TRAIN)
    if not held or not trained or parts - held - trained:
        return None
    return np.array([top.lower() in HELD_OUT for top in tops])


def _labels_of_metadata(folder: Path, files: list[Path]) -> NDArray[np.str_] | None:
    """Labels that files beside the pictures give to them by name; None where there are none."""
    known: dict[Path, object] = {}
    for path in _below(folder):
        if path.name in _METADATA:
            known |= _labels_by_file(path)
    if not known:
        return None
    missing = next((path for path in files if path not in known), None)
    if missing is not None:
        raise FlowError(
            f"training data `{missing}`: expected its label in a file of metadata, as other pictures have one there. "
            "Add it, or remove the picture."
        )
    return label_texts(np.array([known[path] for path in files]), len(files), folder)


def _labels_by_file(path: Path) -> dict[Path, object]:
    table = opened_table(path)
    label = next((name for name in LABEL_NAMES if name in table.column_names), None)
    if label is None or _FILE not in table.column_names:
        return {}
    names: Array = keys(plain(table.column(_FILE)), _FILE, path)
    labels = keys(plain(table.column(label)), label, path).tolist()
    return {path.parent / str(name): one for name, one in zip(names.tolist(), labels, strict=True)}


def _marked(rows: Rows, held: bool) -> Rows:
    return replace(rows, held_out=np.full(len(rows.values), held))
