"""Where a dataset's arrays come from: Parquet shards, or memory-mapped copies of their columns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq

from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import sha256
from infoloom.datasets.storage.layout import inside
from infoloom.datasets.storage.manifest import Manifest, ShardRecord
from infoloom.datasets.storage.parquet import open_parquet, read_row_groups
from infoloom.datasets.storage.reading.checked_map import CheckedMap
from infoloom.errors import DatasetError

__all__ = ["MemmapStore", "ParquetStore", "Store", "check_shards"]

Arrays = dict[str, np.ndarray[Any, Any]]


class Store(Protocol):
    """Rows by global number."""

    def span(self, columns: Sequence[Column], start: int, stop: int) -> Arrays:
        """Rows from `start` to before `stop`."""
        ...

    def take(self, columns: Sequence[Column], rows: np.ndarray[Any, Any]) -> Arrays:
        """Rows in any order."""
        ...

    def batches(self, columns: Sequence[Column], start: int, stop: int, rows: int) -> Iterator[Arrays]:
        """Rows in order, some at a time."""
        ...


@dataclass(frozen=True)
class ParquetStore:
    """Rows decoded from Parquet, a row group at a time."""

    root: Path
    manifest: Manifest

    def span(self, columns: Sequence[Column], start: int, stop: int) -> Arrays:
        """Rows from `start` to before `stop`."""
        self.check(start, stop)
        out = {c.name: np.empty((stop - start, *c.shape), dtype=c.dtype) for c in columns}
        for first, arrays in self._pieces(columns, start, stop):
            for name, array in arrays.items():
                out[name][first - start : first - start + len(array)] = array
        return out

    def take(self, columns: Sequence[Column], rows: np.ndarray[Any, Any]) -> Arrays:
        """Rows in any order; each row group is decoded once a call."""
        out = {c.name: np.empty((len(rows), *c.shape), dtype=c.dtype) for c in columns}
        order = np.argsort(rows, kind="stable")
        place = 0
        while place < len(order):
            record = self._record(int(rows[order[place]]))
            file, starts = self._file(record)
            local = int(rows[order[place]]) - record.shard.first
            group = bisect_right(starts, local) - 1
            last = record.shard.first + starts[group + 1]
            end = place + int(np.searchsorted(rows[order[place:]], last))
            found = read_row_groups(file, [group], columns, self.root / record.shard.file)
            inside_group = rows[order[place:end]] - record.shard.first - starts[group]
            for name, array in found.items():
                out[name][order[place:end]] = array[inside_group]
            place = end
        return out

    def batches(self, columns: Sequence[Column], start: int, stop: int, rows: int) -> Iterator[Arrays]:
        """Rows in order, some at a time."""
        kept: list[Arrays] = []
        held = 0
        for _, arrays in self._pieces(columns, start, stop):
            kept.append(arrays)
            held += len(next(iter(arrays.values())))
            if held < rows:
                continue
            whole = _joined(kept)
            full = held - held % rows
            for first in range(0, full, rows):
                yield {name: array[first : first + rows] for name, array in whole.items()}
            kept, held = [{name: array[full:] for name, array in whole.items()}], held - full
        if held:
            yield _joined(kept)

    def check(self, start: int, stop: int) -> None:
        """Open the shards of some rows, so that no memory is set aside for rows that only a manifest speaks of.

        Raises:
            DatasetError: A shard is missing, or is not what the manifest says.
        """
        while start < stop:
            record = self._record(start)
            self._file(record)
            start = record.shard.first + record.shard.rows

    def _pieces(self, columns: Sequence[Column], start: int, stop: int) -> Iterator[tuple[int, Arrays]]:
        """Row groups in order, cut to the wanted rows, each with the global number of its first row."""
        while start < stop:
            record = self._record(start)
            file, starts = self._file(record)
            local = start - record.shard.first
            group = bisect_right(starts, local) - 1
            end = min(starts[group + 1], stop - record.shard.first)
            arrays = read_row_groups(file, [group], columns, self.root / record.shard.file)
            cut = slice(local - starts[group], end - starts[group])
            yield start, {name: array[cut] for name, array in arrays.items()}
            start += end - local

    @cached_property
    def _firsts(self) -> list[int]:
        return [record.shard.first for record in self.manifest.shards]

    def _record(self, row: int) -> ShardRecord:
        return self.manifest.shards[bisect_right(self._firsts, row) - 1]

    def _file(self, record: ShardRecord) -> tuple[pq.ParquetFile, tuple[int, ...]]:
        path = inside(self.root, record.shard.file)
        file = open_parquet(path, self.manifest.columns, record.shard.rows, record.footer, record.sha256)
        return file, _group_starts(file)


@dataclass(frozen=True)
class MemmapStore:
    """Rows of memory-mapped npy files, one a column, numbered as in the manifest."""

    directory: Path
    names: tuple[str, ...]
    rows: int
    checksums: tuple[tuple[int, ...], ...] = field(repr=False)

    @staticmethod
    def file(index: int) -> str:
        """Name of a column's file; a number, since a column's name need not be a good file name."""
        return f"{index:06d}.npy"

    def span(self, columns: Sequence[Column], start: int, stop: int) -> Arrays:
        """Rows from `start` to before `stop`."""
        return {c.name: self._map(c).span(start, stop) for c in columns}

    def take(self, columns: Sequence[Column], rows: np.ndarray[Any, Any]) -> Arrays:
        """Rows in any order."""
        return {c.name: self._map(c).take(rows) for c in columns}

    def batches(self, columns: Sequence[Column], start: int, stop: int, rows: int) -> Iterator[Arrays]:
        """Rows in order, some at a time."""
        for first in range(start, stop, rows):
            yield self.span(columns, first, min(first + rows, stop))

    def check(self, columns: Sequence[Column]) -> None:
        """Read everything once.

        Raises:
            DatasetError: A file that is damaged.
        """
        for column in columns:
            self._map(column).span(0, self.rows)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_maps"}  # not for workers

    @cached_property
    def _maps(self) -> dict[int, CheckedMap]:
        return {}

    def _map(self, column: Column) -> CheckedMap:
        index = self.names.index(column.name)
        path = self.directory / self.file(index)
        if index not in self._maps:
            self._maps[index] = CheckedMap(path, self.checksums[index])
        return self._maps[index]


def check_shards(root: Path, manifest: Manifest) -> None:
    """Read every shard once and compare its checksum with the manifest's.

    Raises:
        DatasetError: Shards that differ, by name.
    """
    bad = []
    for record in manifest.shards:
        try:
            intact = sha256(inside(root, record.shard.file)) == record.sha256
        except OSError:
            intact = False
        if not intact:
            bad.append(record.shard.file)
    if bad:
        raise DatasetError(
            f"dataset `{root}`: expected the checksums of the manifest; {len(bad)} of {len(manifest.shards)} shards "
            f"are missing or damaged ({', '.join(bad[:3])}). Run `infoloom generate` again: it makes these anew."
        )


def _joined(parts: list[Arrays]) -> Arrays:
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@lru_cache(maxsize=256)
def _group_starts(file: pq.ParquetFile) -> tuple[int, ...]:
    footer = file.metadata
    return (0, *accumulate(footer.row_group(i).num_rows for i in range(footer.num_row_groups)))
