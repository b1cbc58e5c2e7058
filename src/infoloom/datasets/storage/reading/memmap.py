"""A memory-mapped copy of a dataset: one npy file a column, made once, read as fast as memory allows."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final, TypeGuard

import numpy as np

from infoloom.datasets.storage.columns import rows_at_once
from infoloom.datasets.storage.files import part_of, read_json, remove_left_over, sync_folder, write_json
from infoloom.datasets.storage.layout import MANIFEST, WORK, inside
from infoloom.datasets.storage.manifest import Manifest
from infoloom.datasets.storage.reading.checked_map import block_checksums
from infoloom.datasets.storage.reading.store import MemmapStore, ParquetStore, check_shards
from infoloom.errors import DatasetError

__all__ = ["existing_memmap", "memmap_store"]

_ROWS: Final = 1024
_SUMS: Final = "checksums.json"  # of the shards that the copy was made of, and of its files
_MAX_LIST: Final = 2**28


def memmap_store(root: Path, manifest: Manifest, directory: str | Path | None = None) -> MemmapStore:
    """The memory-mapped copy of a dataset; it is made first if it is not there.

    Args:
        root: The dataset's folder.
        manifest: Its manifest.
        directory: Where copies lie; inside the dataset's folder when left out.

    Raises:
        DatasetError: The copy cannot be written.
    """
    place = _place(root, directory)
    found = _finished(place, manifest)
    if found is None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            remove_left_over(place.parent, min_age_s=0.0)
            shutil.rmtree(place, ignore_errors=True)
            _make(root, manifest, place)
        except OSError as error:
            raise DatasetError(
                f"copy `{place}`: cannot be written ({error.strerror or error}). Make room, or choose "
                "another folder "
                "with `memmap(directory=…)`."
            ) from error
        found = _finished(place, manifest)
    if found is None:
        raise DatasetError(f"copy `{place}`: expected to be as it was just written. Try again.")
    return found


def existing_memmap(root: Path, manifest: Manifest) -> MemmapStore | None:
    """The copy inside the dataset's folder, if it was made."""
    return _finished(_place(root, None), manifest)


def _place(root: Path, directory: str | Path | None) -> Path:
    """A folder of this manifest's own: another manifest would find another place, never stale arrays."""
    import hashlib

    digest = hashlib.sha256(inside(root, MANIFEST).read_bytes()).hexdigest()[:16]
    return (
        inside(root, f"{WORK}/memmap-{digest}") if directory is None else Path(directory) / f"memmap-{digest}"
    )


def _finished(place: Path, manifest: Manifest) -> MemmapStore | None:
    """The copy that is there, if it was made of shards with these checksums."""
    names = tuple(column.name for column in manifest.columns)
    try:
        sums = read_json(place / _SUMS, _MAX_LIST)
    except DatasetError:
        return None
    if not isinstance(sums, dict) or sums.get("shards") != _checksums(manifest):
        return None
    of_files = sums.get("blocks")
    if not _are_checksums(of_files) or len(of_files) != len(names):
        return None
    return MemmapStore(place, names, manifest.rows, tuple(tuple(of_file) for of_file in of_files))


def _are_checksums(given: object) -> TypeGuard[list[list[int]]]:
    return isinstance(given, list) and all(
        isinstance(of_file, list) and all(type(one) is int for one in of_file) for of_file in given
    )


def _checksums(manifest: Manifest) -> dict[str, str]:
    return {record.shard.file: record.sha256 for record in manifest.shards}


def _make(root: Path, manifest: Manifest, place: Path) -> None:
    check_shards(root, manifest)  # a copy of a rotten shard would survive its repair
    part = part_of(place)
    part.mkdir()
    try:
        _fill(ParquetStore(root, manifest), manifest, part)
        files = [part / MemmapStore.file(index) for index in range(len(manifest.columns))]
        blocks = [block_checksums(file) for file in files]
        write_json(part / _SUMS, {"shards": _checksums(manifest), "blocks": blocks})
        os.rename(part, place)
    except OSError:
        # Another process finished the same copy first; anything else is a real failure.
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    sync_folder(place.parent)


def _fill(store: ParquetStore, manifest: Manifest, part: Path) -> None:
    store.check(0, manifest.rows)
    arrays: dict[str, np.memmap[Any, Any]] = {}
    for index, column in enumerate(manifest.columns):
        path, shape = part / MemmapStore.file(index), (manifest.rows, *column.shape)
        arrays[column.name] = np.lib.format.open_memmap(path, mode="w+", dtype=column.dtype, shape=shape)
        _reserve(path)
    place = 0
    for batch in store.batches(manifest.columns, 0, manifest.rows, rows_at_once(manifest.columns, _ROWS)):
        rows = len(next(iter(batch.values())))
        for name, values in batch.items():
            arrays[name][place : place + rows] = values
        place += rows
    for array in arrays.values():
        array.flush()


def _reserve(path: Path) -> None:
    """Take the disk space of a file now: writing to a map of a hole on a full disk would kill the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
