"""`infoloom flow distill`: parse, one call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infoloom.cli.flow import options
from infoloom.cli.flow.commands import print_trained, read_precision
from infoloom.cli.terminal.progress import shared

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `infoloom flow`."""
    app.command()(distill)


def distill(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="A flow that `flow train` made.")],
    data: options.Data,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
    flow_steps: Annotated[
        int | None, typer.Option(help="Steps of the new flow; default: the recipe's, or half of FLOW's.")
    ] = None,
    bend: options.Bend = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes of training; the default is 20.")] = None,
    steps: options.Steps = None,
    batch: options.Batch = None,
    licence: options.Licence = "not stated",
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    precision: options.Precision = "auto",
    samples: options.Samples = None,
    quick: options.Quick = False,
) -> None:
    """Distil a flow into one with fewer steps: its network learns to go where many steps would lead.

    The new flow is another map with its own certificate. Its samples cost less and look like those of many steps.
    """
    from infoloom.observations.training.plan import TrainingPlan
    from infoloom.observations.workflow import train_flow
    from infoloom.spec.flows.flow import flow_header, flow_path

    card = flow_header(flow_path(flow))["card"]
    plan = TrainingPlan(
        name=str(card.get("name", output.stem)), source=data, output=output, minutes=minutes, steps=steps, batch=batch,
        flow_steps=flow_steps, bend=bend, licence=licence, seed=seed, device=device, samples=samples,
        precision=read_precision(precision), quick=quick, teacher=flow,
    )  # fmt: skip
    with shared() as report:
        certificate = train_flow(plan, report)
    raise typer.Exit(print_trained(plan, certificate))
