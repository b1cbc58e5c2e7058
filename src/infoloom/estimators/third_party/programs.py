"""Run a program to its end or its limit, and keep the end of what it said."""

from __future__ import annotations

import codecs
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

__all__ = ["LAST_LINES", "LINE", "Done", "keep_in_group", "run_program"]

#: Lines of stderr that are kept.
LAST_LINES: Final = 10
#: Characters of a line of stderr that are kept.
LINE: Final = 500
_PRINTED: Final = 2**22  # bytes of stdout that are kept: more than any answer has
_SAID: Final = 2**20  # bytes of stderr
_CHUNK: Final = 2**16
_TICK: Final = 0.05  # seconds between looks whether it has ended
_DRAIN: Final = 1.0  # seconds in which what is left in its pipes is read
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_apart = True  # whether programs lead sessions of their own


@dataclass(frozen=True)
class Done:
    """How a program ended.

    Attributes:
        status: Its exit status, None where it was ended at its limit.
        printed: The last four mebibytes of its stdout.
        said: The last ten lines of its stderr.
    """

    status: int | None
    printed: str
    said: str


class _Heard:
    """The end of what comes out of a pipe, of bounded size, however much comes."""

    def __init__(self, most: int, echo: bool) -> None:
        self.most, self.echo, self.kept = most, echo, bytearray()
        self.decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode

    def take(self, chunk: bytes) -> None:
        self.kept += chunk
        del self.kept[: -self.most]
        if self.echo:
            sys.stderr.write(self.decode(chunk))
            sys.stderr.flush()

    def text(self) -> str:
        return self.kept.decode("utf-8", errors="replace")


def keep_in_group() -> None:
    """Say that this process is ended with all of its group: from here on programs stay in it, to be ended too."""
    global _apart
    _apart = False


def run_program(command: Sequence[str], limit: float, echo: bool = False) -> Done:
    """Run a program without a shell and without input; what it started ends with it.

    Args:
        command: Program and arguments.
        limit: Seconds after which it is ended; infinity for none.
        echo: Whether its stderr goes to ours too, as it comes.

    Raises:
        OSError: It does not start.
        ValueError: A word that no command can have.
    """
    printed, said = _Heard(_PRINTED, False), _Heard(_SAID, echo)
    with selectors.DefaultSelector() as pipes, _signals_raise():
        program = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=_apart,
        )
        try:
            for pipe, heard in ((program.stdout, printed), (program.stderr, said)):
                if pipe is not None:
                    pipes.register(pipe, selectors.EVENT_READ, heard)
            status = _wait(program, pipes, limit)
        finally:  # at an interrupt too
            _end(program)
            _read_for(pipes, _DRAIN)
            for pipe in (program.stdout, program.stderr):
                if pipe is not None:
                    pipe.close()
    lines = said.text().splitlines()[-LAST_LINES:]
    return Done(status, printed.text(), "\n".join(line.rstrip()[:LINE] for line in lines))


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Turn signals that would end this process at once into exits, which end a program of another session first."""
    taken = []
    if _apart and threading.current_thread() is threading.main_thread():
        taken = [one for one in _ENDING if signal.getsignal(one) is signal.SIG_DFL]
    for one in taken:
        signal.signal(one, _exit)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)


def _exit(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _wait(program: subprocess.Popen[bytes], pipes: selectors.BaseSelector, limit: float) -> int | None:
    """Read until the program ends, whoever holds its pipes open then; None at the limit."""
    end = time.monotonic() + limit
    while (status := program.poll()) is None:
        left = end - time.monotonic()
        if left <= 0.0:
            return None
        if pipes.get_map():
            _read(pipes, min(_TICK, left))
        else:
            with suppress(subprocess.TimeoutExpired):
                return program.wait(None if left == float("inf") else left)
    return status


def _end(program: subprocess.Popen[bytes]) -> None:
    """End the program, and, where it leads a session, all that it started."""
    if _apart:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(program.pid, signal.SIGKILL)
    program.kill()
    program.wait()


def _read_for(pipes: selectors.BaseSelector, seconds: float) -> None:
    """Read what is there by now, and no more than comes in some seconds."""
    end = time.monotonic() + seconds
    while pipes.get_map() and time.monotonic() < end and _read(pipes, 0.0):
        pass


def _read(pipes: selectors.BaseSelector, seconds: float) -> bool:
    """Read once what comes within some seconds; whether anything came, or ended."""
    ready = pipes.select(seconds)
    for key, _ in ready:
        chunk = os.read(key.fd, _CHUNK)
        if chunk:
            key.data.take(chunk)
        else:
            pipes.unregister(key.fileobj)
    return bool(ready)
