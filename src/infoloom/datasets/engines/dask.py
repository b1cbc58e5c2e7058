"""Dask: a cluster of this machine, a running scheduler, or jobs of a batch system."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infoloom.datasets.engines.base import Failure, attempt
from infoloom.datasets.making.shard import Made, ShardJob
from infoloom.errors import DatasetError

__all__ = ["DaskEngine"]

_RETRIES: Final = 2
_PATIENCE_S: Final = 20
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class DaskEngine:
    """Shards as tasks of a Dask cluster; only small records travel, and a dead worker's shards go to another.

    Attributes:
        workers: Processes of a cluster on this machine, or jobs of a batch system.
        scheduler_address: A running scheduler, as `tcp://10.0.0.1:8786`.
        scheduler_file: The file that a running scheduler wrote.
        cluster: Start workers as jobs of `slurm` or `htcondor`, through dask-jobqueue.
        cluster_options: What the batch system wants to know, as `{"queue": "gpu", "walltime": "04:00:00"}`.
    """

    workers: int = 1
    scheduler_address: str | None = None
    scheduler_file: str | None = None
    cluster: str | None = None
    cluster_options: dict[str, Any] = field(default_factory=dict)

    def run(self, jobs: Sequence[ShardJob]) -> Iterator[Made | Failure]:
        """Make the shards of all jobs."""
        with self._client() as client:
            futures = {client.submit(attempt, job, key=_key(job), retries=_RETRIES): job for job in jobs}
            yield from _outcomes(futures)

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError as error:
            raise DatasetError(
                "engine `dask`: expected the package `distributed`. Install it: pip install 'infoloom[dask]'."
            ) from error
        if self.scheduler_address or self.scheduler_file:
            with self._running(distributed) as client:
                yield client
            return
        with self._own_cluster(distributed) as own, distributed.Client(own) as client:
            yield client

    def _running(self, distributed: Any) -> Any:
        """A client of the running scheduler; a missing file is refused here, since Dask would wait for it for ever."""
        place = {"address": self.scheduler_address, "scheduler_file": self.scheduler_file}
        try:
            if self.scheduler_file is not None and not Path(self.scheduler_file).is_file():
                raise OSError("no such file")
            return distributed.Client(**{k: v for k, v in place.items() if v}, timeout=_PATIENCE_S)
        except (OSError, TimeoutError) as error:
            raise DatasetError(
                f"scheduler `{self.scheduler_address or self.scheduler_file}`: expected a running Dask scheduler "
                f"({error}). Start it with `dask scheduler`, and workers with `dask worker`."
            ) from error

    def _own_cluster(self, distributed: Any) -> Any:
        if self.cluster is None:
            return distributed.LocalCluster(
                n_workers=self.workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                env=_ONE_THREAD,
            )
        started = _cluster_kind(self.cluster)(**{**_defaults(self.cluster), **self.cluster_options})
        started.scale(jobs=self.workers)
        return started


def _cluster_kind(name: str) -> Any:
    try:
        jobqueue: Any = importlib.import_module("dask_jobqueue")
    except ImportError as error:
        raise DatasetError(
            "engine `dask`: expected the package `dask-jobqueue` for a batch system. Install it: "
            "pip install 'infoloom[dask]'."
        ) from error
    kinds = {"slurm": jobqueue.SLURMCluster, "htcondor": jobqueue.HTCondorCluster}
    if name not in kinds:
        raise DatasetError(f"cluster `{name}`: expected one of {', '.join(kinds)}.")
    return kinds[name]


def _defaults(name: str) -> dict[str, Any]:
    exports = [f"export {variable}={value}" for variable, value in _ONE_THREAD.items()]
    common = {"cores": 1, "processes": 1, "memory": "8GB", "job_script_prologue": exports}
    return {**common, "disk": "8GB"} if name == "htcondor" else common


def _outcomes(futures: dict[Any, ShardJob]) -> Iterator[Made | Failure]:
    distributed: Any = importlib.import_module("distributed")
    done = 0
    try:
        for future in distributed.as_completed(futures):
            yield _outcome(future, futures[future])
            done += 1
            future.release()
    except (distributed.client.FutureCancelledError, OSError) as error:
        raise _scheduler_lost(done, len(futures), error) from error


def _outcome(future: Any, job: ShardJob) -> Made | Failure:
    if future.status == "cancelled":
        raise _scheduler_lost(0, 1, None)
    if future.status == "error":
        return Failure(
            job.shard,
            f"shard `{job.shard.file}`: its workers died again and again ({future.exception()}). Use fewer rows per "
            "shard or workers with more memory, and run the same command again.",
        )
    result: Made | Failure = future.result()
    return result


def _scheduler_lost(done: int, jobs: int, error: Exception | None) -> DatasetError:
    why = f" ({error})" if error else ""
    return DatasetError(
        f"scheduler: expected it to live until the last shard; it went away after {done} of {jobs} shards{why}. What "
        "is made is kept; run the same command again: it goes on where it stopped."
    )


def _key(job: ShardJob) -> str:
    shard = job.shard
    return f"shard-{job.digest[:16]}-{job.seed}-{shard.split}-{shard.index}-of-{shard.count}"
