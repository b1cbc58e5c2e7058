"""The `infoloom` program."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import infoloom
from infoloom.cli import plugins
from infoloom.cli.bench.commands import bench_app
from infoloom.cli.data import estimate, making, report, using
from infoloom.cli.flow import adopt, distill, rescale
from infoloom.cli.flow.commands import flow_app
from infoloom.cli.story import design, explore, info, strip
from infoloom.cli.terminal.help_texts import plain
from infoloom.errors import InfoloomError
from infoloom.extras import missing_extra

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (info, design, making, using, strip, estimate, report, explore, plugins):
    command.register(app)
adopt.register(flow_app)
distill.register(flow_app)
rescale.register(flow_app)
plain([app, flow_app, bench_app])
app.add_typer(flow_app, name="flow")
app.add_typer(bench_app, name="bench")


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"infoloom {infoloom.__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit."),
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
    except ModuleNotFoundError as error:
        named = missing_extra(error)
        if named is None:
            raise
        sys.stderr.write(f"infoloom: {named}\n")
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
