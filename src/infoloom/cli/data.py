"""`infoloom generate`, `finish`, `verify` and `preview`: parse, one call, print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.engines import Engine, Failure
    from infoloom.datasets.read import Dataset
    from infoloom.datasets.shard import Made
    from infoloom.datasets.verify import Report

__all__ = ["register"]

Out = Annotated[Path, typer.Argument(metavar="OUT", help="The dataset's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, full precision.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to an application."""
    for command in (generate, finish, verify, preview):
        app.command()(command)


def generate(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a preset.")],
    out: Out,
    rows: Annotated[int, typer.Option(help="Rows in all splits together.", show_default=False)],
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    split: Annotated[str, typer.Option(help="Splits, as `train=0.8,test=0.2` or in rows.")] = "train=1.0",
    rows_per_shard: Annotated[
        int | None, typer.Option(help="Rows of a Parquet file.", show_default="about 64 MiB")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes.", show_default="one a core")] = None,
    latents: Annotated[bool, typer.Option(help="Keep causes and latents.")] = True,
    pmi: Annotated[
        list[str] | None,
        typer.Option(
            help="Pointwise information: auto, all, none, or pairs as `a,b;theta`.", show_default="auto"
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="Where shards are made: local or dask.")] = "local",
    device: Annotated[str, typer.Option(help="Where bijections are computed, as cpu or cuda:0.")] = "cpu",
    shards: Annotated[
        str | None, typer.Option(help="Only the shards I:J, for job arrays; `infoloom finish` joins them.")
    ] = None,
) -> None:
    """Make a dataset, or go on with one that was interrupted."""
    from infoloom.datasets import begin, make_plan, make_shards
    from infoloom.datasets import finish as join
    from infoloom.story import compile_story

    story = compile_story(spec)
    choice = pmi[0] if pmi and pmi[0] in ("auto", "all", "none") else pmi or "auto"
    plan = make_plan(
        story, rows, seed, splits=split, rows_per_shard=rows_per_shard, latents=latents, pmi=choice
    )
    part = _part(shards)
    count = len(plan.shards[part])
    if not count:
        raise DatasetError(f"shards `{shards}`: expected some of the {len(plan.shards)} shards.")
    begin(out, story, plan)
    with _progress(f"{story.name}: shards", count) as advance:
        made = make_shards(out, _engine(engine, workers, count), part=part, device=device, progress=advance)
    if shards is not None:
        print(f"{len(made)} of {len(plan.shards)} shards are in {out}; `infoloom finish {out}` joins them.")
        return
    _say_done(join(out, made))


def finish(out: Out) -> None:
    """Join independently made shards to a finished dataset."""
    from infoloom.datasets import finish as join

    _say_done(join(out))


def verify(
    out: Out,
    rows: Annotated[int, typer.Option(help="Rows for the statistical checks, at most.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Check a dataset: checksums, truth recomputed, statistics of the rows, round trip."""
    from infoloom.datasets import verify as check

    report = check(out, rows=rows)
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
    from infoloom.datasets.preview import draw_preview

    print(str(draw_preview(open_dataset(out), output, sort_by=sort_by)))


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[Made | Failure], None]]:
    """A bar with the time left, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=total)
        yield lambda _: bar.advance(task)


def _engine(name: str, workers: int | None, shards: int) -> Engine:
    import os

    from infoloom.datasets.engines import engine_named

    return engine_named(name, workers=workers or max(1, min(os.cpu_count() or 1, shards)))


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
    return "\n".join([*lines, f"{report.path}: {report.rows:,} rows {verdict}"])
