"""What a worker process runs in fault tests; a module of its own, because a spawned process imports it by name."""

from __future__ import annotations

import os
import signal

from infoloom.datasets.engines import Failure, attempt
from infoloom.datasets.making.shard import Made, ShardJob


def deadly_attempt(job: ShardJob) -> Made | Failure:
    """Make a shard, but die as by the kernel's hand at the third one, every time."""
    if job.shard.index == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return attempt(job)
