"""Nothing of a run outlives its test."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest


def alive(pid):
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def gone():
    """A function that waits until processes have ended, and says whether they have."""

    def wait_for(*pids, seconds=10.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(alive(pid) for pid in pids):
            time.sleep(0.02)
        return not any(alive(pid) for pid in pids)

    return wait_for


@pytest.fixture
def wait_for_file():
    """A function that waits for a file and returns its text."""

    def wait_for(path, seconds=30.0):
        end = time.monotonic() + seconds
        while not os.path.exists(path):
            assert time.monotonic() < end, f"{path} did not appear"
            time.sleep(0.02)
        return Path(path).read_text()

    return wait_for
