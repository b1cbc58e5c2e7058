"""`infoloom strip`: parse, one call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command of this file to an application."""
    app.command()(strip)


def strip(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a preset.")],
    cause: Annotated[
        str, typer.Option(help="The cause, target or modality that changes.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The picture to write (.png, .svg or .pdf).")
    ] = Path("strip.png"),
    row: Annotated[int, typer.Option(min=0, help="The row that gives all other values.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the rows.")] = 0,
) -> None:
    """Draw what a cause does to each modality: it goes from -2 to 2, or through its categories; all else stays."""
    from infoloom.datasets.showing.strip import draw_strip
    from infoloom.story import compile_story

    print(str(draw_strip(compile_story(spec), cause, output, row=row, seed=seed)))
