"""`infoloom bench …`: parse, one call, print."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoloom.cli.bench import board, meta, tasks
from infoloom.cli.bench.ended import summary_lines
from infoloom.cli.terminal.progress import counted
from infoloom.errors import BenchmarkError
from infoloom.units import number_of

if TYPE_CHECKING:
    from infoloom.benchmark.running.runner import Job, Progress, Summary

__all__ = ["bench_app", "run_suite"]

bench_app = typer.Typer(
    help="Run benchmarks. Each run is one JSON line in the results file.", no_args_is_help=True
)
bench_app.command()(tasks.tasks)
bench_app.command()(tasks.dump)
bench_app.command()(meta.meta)
bench_app.command()(tasks.check)
bench_app.command()(board.draw)
bench_app.command()(board.leaderboard)

SuiteOption = Annotated[
    str | None,
    typer.Option("--suite", help="quick, scenes, real, tuning, paper or full.", show_default="quick"),
]
SetOption = Annotated[
    str,
    typer.Option(
        "--suite",
        metavar="SET",
        help="v2/quick, v2/core, v2/full, the file of another set; mixed; or quick, paper, full, the first version's.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="RESULTS", help="The results file (.jsonl); if it exists, its runs are kept."),
]
Listed = Annotated[
    bool, typer.Option("--list", help="List the runs instead, and which of them are in RESULTS.")
]
Workers = Annotated[int, typer.Option(help="Processes at the same time, one thread each.")]
Only = Annotated[
    str | None, typer.Option(metavar="PATTERN", help="Only runs whose name contains or matches this.")
]
Retry = Annotated[bool, typer.Option("--retry", help="Repeat runs that failed or took too long.")]


def positive(limit: float | None) -> float | None:
    """Refuse a time limit that is none.

    Raises:
        BenchmarkError: It is not above 0, or has no end.
    """
    if limit is not None and not 0.0 < limit < math.inf:
        raise BenchmarkError(f"limit `{limit:g}`: expected seconds above 0. Use 600.")
    return limit


Limit = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Time limit for one run.", show_default="the suite's", callback=positive
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@bench_app.command()
def estimators(
    suite: SetOption = "v2/quick",
    out: Out = None,
    listed: Listed = False,
    workers: Workers = 1,
    only: Only = None,
    retry: Retry = False,
    limit: Limit = None,
    estimator: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="An estimator in place of the suite's; may be repeated."),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(metavar="PROGRAM", help="A program that estimates: an npz in, one JSON line out."),
    ] = None,
    label: Annotated[str, typer.Option(help="Name of the program in the results.")] = "entrant",
    seeds: board.Seeds = None,
    columns: board.Columns = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where rows drawn through trained flows are kept.",
            show_default="OUT.samples",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run estimators of mutual information on tasks with known information."""
    from infoloom.benchmark.estimators.entering.entrants import Entrant
    from infoloom.benchmark.estimators.problem_sets import PUBLISHED
    from infoloom.benchmark.estimators.suites import SUITES, jobs, suite_name
    from infoloom.benchmark.running.results import read_results

    entrants = [Entrant(name) for name in estimator or []]
    entrants += [Entrant(label, command)] if command is not None else []
    there = read_results(out) if out is not None and out.exists() else []
    chosen = jobs(
        suite, entrants, limit=limit, only=only, seeds=seeds, columns=columns, rows=there, retry=retry
    )
    name = suite_name(suite)
    if listed:
        print_jobs(chosen, out, as_json, ("estimators", name))
        return
    if out is not None:
        _keep_samples(samples or out.with_name(f"{out.name}.samples"), named=samples is not None)
    path, summary, new = run_suite("estimators", name, chosen, out, workers, retry)
    wanted = {job.run for job in chosen}
    rows = [row for row in _rows_of(path, "estimators", name) if row["run"] in wanted]
    boards = [Path(suite)] if suite not in (*PUBLISHED, *SUITES) else []
    if not as_json:
        print("\n".join(summary_lines(path, summary, new)))
    part = {"seeds": seeds, "columns": columns}
    board.show(rows, boards, markdown=False, as_json=as_json, summary=summary.to_json(), part=part)


