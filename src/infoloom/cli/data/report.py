"""`infoloom report`: parse, one call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command of this file to an application."""
    app.command()(report)


def report(
    sources: Annotated[
        list[Path], typer.Argument(metavar="OUT|RESULTS...", help="A dataset's folder, or results files.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write (HTML).")] = Path(
        "report.html"
    ),
    figures: Annotated[
        Path | None, typer.Option(help="Also write every figure into this folder.", show_default=False)
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(help="Inches that these figures are wide; 3.3 is a column.", show_default="as drawn"),
    ] = None,
    kind: Annotated[str, typer.Option(help="Kind of these figures: pdf or png.")] = "pdf",
    sort_by: Annotated[
        str | None,
        typer.Option(help="Dataset: target or cause to sort by.", show_default="the first target"),
    ] = None,
    checks: Annotated[bool, typer.Option(help="Dataset: verify it too.")] = True,
) -> None:
    """Write one page about a dataset or about results, complete in itself."""
    from infoloom.report.contents import read_contents
    from infoloom.report.files import check_figures, write_figures
    from infoloom.report.page import write_page

    check_figures(kind, width)
    contents = read_contents(sources, sort_by=sort_by, checks=checks)
    print(str(write_page(contents.title, contents.sections, output, lead=contents.lead)))
    if figures is not None:
        for path in write_figures(contents.sections, figures, kind, width):
            print(str(path))
