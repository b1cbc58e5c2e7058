"""Datasets for `torch.utils.data.DataLoader`: rows by position, or a stream of ready batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils import data as torch_data

from infoloom.datasets.storage.memmap import existing_memmap
from infoloom.datasets.storage.shuffle import Epoch, piece_edges, share
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.storage.view import View

__all__ = ["BatchStream", "RowView", "torch_view"]

Batch = dict[str, torch.Tensor]


def torch_view(data: View, *, batch_size: int | None = None, **options: Any) -> RowView | BatchStream:
    """A dataset for PyTorch; it reads the memory-mapped copy if `data.memmap()` has made one.

    Args:
        data: An open dataset, with the wanted columns and split selected.
        batch_size: Rows of a ready batch, which makes a stream; rows by position when left out.
        options: Those of `BatchStream`.

    Example:
        A stream goes into a loader as it is, `DataLoader(data.torch(batch_size=256, shuffle=True),
        batch_size=None)`.
    """
    copy = existing_memmap(data.root, data.manifest)
    fast = data if copy is None else replace(data, store=copy)
    if batch_size is None:
        if options:
            raise DatasetError(
                f"option `{next(iter(options))}`: expected `batch_size` with it, for a stream of batches."
            )
        return RowView(fast)
    return BatchStream(fast, batch_size, **options)


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
        return {name: torch.from_numpy(array) for name, array in self.data.take(positions).items()}


class BatchStream(torch_data.IterableDataset[Batch]):
    """Ready batches, shared among the workers of a loader and the ranks of a distributed run.

    The batches of an epoch depend on seed and epoch only; each rank gets as many as any other, contiguous
    ones, and so does each worker of a rank, up to one.

    Args:
        data: An open dataset.
        batch_size: Rows of a batch.
        shuffle: Whether to shuffle: the order of row groups, then rows within windows of them.
        seed: Seed of the order.
        drop_last: Whether to leave out a last batch that is not full.
        rank, world_size: Which of how many processes this is; those of `torch.distributed` when left out.
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
        if batch_size < 1 or window < 1:
            raise DatasetError(f"batch size `{batch_size}`, window `{window}`: expected positive numbers.")
        self.data = data
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0
        self.window = window
        self.rank, self.world_size = _place(rank, world_size)
        whole = len(data) // batch_size if drop_last else -(-len(data) // batch_size)
        # Every rank must take as many steps as the others, or a distributed run would hang at the end.
        self.batches = share(whole - whole % self.world_size, self.rank, self.world_size)

    def __len__(self) -> int:
        return self.batches[1] - self.batches[0]

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Batch]:
        worker = torch_data.get_worker_info()
        first, last = share(len(self), worker.id, worker.num_workers) if worker else (0, len(self))
        start, stop = ((self.batches[0] + k) * self.batch_size for k in (first, last))
        rows = self._shuffled if self.shuffle else self._in_order
        for arrays in rows(start, min(stop, len(self.data))):
            yield {name: torch.from_numpy(_own(array)) for name, array in arrays.items()}

    def _in_order(self, start: int, stop: int) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
        view = self.data
        return view.store.batches(view.columns, view.start + start, view.start + stop, self.batch_size)

    def _shuffled(self, start: int, stop: int) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
        view = self.data
        edges = piece_edges(view.manifest, view.start, view.stop)
        epoch = Epoch(edges, self.batch_size, self.seed, self.epoch, self.window)
        rest: dict[str, np.ndarray[Any, Any]] = {}
        for rows in epoch.positions(start, stop):
            found = view.store.take(view.columns, rows)
            held = {name: np.concatenate([rest[name], found[name]]) for name in found} if rest else found
            count = len(next(iter(held.values())))
            full = count - count % self.batch_size
            for first in range(0, full, self.batch_size):
                yield {name: array[first : first + self.batch_size] for name, array in held.items()}
            rest = {name: array[full:] for name, array in held.items()} if full < count else {}
        if rest:
            yield rest


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if rank is not None and world_size is not None:
        return rank, world_size
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _own(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A writable array: a tensor may be changed in place, a map of a file or an Arrow buffer may not."""
    return array if array.flags.writeable else array.copy()
