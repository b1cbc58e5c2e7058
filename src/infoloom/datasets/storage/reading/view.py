"""A view of a dataset: some of its columns over a range of its rows, as numpy arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import read_text
from infoloom.datasets.storage.layout import CARD, inside
from infoloom.datasets.storage.manifest import Manifest
from infoloom.datasets.storage.own_spec import open_story
from infoloom.datasets.storage.reading.store import Store
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["View"]

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, repr=False)
class View:
    """Some columns of a dataset over a range of its rows.

    `view["radio"]` is a whole column, `view[7]` a row, `view[10:20]` and `view[[3, 5]]` several rows.

    Attributes:
        root: The folder.
        manifest: What the dataset says about itself.
        names: The columns of this view.
        start, stop: Its rows, as global row numbers.
        store: Where arrays come from, Parquet files or their memory-mapped copy.
    """

    root: Path
    manifest: Manifest
    names: tuple[str, ...]
    start: int
    stop: int
    store: Store

    def __repr__(self) -> str:
        lines = [f"{c.name}: {c.kind}, {c.dtype}{list(c.shape) if c.shape else ''}" for c in self.columns]
        return "\n    ".join(
            [f"{type(self).__name__} {self.manifest.name} in {self.root}, {len(self):,} rows", *lines]
        )

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def rows(self) -> int:
        """Rows of this view."""
        return len(self)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Descriptions of the columns of this view."""
        return tuple(column for column in self.manifest.columns if column.name in self.names)

    @property
    def truth(self) -> dict[str, float]:
        """Information values by query, nats."""
        return dict(self.manifest.truth)

    @property
    def upper_bounds(self) -> dict[str, str]:
        """Modalities whose information is an upper bound only, because their map is not certified, with the reason."""
        return self.manifest.upper_bounds

    @property
    def splits(self) -> dict[str, int]:
        """Rows by split."""
        return dict(self.manifest.splits)

    @property
    def card(self) -> str:
        """The text of the dataset's card."""
        return read_text(inside(self.root, CARD))

    @cached_property
    def story(self) -> Story:
        """The story that the rows were drawn from, compiled from the dataset's own spec.

        Raises:
            DatasetError: The spec is not the one that the manifest names.
        """
        return open_story(self.root, self.manifest)

    def select(self, *names: str) -> Self:
        """The same rows with fewer columns.

        Raises:
            DatasetError: Unknown names.
        """
        for name in names:
            self._column(name)
        return replace(self, names=tuple(name for name in self.names if name in names))

    def split(self, name: str) -> Self:
        """The rows of one split.

        Raises:
            DatasetError: Unknown name.
        """
        first = 0
        for split, rows in self.manifest.splits:
            if split == name:
                return replace(self, start=first, stop=first + rows)
            first += rows
        raise DatasetError(f"split `{name}`: expected one of {', '.join(self.splits)}.")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches():
            for i in range(len(next(iter(batch.values())))):
                yield {name: array[i] for name, array in batch.items()}

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            column = self._column(key)
            return self.store.span((column,), self.start, self.stop)[key]
        if isinstance(key, int | np.integer):
            row = self.take([int(key)])
            return {name: array[0] for name, array in row.items()}
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step == 1:
                return self.store.span(self.columns, self.start + start, self.start + max(start, stop))
            return self.take(range(start, stop, step))
        return self.take(key)

    def take(self, rows: Sequence[int] | np.ndarray[Any, Any]) -> Arrays:
        """Rows of this view by position, in the order asked for.

        Returns:
            Arrays (n, *shape) by column name.

        Raises:
            DatasetError: Positions that are not there.
        """
        wanted = np.asarray(rows)
        if wanted.dtype == bool and wanted.shape == (len(self),):
            wanted = np.flatnonzero(wanted)
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise DatasetError(
                f"rows `{str(rows)[:60]}`: expected positions, a mask of {len(self)} rows, or a slice."
            )
        wanted = wanted.astype(np.int64)
        lost = wanted[(wanted < -len(self)) | (wanted >= len(self))]
        if lost.size:
            raise DatasetError(f"row `{int(lost[0])}`: expected a position from 0 to {len(self) - 1}.")
        return self.store.take(self.columns, np.where(wanted < 0, wanted + len(self), wanted) + self.start)

    def batches(self, rows: int = 256) -> Iterator[Arrays]:
        """The rows in order, `rows` at a time; memory is that of a batch."""
        if rows < 1:
            raise DatasetError(f"batch `{rows}`: expected at least one row.")
        return self.store.batches(self.columns, self.start, self.stop, rows)

    def memmap(self, directory: str | Path | None = None) -> Self:
        """The same view read from a memory-mapped copy, which is made once; ten times faster for training.

        Args:
            directory: Where the copy lies; inside the dataset's folder when left out.
        """
        from infoloom.datasets.storage.reading.memmap import memmap_store

        return replace(self, store=memmap_store(self.root, self.manifest, directory))

    def _column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise DatasetError(f"column `{name}`: expected one of {', '.join(self.names)}.")
