"""Ready batches for a loader: shared among workers and ranks, in an order of its own each epoch, resumable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import torch
from torch.utils import data as torch_data

from infoloom.datasets.storage.shuffle import share
from infoloom.errors import DatasetError

__all__ = ["Batch", "Stream"]

Batch: TypeAlias = dict[str, Any]  # tensors; texts are lists of strings
_WORKERS: Final = 4096


class Stream(torch_data.IterableDataset[Batch], ABC):
    """Ready batches, shared among the workers of a loader and the ranks of a distributed run.

    The batches of an epoch depend on seed and epoch only; each rank gets as many as any other, contiguous ones, and so
    does each worker of a rank, up to one. Every pass is the next epoch by itself, in workers too; `set_epoch` chooses
    it.

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
        self.rows, self.batch_size, self.seed, self.drop_last = rows, batch_size, seed, drop_last
        if (rank is None) != (world_size is None):
            raise DatasetError(
                f"rank `{rank}`, world_size `{world_size}`: expected both or neither. Leave both out to take those of "
                "torch.distributed."
            )
        self._given = None if rank is None or world_size is None else (rank, world_size)
        # The epoch that was set, then how many passes each worker has begun since: shared with all of them, and each
        # changes its own number only, so that none can be ahead of one that is slow to start.
        self._passes = torch.zeros(1 + _WORKERS, dtype=torch.int64)
        self._passes.share_memory_()  # type: ignore[no-untyped-call]
        self._done = self._skip = 0
        self._over = False

    @abstractmethod
    def between(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of this epoch's rows at positions `start` to `stop`, `start` being that of a batch."""

    @property
    def epoch(self) -> int:
        """Number of the pass that goes on, or was the last, which decides its order."""
        worker = torch_data.get_worker_info()
        begun = self._passes[1 + worker.id % _WORKERS] if worker else self._passes[1:].max()
        return int(self._passes[0]) + max(0, int(begun) - 1)

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
        rank, world_size = self.place
        whole = self.rows // self.batch_size if self.drop_last else -(-self.rows // self.batch_size)
        if self.rows > 0 and whole < world_size:
            raise DatasetError(
                f"batch size `{self.batch_size}`: expected at least one batch of {self.rows} rows for each of "
                f"{world_size} processes. Use smaller batches."
            )
        # Every rank must take as many steps as the others, or a distributed run would hang at the end.
        return share(whole - whole % world_size, rank, world_size)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_given": self.place}  # a spawned worker has no process group to ask

    def __len__(self) -> int:
        first, last = self.batches
        return last - first

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass, in workers that persist too; those after it count on from there."""
        self._passes.zero_()
        self._passes[0] = epoch
        self._over = False

    def state_dict(self) -> dict[str, int]:
        """Where this pass is: its epoch, and the batches that this process or worker has given.

        Once all are given, it is at the beginning of the next.
        """
        return {"epoch": self.epoch + self._over, "batches": 0 if self._over else self._done}

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
        self._passes[1 + (worker.id % _WORKERS if worker else 0)] += 1
        self._over = False
        first, last = share(len(self), worker.id, worker.num_workers) if worker else (0, len(self))
        begun, self._skip = min(self._skip, last - first), 0
        start, stop = ((self.batches[0] + k) * self.batch_size for k in (first + begun, last))
        self._done = begun
        for batch in self.between(start, min(stop, self.rows)):
            self._done += 1
            yield batch
        self._over = True
