"""Options of `infoloom flow train`, by the names of their parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Array",
    "Augment",
    "Batch",
    "Bend",
    "Classes",
    "Compiled",
    "Continued",
    "Data",
    "Device",
    "DryRun",
    "FlowSteps",
    "Frequencies",
    "Group",
    "Licence",
    "Minutes",
    "Name",
    "Network",
    "Output",
    "Precision",
    "Quick",
    "Samples",
    "Seed",
    "Sigma",
    "Size",
    "Solver",
    "Steps",
    "Unconditional",
]

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the flow; the package has recipes for its own flows.")
]
Data = Annotated[str, typer.Option(help="File, pattern, folder of pictures, or sklearn:digits.")]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="File to write; the default is NAME.safetensors.")
]
Minutes = Annotated[
    float | None, typer.Option(help="Minutes of training; the default is that of the recipe.")
]
Steps = Annotated[int | None, typer.Option(help="Number of training steps, for an exact repeat.")]
Network = Annotated[str | None, typer.Option(help='Network settings as JSON, such as {"name": "mlp"}.')]
Sigma = Annotated[
    float | None, typer.Option(help="Noise that remains in a sample, in units of the data's scale.")
]
Batch = Annotated[int | None, typer.Option(help="Rows in each training step.")]
FlowSteps = Annotated[int | None, typer.Option(help="Steps of the finished flow.")]
Bend = Annotated[
    float | None, typer.Option(help="Grid of the finished flow: 0 even, 1 geometric towards the data.")
]
Solver = Annotated[
    str | None, typer.Option(help="euler or midpoint; default: euler, or that of the flow that goes on.")
]
Unconditional = Annotated[bool, typer.Option("--unconditional", help="Ignore the classes.")]
Group = Annotated[
    str | None, typer.Option(help="Column or array that says which rows are held out together.")
]
Array = Annotated[str | None, typer.Option(help="Array or column with the rows.")]
Size = Annotated[
    int | None, typer.Option(help="Resize square pictures to so many pixels a side, by the mean over areas.")
]
Classes = Annotated[
    str | None,
    typer.Option(help="Classes to learn, each of one or more of the source: `spiral=left,right; round=E0`."),
]
Frequencies = Annotated[
    bool | None,
    typer.Option(
        "--frequencies/--one-deviation",
        help="Linear part of the velocity: with a deviation of the data for each frequency, or one for all; default: "
        "the recipe's. For signals whose high frequencies are nothing but noise.",
    ),
]
Augment = Annotated[
    str | None,
    typer.Option(
        help="Random changes: none, mirror, dihedral, rotate, amplitude or shift; default: the recipe's."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what was read, and stop.")]
Licence = Annotated[str, typer.Option(help="Licence of the data, for the card.")]
Seed = Annotated[int, typer.Option(help="Seed.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Precision = Annotated[
    str,
    typer.Option(
        help="float32 or bfloat16 of the training; auto: bfloat16 if a first step is over 1.3 times as fast in it."
    ),
]
Compiled = Annotated[bool, typer.Option("--compile", help="Compile the network first.")]
Samples = Annotated[
    Path | None, typer.Option(help="Picture of samples, updated at every tenth of the training.")
]
Continued = Annotated[
    bool, typer.Option("--continue", help="Continue with the finished flow; the budget is added.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Skip the certificate; the flow is then not certified.")]
