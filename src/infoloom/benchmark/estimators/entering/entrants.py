"""Who enters the benchmark, and under which name: names that are taken are refused before anything runs."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from infoloom.benchmark.estimators import references
from infoloom.benchmark.estimators.entering.program_files import digests, expect_unchanged
from infoloom.benchmark.estimators.names import SIGNS, is_name, shown
from infoloom.benchmark.estimators.scoring.credit import BASELINES
from infoloom.benchmark.estimators.variants import VARIANTS
from infoloom.benchmark.running.results import plain
from infoloom.errors import BenchmarkError
from infoloom.estimators import names

__all__ = ["Entrant", "check_entrants", "check_versions", "known_names"]


@dataclass(frozen=True)
class Entrant:
    """An estimator that takes the place of the set's own, on every problem.

    Args:
        name: A name of an estimator, a variant or a reference, or a label for the command.
        command: A program that reads an npz of rows and prints one line of JSON.
        settings: Settings of the estimator.
        files: Files of the program and their digests, None where they were not looked at.
    """

    name: str
    command: str | None = None
    settings: Mapping[str, Any] | None = None
    files: Mapping[str, str] | None = None

    def with_files(self) -> Entrant:
        """The same with the digests of its program's files as they are now."""
        return self if self.command is None else replace(self, files=digests(self.command))


def known_names() -> tuple[str, ...]:
    """Names that run without a command."""
    return (*names(), *VARIANTS, *references.NAMES)


def check_entrants(entrants: Sequence[Entrant], rows: Iterable[Mapping[str, Any]] = ()) -> None:
    """Refuse names that stand for no estimator or for two, and programs that are not there, before any run has begun.

    Args:
        entrants: Who enters.
        rows: Rows of the results file, in which a label may stand for another program.

    Raises:
        BenchmarkError: The first that is wrong, with a label that is free.
    """
    had = {row["estimator"]: row.get("command") for row in rows if row.get("estimator") is not None}
    seen: set[str] = set()
    for entrant in entrants:
        free = _free(entrant.name, (*known_names(), *BASELINES, *had, *seen))
        if entrant.name in seen:
            raise BenchmarkError(
                f"label `{entrant.name}`: expected once, got two entrants of it. Use `{free}`."
            )
        seen.add(entrant.name)
        if entrant.command is None:
            _check_name(entrant.name, had)
        else:
            _check_label(entrant, had, free)
            _check_program(entrant.command)


def check_versions(
    entrants: Sequence[Entrant],
    rows: Sequence[Mapping[str, Any]],
    stays: Callable[[Mapping[str, Any]], bool],
    *,
    retry: bool,
) -> None:
    """Refuse a program of which another version has results under the same label.

    Args:
        entrants: Who enters, with the digests of their files.
        rows: Rows of the results file.
        stays: Whether a row stays in the file when failed runs are repeated.
        retry: Whether they are.

    Raises:
        BenchmarkError: The first file that changed.
    """
    had = {row["estimator"] for row in rows if row.get("estimator") is not None}
    for entrant in entrants:
        if entrant.files is not None:
            free = _free(entrant.name, (*known_names(), *BASELINES, *had))
            expect_unchanged(entrant.name, entrant.files, rows, free, stays, retry=retry)


def _check_name(name: str, had: Mapping[str, Any]) -> None:
    if name not in known_names():
        raise BenchmarkError(
            f"estimator `{name}`: expected one of {', '.join(known_names())}. Choose one of them, or give a program by "
            "`--command` and its name by `--label`."
        )
    if had.get(name) is not None:
        raise BenchmarkError(
            f"estimator `{name}`: expected results of it, but those in the file are of `{had[name]}`. "
            "Write to another file."
        )


def _check_label(entrant: Entrant, had: Mapping[str, Any], free: str) -> None:
    name = entrant.name
    if name in known_names() or name in BASELINES:
        raise BenchmarkError(
            f"label `{name}`: expected a name of its own, because an estimator of infoloom has it. Use `{free}`."
        )
    if not is_name(name, 100):
        raise BenchmarkError(f"label `{shown(name[:100])}`: expected 1 to 100 {SIGNS}. Use `entrant`.")
    if name in had and had[name] != entrant.command:
        other = had[name] or "an estimator without a command"
        raise BenchmarkError(
            f"label `{name}`: expected `{entrant.command}`, but the results are of `{other}`. Use `{free}`, or write "
            "to another file."
        )


def _check_program(command: str) -> None:
    if command != plain(command) or "\0" in command:
        raise BenchmarkError(
            f"command `{shown(command)}`: expected a text without halves of characters. Rename the program."
        )
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BenchmarkError(
            f"command `{command}`: expected words of a shell ({error}). Close the quote."
        ) from error
    if not words:
        raise BenchmarkError("command ``: expected a program and its arguments. Give one.")
    if shutil.which(words[0]) is None:
        raise BenchmarkError(
            f"command `{command}`: expected a program that may be run, got `{words[0]}`. Check the path, or "
            "name the interpreter: `python estimate.py`."
        )


def _free(name: str, taken: Iterable[str]) -> str:
    """The name with the first number that makes it free."""
    known = set(taken)
    return next(f"{name}-{number}" for number in count(2) if f"{name}-{number}" not in known)
