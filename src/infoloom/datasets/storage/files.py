"""Writing so that a file is either complete or not there: aside, to the disk, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from infoloom.errors import DatasetError
from infoloom.foreign.files import TooLargeError, open_regular, read_bytes
from infoloom.foreign.trees import parse_json

__all__ = [
    "aside",
    "part_of",
    "read_json",
    "read_text",
    "remove_left_over",
    "sha256",
    "sync_folder",
    "write_json",
    "write_once",
    "write_text",
]

_LEFT_OVER = re.compile(r"\..+\.(?P<host>[0-9a-f]{8})-(?P<pid>[0-9]+)-[0-9a-f]{8}\.part")
_MIN_AGE_S: Final = 30.0


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A hidden path beside `path` to write to; it takes the name of `path` when the block ends well.

    The name is unique to the process, so two runs may write the same file: the last rename wins.
    """
    part = part_of(path)
    try:
        yield part
        _sync(part)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a whole JSON file, or nothing; the same value gives the same bytes."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_once(path: Path, value: Any) -> bool:
    """Write a whole JSON file unless there is one: of two runs at once, one writes and the other is told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        part.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _sync(part)
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def read_json(path: Path, limit: int) -> Any:
    """Read a JSON file of at most `limit` bytes.

    Raises:
        DatasetError: Missing, unreadable, too large or not JSON.
    """
    try:
        content = read_bytes(path, limit)
    except OSError as error:
        raise DatasetError(f"file `{path}`: expected a readable file ({error.strerror}).") from error
    except TooLargeError as error:
        raise DatasetError(
            f"file `{path}`: {error}, which no real dataset needs. Do not use this dataset."
        ) from error
    try:
        return parse_json(content)
    except ValueError as error:
        raise DatasetError(f"file `{path}`: expected JSON ({error}). Generate the dataset again.") from error


def read_text(path: Path, limit: int = 2**26) -> str:
    """Read a text file of at most `limit` bytes.

    Raises:
        DatasetError: Missing, unreadable, too large or not UTF-8.
    """
    try:
        return read_bytes(path, limit).decode("utf-8")
    except OSError as error:
        raise DatasetError(f"file `{path}`: expected a readable file ({error.strerror}).") from error
    except ValueError as error:
        raise DatasetError(
            f"file `{path}`: expected a text ({error}). Generate the dataset again."
        ) from error


def sha256(path: Path) -> str:
    """Checksum of a file, read once, in hexadecimal.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_left_over(folder: Path, min_age_s: float = _MIN_AGE_S) -> None:
    """Remove what killed runs of this machine left aside; what a living process writes stays."""
    for path in folder.glob(".*.part"):
        match = _LEFT_OVER.fullmatch(path.name)
        try:
            old = time.time() - path.stat().st_mtime > min_age_s
            if match and match["host"] == _host() and not _alive(int(match["pid"])) and old:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except FileNotFoundError:
            continue


def sync_folder(folder: Path) -> None:
    """Bring a rename to the disk, where the file system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems refuse this; the rename itself has happened
        return
    finally:
        os.close(handle)


def part_of(path: Path) -> Path:
    """A hidden name beside a path, unique to this process, that `remove_left_over` knows."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.part")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _alive(pid: int) -> bool:
    try:  # a process that ended but was never waited for, as in many containers, is a zombie
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        if state.rpartition(")")[2].split()[0] == "Z":
            return False
    except (OSError, IndexError):
        pass  # no such process, or no /proc: the next lines tell
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
