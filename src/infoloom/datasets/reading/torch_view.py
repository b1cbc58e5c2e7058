"""Datasets for `torch.utils.data.DataLoader`: rows by position, or a stream of ready batches."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from torch.utils import data as torch_data

from infoloom.datasets.reading.stream import Arrays, Batch, Stream, expect_whole, recut
from infoloom.datasets.storage.columns import row_bytes
from infoloom.datasets.storage.reading.memmap import existing_memmap
from infoloom.datasets.storage.reading.shuffle import Epoch, piece_edges
from infoloom.datasets.storage.reading.store import MemmapStore
from infoloom.errors import DatasetError
from infoloom.flags import expect_flags

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["BatchStream", "RowView", "torch_view"]

_MOST: Final = 4 * 2**30
_log = logging.getLogger("infoloom")


def torch_view(
    data: View, *, batch_size: int | None = None, memmap: bool | Literal["auto"] = "auto", **options: Any
) -> RowView | BatchStream:
    """A dataset for PyTorch.

    Args:
        data: An open dataset, with the wanted columns and split selected.
        batch_size: Rows of a ready batch, which makes a stream; rows by position when left out.
        memmap: Whether to read from a memory-mapped copy. "auto" takes a copy that is there, and makes one in the
            dataset's folder for rows by position, which Parquet gives some hundred times slower, if that takes at most
            4 GiB and half of the free disk; it says so once.
        options: Those of `BatchStream`.

    Example:
        A stream goes into a loader as it is, `DataLoader(data.torch(batch_size=256, shuffle=True),
        batch_size=None)`.
    """
    fast = _fast(data, memmap, by_position=batch_size is None)
    if batch_size is None:
        if options:
            raise DatasetError(
                f"option `{next(iter(options))}`: expected `batch_size` with it, for a stream of batches."
            )
        return RowView(fast)
    return BatchStream(fast, batch_size, **options)


def _fast(data: View, memmap: bool | Literal["auto"], by_position: bool) -> View:
    """The same view of a memory-mapped copy, where there is or should be one."""
    if memmap is False or isinstance(data.store, MemmapStore):
        return data
    if memmap is True:
        return data.memmap()
    copy = existing_memmap(data.root, data.manifest)
    if copy is not None:
        return replace(data, store=copy)
    if not by_position:
        return data
    size = data.manifest.rows * row_bytes(data.manifest.columns)
    if size > min(_MOST, shutil.disk_usage(data.root).free // 2):
        _log.warning("%s: rows are read from Parquet, slowly; `data.memmap()` makes a fast copy.", data.root)
        return data
    try:
        view = data.memmap()
    except DatasetError as error:
        _log.warning("%s: rows are read from Parquet, slowly (%s)", data.root, error)
        return data
    _log.warning(
        "%s: made a memory-mapped copy of %.0f MB for fast rows; memmap=False leaves it out.",
        data.root,
        size / 1e6,
    )
    return view


class RowView(torch_data.Dataset[Batch]):
    """Rows by position, each a dict of tensors; a loader fetches a batch at a time."""

    def __init__(self, data: View) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Batch]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, position: int) -> Batch:
        return {name: values[0] for name, values in self._take([position]).items()}

    def __getitems__(self, positions: list[int]) -> list[Batch]:
        """Several rows at once; the loader calls this."""
        columns = self._take(positions)
        return [{name: values[i] for name, values in columns.items()} for i in range(len(positions))]

    def _take(self, positions: list[int]) -> Batch:
        return {name: _tensor(array) for name, array in self.data.take(positions).items()}


class BatchStream(Stream):
    """Ready batches of an open dataset; see `Stream`.

    Args:
        data: An open dataset.
        batch_size: Rows of a batch.
        shuffle: Whether to shuffle: the order of row groups, then rows within windows of them.
        seed: Seed of the order.
        drop_last: Whether to leave out a last batch that is not full.
        rank, world_size: Which of how many processes this is, both or neither; those of `torch.distributed` when left
            out.
        window: Row groups that are shuffled together and in memory at once.
    """

    def __init__(
        self,
        data: View,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        window: int = 16,
    ) -> None:
        expect_flags(DatasetError, shuffle=shuffle)
        if expect_whole("batch size", batch_size) < 1 or expect_whole("window", window) < 1:
            raise DatasetError(f"batch size `{batch_size}`, window `{window}`: expected positive numbers.")
        super().__init__(
            len(data), batch_size, seed=seed, drop_last=drop_last, rank=rank, world_size=world_size
        )
        self.data = data
        self.shuffle = shuffle
        self.window = window

    @property
    def settings(self) -> dict[str, int]:
        """What decides which rows a batch holds; `first_row` is that of the split."""
        own = {"shuffle": self.shuffle, "first_row": self.data.start, "window": self.window}
        return {**super().settings, **own}

    def between(self, edges: Sequence[int]) -> Iterator[Batch]:
        """Batches read from the store, as tensors of their own."""
        rows = self._shuffled if self.shuffle else self._in_order
        for arrays in recut(rows(edges[0], edges[-1]), edges):
            yield {name: _tensor(_own(array)) for name, array in arrays.items()}

    def _in_order(self, start: int, stop: int) -> Iterator[Arrays]:
        view = self.data
        return view.store.batches(view.columns, view.start + start, view.start + stop, self.batch_size)

    def _shuffled(self, start: int, stop: int) -> Iterator[Arrays]:
        view = self.data
        pieces = piece_edges(view.manifest, view.start, view.stop)
        epoch = Epoch(pieces, self.batch_size, self.seed, self.epoch, self.window)
        return (view.store.take(view.columns, rows) for rows in epoch.positions(start, stop))


def _tensor(array: np.ndarray[Any, Any]) -> torch.Tensor | list[str]:
    """Numbers as a tensor, texts as a list."""
    if array.dtype.kind != "U":
        return torch.from_numpy(array)
    texts: list[str] = array.tolist()
    return texts


def _own(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A writable array: a tensor may be changed in place, a map of a file or an Arrow buffer may not."""
    return array if array.flags.writeable else array.copy()
