"""Arguments and options that several commands about datasets take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Also",
    "AsJson",
    "Device",
    "Do",
    "Force",
    "Latents",
    "Out",
    "Pmi",
    "Predictions",
    "Reproducible",
    "Rows",
    "RowsPerShard",
    "Seed",
    "Shards",
    "Spec",
    "Split",
    "Workers",
]

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, or the name of a preset.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="The dataset's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, full precision.")]
Rows = Annotated[int, typer.Option(help="Rows in all splits together.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Split = Annotated[str, typer.Option(help="Splits, as `train=0.8,test=0.2` or in rows.")]
RowsPerShard = Annotated[
    int | None,
    typer.Option(help="Rows in one Parquet file.", show_default="about 64 MiB, up to eight files"),
]
Latents = Annotated[bool, typer.Option(help="Store causes and latents.")]
Pmi = Annotated[
    list[str] | None,
    typer.Option(
        help="Pointwise information: auto, all, none, or pairs as `a,b;theta`.", show_default="auto"
    ),
]
Predictions = Annotated[bool, typer.Option("--predictions", help="Store the optimal predictions of targets.")]
Also = Annotated[
    list[str] | None,
    typer.Option(
        help="Also store viewable 8-bit copies: `uint8` for all modalities, or `radio_uint8`.",
        show_default=False,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force-uncertified", help="Use trained flows that are not certified: information is an upper bound."
    ),
]
Reproducible = Annotated[
    bool,
    typer.Option("--reproducible", help="The same bytes on every processor; slower."),
]
Do = Annotated[
    list[str] | None,
    typer.Option(
        "--do",
        help="Intervene: set a cause, target or modality to a value, as `mass=1.0`.",
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option(help="Where bijections are computed: cpu, cuda or cuda:1.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes, or jobs of a cluster.", show_default="one a core")
]
Shards = Annotated[
    str | None, typer.Option(help="Only the shards I:J, for job arrays; `infoloom finish` joins them.")
]
