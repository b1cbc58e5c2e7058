"""`infoloom verify`, `preview`, `listen` and `export`: parse, one call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infoloom.cli.data.options import AsJson, Out
from infoloom.cli.terminal.progress import named

if TYPE_CHECKING:
    from infoloom.datasets.checking.outcome import Report

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to an application."""
    for command in (verify, preview, listen, export):
        app.command()(command)


def verify(
    out: Out,
    rows: Annotated[int, typer.Option(help="Largest number of rows for the statistical checks.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Check a dataset or a folder of tasks: checksums, exact values, statistics of the rows, round trip."""
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
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The picture to write (.png, .svg or .pdf).")
    ] = Path("preview.png"),
    sort_by: Annotated[
        str | None, typer.Option(help="Target or cause to sort by.", show_default="the first target")
    ] = None,
) -> None:
    """Draw observations sorted by a target."""
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


def _report(report: Report) -> str:
    lines = [f"{'ok  ' if check.passed else 'FAIL'} {check.name}: {check.detail}" for check in report.checks]
    verdict = "verified" if report.passed else "NOT verified"
    return "\n".join([*lines, f"{report.path}: {report.rows:,} {report.counted} {verdict}"])
