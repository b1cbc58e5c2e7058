"""The `infoloom` program."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import infoloom
from infoloom.cli import (
    bench,
    data,
    design,
    estimate,
    explore,
    flow,
    flow_adopt,
    info,
    plugins,
    report,
    strip,
)
from infoloom.cli.help_texts import plain
from infoloom.errors import InfoloomError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
info.register(app)
design.register(app)
data.register(app)
strip.register(app)
estimate.register(app)
report.register(app)
explore.register(app)
plugins.register(app)
flow_adopt.register(flow.flow_app)
plain([app, flow.flow_app, bench.bench_app])
app.add_typer(flow.flow_app, name="flow")
app.add_typer(bench.bench_app, name="bench")


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"infoloom {infoloom.__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and end."),
    ] = False,
) -> None:
    """Multimodal datasets whose mutual information is known exactly, and can be chosen."""


def main() -> None:
    """Run a command; a wrong call or spec ends with status 2 and its reason on the error stream."""
    try:
        app()
    except InfoloomError as error:
        sys.stderr.write(f"infoloom: {error}\n")
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
