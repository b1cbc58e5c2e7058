"""`infoloom bench meta`: random tasks of known information as a folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from infoloom.units import number_of

__all__ = ["meta"]


def meta(
    count: Annotated[int, typer.Option(help="Tasks.", show_default=False)],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder to make, or to continue.", show_default=False)
    ],
    seed: Annotated[int, typer.Option(help="Seed of the stream.")] = 0,
    dims: Annotated[
        tuple[int, int], typer.Option(metavar="N N", help="Fewest and most columns of x and of y.")
    ] = (1, 32),
    rows: Annotated[tuple[int, int], typer.Option(metavar="N N", help="Fewest and most rows of a task.")] = (
        50,
        500,
    ),
    nats: Annotated[
        tuple[float, float],
        typer.Option(metavar="X X", help="Least and most information, in nats."),
    ] = (
        0.0,
        6.0,
    ),
    family: Annotated[
        list[str] | None, typer.Option(help="A family of laws; may be repeated.", show_default="all")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="A map of x and y; may be repeated.", show_default="all but flow and rendered"
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes; the bytes are the same for any number.")] = 1,
    tasks_per_shard: Annotated[int, typer.Option(help="Tasks of a Parquet file, a multiple of 64.")] = 2048,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write random tasks with known information (Parquet), to train and test estimators that learn."""
    from infoloom.benchmark.meta.folder.make import make_tasks
    from infoloom.benchmark.meta.request import request

    asked = request(seed, dims, rows, nats, family, map_)
    with _progress() as tell:
        try:
            manifest = make_tasks(
                out, asked, count, workers=workers, tasks_per_shard=tasks_per_shard, progress=tell
            )
        except KeyboardInterrupt:
            sys.stderr.write("\ninfoloom: stopped; finished shards are kept, and the same command goes on\n")
            raise typer.Exit(130) from None
    size = sum(record.bytes for record in manifest.records)
    if as_json:
        print(
            json.dumps({"folder": str(out), "tasks": count, "shards": len(manifest.records), "bytes": size})
        )
        return
    shards = number_of(len(manifest.records), "shard")
    print(f"{out}: {number_of(count, 'task')}, {shards}, {size / 2**20:.1f} MiB")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, on a terminal only."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("shards of tasks", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
