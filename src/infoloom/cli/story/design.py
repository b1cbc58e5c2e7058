"""`infoloom design`: parse, one call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infoloom.cli.terminal.output import write_new
from infoloom.cli.terminal.tables import Row, paragraph, screen, table

if TYPE_CHECKING:
    from infoloom.design.designs import Design

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command of this file to an application."""
    app.command()(design)


def design(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a preset.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File for the solved spec; an existing file is not overwritten."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, full precision.")] = False,
) -> None:
    """Find the free parameters of a spec so that its requirements hold."""
    from infoloom.design.designs import design as solve

    solved = solve(spec)
    if output is not None:
        _write(solved, output)
    print(json.dumps(_tree(solved), indent=2) if as_json else _text(solved))


def _write(solved: Design, output: Path) -> None:
    from infoloom.design.designs import solved_yaml

    text = solved_yaml(solved, output.resolve().parent)
    write_new(output, text)


def _tree(solved: Design) -> dict[str, object]:
    return {
        "unit": "nats",
        "parameters": dict(solved.values),
        "asked": dict(solved.asked),
        "reached": dict(solved.reached),
        "residual": solved.residual,
        "determined": solved.determined,
        "note": solved.note,
    }


def _text(solved: Design) -> str:
    width = max(map(len, (*solved.asked, *solved.values)))
    lines = [f"{solved.story.name}, solved to {solved.residual:.1e} nats"]
    rows: list[Row] = [("required ", (f"{'asked':>18}", f" {'reached':>16}"))]
    rows += [
        (f"{name} ", (f"{_asked(asked):>18}", f" {solved.reached[name]:>16.12f}"))
        for name, asked in solved.asked.items()
    ]
    lines += table(rows, screen(), names=width + 1)
    rows = [("parameter ", (f"{'weight':>18}",))]
    rows += [(f"{name} ", (f"{value:>18.12g}",)) for name, value in solved.values.items()]
    lines += table(rows, screen(), names=width + 1)
    note = [paragraph(f"note: {solved.note}", screen())] if solved.note else []
    return "\n".join([*lines, *note])


def _asked(asked: float | str) -> str:
    return asked if isinstance(asked, str) else f"{asked:.12g}"
