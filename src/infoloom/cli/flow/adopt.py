"""`infoloom flow adopt`: parse, one call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from infoloom.cli.flow.commands import print_verdict
from infoloom.cli.terminal.progress import shared
from infoloom.errors import FlowError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to `infoloom flow`."""
    app.command()(adopt)


def adopt(
    package: Annotated[
        str,
        typer.Option(
            "--from",
            help="torchcfm, flow-matching, diffusers, zuko, nflows, normflows, freia, or hub:OWNER/NAME.",
        ),
    ],
    weights: Annotated[
        Path | None, typer.Option(help=".safetensors or .pt file of weights; for diffusers a folder.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="JSON file with the arguments of the model's class.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.")] = Path(
        "adopted.safetensors"
    ),
    model: Annotated[
        str | None, typer.Option(help="The model's class as MODULE:CLASS; known for torchcfm and zuko.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Entry of the file that has the weights.")] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="Shape of an observation, such as 3,32,32, if the model does not contain it."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Names of the classes in order, separated by commas.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of the flow (DDIM steps for diffusion models); by default a search finds them."
        ),
    ] = None,
    max_steps: Annotated[int, typer.Option(help="Largest number of steps in the search.")] = 64,
    solver: Annotated[str, typer.Option(help="euler or midpoint.")] = "euler",
    reverse: Annotated[
        bool, typer.Option("--reverse", help="The model's time runs from data to noise.")
    ] = False,
    center: Annotated[float, typer.Option(help="Observations are center + scale · x.")] = 0.0,
    scale: Annotated[float, typer.Option(help="See --center.")] = 1.0,
    half: Annotated[bool, typer.Option("--half", help="Keep weights in half precision.")] = False,
    source: Annotated[str, typer.Option(help="Where model and data come from, for the card.")] = "not stated",
    licence: Annotated[str, typer.Option(help="Licence of model and data, for the card.")] = "not stated",
    check: Annotated[
        bool, typer.Option("--check", help="Certify on a few rows; otherwise not certified.")
    ] = False,
) -> None:
    """Make a flow from a pretrained model of another package: one file, without pickle and code."""
    from infoloom.observations.adopted.adopt import QUICK
    from infoloom.observations.adopted.checkpoints import adopt_checkpoint
    from infoloom.observations.adopted.grid_search import GridSearch

    if output.suffix != ".safetensors":
        raise FlowError(f"file `{output}`: expected a name ending in `.safetensors`.")
    options: dict[str, Any] = {
        "solver": solver, "center": center, "scale": scale, "half": half, "source": source, "licence": licence,
        "grid": steps if steps is not None else GridSearch(max_steps), "effort": QUICK if check else None,
        "name": output.stem, **({"reverse": True} if reverse else {}),
        **({"classes": [name.strip() for name in classes.split(",")]} if classes else {}),
    }  # fmt: skip
    with shared() as report:
        made = adopt_checkpoint(
            package, weights, config, model=model, key=key, shape=_sizes(shape), report=report, **options
        )
    made.save(output)
    if check:
        print(print_verdict(output.stem, made.certificate))
    print(
        f'Wrote {output}. Use it in a spec as `flow: "{output}{"[…]" if made.description.classes else ""}"`'
        + ("." if check else f"; certify it with `infoloom flow check {output} --keep`.")
    )
    raise typer.Exit(0 if not check or made.certificate["passes"] else 1)


def _sizes(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.replace("x", ",").split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise FlowError(f"shape `{text}`: expected positive whole sizes, such as 3,32,32.")
    return tuple(int(part) for part in parts)
