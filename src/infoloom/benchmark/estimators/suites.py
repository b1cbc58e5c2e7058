"""Suites of the estimator benchmark: which estimators meet which problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from infoloom.benchmark.estimators.blocks import Block, Problem, full, paper, quick
from infoloom.benchmark.estimators.estimation import FUNCTION, check_entrant, takes
from infoloom.benchmark.estimators.mixed_blocks import mixed
from infoloom.benchmark.running.runner import Job
from infoloom.errors import BenchmarkError

__all__ = ["SUITES", "Entrant", "Suite", "jobs"]


@dataclass(frozen=True)
class Suite:
    """Blocks of problems, and the seconds that one run may take."""

    name: str
    purpose: str
    limit: float
    blocks: Callable[[], Sequence[Block]]


@dataclass(frozen=True)
class Entrant:
    """An estimator that takes the place of the suite's own, on every problem of a kind that it takes.

    Args:
        name: A name that `build` knows, or a label for the command.
        command: A program that reads an npz of rows and prints one line of JSON.
        settings: Settings of the estimator.
    """

    name: str
    command: str | None = None
    settings: Mapping[str, Any] | None = None


SUITES: Final[Mapping[str, Suite]] = {
    suite.name: suite
    for suite in (
        Suite("quick", "every kind of task and estimator once, 5 minutes on 2 cores", 60.0, quick),
        Suite("paper", "the paper's benchmark and its next checks, an hour or more on 1 core", 120.0, paper),
        Suite("mixed", "discrete and mixed variables, captions, labels; 15 minutes on 1 core", 300.0, mixed),
        Suite(
            "full",
            "everything at 5000 rows and more seeds, for a cluster",
            3600.0,
            lambda: [*full(), *mixed()],
        ),
    )
}


def jobs(
    suite: str, entrants: Sequence[Entrant] = (), *, limit: float | None = None, only: str | None = None
) -> list[Job]:
    """The runs of a suite, named `task rows=N seed=S estimator`.

    Args:
        suite: `quick`, `paper`, `mixed` or `full`.
        entrants: Estimators to run in place of the suite's own, on all problems whose kind of variables they take.
        limit: Seconds that a run may take; the suite's own where left out.
        only: Keep the runs of whose name this is a part, or which it matches as a pattern with `*` and `?`.

    Raises:
        BenchmarkError: No such suite or estimator, or a pattern that matches nothing.
    """
    if suite not in SUITES:
        raise BenchmarkError(f"suite `{suite}`: expected one of {', '.join(SUITES)}. Choose one of them.")
    for entrant in entrants:
        check_entrant(entrant.name, entrant.command)
    seconds = SUITES[suite].limit if limit is None else limit
    made: dict[str, Job] = {}
    for block in SUITES[suite].blocks():
        for job in _block(block, entrants, seconds):
            made.setdefault(job.run, job)  # a problem of two blocks is run once, for the first
    if only is None:
        return list(made.values())
    kept = [job for name, job in made.items() if matches(name, only)]
    if not kept:
        raise BenchmarkError(
            f"pattern `{only}`: expected a part of some run's name. `infoloom bench estimators --list` names them."
        )
    return kept


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern is a part of a name, or matches the whole of it.

    Example:
        >>> matches("null rows=9 seed=1 ksg", "ksg"), matches("null rows=9 seed=1 ksg", "null*gaussian")
        (True, False)
    """
    return pattern in name or fnmatchcase(name, pattern)


def _block(block: Block, entrants: Sequence[Entrant], limit: float) -> Iterable[Job]:
    chosen = entrants or [Entrant(name) for name in block.estimators]
    return (
        _job(block, problem, entrant, limit)
        for problem in block.problems
        for entrant in chosen
        if entrant.command is not None or takes(entrant.name, problem.task)
    )


def _job(block: Block, problem: Problem, entrant: Entrant, limit: float) -> Job:
    asked = {"task": problem.task, "rows": problem.rows, "seed": problem.seed, "estimator": entrant.name}
    settings = {"settings": dict(entrant.settings)} if entrant.settings else {}
    program = {"command": entrant.command} if entrant.command is not None else {}
    place = {"block": block.name, "title": block.title, "vary": block.vary, "label": problem.label}
    name = f"{problem.task} rows={problem.rows} seed={problem.seed} {entrant.name}"
    return Job(name, FUNCTION, {**asked, **settings, **program}, limit, {**place, **asked}, prepares=True)
