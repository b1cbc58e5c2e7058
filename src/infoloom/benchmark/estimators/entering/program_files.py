"""Files of a program that enters: results of one version of it are not continued by another."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infoloom.errors import BenchmarkError

__all__ = ["digests", "expect_unchanged"]

_DIGITS: Final = 16


def digests(command: str) -> dict[str, str]:
    """Files that a command names → the first 16 digits of their SHA-256.

    These are the program itself where it is given by a path, and every argument, or what follows `=` in one, that is a
    regular file. What the program imports or reads without its being named is not among them.

    Args:
        command: Words of a shell.

    Raises:
        BenchmarkError: A file that cannot be read.
    """
    first, *rest = shlex.split(command)
    named = [first] if "/" in first else []
    named += [part for word in rest for part in dict.fromkeys((word, word.partition("=")[2])) if part]
    return {name: _digest(name) for name in named if Path(name).is_file()}


def _digest(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
    except OSError as error:
        raise BenchmarkError(
            f"program file `{name}`: expected a file that can be read ({error.strerror}). Change its permissions."
        ) from error


def expect_unchanged(
    label: str,
    files: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    free: str,
    stays: Callable[[Mapping[str, Any]], bool],
    *,
    retry: bool,
) -> None:
    """Refuse a program of which another version has results under the same label.

    Args:
        label: Name of the program in the results.
        files: Its files and their digests.
        rows: Rows of the results file; those written before digests were kept are not compared.
        free: A label that is free.
        stays: Whether a row stays in the file when failed runs are repeated.
        retry: Whether they are.

    Raises:
        BenchmarkError: A file that changed, or that only the results or only this program name.
    """
    staying = [row for row in rows if stays(row)]
    change = _change(label, files, staying if retry else rows)
    if change is None:
        return
    name, before = change
    other = "a program without this file" if before is None else f"a version with the digest {before}"
    by_retry = (
        "" if retry or _change(label, files, staying) is not None else "repeat the failed runs by `--retry`, "
    )
    raise BenchmarkError(
        f"label `{label}`: expected results of `{name}` as it is now, got results of {other}. Use `--label {free}`, "
        f"{by_retry}or write to another file by `--out`."
    )


def _change(
    label: str, files: Mapping[str, str], rows: Iterable[Mapping[str, Any]]
) -> tuple[str, str | None] | None:
    """The first file that differs from one that rows of a label were made with, and its digest then."""
    for row in rows:
        before = row.get("program")
        if row.get("estimator") == label and before is not None and before != files:
            name = min(name for name in {*before, *files} if before.get(name) != files.get(name))
            return name, before.get(name)
    return None
