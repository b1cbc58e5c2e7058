"""One run in its own process: call a function, measure what it cost, send its answer as JSON."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, Final

from infoloom.benchmark.running.results import plain
from infoloom.datasets.engines.processes import follow_parent
from infoloom.errors import InfoloomError, KindError
from infoloom.estimators.third_party.programs import keep_in_group

__all__ = ["BEGUN", "begin", "main", "resident_peak", "tree_seconds"]

#: What a run sends when its time begins to count.
BEGUN: Final = b"begun"
_WHO: Final = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
_answers: list[Connection] = []  # of this process, once it runs a job


def main(function: str, arguments: Mapping[str, Any], answer: Connection, log: str) -> None:
    """Run `package.module:name` and send {status, message, fields, cost}.

    The process leads a group of its own, so that whatever it starts ends with it, and writes to `log` what it
    would print.
    """
    os.setsid()
    follow_parent(_end_group)
    keep_in_group()
    _redirect(log)
    tempfile.tempdir = os.path.dirname(log)  # goes with the run, even where the process is killed
    _one_thread()
    _answers[:] = [answer]
    began = time.perf_counter()
    try:
        outcome = {"status": "ok", "message": None, "fields": _call(function, arguments)}
    except KindError as error:
        outcome = {"status": "not-taken", "message": str(error), "fields": {}}
    except Exception as error:
        outcome = {"status": "failed", "message": _reason(error), "fields": {}}
    outcome["cost"] = {"seconds": time.perf_counter() - began, **_usage()}
    answer.send_bytes(json.dumps(plain(outcome), allow_nan=False).encode())


def begin() -> None:
    """Say within a job that its time limit counts from here; what was prepared before is not held against it."""
    for answer in _answers:
        answer.send_bytes(BEGUN)


def resident_peak(pid: int) -> float | None:
    """Peak of the resident memory of a living process (MiB), or None where the system does not tell."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None
    return int(peak.split()[1]) / 1024.0


def tree_seconds() -> float:
    """Processor seconds of this process and of all programs that it, or they, waited for."""
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, _WHO))


def _call(function: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    module, _, name = function.partition(":")
    fields: Mapping[str, Any] = getattr(import_module(module), name)(**arguments)
    return fields


def _reason(error: Exception) -> str:
    # Our own messages say what they are about; others' need the kind of the error.
    return str(error) if isinstance(error, InfoloomError) else f"{type(error).__name__}: {error}"


def _usage() -> dict[str, float]:
    """Processor time and peak memory of this process; the larger of it and of any program it waited for."""
    own, programs = map(resource.getrusage, _WHO)
    unit = 1024.0 if sys.platform != "darwin" else 1024.0**2
    return {
        "processor_seconds": tree_seconds(),
        "peak_memory_mib": max(own.ru_maxrss, programs.ru_maxrss) / unit,
    }


def _redirect(log: str) -> None:
    """Send both output streams to a file; a crash leaves its traceback there."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.close(handle)
    faulthandler.enable(all_threads=False)


def _one_thread() -> None:
    torch = sys.modules.get("torch")  # preloaded, so the environment came too late for it
    if torch is not None:
        torch.set_num_threads(1)


def _end_group() -> None:
    os.killpg(0, signal.SIGKILL)
