"""Opening a file that may be something else: a pipe or a device is refused before it can block or never end."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

__all__ = ["TooLargeError", "open_regular", "read_bytes", "require_regular"]

_KINDS: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class TooLargeError(ValueError):
    """A file that is larger than any of its kind."""


def require_regular(path: str | Path) -> None:
    """Refuse what is no regular file, without opening it; for files that a library opens by name.

    Raises:
        OSError: Missing, a folder, a pipe, a device or a socket; `strerror` says which.
    """
    _require(os.stat(path).st_mode, path)


def open_regular(path: str | Path) -> BufferedReader:
    """Open a regular file for reading bytes; never waits for a writer at the other end of a pipe.

    Raises:
        OSError: Missing, unreadable, or no regular file; `strerror` says which.
    """
    require_regular(path)
    handle = os.open(path, os.O_RDONLY | _NO_WAIT)
    try:
        _require(os.fstat(handle).st_mode, path)  # it may have been exchanged since
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: str | Path, limit: int) -> bytes:
    """The whole content of a regular file of at most `limit` bytes.

    Raises:
        OSError: See `open_regular`.
        TooLargeError: It is larger.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(limit + 1) if size <= limit else b""
    if max(size, len(content)) > limit:
        raise TooLargeError(f"expected at most {limit:,} bytes, got {max(size, len(content)):,}")
    return content


def _require(mode: int, path: str | Path) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
