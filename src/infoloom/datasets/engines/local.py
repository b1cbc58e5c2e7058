"""Processes of this machine: spawned, one thread each, watched, and replaced when they die."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from infoloom.datasets.engines.base import Failure, attempt
from infoloom.datasets.engines.processes import follow_parent, one_thread_each
from infoloom.datasets.making.code_path import FIXED, environment
from infoloom.datasets.making.shard import Made, ShardJob
from infoloom.datasets.storage.layout import Shard
from infoloom.errors import DatasetError
from infoloom.foreign.plain import whole

__all__ = ["LocalEngine", "in_processes"]

_TRIES_ALONE: Final = 2


class _Named(Protocol):
    @property
    def shard(self) -> Shard: ...


_Job = TypeVar("_Job", bound=_Named)
_Done = TypeVar("_Done")


@dataclass(frozen=True)
class LocalEngine:
    """`workers` processes; with one, the shards are made in the calling process."""

    workers: int = 1

    def __post_init__(self) -> None:
        if (number := whole(self.workers)) is None or number < 1:
            raise DatasetError(f"workers `{self.workers}`: expected a whole number of at least 1.")

    def run(self, jobs: Sequence[ShardJob]) -> Iterator[Made | Failure]:
        """Make the shards of all jobs."""
        if any(job.reproducible for job in jobs):
            with environment(FIXED):  # read by a process when it starts, so that ours would be too late
                yield from in_processes(jobs, self.workers, attempt)
        elif self.workers == 1:
            yield from map(attempt, jobs)
        else:
            yield from in_processes(jobs, self.workers, attempt)


def in_processes(
    jobs: Sequence[_Job], workers: int, work: Callable[[_Job], _Done | Failure]
) -> Iterator[_Done | Failure]:
    """Outcomes of jobs as they end, each made in one of some spawned processes.

    Args:
        jobs: What to make; each can travel, and names its shard.
        workers: Processes at the same time.
        work: Makes a job; a function of a module, which raises nothing.
    """
    suspects = yield from _together(jobs, min(workers, len(jobs)), work)
    # One of these killed its worker and the others were beside it: alone, each shows what it is.
    for job in suspects:
        yield from _alone(job, work)


def _together(
    jobs: Sequence[_Job], workers: int, work: Callable[[_Job], _Done | Failure]
) -> Generator[_Done | Failure, None, list[_Job]]:
    """Run jobs side by side; returns those that were running whenever a worker died."""
    waiting = list(reversed(jobs))
    suspects: list[_Job] = []
    while waiting:
        running: dict[Future[_Done | Failure], _Job] = {}
        with _pool(min(workers, len(waiting))) as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < workers:
                        job = waiting.pop()
                        running[pool.submit(work, job)] = job
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        outcome = future.result()
                        del running[future]
                        yield outcome
            except BrokenProcessPool:
                finished = [f for f in running if f.done() and f.exception() is None]
                yield from (f.result() for f in finished)
                suspects += [job for future, job in running.items() if future not in finished]
    return suspects


def _alone(job: _Job, work: Callable[[_Job], _Done | Failure]) -> Iterator[_Done | Failure]:
    for _ in range(_TRIES_ALONE):
        with _pool(1) as pool:
            try:
                yield pool.submit(work, job).result()
            except BrokenProcessPool:
                continue
            return
    yield Failure(
        job.shard,
        f"shard `{job.shard.file}`: its worker process died {_TRIES_ALONE + 1} times, most likely for want of memory. "
        "Use fewer rows per shard or fewer workers, and run the same command again. A script that makes datasets with "
        'several workers needs `if __name__ == "__main__":`, because every worker imports it.',
    )


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Spawned processes with one thread each; they are gone when the block ends, however it ends."""
    with one_thread_each():
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=follow_parent)
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
