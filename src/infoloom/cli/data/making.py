"""`infoloom generate`, `emit-job` and `finish`: parse, one call, print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoloom.cli.data.options import (
    Also,
    Device,
    Do,
    Force,
    Latents,
    Out,
    Pmi,
    Predictions,
    Reproducible,
    Rows,
    RowsPerShard,
    Seed,
    Shards,
    Spec,
    Split,
    Workers,
)
from infoloom.cli.terminal.progress import counted
from infoloom.errors import DatasetError
from infoloom.units import number_of

if TYPE_CHECKING:
    from infoloom.datasets.engines import Engine, Failure
    from infoloom.datasets.making.plan import Plan
    from infoloom.datasets.making.shard import Made
    from infoloom.datasets.reading.read import Dataset
    from infoloom.law.interventions import Value
    from infoloom.story import Story

__all__ = ["register"]

ENGINE = "Engine"


def register(app: typer.Typer) -> None:
    """Add the commands of this file to an application."""
    for command in (generate, finish, emit_job):
        app.command()(command)


def generate(
    spec: Spec,
    out: Out,
    rows: Rows,
    seed: Seed = 0,
    split: Split = "train=1.0",
    rows_per_shard: RowsPerShard = None,
    latents: Latents = True,
    pmi: Pmi = None,
    predictions: Predictions = False,
    also: Also = None,
    force_uncertified: Force = False,
    reproducible: Reproducible = False,
    do: Do = None,
    device: Device = "cpu",
    workers: Workers = None,
    shards: Shards = None,
    engine: Annotated[
        str, typer.Option(help="Where shards are made: local or dask.", rich_help_panel=ENGINE)
    ] = "local",
    scheduler_address: Annotated[
        str | None, typer.Option(help="dask: a running scheduler.", rich_help_panel=ENGINE)
    ] = None,
    scheduler_file: Annotated[
        str | None, typer.Option(help="dask: the file of a running scheduler.", rich_help_panel=ENGINE)
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="dask: start workers as jobs of slurm or htcondor.", rich_help_panel=ENGINE),
    ] = None,
    cluster_option: Annotated[
        list[str] | None,
        typer.Option(help="dask: an option for the batch system, as `queue=gpu`.", rich_help_panel=ENGINE),
    ] = None,
) -> None:
    """Make a dataset, or continue one that was interrupted."""
    from infoloom.datasets import begin
    from infoloom.datasets import finish as join
    from infoloom.datasets.engines import engine_named
    from infoloom.datasets.making.code_path import path_notes

    story, plan = _planned(
        spec, rows, seed, pmi, do, splits=split, rows_per_shard=rows_per_shard, latents=latents,
        predictions=predictions, also=also, allow_uncertified=force_uncertified, reproducible=reproducible,
    )  # fmt: skip
    part = _part(shards)
    count = len(plan.shards[part])
    if not count:
        raise DatasetError(f"shards `{shards}`: expected some of the {len(plan.shards)} shards.")
    options: dict[str, Any] = {"workers": workers or max(1, min(os.cpu_count() or 1, count))}
    if engine == "dask":
        places = {
            "scheduler_address": scheduler_address,
            "scheduler_file": scheduler_file,
            "cluster": cluster,
        }
        options |= {**places, "cluster_options": _pairs(cluster_option or [])}
    begin(out, story, plan, device)
    made = _made(out, story.name, engine_named(engine, **options), part, device, count)
    for note in path_notes(made):
        sys.stderr.write(f"infoloom: {note}\n")
    if shards is not None:
        there = sum((out / shard.done).is_file() for shard in plan.shards)
        print(f"{there} of {len(plan.shards)} shards are in {out}; `infoloom finish {out}` joins them.")
        return
    _say_done(join(out, made))


def _made(out: Path, name: str, engine: Engine, part: slice, device: str, count: int) -> tuple[Made, ...]:
    """Make shards with a bar; Ctrl-C says what is there and how to go on, and ends with status 130."""
    from infoloom.datasets import make_shards
    from infoloom.datasets.making.shard import Made

    finished: list[Made] = []
    ended = 0
    with counted(name, "shards") as told:

        def tell(outcome: Made | Failure) -> None:
            nonlocal ended
            ended += 1
            if isinstance(outcome, Made):
                finished.append(outcome)
            told(ended, count, "")

        try:
            return make_shards(out, engine, part=part, device=device, progress=tell)
        except KeyboardInterrupt:
            there = len(finished)
    done = (
        f"{there} of {count} shards are finished and kept"
        if there
        else f"none of {count} shards is finished yet"
    )
    sys.stderr.write(f"\ninfoloom: stopped; {done}; the same command goes on\n")
    raise typer.Exit(130)


def emit_job(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="slurm or htcondor.")],
    spec: Spec,
    out: Out,
    rows: Rows,
    jobs: Annotated[int, typer.Option(help="Number of jobs.")] = 10,
    gpu: Annotated[bool, typer.Option(help="Ask for one GPU for each job.")] = False,
    seed: Seed = 0,
    split: Split = "train=1.0",
    rows_per_shard: RowsPerShard = None,
    latents: Latents = True,
    pmi: Pmi = None,
    predictions: Predictions = False,
    also: Also = None,
    force_uncertified: Force = False,
    reproducible: Reproducible = False,
    do: Do = None,
) -> None:
    """Print a script that makes a dataset with an array of batch jobs."""
    from infoloom.datasets.making.batch_jobs import job_script

    _, plan = _planned(
        spec, rows, seed, pmi, do, splits=split, rows_per_shard=rows_per_shard, latents=latents,
        predictions=predictions, also=also, allow_uncertified=force_uncertified, reproducible=reproducible,
    )  # fmt: skip
    given = Path(spec)
    command = ["infoloom", "generate", str(given.resolve()) if given.is_file() else spec, str(out.resolve())]
    command += ["--rows", str(rows), "--seed", str(seed), "--split", split]
    command += [part for text in do or [] for part in ("--do", text)]
    command += ["--rows-per-shard", str(plan.rows_per_shard), *([] if latents else ["--no-latents"])]
    command += ["--predictions"] if predictions else []
    command += [word for choice in also or () for word in ("--also", choice)]
    command += ["--force-uncertified"] if force_uncertified else []
    command += ["--reproducible"] if reproducible else []
    command += [word for choice in pmi or () for word in ("--pmi", choice)] + (
        ["--device", "cuda"] if gpu else []
    )
    print(job_script(system, command, str(out.resolve()), len(plan.shards), jobs, gpu=gpu), end="")


def finish(
    out: Out,
    partial: Annotated[
        bool, typer.Option("--partial", help="Make the rows before the first missing shard readable.")
    ] = False,
) -> None:
    """Join the shards of independent jobs and finish the dataset."""
    from infoloom.datasets import finish as join

    _say_done(join(out, partial=partial))


def _planned(
    spec: str, rows: int, seed: int, pmi: list[str] | None, do: list[str] | None, **options: Any
) -> tuple[Story, Plan]:
    from infoloom.datasets import make_plan
    from infoloom.story import compile_story

    story = compile_story(spec)
    story = story.intervene(**held_values(do)) if do else story
    choice = pmi[0] if pmi and pmi[0] in ("auto", "all", "none") else pmi or "auto"
    return story, make_plan(story, rows, seed, pmi=choice, **options)


def held_values(texts: list[str] | None) -> dict[str, Value]:
    """Example: `["mass=1.0", "style=0,1"]` as numbers by name."""
    held: dict[str, Value] = {}
    for text in texts or []:
        name, _, value = text.partition("=")
        try:
            numbers = [float(part) for part in value.split(",")]
        except ValueError:
            raise DatasetError(f"do `{text}`: expected `name=number`, or `name=number,number,…`.") from None
        if name.strip() in held:
            raise DatasetError(f"do `{name.strip()}`: expected one value. Remove one of them.")
        held[name.strip()] = numbers[0] if len(numbers) == 1 else numbers
    return held


def _pairs(texts: list[str]) -> dict[str, str]:
    bad = next((text for text in texts if "=" not in text), None)
    if bad is not None:
        raise DatasetError(f"cluster option `{bad}`: expected `name=value`.")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _part(text: str | None) -> slice:
    """Example: `4:8`, `4:` and `:8` as a slice; all shards when left out."""
    if text is None:
        return slice(None)
    start, colon, stop = text.partition(":")
    if not colon or not all(part.strip().isdigit() or not part.strip() for part in (start, stop)):
        raise DatasetError(f"shards `{text}`: expected `I:J`, the first shard and the one after the last.")
    return slice(int(start or 0), int(stop) if stop.strip() else None)


def _say_done(data: Dataset) -> None:
    size = sum(record.bytes for record in data.manifest.shards)
    rows, shards = number_of(len(data), "row"), number_of(len(data.manifest.shards), "shard")
    print(f"{data.root}: {rows}, {shards}, {size / 2**20:.1f} MiB")
