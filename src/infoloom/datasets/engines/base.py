"""The one thing an engine does: make jobs into reports, in any order, and survive what kills a worker."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from infoloom.datasets.making.shard import Made, ShardJob, make_shard
from infoloom.datasets.storage.layout import Shard
from infoloom.errors import DatasetError

__all__ = ["Engine", "Failure", "attempt"]

_HOPELESS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG}


@dataclass(frozen=True)
class Failure:
    """A shard that could not be made; `hopeless` when no other shard could be either, as on a full disk."""

    shard: Shard
    reason: str
    hopeless: bool = False


class Engine(Protocol):
    """Makes every job once, reporting each as it ends; a failed shard does not stop the others."""

    def run(self, jobs: Sequence[ShardJob]) -> Iterator[Made | Failure]:
        """Make the shards of all jobs."""
        ...


def attempt(job: ShardJob) -> Made | Failure:
    """Make one shard; whatever goes wrong with it is reported, not raised, so that it can travel."""
    try:
        return make_shard(job)
    except DatasetError as error:
        cause = error.__cause__
        return Failure(job.shard, str(error), isinstance(cause, OSError) and cause.errno in _HOPELESS)
    except Exception as error:
        return Failure(job.shard, f"shard `{job.shard.file}`: {type(error).__name__}: {error}")