@bench_app.command()
def ssl(
    suite: SuiteOption = None,
    out: Out = None,
    listed: Listed = False,
    workers: Workers = 1,
    only: Only = None,
    retry: Retry = False,
    limit: Limit = None,
    flow: Annotated[
        str | None,
        typer.Option(
            metavar="FLOW",
            help="Real observations in place of a suite: mnist, galaxy, cifar10, …, or a flow.",
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="In place of a suite: a learner for the usual; may be repeated."),
    ] = None,
    learner: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE.py:MAKE", help="A learner of your own: MAKE(shapes, seed)."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:MAKE", help="Encoders of your own: MAKE(shape, features)."),
    ] = None,
    size: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=NUMBER",
            help="In place of a suite: rows, epochs, batch, … of a run; may be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train self-supervised learners on stories with known ceilings."""
    from infoloom.benchmark.learners.suites import jobs, real_jobs, sizes_of

    own = {"flow": flow, "objective": objective, "learner": learner, "encoder": encoder, "size": size}
    given = [name for name, value in own.items() if value is not None and value != []]
    if given and suite is not None:
        raise BenchmarkError(
            f"suite `{suite}`: expected no `--{given[0]}` beside it, because a suite says what is run. Leave out one "
            "of the two."
        )
    if given:
        name = "own"
        chosen = real_jobs(
            flow, learners=learner or (), encoder=encoder, objectives=objective or (),
            size=sizes_of(size or ()), limit=limit, only=only,
        )  # fmt: skip
    else:
        name = suite or "quick"
        chosen = jobs(name, limit=limit, only=only)
    if any(job.arguments["size"].get("rows_seed") is not None for job in chosen):
        _keep("INFOLOOM_ROWS", out)
    if listed:
        print_jobs(chosen, out, as_json, ("ssl", name))
        return
    path, summary, new = run_suite("ssl", name, chosen, out, workers, retry)
    if as_json:
        print(json.dumps({"summary": summary.to_json()}, indent=2))
        return
    print("\n".join(summary_lines(path, summary, new)))
    print(f"`infoloom report {path}` shows what was learned beside the ceilings.")


def run_suite(
    bench: str, suite: str, jobs: Sequence[Job], out: Path | None, workers: int, retry: bool
) -> tuple[Path, Summary, list[Mapping[str, Any]]]:
    """Run a suite with a bar and the time left on a terminal; Ctrl-C says how to go on and ends with status 130.

    Returns:
        The results file, the counts and the new rows.

    Raises:
        BenchmarkError: No results file was named, or it cannot be used.
    """
    from infoloom.benchmark.running.runner import execute

    if out is None:
        raise BenchmarkError(f"bench {bench}: expected `--out RESULTS`, a file for the results. Name one.")
    new: list[Mapping[str, Any]] = []
    with _progress(f"{bench}, {suite}", new) as progress:
        try:
            summary = execute(
                jobs, out, bench=bench, suite=suite, workers=workers, retry=retry, progress=progress
            )
        except KeyboardInterrupt:
            sys.stderr.write(f"\ninfoloom: stopped; the same command goes on with {out}\n")
            raise typer.Exit(130) from None
    return out, summary, new


def _keep(variable: str, out: Path | None) -> None:
    """Tell the runs to keep rows beside the results, unless a folder was named."""
    if out is not None and variable not in os.environ:
        os.environ[variable] = str(out.with_name(f"{out.name}.rows").resolve())


def _keep_samples(folder: Path, named: bool) -> None:
    """Tell the runs, which are processes of their own, where rows are kept: named, set, or here."""
    from infoloom.benchmark.estimators.samples import FOLDER

    if named or FOLDER not in os.environ:
        os.environ[FOLDER] = str(folder.resolve())
    place = Path(os.environ[FOLDER])
    there = next(path for path in (place, *place.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise BenchmarkError(
            f"samples `{place}`: expected a folder that can be written. Name another one by `--samples`."
        )


def _rows_of(path: Path, bench: str, suite: str) -> list[dict[str, Any]]:
    """Rows of one suite in a results file; a file may have several, whose runs may have the same names."""
    from infoloom.benchmark.running.results import read_results

    rows = read_results(path)
    return [row for row in rows if row["bench"] == bench and row.get("suite", "") == suite]


def print_jobs(jobs: Sequence[Job], out: Path | None, as_json: bool, of: tuple[str, str]) -> None:
    """Names and limits of runs of a benchmark and a suite, and the status of those that a results file has."""
    rows = _rows_of(out, *of) if out is not None and out.exists() else []
    status = {row["run"]: row["status"] for row in rows}
    if as_json:
        listed = [{"run": job.run, "limit": job.limit, "status": status.get(job.run)} for job in jobs]
        print(json.dumps({"runs": listed}, indent=2))
        return
    for job in jobs:
        print(f"{status.get(job.run, 'to do'):<9} {job.run}")
    done = sum(job.run in status for job in jobs)
    print(f"{number_of(len(jobs), 'run')}, {done} done")


@contextmanager
def _progress(title: str, new: list[Mapping[str, Any]]) -> Iterator[Progress]:
    """Runs done, and how many of them did not go well; `new` gets their rows."""
    lost = 0
    with counted(title, "runs") as told:

        def tell(done: int, of: int, row: Mapping[str, Any] | None) -> None:
            nonlocal lost
            if row is not None:
                new.append(row)
            lost += row is not None and row["status"] not in ("ok", "not-taken")
            told(done, of, f"{lost} not ok" if lost else "")

        yield tell
