"""Run a program to its end or its limit, and keep what it said."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

__all__ = ["LAST_LINES", "Done", "run_program"]

#: Lines of stderr that are kept.
LAST_LINES: Final = 10
_LINE: Final = 500  # characters of a line that are kept


@dataclass(frozen=True)
class Done:
    """How a program ended.

    Attributes:
        status: Its exit status, None where it was ended at its limit.
        printed: All of its stdout.
        said: The last ten lines of its stderr.
    """

    status: int | None
    printed: str
    said: str


def run_program(command: Sequence[str], limit: float, echo: bool = False) -> Done:
    """Run a program without a shell and without input.

    Args:
        command: Program and arguments.
        limit: Seconds after which it is ended; infinity for none.
        echo: Whether its stderr goes to ours too, line by line.

    Raises:
        OSError: It does not start.
    """
    kept: deque[str] = deque(maxlen=LAST_LINES)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as program:
        listener = threading.Thread(target=_listen, args=(program.stderr, kept, echo), daemon=True)
        listener.start()
        printed: list[str] = []
        reader = threading.Thread(target=_collect, args=(program.stdout, printed), daemon=True)
        reader.start()
        try:
            status: int | None = program.wait(None if math.isinf(limit) else limit)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
            status = None
        # what it started may hold the pipes open: what is there by now is all that counts
        for thread in (reader, listener):
            thread.join(timeout=1.0)
    return Done(status, "".join(printed), "\n".join(kept))


def _listen(pipe: IO[str] | None, kept: deque[str], echo: bool) -> None:
    for line in pipe or ():
        kept.append(line.rstrip()[:_LINE])
        if echo:
            sys.stderr.write(line)
            sys.stderr.flush()


def _collect(pipe: IO[str] | None, printed: list[str]) -> None:
    printed.extend(pipe or ())
