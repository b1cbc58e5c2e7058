"""`infoloom flow list | train | check`: parse, one call, print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infoloom.cli.flow import options
from infoloom.cli.terminal.progress import shared
from infoloom.cli.terminal.tables import paragraph, screen
from infoloom.errors import FlowError

if TYPE_CHECKING:
    from infoloom.observations.training.plan import TrainingPlan

__all__ = ["flow_app", "print_trained", "print_verdict", "read_precision"]

flow_app = typer.Typer(
    help="Trained flows: list them, train your own, adopt a model, check one.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, full precision.")]


@flow_app.command("list")
def list_flows(as_json: AsJson = False) -> None:
    """List the trained flows that come with the package."""
    from infoloom.spec.flows.flow import flow_header, flow_path, zoo_names

    headers = {name: flow_header(flow_path(name)) for name in zoo_names()}
    if as_json:
        print(json.dumps({name: _listed(header) for name, header in headers.items()}, indent=2))
        return
    for name, header in headers.items():
        listed = _listed(header)
        shape, classes = "×".join(map(str, header["shape"])), header["classes"]
        kinds = f"{len(classes)} classes ({classes[0]} … {classes[-1]})" if classes else "no classes"
        margin = "not certified" if listed["margin"] is None else f"margin {float(listed['margin']):.2f}"
        said = f"{shape:<9} {listed['steps']} {listed['solver']} steps, {margin}, {kinds}"
        print(paragraph(said, screen(), first=f"{name:<15} "))
        print(paragraph(f"{listed['data']}; {listed['licence']}", screen(), first=" " * 16))


@flow_app.command()
def train(
    name: options.Name,
    data: options.Data,
    output: options.Output = None,
    minutes: options.Minutes = None,
    steps: options.Steps = None,
    network: options.Network = None,
    sigma: options.Sigma = None,
    batch: options.Batch = None,
    flow_steps: options.FlowSteps = None,
    bend: options.Bend = None,
    solver: options.Solver = None,
    unconditional: options.Unconditional = False,
    group: options.Group = None,
    array: options.Array = None,
    size: options.Size = None,
    classes: options.Classes = None,
    frequencies: options.Frequencies = None,
    augment: options.Augment = None,
    dry_run: options.DryRun = False,
    licence: options.Licence = "not stated",
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    precision: options.Precision = "auto",
    compiled: options.Compiled = False,
    samples: options.Samples = None,
    continued: options.Continued = False,
    quick: options.Quick = False,
) -> None:
    """Train a flow on real data, certify it and write it. A training that was stopped continues."""
    from infoloom.observations.training.plan import TrainingPlan
    from infoloom.observations.workflow import train_flow

    target = output or Path(f"{name}.safetensors")
    plan = TrainingPlan(
        name=name, source=data, output=target, minutes=minutes, steps=steps, network=_network(network), sigma=sigma,
        batch=batch, flow_steps=flow_steps, bend=bend, solver=solver, unconditional=unconditional, group=group,
        array=array, size=size, classes=_classes(classes), frequencies=frequencies, augment=augment,
        licence=licence, seed=seed, device=device, compiled=compiled, samples=samples,
        precision=read_precision(precision), continued=continued, quick=quick,
    )  # fmt: skip
    if dry_run:
        print("\n".join(plan.description()))
        return
    with shared() as report:
        certificate = train_flow(plan, report)
    raise typer.Exit(print_trained(plan, certificate))


@flow_app.command()
def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A flow of the package, or a .safetensors file.")
    ],
    data: Annotated[
        str | None, typer.Option(help="Real data of the same kind, to check real rows too.")
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows of the round trips.")] = 200,
    eigen_rows: Annotated[int, typer.Option(help="Rows of the eigenvalues.")] = 20,
    wide_rows: Annotated[
        int | None, typer.Option(help="Rows of the round trips in float64.", show_default="half of --rows")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write the certificate into the flow's file.")] = False,
    quality: Annotated[
        bool, typer.Option("--quality", help="Measure how real the samples look; needs --data.")
    ] = False,
    features: Annotated[
        Path | None,
        typer.Option(help="Classifier that --quality uses; trained and written if the file does not exist."),
    ] = None,
    inception: Annotated[
        Path | None,
        typer.Option(
            help="Inception weights for the FID of the literature; needs --quality and torch-fidelity."
        ),
    ] = None,
    strong: Annotated[
        bool,
        typer.Option(
            "--strong",
            help="With --quality: also train a larger network, with 5,000 rows, to tell samples from real rows.",
        ),
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Picture of samples with a cause: whitened, divided by norm, unchanged."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute a flow's certificate again: whether each step is injective and the whole map can be inverted."""
    from infoloom.observations.flows.checking.extremes import in_words
    from infoloom.observations.workflow import check_flow

    if (inception is not None or strong or features is not None) and not quality:
        raise FlowError(
            "flow check: `--features`, `--inception` and `--strong` expected `--quality`. Give it too."
        )
    if quality and data is None:
        raise FlowError("flow check: `--quality` expected real data to compare with. Give `--data FILE`.")
    with shared(quiet=as_json) as report:
        found = check_flow(
            name, data, rows=rows, eigen_rows=eigen_rows, wide_rows=wide_rows, keep=keep, quality=quality,
            features=features, inception=inception, strong=strong, picture=picture, report=report,
        )  # fmt: skip
    print(json.dumps(in_words(found), indent=2) if as_json else print_verdict(name, found))
    raise typer.Exit(0 if found["passes"] else 1)


