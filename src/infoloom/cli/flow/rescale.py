"""`infoloom flow rescale`: parse, one call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infoloom.cli.flow import options
from infoloom.cli.flow.commands import print_verdict
from infoloom.cli.terminal.progress import shared

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `infoloom flow`."""
    app.command()(rescale)


def rescale(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="One of the package, or a file.")],
    data: options.Data,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    rows: Annotated[int, typer.Option(min=100, help="Samples, and at most as many training rows.")] = 2048,
    seed: options.Seed = 0,
    quick: options.Quick = False,
) -> None:
    """Give samples the mean and deviation of the training rows: one factor and one shift after the flow.

    The network stays the same. The new flow is another map with its own certificate.
    """
    from infoloom.observations.workflow import rescale_flow

    with shared() as report:
        found = rescale_flow(flow, data, output, rows=rows, seed=seed, quick=quick, report=report)
    changed = found["rescaled"]
    print(f"{output}: samples times {changed['factor']:.4f}, plus {changed['shift']:.4f}")
    if quick:
        print(f"Not certified; run `infoloom flow check {output} --data DATA --keep`.")
        return
    print(print_verdict(str(output), found))
    raise typer.Exit(0 if found["passes"] else 1)
