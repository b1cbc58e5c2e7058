"""Runs of the estimator benchmark: which estimators meet which problems of a set, or of a first version's suite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Final

from infoloom.benchmark.estimators.entering.entrants import Entrant, check_entrants, check_versions
from infoloom.benchmark.estimators.estimation import FUNCTION, takes
from infoloom.benchmark.estimators.first_version.blocks import Block, Problem, full, paper, quick
from infoloom.benchmark.estimators.first_version.mixed_blocks import mixed
from infoloom.benchmark.estimators.problem_sets import PUBLISHED, Group, SetBlock, part_of, problem_set
from infoloom.benchmark.running.runner import Job, is_repeated
from infoloom.errors import BenchmarkError

__all__ = ["SUITES", "Entrant", "Suite", "jobs", "suite_name"]


@dataclass(frozen=True)
class Suite:
    """Blocks of problems, and the seconds that one run may take."""

    name: str
    purpose: str
    limit: float
    blocks: Callable[[], Sequence[Block]]


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
    suite: str,
    entrants: Sequence[Entrant] = (),
    *,
    limit: float | None = None,
    only: str | None = None,
    seeds: int | None = None,
    columns: int | None = None,
    rows: Iterable[Mapping[str, Any]] = (),
    retry: bool = False,
) -> list[Job]:
    """The runs of a problem set, or of a suite of the first version, named `task rows=N seed=S estimator`.

    Args:
        suite: `v2/quick`, `v2/core`, `v2/full`, the file of another set; or `quick`, `paper`, `mixed`, `full`.
        entrants: Estimators to run in place of the set's own: on all problems of a set, where a run of a kind of
            variables that they do not take says so; in a suite on those whose kind they take.
        limit: Seconds that a run may take; the set's own where left out.
        only: Keep the runs of whose name this is a part, or which it matches as a pattern with `*` and `?`.
        seeds: Keep the first seeds of every setting of a set, this many; all where left out.
        columns: Keep problems of at most so many columns of x and y together; all where left out.
        rows: Rows of the results file, whose labels are taken.
        retry: Whether runs that failed or took too long are repeated, and so need not be of the same program.

    Raises:
        BenchmarkError: No such set or estimator, a label that is taken, also by another version of the same program,
            seeds of a suite, or a pattern that matches nothing.
    """
    there = list(rows)
    check_entrants(entrants, there)
    entrants = [entrant.with_files() for entrant in entrants]
    chosen = _chosen(suite, entrants, limit, only, seeds, columns)
    repeated = partial(
        is_repeated, bench="estimators", suite=suite_name(suite), runs={job.run for job in chosen}
    )
    check_versions(entrants, there, lambda row: not repeated(row), retry=retry)
    return chosen


def _chosen(
    suite: str,
    entrants: Sequence[Entrant],
    limit: float | None,
    only: str | None,
    seeds: int | None,
    columns: int | None,
) -> list[Job]:
    """The runs of a suite that are asked for, each once."""
    made: dict[str, Job] = {}
    for job in _every(suite, entrants, limit, seeds, columns):
        made.setdefault(job.run, job)  # a problem of two blocks is run once, for the first
    if only is None:
        return list(made.values())
    kept = [job for name, job in made.items() if matches(name, only)]
    if not kept:
        raise BenchmarkError(
            f"pattern `{only}`: expected a part of some run's name. `infoloom bench estimators --list` names them."
        )
    return kept


def suite_name(suite: str) -> str:
    """The name that results of a set or a suite bear."""
    return suite if suite in SUITES else problem_set(suite).name


def _every(
    suite: str, entrants: Sequence[Entrant], limit: float | None, seeds: int | None, columns: int | None
) -> Iterable[Job]:
    if suite in SUITES:
        if seeds is not None or columns is not None:
            raise BenchmarkError(
                f"suite `{suite}`: expected a problem set, because a suite of the first version has no parts by seeds "
                "or columns. Use `--only`."
            )
        seconds = SUITES[suite].limit if limit is None else limit
        return (job for block in SUITES[suite].blocks() for job in _block(block, entrants, seconds))
    if "/" not in suite and "." not in suite and not Path(suite).is_file():
        raise BenchmarkError(
            f"suite `{suite}`: expected one of {', '.join((*PUBLISHED, *SUITES))}, or the file of another set. "
            "Choose one of them."
        )
    found = part_of(problem_set(suite), seeds, columns)
    if found.name in SUITES:
        raise BenchmarkError(
            f"problem set `{suite}`: expected a name of its own, because `{found.name}` is a suite of the first "
            "version. Rename it."
        )
    seconds = found.limit if limit is None else limit
    return (job for block, group in found.groups() for job in _group(block, group, entrants, seconds))


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


def _group(block: SetBlock, group: Group, entrants: Sequence[Entrant], limit: float) -> Iterable[Job]:
    chosen = entrants or [Entrant(name) for name in block.estimators]
    place = {"block": block.name, "title": block.question, "vary": "truth", "label": group.label}
    for task, rows, seed in group.keys:
        problem = Problem(task, rows, seed, group.label)
        yield from (_run(place, problem, entrant, limit) for entrant in chosen)


def _job(block: Block, problem: Problem, entrant: Entrant, limit: float) -> Job:
    place = {"block": block.name, "title": block.title, "vary": block.vary, "label": problem.label}
    return _run(place, problem, entrant, limit)


def _run(place: Mapping[str, Any], problem: Problem, entrant: Entrant, limit: float) -> Job:
    asked = {"task": problem.task, "rows": problem.rows, "seed": problem.seed, "estimator": entrant.name}
    settings = {"settings": dict(entrant.settings)} if entrant.settings else {}
    program = {"command": entrant.command} if entrant.command is not None else {}
    files = {"program": dict(entrant.files)} if entrant.files is not None else {}
    name = f"{problem.task} rows={problem.rows} seed={problem.seed} {entrant.name}"
    known = {**place, **asked, **program, **files}
    return Job(name, FUNCTION, {**asked, **settings, **program}, limit, known, prepares=True)
