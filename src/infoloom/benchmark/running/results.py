"""Results of a benchmark: one file, one JSON object a line, one line a run."""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from infoloom.benchmark.running.trees import RunTree
from infoloom.datasets.storage.files import aside
from infoloom.errors import BenchmarkError
from infoloom.foreign.files import read_bytes
from infoloom.foreign.trees import checked, parse_json

__all__ = ["FORMAT", "STATES", "append", "line", "open_results", "plain", "read_results"]

FORMAT: Final = 1
MAX_BYTES: Final = 2**30
STATES: Final = ("ok", "failed", "timeout", "not-taken")


def read_results(paths: str | Path | Sequence[str | Path]) -> list[dict[str, Any]]:
    """Read the rows of one results file, or of several one after the other.

    A last line that a killed run left without its end is not a row.

    Args:
        paths: Files that `infoloom bench` wrote.

    Returns:
        One mapping a run.

    Raises:
        BenchmarkError: A file cannot be read, a line is not a row, or a run of a suite is there twice.
    """
    files = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    rows = [row for file in files for _, row in _read(file)]
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        key = (row["bench"], row.get("suite", ""), row["run"])
        if key in seen:
            raise BenchmarkError(
                f"run `{row['run']}`: expected once in {', '.join(map(str, files))}. Give each result once."
            )
        seen.add(key)
    return rows


@contextmanager
def open_results(path: str | Path, *, forget: Callable[[Mapping[str, Any]], bool]) -> Iterator[Path]:
    """Hold a results file for writing: a torn last line is cut off, and rows to forget are taken out.

    Args:
        path: The file; it and its folder are made where they are missing.
        forget: Which rows leave the file, to be run again.

    Yields:
        The path.

    Raises:
        BenchmarkError: Another process holds the file, it is no results file, or it cannot be written.
    """
    path = Path(path)
    with _written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the results, because these are replaced when rows leave, and a lock stays with the file replaced.
        held = path.with_name(f".{path.name}.lock").open("a")
    with held as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BenchmarkError(
                f"results `{path}`: another run is writing them. Wait for it, or write to another file."
            ) from error
        kept = [written for written, row in _read(path) if not forget(row)] if path.exists() else []
        whole = "".join(f"{written}\n" for written in kept).encode()
        if not path.exists() or path.read_bytes() != whole:
            with _written(path), aside(path) as part:
                part.write_bytes(whole)
        yield path


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Say which results could not be written."""
    try:
        yield
    except OSError as error:
        reason = "its folder is a file" if isinstance(error, FileExistsError) else error.strerror
        raise BenchmarkError(
            f"results `{path}`: expected a file that can be written ({reason}). Choose another place."
        ) from error


def append(path: str | Path, row: Mapping[str, Any]) -> None:
    """Add one row and bring it to the disk: it is there as a whole, or is a torn line that readers drop.

    Raises:
        BenchmarkError: It cannot be written.
    """
    with _written(Path(path)), Path(path).open("ab") as file:
        file.write(line(row).encode())
        file.flush()
        os.fsync(file.fileno())


def line(row: Mapping[str, Any]) -> str:
    """A row as its line."""
    return json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """A value as JSON holds it: arrays as lists, and numbers that JSON lacks as `"nan"`, `"inf"`, `"-inf"`.

    Whole numbers beyond 64 bits become real ones, and halves of characters question marks.

    Example:
        >>> plain({"nats": float("inf"), "parts": (1, 2)})
        {'nats': 'inf', 'parts': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {_text(str(name)): plain(part) for name, part in value.items()}
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        value = _real(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float | bool | None) else _text(value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if text.isascii() else text.encode("utf-8", errors="replace").decode()


def _real(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whole lines and their rows."""
    try:
        *whole, _torn = read_bytes(path, MAX_BYTES).split(b"\n")
    except OSError as error:
        raise BenchmarkError(f"results `{path}`: expected a readable file ({error.strerror}).") from error
    except ValueError as error:
        raise BenchmarkError(f"results `{path}`: {error}. Give results in several files.") from error
    for number, written in enumerate(whole, start=1):
        yield written.decode(errors="replace"), _row(written, f"results `{path}`, line {number}")


def _row(written: bytes, place: str) -> dict[str, Any]:
    try:
        row: dict[str, Any] = parse_json(written)
    except ValueError as error:
        raise BenchmarkError(f"{place}: expected JSON ({error}). Remove the line.") from error
    if not isinstance(row, dict) or not {"format", "bench", "run", "status"} <= row.keys():
        raise BenchmarkError(
            f"{place}: expected an object with format, bench, run and status. Remove the line."
        )
    if row["format"] != FORMAT:
        raise BenchmarkError(
            f"{place}: expected format {FORMAT}, got `{str(row['format'])[:60]}`. Update infoloom."
        )
    if row["status"] not in STATES:
        raise BenchmarkError(
            f"{place}: expected status {', '.join(STATES)}, got `{str(row['status'])[:60]}`."
        )
    try:
        checked(RunTree, row)
    except ValueError as error:
        raise BenchmarkError(f"{place}: expected a run ({error}). Remove the line.") from error
    return row
