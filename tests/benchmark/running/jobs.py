"""What the runs of the runner's tests do; a module of its own, because a forked process imports it by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from infoloom.benchmark.running.child import begin
from infoloom.errors import EstimatorError, KindError


def double(value, log=None):
    """Answer, and leave one line in a log each time."""
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"{value}\n")
    return {"doubled": 2 * value}


def pause(seconds, log=None, value=0):
    time.sleep(seconds)
    return double(value, log)


def fail(message):
    raise ValueError(message)


def take_nothing():
    raise KindError("`ksg` `words`: expected numbers.")


def refuse(message):
    raise EstimatorError(message)


def leave(status):
    os._exit(status)


def raise_signal(number):
    os.kill(os.getpid(), number)
    time.sleep(60.0)
    return {}


def say_and_leave(text):
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(3)


def say_and_wait(lines):
    sys.stderr.write("".join(f"line {number}\n" for number in range(lines)))
    sys.stderr.flush()
    time.sleep(60.0)


def hold(mebibytes):
    block = np.ones((mebibytes, 2**17))  # one MiB a row
    return {"sum": float(block[0, 0])}


def unanswerable():
    return {"nats": np.float64(0.5), "ends": (float("inf"), float("nan")), "rows": np.arange(2)}


def nest(levels):
    found = {}
    for _ in range(levels):
        found = {"in": found}
    return found


def say_much_and_wait(size):
    sys.stderr.write("x" * size)
    sys.stderr.flush()
    time.sleep(60.0)


def threads():
    import torch

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {"torch": torch.get_num_threads(), "environment": [os.environ.get(name) for name in names]}


def start_program(pids, seconds=60.0):
    """Start a program, note both process ids, and wait longer than any test."""
    program = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({seconds})"])
    note(pids, os.getpid(), program.pid)
    program.wait()
    return {}


def note(path, *numbers):
    """Write numbers as a whole, so that a reader sees all or none."""
    part = Path(f"{path}.{os.getpid()}")
    part.write_text(" ".join(map(str, numbers)))
    part.rename(path)


def leave_program_behind(pids):
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    note(pids, os.getpid(), program.pid)
    return {}


def fork_and_die(pids):
    """Die by a signal while a forked process, which holds every descriptor, lives on."""
    other = os.fork()
    if other == 0:
        time.sleep(60.0)
        os._exit(0)
    note(pids, os.getpid(), other)
    os.kill(os.getpid(), signal.SIGTERM)


def prepare(seconds, then):
    """Take some time before the limit counts, and some after."""
    time.sleep(seconds)
    begin()
    time.sleep(then)
    return {"done": True}
