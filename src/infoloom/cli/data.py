"""`infoloom generate`, `finish`, `verify`, `preview`, `listen`, `export` and `emit-job`: parse, one call, print."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoloom.cli.progress import counted, named
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.checking.outcome import Report
    from infoloom.datasets.engines import Engine, Failure
    from infoloom.datasets.making.plan import Plan
    from infoloom.datasets.making.shard import Made
    from infoloom.datasets.reading.read import Dataset
    from infoloom.law.interventions import Value
    from infoloom.story import Story

__all__ = ["register"]

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a preset.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The dataset's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, full precision.")]
Rows = Annotated[int, typer.Option(help="Rows in all splits together.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Split = Annotated[str, typer.Option(help="Splits, as `train=0.8,test=0.2` or in rows.")]
RowsPerShard = Annotated[
    int | None,
    typer.Option(help="Rows of a Parquet file.", show_default="about 64 MiB, at least eight files"),
]
Latents = Annotated[bool, typer.Option(help="Keep causes and latents.")]
Pmi = Annotated[
    list[str] | None,
    typer.Option(
        help="Pointwise information: auto, all, none, or pairs as `a,b;theta`.", show_default="auto"
    ),
]
Predictions = Annotated[bool, typer.Option("--predictions", help="Keep the optimal predictions of targets.")]
Also = Annotated[
    list[str] | None,
    typer.Option(
        help="Also store viewable 8-bit copies: `uint8` for all modalities, or `radio_uint8`.",
        show_default=False,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force-uncertified", help="Use trained flows that are not certified: information is an upper bound."
    ),
]
Reproducible = Annotated[
    bool,
    typer.Option("--reproducible", help="The same bytes on every processor: one fixed code path, slower."),
]
Do = Annotated[
    list[str] | None,
    typer.Option(
        "--do", help="Intervene: hold a cause, target or modality, as `mass=1.0`.", show_default=False
    ),
]
Device = Annotated[str, typer.Option(help="Where bijections are computed: cpu, cuda or cuda:1.")]
Workers = Annotated[
    int | None, typer.Option(help="Processes, or jobs of a cluster.", show_default="one a core")
]
Shards = Annotated[
    str | None, typer.Option(help="Only the shards I:J, for job arrays; `infoloom finish` joins them.")
]
ENGINE = "Engine"


def register(app: typer.Typer) -> None:
    """Add the commands of this file to an application."""
    for command in (generate, finish, verify, preview, listen, export, emit_job):
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
        typer.Option(help="dask: what the batch system wants, as `queue=gpu`.", rich_help_panel=ENGINE),
    ] = None,
) -> None:
    """Make a dataset, or go on with one that was interrupted."""
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
    begin(out, story, plan)
    made = _made(out, story.name, engine_named(engine, **options), part, device, count)
    for note in path_notes(made):
        sys.stderr.write(f"infoloom: {note}\n")
    if shards is not None:
        print(f"{len(made)} of {len(plan.shards)} shards are in {out}; `infoloom finish {out}` joins them.")
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
    jobs: Annotated[int, typer.Option(help="Jobs that share the shards.")] = 10,
    gpu: Annotated[bool, typer.Option(help="Ask for one GPU a job.")] = False,
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
    """Print the script that makes a dataset as an array of batch jobs."""
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
        bool, typer.Option("--partial", help="Open the rows before the first shard that is missing.")
    ] = False,
) -> None:
    """Join independently made shards to a finished dataset."""
    from infoloom.datasets import finish as join

    _say_done(join(out, partial=partial))


def verify(
    out: Out,
    rows: Annotated[int, typer.Option(help="Rows for the statistical checks, at most.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Check a dataset: checksums, truth recomputed, statistics of the rows, round trip. Folders of tasks too."""
    from infoloom.benchmark.meta.folder.manifest import is_task_folder
    from infoloom.benchmark.meta.folder.verify import verify_tasks
    from infoloom.datasets import verify as check

    with named("opening") as tell:
        if is_task_folder(out):
            report = verify_tasks(out)
        else:
            report = check(out, rows=rows, progress=lambda name: tell(f"checking {name}"))
    print(json.dumps(report.to_json(), indent=1) if as_json else _report(report))
    if not report.passed:
        raise typer.Exit(1)


def preview(
    out: Out,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write (PNG).")] = Path(
        "preview.png"
    ),
    sort_by: Annotated[
        str | None, typer.Option(help="Target or cause to sort by.", show_default="the first target")
    ] = None,
) -> None:
    """Draw pairs of observations sorted by a target."""
    from infoloom.datasets import open_dataset
    from infoloom.datasets.showing.preview import draw_preview

    print(str(draw_preview(open_dataset(out), output, sort_by=sort_by)))


def listen(
    out: Out,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the WAV files.")] = Path(
        "sounds"
    ),
    row: Annotated[
        list[int] | None,
        typer.Option(min=0, help="A row to write; may be repeated.", show_default="the first four rows"),
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="The spoken modality.", show_default="the first one")
    ] = None,
) -> None:
    """Write rows of a tone or, approximately, of a spoken modality as sound (WAV), for listening."""
    from infoloom.datasets import open_dataset
    from infoloom.datasets.showing.listen import write_sounds

    data = open_dataset(out)
    rows = list(range(min(4, len(data)))) if row is None else row
    for path in write_sounds(data, output, rows, modality=modality):
        print(path)
    print(
        "Approximate: a log-mel picture holds no phases; they are estimated, and every sound has the same peak. "
        "A tone is written as it is."
    )


def export(
    out: Out,
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="The file or folder to write; it must not exist.")
    ],
    to: Annotated[
        str, typer.Option(help="hdf5, mmu (Multimodal Universe v1), webdataset, 4m or npz.")
    ] = "hdf5",
    select: Annotated[
        list[str] | None, typer.Option(help="A column to keep; may be repeated.", show_default="all columns")
    ] = None,
    split: Annotated[str | None, typer.Option(help="One split only.", show_default="all splits")] = None,
) -> None:
    """Write a dataset in another format."""
    from infoloom.datasets import open_dataset
    from infoloom.datasets.exports import export as write

    data = open_dataset(out)
    data = data.split(split) if split else data
    print(str(write(data.select(*select) if select else data, target, to)))


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
    print(f"{data.root}: {len(data):,} rows, {len(data.manifest.shards)} shards, {size / 2**20:.1f} MiB")


def _report(report: Report) -> str:
    lines = [f"{'ok  ' if check.passed else 'FAIL'} {check.name}: {check.detail}" for check in report.checks]
    verdict = "verified" if report.passed else "NOT verified"
    return "\n".join([*lines, f"{report.path}: {report.rows:,} {report.counted} {verdict}"])
