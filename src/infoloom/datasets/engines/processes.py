"""What every process that works for us keeps to: one thread, and no life after its parent's."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from multiprocessing.connection import wait
from typing import Final

from infoloom.datasets.making.code_path import environment

__all__ = ["follow_parent", "one_thread_each"]


_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread_each() -> AbstractContextManager[None]:
    """Processes that start within the block compute with one thread; the environment comes back after it."""
    return environment(dict.fromkeys(_THREADS, "1"))


def follow_parent(end: Callable[[], object] | None = None) -> None:
    """End this process when its parent is killed; it would work, or wait, for ever.

    Args:
        end: What ends it, if exiting is not enough.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(
            target=_end_with, args=(parent.sentinel, end or partial(os._exit, 1)), daemon=True
        ).start()


def _end_with(sentinel: int, end: Callable[[], object]) -> None:
    wait([sentinel])
    end()
