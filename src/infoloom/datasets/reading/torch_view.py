"""Datasets for `torch.utils.data.DataLoader`: rows by position, or a stream of ready batches."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from torch.utils import data as torch_data

from infoloom.datasets.storage.columns import row_bytes
from infoloom.datasets.storage.memmap import existing_memmap
from infoloom.datasets.storage.shuffle import Epoch, piece_edges, share
from infoloom.datasets.storage.store import MemmapStore
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.storage.view import View

__all__ = ["BatchStream", "RowView", "torch_view"]

Batch = dict[str, Any]  # tensors; texts are lists of strings
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
        if batch_size < 1 or window < 1:
            raise DatasetError(f"batch size `{batch_size}`, window `{window}`: expected positive numbers.")
        self.data = data
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.window = window
        self.drop_last = drop_last
        if (rank is None) != (world_size is None):
            raise DatasetError(
                f"rank `{rank}`, world_size `{world_size}`: expected both or neither. Leave both out to take those of "
                "torch.distributed."
            )
        self._given = None if rank is None or world_size is None else (rank, world_size)
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]  # workers that persist see it change
        self._done = self._skip = 0

    @property
    def epoch(self) -> int:
        """Number of the pass, which decides its order."""
        return int(self._epoch)

    @property
    def place(self) -> tuple[int, int]:
        """Rank and world size: the given ones, else those of `torch.distributed` when they are first needed."""
        distributed = torch.distributed
        if self._given is None and distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return self._given or (0, 1)

    @property
    def rank(self) -> int:
        """Which of the processes this is."""
        return self.place[0]

    @property
    def world_size(self) -> int:
        """How many processes there are."""
        return self.place[1]

    @property
    def batches(self) -> tuple[int, int]:
        """The batches of this process, from and to.

        Raises:
            DatasetError: Fewer batches than processes.
        """
        rows, (rank, world_size) = len(self.data), self.place
        whole = rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)
        if rows > 0 and whole < world_size:
            raise DatasetError(
                f"batch size `{self.batch_size}`: expected at least one batch of {rows} rows for each of {world_size} "
                "processes. Use smaller batches."
            )
        # Every rank must take as many steps as the others, or a distributed run would hang at the end.
        return share(whole - whole % world_size, rank, world_size)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_given": self.place}  # a spawned worker has no process group to ask

    def __len__(self) -> int:
        first, last = self.batches
        return last - first

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass, in workers that persist too."""
        self._epoch.fill_(epoch)

    def state_dict(self) -> dict[str, int]:
        """Where this pass is: its epoch, and the batches that this process or worker has given."""
        return {"epoch": self.epoch, "batches": self._done}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Let the next pass go on where another was, as torchdata's StatefulDataLoader asks.

        Raises:
            DatasetError: Not a state of `state_dict`.
        """
        try:
            epoch, done = int(state["epoch"]), int(state["batches"])
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"state `{str(state)[:60]}`: expected one of `state_dict`.") from error
        self.set_epoch(epoch)
        self._done = self._skip = done

    def __iter__(self) -> Iterator[Batch]:
        worker = torch_data.get_worker_info()
        first, last = share(len(self), worker.id, worker.num_workers) if worker else (0, len(self))
        begun, self._skip = min(self._skip, last - first), 0
        start, stop = ((self.batches[0] + k) * self.batch_size for k in (first + begun, last))
        rows = self._shuffled if self.shuffle else self._in_order
        self._done = begun
        for arrays in rows(start, min(stop, len(self.data))):
            self._done += 1
            yield {name: _tensor(_own(array)) for name, array in arrays.items()}

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


def _tensor(array: np.ndarray[Any, Any]) -> torch.Tensor | list[str]:
    """Numbers as a tensor, texts as a list."""
    if array.dtype.kind != "U":
        return torch.from_numpy(array)
    texts: list[str] = array.tolist()
    return texts


def _own(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A writable array: a tensor may be changed in place, a map of a file or an Arrow buffer may not."""
    return array if array.flags.writeable else array.copy()
