"""Ready batches for a loader: shared among workers and ranks, in an order of its own each epoch, resumable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import torch
from torch.utils import data as torch_data

from infoloom.datasets.reading.passes import Passes
from infoloom.datasets.storage.reading.shuffle import share
from infoloom.errors import DatasetError
from infoloom.flags import expect_flags

__all__ = ["Arrays", "Batch", "Stream", "expect_whole", "recut"]

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]
Batch: TypeAlias = dict[str, Any]  # tensors; texts are lists of strings
_LARGEST: Final = 2**62


def expect_whole(name: str, given: object, least: int = -_LARGEST) -> int:
    """A whole number, at least so large.

    Raises:
        DatasetError: It is not.
    """
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not least <= given <= _LARGEST:
        size = f", {least} or more" if least > -_LARGEST else ""
        raise DatasetError(f"{name} `{str(given)[:40]}`: expected a whole number{size}.")
    return int(given)


def recut(parts: Iterable[Arrays], edges: Sequence[int]) -> Iterator[Arrays]:
    """Rows that come in parts, from the first edge on, as batches between every two edges."""
    coming = iter(parts)
    kept: Arrays = {}
    held = 0
    for start, stop in pairwise(edges):
        while held < stop - start:
            part = next(coming)
            kept = {name: np.concatenate([kept[name], part[name]]) for name in part} if held else part
            held = len(next(iter(kept.values())))
        yield {name: values[: stop - start] for name, values in kept.items()}
        kept = {name: values[stop - start :] for name, values in kept.items()}
        held -= stop - start


class _Resumed(NamedTuple):
    """Where a pass goes on: so many batches are left out, of the process or of a worker."""

    epoch: int
    batches: int
    of_worker: bool


class Stream(torch_data.IterableDataset[Batch], ABC):
    """Ready batches, shared among the workers of a loader and the ranks of a distributed run.

    The order of an epoch depends on seed and epoch only. Each rank gets as many batches as any other, contiguous ones,
    and so does each worker of a rank, up to one. Every row is in one of them: where full batches cannot be shared
    evenly among ranks, there are more and smaller ones; with `drop_last`, what is left over is left out. Every pass is
    the next epoch by itself, in workers too; `set_epoch` chooses it. A loader with two or more workers gives the same
    batches in another order than one with none or one, because workers give theirs in turn.

    Args:
        rows: Rows of an epoch.
        batch_size: Rows of a batch.
        seed: Seed of the order.
        drop_last: Whether to leave out a last batch that is not full.
        rank, world_size: Which of how many processes this is, both or neither; those of `torch.distributed` when left
            out.
    """

    def __init__(
        self,
        rows: int,
        batch_size: int,
        *,
        seed: int = 0,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        expect_flags(DatasetError, drop_last=drop_last)
        self.rows, self.batch_size = expect_whole("rows", rows, 0), expect_whole("batch size", batch_size, 1)
        self.seed, self.drop_last = expect_whole("seed", seed, 0), drop_last
        if (rank is None) != (world_size is None):
            raise DatasetError(
                f"rank `{rank}`, world_size `{world_size}`: expected both or neither. Leave both out to take those of "
                "torch.distributed."
            )
        self._given: tuple[int, int] | None = None
        if rank is not None and world_size is not None:
            size = expect_whole("world_size", world_size, 1)
            if expect_whole("rank", rank, 0) >= size:
                raise DatasetError(f"rank `{rank}`: expected a number from 0 to {size - 1}.")
            self._given = int(rank), size
        self._passes = Passes()
        self._resumed: _Resumed | None = None
        self._done = 0
        self._over = False

    @abstractmethod
    def between(self, edges: Sequence[int]) -> Iterator[Batch]:
        """The batches of this epoch's rows between every two of these positions."""

    @property
    def settings(self) -> dict[str, int]:
        """What decides which rows a batch holds, by name; a state of other settings is refused."""
        own = {"seed": self.seed, "rows": self.rows, "batch_size": self.batch_size}
        return {**own, "drop_last": self.drop_last, "world_size": self.world_size}

    @property
    def epoch(self) -> int:
        """Number of the pass that goes on, or was the last, which decides its order."""
        return self._passes.epoch

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
            DatasetError: Fewer batches, or rows, than every process needs.
        """
        rank, world_size = self.place
        count = self._count
        if count > self.rows:
            raise DatasetError(
                f"batch size `{self.batch_size}`: expected a size at which {world_size} processes can take as many "
                f"steps each and every one of {self.rows} rows once. Use larger batches, or `drop_last=True`."
            )
        return share(count, rank, world_size)

    @property
    def _count(self) -> int:
        """The batches of all processes: every rank must take as many steps, or a distributed run would hang."""
        world_size = self.world_size
        whole = self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)
        if self.rows > 0 and whole < world_size:
            raise DatasetError(
                f"batch size `{self.batch_size}`: expected at least one batch of {self.rows} rows for each of "
                f"{world_size} processes. Use smaller batches."
            )
        return (whole if self.drop_last else whole + world_size - 1) // world_size * world_size

    def _edge(self, number: int, count: int) -> int:
        """Where a batch begins: batches are full, or of equal size where full ones cannot be shared evenly."""
        full = self.drop_last or (count - 1) * self.batch_size < self.rows
        return min(number * self.batch_size, self.rows) if full else number * self.rows // count

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_given": self.place}  # a spawned worker has no process group to ask

    def __len__(self) -> int:
        first, last = self.batches
        return last - first

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass, in workers that persist too; those after it count on from there."""
        self._passes.start_at(expect_whole("epoch", epoch, 0))
        self._resumed, self._done, self._over = None, 0, False

    def state_dict(self) -> dict[str, int]:
        """Where this pass is: its epoch, the batches that this process or worker has given, and the `settings`.

        Once all batches are given, it is at the beginning of the next pass.

        Raises:
            DatasetError: The pass is made by workers of a loader, and this is not one of them.
        """
        worker = torch_data.get_worker_info()
        if worker is None and self._passes.by_workers:
            raise DatasetError(
                "state of a stream: expected a pass without workers, because they count their batches themselves. "
                "Use torchdata's StatefulDataLoader and its `state_dict`, or num_workers=0."
            )
        state = {
            "epoch": self.epoch + self._over,
            "batches": 0 if self._over else self._done,
            **self.settings,
        }
        return state if worker is None else {**state, "workers": worker.num_workers}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Let the next pass go on where another was, as torchdata's StatefulDataLoader asks.

        A state of a pass without workers may go on with some: they share the batches that are left out. A state without
        `settings`, of an earlier version, is taken as one of this stream.

        Raises:
            DatasetError: Not a state of `state_dict`, that of a stream of other settings, or of other workers.
        """
        worker = torch_data.get_worker_info()
        try:
            epoch = expect_whole("epoch", state["epoch"], 0)
            done = expect_whole("batches", state["batches"], 0)
            workers = expect_whole("workers", state.get("workers", 0), 0)
        except (KeyError, TypeError, AttributeError, DatasetError) as error:
            raise DatasetError(f"state `{str(state)[:60]}`: expected one of `state_dict`.") from error
        for name, own in self.settings.items():
            if name in state and state[name] != own:
                raise DatasetError(
                    f"state `{name}={str(state[name])[:40]}`: expected `{name}={own}`, that of this stream, because "
                    f"rows would be left out or come twice. Make the stream with its `{name}`, or begin anew."
                )
        if workers and (worker is None or worker.num_workers != workers):
            raise DatasetError(
                f"state of one of {workers} workers: expected to be loaded by as many. Give the state of the loader "
                "to the loader."
            )
        if done > len(self):
            raise DatasetError(
                f"state `batches={done}`: expected at most {len(self)}, the batches of this stream. Use the batch size "
                "and rows that it was made with."
            )
        self.set_epoch(epoch)
        self._resumed, self._done = _Resumed(epoch, done, workers > 0), done

    def __iter__(self) -> Iterator[Batch]:
        worker = torch_data.get_worker_info()
        self._passes.begin()
        self._over = False
        first, last = share(len(self), worker.id, worker.num_workers) if worker else (0, len(self))
        begun = self._left_out(first, last)
        own, count = self.batches[0], self._count
        self._done = begun
        edges = [self._edge(own + number, count) for number in range(first + begun, last + 1)]
        for batch in self.between(edges):
            self._done += 1
            yield batch
        self._over = True

    def _left_out(self, first: int, last: int) -> int:
        """Batches of a pass that are not given again, of those from `first` to `last`."""
        resumed, self._resumed = self._resumed, None
        if resumed is None or resumed.epoch != self.epoch:  # a copy in a worker of a later pass
            return 0
        return max(0, min(resumed.batches - (0 if resumed.of_worker else first), last - first))
