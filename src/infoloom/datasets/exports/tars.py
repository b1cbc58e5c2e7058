"""Tar files: WebDataset with all columns of a row together, or a folder a modality as 4M and MultiMAE read them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.exports.base import modalities, splits
from infoloom.datasets.storage.columns import Column, rows_at_once
from infoloom.datasets.storage.files import aside, write_json
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["write_folders", "write_webdataset"]

_ROWS_PER_TAR: Final = 10_000
_BATCH: Final = 256
_LONGEST: Final = 100  # bytes of a name in the plain format


def write_webdataset(data: View, path: Path) -> None:
    """Write `<split>-00000.tar`, …: arrays as `<row>.<column>.npy`, numbers together as `<row>.json`.

    `sizes.json` holds the rows of every tar, so that a length is known without reading them.
    """
    arrays = [column for column in data.columns if column.shape]
    _check_names(arrays)
    numbers = [column for column in data.columns if not column.shape]
    long = any(len(f"{0:012d}.{column.name}.npy".encode()) > _LONGEST for column in arrays)
    kind = tarfile.GNU_FORMAT if long else tarfile.USTAR_FORMAT
    sizes: dict[str, int] = {}
    for split, index, view in _parts(data):
        name = f"{split}-{index:05d}.tar"
        with aside(_made(path) / name) as part, tarfile.open(part, "w", format=kind) as tar:
            for key, row in _rows(view):
                for column in arrays:
                    _add(tar, f"{key}.{column.name}.npy", _npy(row[column.name]))
                _add(tar, f"{key}.json", json.dumps({c.name: row[c.name].item() for c in numbers}).encode())
        sizes[name] = len(view)
    write_json(path / "sizes.json", sizes)


def _check_names(columns: Iterable[Column]) -> None:
    """WebDataset reads names in lower case, and keeps those that begin with `__` for itself.

    Raises:
        DatasetError: Names that would collide or be lost.
    """
    seen: dict[str, str] = {}
    for name in (column.name for column in columns):
        other = seen.setdefault(name.lower(), name)
        if other != name or name.startswith("__") or name != name.lower():
            why = (
                f"it reads as `{other}` does"
                if other != name
                else "names that begin with `__` are its own"
                if name.startswith("__")
                else f"it comes back as `{name.lower()}`"
            )
            raise DatasetError(
                f"column `{name}`: expected another name for `webdataset`, because {why}. Rename it in the spec, or "
                "select other columns."
            )


def write_folders(data: View, path: Path) -> None:
    """Write `<split>/<column>/shard-00000.tar`, …, with the same names of rows in every column's tars."""
    others = (column for column in data.columns if column.kind in ("channel", "target"))
    columns: tuple[Column, ...] = (*modalities(data), *others)
    sizes: dict[str, int] = {}
    for split, index, view in _parts(data.select(*(column.name for column in columns))):
        name = f"shard-{index:05d}.tar"
        with ExitStack() as stack:
            tars = {}
            for column in columns:
                part = stack.enter_context(aside(_made(path / split / column.name) / name))
                tars[column.name] = stack.enter_context(tarfile.open(part, "w", format=tarfile.USTAR_FORMAT))
            for key, row in _rows(view):
                for column in columns:
                    _add(tars[column.name], f"{key}.npy", _npy(row[column.name]))
        sizes[f"{split}/{name}"] = len(view)
    write_json(path / "sizes.json", sizes)


def _parts(data: View) -> Iterator[tuple[str, int, View]]:
    from dataclasses import replace

    for split, view in splits(data):
        for index, start in enumerate(range(view.start, view.stop, _ROWS_PER_TAR)):
            yield split, index, replace(view, start=start, stop=min(start + _ROWS_PER_TAR, view.stop))


def _rows(view: View) -> Iterator[tuple[str, dict[str, Any]]]:
    row = view.start
    for batch in view.batches(rows_at_once(view.columns, _BATCH)):
        for i in range(len(next(iter(batch.values())))):
            yield f"{row:012d}", {name: values[i] for name, values in batch.items()}
            row += 1


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # owner and time stay zero, so the same rows give the same bytes
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
