"""The `infoloom` program."""

from __future__ import annotations

import sys

import typer

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
from infoloom.errors import InfoloomError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Multimodal datasets whose mutual information is known exactly, and can be chosen.",
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
app.add_typer(flow.flow_app, name="flow")
app.add_typer(bench.bench_app, name="bench")


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