def _listed(header: Mapping[str, Any]) -> dict[str, Any]:
    card = header["card"]
    certificate = card.get("certificate", {})
    return {
        "shape": header["shape"],
        "classes": header["classes"],
        "solver": header["solver"],
        "steps": len(header["grid"]) - 1,
        "margin": certificate.get("margin"),
        "passes": certificate.get("passes", False),
        "unit": card.get("unit"),
        "data": card.get("data"),
        "licence": card.get("licence"),
        "trained": card.get("trained"),
        "certificate": certificate,
        "quality": card.get("quality"),
    }


def read_precision(name: str) -> Any:
    """The precision that was asked for, or None to measure it."""
    if name not in ("auto", "float32", "bfloat16"):
        raise FlowError(f"precision `{name}`: expected auto, float32 or bfloat16.")
    return None if name == "auto" else name


def _classes(text: str | None) -> dict[str, tuple[str, ...]] | None:
    if text is None:
        return None
    found = {}
    for part in text.split(";"):
        new, equals, old = part.partition("=")
        names = tuple(name.strip() for name in (old if equals else new).split(","))
        if not new.strip() or not all(names):
            raise FlowError(f"classes `{text}`: expected `NEW=OLD,OLD; NEW=OLD`, got `{part.strip()}`.")
        if new.strip() in found:
            raise FlowError(
                f"classes `{text}`: expected each new class once, got `{new.strip()}` twice. Join its old ones."
            )
        found[new.strip()] = names
    return found


def _network(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise FlowError(
            f'network `{text}`: expected JSON such as {{"name": "mlp", "hidden": 256}} ({error}).'
        ) from error
    if not isinstance(settings, dict):
        raise FlowError(f'network `{text}`: expected a JSON object such as {{"name": "mlp"}}.')
    return settings


def print_trained(plan: TrainingPlan, certificate: Mapping[str, Any]) -> int:
    """Say what a training made; returns the exit status."""
    target = plan.output
    if plan.quick:
        print(
            f"{plan.name}: not certified; run `infoloom flow check {target} --keep`, with `--data` for real rows too"
        )
    else:
        print(print_verdict(plan.name, certificate))
    print(f'Wrote {target}. Use it in a spec as `flow: "{target}{"[…]" if certificate["classes"] else ""}"`.')
    return 0 if plan.quick or certificate["passes"] else 1


def print_verdict(name: str, found: Mapping[str, Any]) -> str:
    from infoloom.observations.flows.checking.certificate import MARGIN
    from infoloom.spec.flows.norms import SMALLER_LOST

    lines = [f"{name}: {'certified' if found['passes'] else 'NOT certified, ' + str(found.get('reason'))}"]
    if "margin" in found:
        lines.append(f"  smallest eigenvalue of a step   {found['margin']:.3f} (must be {MARGIN:g} or more)")
    lines += [
        f"  round trip in {kind:<8}          {trip['worst']:.1e} worst relative error"
        for kind, trip in found["round_trip"].items()
    ]
    if "smaller_latents" in found:
        worst = found["smaller_latents"]["worst"]
        only = "" if worst <= SMALLER_LOST else f" (over {SMALLER_LOST:g}: for whitened latents only)"
        lines.append(f"  latents of smaller norm         {worst:.1e} worst error{only}")
    if "singular_values" in found:
        low, high = found["singular_values"]
        log_determinants = " and ".join(f"{value:.1f}" for value in found["log_determinants"])
        lines.append(f"  singular values of the map      {low:.2e} to {high:.2e}")
        lines.append(f"  log-determinants of the map     {log_determinants} nats")
    lines += [f"  {key:<31} {_shown(value)}" for key, value in found.get("quality", {}).items()]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(part)}" for key, part in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)
