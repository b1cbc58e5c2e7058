"""`infoloom estimate`: parse, one call, print."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoloom.errors import EstimatorError
from infoloom.units import NATS_PER_BIT

if TYPE_CHECKING:
    from infoloom.benchmark.estimators.columns import ColumnEstimate

__all__ = ["register"]

_WORDS = {True: "yes", False: "no", None: "-"}


def register(app: typer.Typer) -> None:
    """Add the command of this file to an application."""
    app.command()(estimate)


def estimate(
    data: Annotated[Path | None, typer.Argument(metavar="DATASET", help="The dataset's folder.")] = None,
    x: Annotated[str | None, typer.Argument(metavar="X", help="A column.")] = None,
    y: Annotated[str | None, typer.Argument(metavar="Y", help="Another column.")] = None,
    estimator: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An estimator; may be repeated.")
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(metavar="PROGRAM", help="A program that estimates: an npz in, one JSON line out."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Use only the first rows, so many.", show_default="all")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of estimators that take one.")] = 0,
    listed: Annotated[
        bool, typer.Option("--list", help="List the estimators and the kinds of pairs that they take.")
    ] = False,
    bits: Annotated[bool, typer.Option("--bits", help="Print bits instead of nats.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, in nats.")] = False,
) -> None:
    """Estimate the information of two columns of a dataset, next to the exact value. Whole numbers are discrete."""
    if listed:
        print(_kinds_json() if as_json else _kinds_text())
        return
    if data is None or x is None or y is None:
        raise EstimatorError(
            "estimate: expected DATASET X Y, a dataset's folder and two columns. Or ask for --list."
        )
    if not estimator and command is None:
        raise EstimatorError(
            "estimate: expected `--estimator NAME` or `--command PROGRAM`. `infoloom estimate --list` names estimators."
        )
    from infoloom.benchmark.estimators.columns import estimate_columns

    chosen: list[Any] = [*(estimator or []), *([shlex.split(command)] if command is not None else [])]
    found = [estimate_columns(data, x, y, one, rows=rows, seed=seed) for one in chosen]
    if as_json:
        print(json.dumps({"unit": "nats", "estimates": [one.to_json() for one in found]}, indent=2))
    else:
        print(_text(found, bits))


def _text(found: list[ColumnEstimate], bits: bool) -> str:
    """The truth, then a line for each estimator."""
    unit, scale = ("bits", NATS_PER_BIT) if bits else ("nats", 1.0)
    first = found[0]
    truth = "unknown" if first.truth is None else first.truth.text(bits)
    lines = [f"I({first.x}; {first.y}) in {unit}, {first.rows:,} rows; truth {truth}"]
    lines.append(f"  {'estimator':<24} {'estimate':>9} {'95 % interval':>19} {'reliable':>8} {'s':>7}")
    for one in found:
        ends = one.estimate.interval
        interval = "-" if ends is None else f"{ends[0] / scale:.3f} … {ends[1] / scale:.3f}"
        lines.append(
            f"  {one.estimator:<24} {one.estimate.nats / scale:>9.4f} {interval:>19} "
            f"{_WORDS[one.estimate.reliable]:>8} {one.estimate.seconds:>7.1f}"
        )
        lines += [f"    {doubt}" for doubt in one.estimate.details.get("doubts", ())]
    return "\n".join(lines)


def _kinds() -> dict[str, tuple[str, ...]]:
    from infoloom.estimators import accepted, names

    return {name: accepted(name) for name in names()}


def _kinds_json() -> str:
    return json.dumps({"estimators": {name: list(kinds) for name, kinds in _kinds().items()}}, indent=2)


def _kinds_text() -> str:
    """A column for each kind of pair."""
    from infoloom.estimators.kinds import KINDS

    lines = [f"{'estimator':<24} " + " ".join(f"{kind:<11}" for kind in KINDS)]
    for name, taken in _kinds().items():
        lines.append(f"{name:<24} " + " ".join(f"{'yes' if kind in taken else '-':<11}" for kind in KINDS))
    lines += ["", *(f"{kind}: {meaning}" for kind, meaning in KINDS.items())]
    return "\n".join(line.rstrip() for line in lines)
