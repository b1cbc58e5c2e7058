"""`infoloom bench tasks`, `dump`, `check`: what there is to estimate, rows of it as files, a trial of an entrant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["check", "dump", "tasks"]


def tasks(
    groups: Annotated[
        list[str] | None, typer.Argument(metavar="[GROUP]...", help="Groups of tasks; the default is all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List tasks whose information is known: id, columns of x and y, truth in nats."""
    from infoloom.benchmark import tasks

    chosen = {group: [tasks.build(name) for name in tasks.names(group)] for group in groups or tasks.groups()}
    if as_json:
        listed = {group: [task.metadata for task in found] for group, found in chosen.items()}
        print(json.dumps({"unit": "nats", "groups": listed}, indent=2))
        return
    for group, found in chosen.items():
        print(f"{group}, {len(found)} tasks")
        for task in found:
            note = "" if set(task.kinds) == {"continuous"} else f"  ({' × '.join(task.kinds)})"
            print(f"  {task.mutual_information:9.6f}  {task.dim_x:>5} × {task.dim_y:<5}  {task.id}{note}")


def dump(
    names: Annotated[list[str], typer.Argument(metavar="TASK...", help="Ids of tasks, or names of groups.")],
    rows: Annotated[int, typer.Option(help="Rows of each sample.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of the rows.")] = 0,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FOLDER", help="Folder for the output: one folder in it for each task."
        ),
    ] = Path("samples"),
) -> None:
    """Write samples of tasks as files for any language: rows.npz, truth.npz, task.json."""
    from infoloom.benchmark import tasks
    from infoloom.benchmark.estimators.dump import dump as write

    ids = [task for name in names for task in (tasks.names(name) if name in tasks.groups() else (name,))]
    for task in [tasks.build(name) for name in ids]:  # all are known to be good before the first is written
        print(write(task, rows, seed, output))


def check(
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- PROGRAM [ARGUMENT]...", help="The program, or an estimator's name."),
    ],
    limit: Annotated[float, typer.Option(metavar="SECONDS", help="Time for all three problems.")] = 10.0,
) -> None:
    """Try an estimator on three small problems, and show the answers as the benchmark reads them."""
    from infoloom.benchmark.estimators.entering.check import check as run

    trials = run(command, limit)
    for trial in trials:
        for line in trial.lines():
            print(line)
    good = sum(trial.found is not None for trial in trials)
    taken = sum(trial.taken for trial in trials)
    print(f"{good} of {taken} answers can be read")
    if good < taken:
        raise typer.Exit(1)
