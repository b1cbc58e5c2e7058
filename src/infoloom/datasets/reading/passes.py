"""Which pass over a stream goes on, agreed upon by all workers of a loader."""

from __future__ import annotations

from typing import Final

import torch
from torch.utils import data as torch_data

__all__ = ["Passes"]

_WORKERS: Final = 4096
_BITS: Final = 23  # of a slot, for the number of a pass; those above say who made it
_NUMBERS: Final = 2**_BITS - 1


class Passes:
    """Passes since an epoch was set. The workers of one pass have the same number, later passes larger ones.

    A loader gives its workers one seed, new for every pass or, where workers persist, once: a pass is known by that
    seed and how often a worker has begun since it was made. Slots lie in memory that all processes share: the epoch
    that was set, the last pass of the main process, then those of each worker, which writes its own slot only. So no
    lock is needed: two workers that begin at once take the same number.
    """

    def __init__(self) -> None:
        self._slots = torch.zeros(2 + _WORKERS, dtype=torch.int64)
        self._slots.share_memory_()  # type: ignore[no-untyped-call]
        self._begun = 0  # by this worker

    @property
    def epoch(self) -> int:
        """That of the pass that goes on, or was the last; in a worker before its first pass, of the one to come."""
        worker = torch_data.get_worker_info()
        if worker is None:
            number = self._newest
        elif self._begun:
            number = int(self._slots[_slot(worker.id)]) & _NUMBERS
        else:
            number = self._next(worker, 1) & _NUMBERS
        return int(self._slots[0]) + max(0, number - 1)

    @property
    def by_workers(self) -> bool:
        """Whether workers of a loader make the last pass."""
        return self._newest > int(self._slots[1]) & _NUMBERS

    def start_at(self, epoch: int) -> None:
        """Choose the epoch of the next pass, in workers that persist too."""
        self._slots.zero_()
        self._slots[0] = epoch

    def begin(self) -> None:
        """Begin a pass, or join the one that other workers have begun."""
        worker = torch_data.get_worker_info()
        if worker is None:
            self._slots[1] = self._newest + 1
            return
        self._begun += 1
        self._slots[_slot(worker.id)] = self._next(worker, self._begun)

    @property
    def _newest(self) -> int:
        return int((self._slots[1:] & _NUMBERS).max())

    def _next(self, worker: torch_data._utils.worker.WorkerInfo, begun: int) -> int:
        """Key and number of the pass that a worker begins as its `begun`-th."""
        key = _mixed(worker.seed - worker.id, begun)
        slots = self._slots[1:].clone()  # read once: another worker may write its slot meanwhile
        numbers, same = slots & _NUMBERS, (slots >> _BITS) == key
        own = _slot(worker.id) - 1
        mine = (
            int(numbers[own]) if same[own] else 0
        )  # the seed was set to what it had been: a pass of its own
        there = int(numbers[same].max()) if same.any() else 0
        return key << _BITS | (there if there > mine else int(numbers.max()) + 1)


def _slot(worker: int) -> int:
    return 2 + worker % _WORKERS


def _mixed(seed: int, begun: int) -> int:
    """40 bits of a loader's seed and a count, not zero."""
    value = (seed + begun * 0x9E3779B97F4A7C15) & (2**64 - 1)
    value = (value ^ value >> 31) * 0xBF58476D1CE4E5B9 & (2**64 - 1)
    return value >> 24 or 1
