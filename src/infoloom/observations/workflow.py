"""What the commands do: train a flow from data to certified file, check one that exists."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from infoloom.errors import FlowError
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.flows.checking.certificate import Effort, early_margin, expected_seconds
from infoloom.observations.flows.checkpoint import rewrite_description
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.realism.features import (
    CLASSIFIERS,
    Features,
    load_features,
    save_features,
    train_features,
)
from infoloom.observations.realism.inception import InceptionFeatures
from infoloom.observations.realism.pictures import sample_picture, whitening_picture
from infoloom.observations.realism.quality import measure_quality, require_rows
from infoloom.observations.realism.rescaling import rescaled
from infoloom.observations.training.data.training_data import TrainingData, load_training_data
from infoloom.observations.training.packaging import all_classes, certify_file, update_card
from infoloom.observations.training.plan import (
    TrainingPlan,
    check_files,
    check_output,
    check_picture,
    reading_of,
    rehearse,
)
from infoloom.observations.training.training import Progress, Trainer
from infoloom.spec.flows.flow import flow_header, flow_path

__all__ = ["TrainingPlan", "check_flow", "data_of_flow", "rescale_flow", "train_flow"]


_EFFORT: Final = Effort(20, 200, 100)
_FIRST_LOOK: Final = 90.0  # seconds of training before the first picture


def train_flow(plan: TrainingPlan, report: Callable[[str, float], None] | None = None) -> dict[str, Any]:
    """Train, package and certify a flow; a stopped training goes on from its state file.

    Returns:
        The certificate, with the flow's classes; of a quick training only that it does not pass.

    Raises:
        FlowError: Data, network or grid that cannot be used, or a loss that is no number.
    """
    tell = report or (lambda what, share: None)
    check_files(plan)
    finished = plan.finished()
    data = plan.data()
    for line in data.description():
        tell(line, 0.0)
    recipe = plan.recipe(data.shape, finished)
    grid = step_grid(recipe.flow_steps, recipe.sigma, recipe.bend)
    trainer = Trainer(
        data, recipe, seed=plan.seed, device=plan.device, compiled=plan.compiled, precision=plan.precision,
        target=None if finished is None or plan.teacher is None else finished.taught(grid, plan.device),
    )  # fmt: skip
    if finished is not None:
        finished.scaled_alike(trainer)
    rehearse(plan, trainer, data)
    state = plan.output.with_suffix(".training.safetensors")
    if state.is_file():
        trainer.resume(state)
    elif finished is not None:
        finished.load(trainer, afresh=plan.teacher is not None)
    tell(f"precision: {trainer.settle_precision()}", 0.0)
    minutes = plan.minutes if plan.minutes is not None or plan.steps is not None else recipe.minutes
    steps = plan.steps
    if finished is not None and plan.teacher is None:
        minutes = None if minutes is None else finished.minutes + minutes
        steps = None if steps is None else finished.steps + steps
    trainer.run(minutes=minutes, steps=steps, save_to=state, report=_looking(plan, trainer, data, tell))
    plan.package(trainer, data, plan.output)
    if plan.quick:
        state.unlink(missing_ok=True)
        return {"passes": False, "reason": "never certified", "classes": data.classes}
    minutes = expected_seconds(all_classes(str(plan.output)), _EFFORT) / 60.0
    tell(f"certificate: about {minutes:.1f} minutes of processor time", 0.0)
    certificate = certify_file(plan.output, data, effort=_EFFORT, report=report)
    state.unlink(missing_ok=True)
    if plan.samples is not None:
        sample_picture(str(plan.output), plan.samples, data=data)
    return {**certificate, "classes": data.classes}


def _looking(
    plan: TrainingPlan, trainer: Trainer, data: TrainingData, tell: Callable[[str, float], None]
) -> Callable[[Progress], None]:
    """Say how a training stands, and look at the flow as it is at every tenth of the budget."""
    tenths, seen, began = 0, "", time.monotonic()
    early = plan.samples is not None

    def report(at: Progress) -> None:
        nonlocal tenths, seen, early
        if int(10 * at.share) > tenths or (early and time.monotonic() - began > _FIRST_LOOK):
            early = False
            tenths, seen = int(10 * at.share), f", margin {_look(plan, trainer, data):.2f}"
        held = "" if math.isnan(at.held_out) else f", held out {at.held_out:.4f}"
        left = "" if math.isnan(at.minutes_left) else f", {at.minutes_left:.0f} min left"
        tell(
            f"training, step {at.step:,}, loss {at.loss:.4f}{held}, {at.rows_per_second:.0f} rows/s{left}{seen}",
            at.share,
        )

    return report


def _look(plan: TrainingPlan, trainer: Trainer, data: TrainingData) -> float:
    """The margin of the flow as it is along a few rows; its samples go into the plan's picture."""
    with tempfile.TemporaryDirectory(prefix="infoloom-flow-") as folder:
        path = Path(folder) / "preview.safetensors"
        plan.package(trainer, data, path)
        if plan.samples is not None:
            sample_picture(str(path), plan.samples, rows=2)
        flow = all_classes(str(path))
    if not isinstance(flow, SteppedFlow):  # unreachable: a training makes stepped flows
        raise FlowError(f"flow `{plan.name}`: expected steps to look at.")
    return early_margin(flow, rows=2)


def check_flow(
    name: str,
    source: str | None = None,
    *,
    rows: int = 200,
    eigen_rows: int = 20,
    wide_rows: int | None = None,
    keep: bool = False,
    quality: bool = False,
    features: Path | None = None,
    inception: Path | None = None,
    strong: bool = False,
    picture: Path | None = None,
    report: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Recompute a flow's certificate, and on demand how real its samples look.

    Args:
        name: One of the zoo, or a path.
        source: Real data of its kind, or None; see `load_training_data`.
        rows: Sampled and real rows of the round trips in float32.
        eigen_rows: Rows of the eigenvalues.
        wide_rows: Rows of the round trips in float64; half as many as in float32 when None.
        keep: Write the certificate into the flow's file.
        quality: Measure the samples against the real data.
        features: What `quality` compares by; trained on the data and written where there is no such file. None for
            the shipped classifier of the data, or where there is none, one trained on the data.
        inception: Weights of the Inception network, for the FID of the literature beside.
        strong: `quality` also tells samples from real rows by a larger network.
        picture: File for samples of latents that carry a cause: whitened, divided by their norm, as they are.
        report: Called with what is being done and the share that is done.

    Raises:
        FlowError: No such flow, data that do not fit it, or a certificate to be kept that looks at less than half of
            the rows of the one that is kept.
    """
    check_picture(picture)
    path = flow_path(name)
    flow = all_classes(name)
    data = None if source is None else _fitting(name, flow, source)
    if quality and data is not None:  # what it refuses is refused before the long certificate
        require_rows(data)
        known = _features(features, data, flow_header(path)["card"].get("name", ""))
        network = None if inception is None else InceptionFeatures(inception)
    effort = Effort(eigen_rows, rows, max(1, rows // 2) if wide_rows is None else wide_rows)
    if keep:
        _refuse_fewer_rows(flow, effort)
    found = certify_file(path, data, effort=effort, report=report, keep=keep)
    if quality and data is not None:
        found["quality"] = measure_quality(
            name,
            data,
            features=known,
            inception=network,
            strong=strong,
            report=report,
        )
        if keep:
            update_card(path, quality=found["quality"])
    if picture is not None:
        whitening_picture(name, picture)
    return found


def _refuse_fewer_rows(flow: SteppedFlow | ExactFlow, effort: Effort) -> None:
    """Refuse to replace a certificate that passes by one that looks at less than half of its rows."""
    kept = flow.certificate()
    if not kept["passes"] or kept["kind"] != "stepped":
        return
    trips = kept["round_trip"]
    looked = (
        ("eigen-rows", kept["eigen_rows"], effort.eigen_rows),
        ("rows", trips["float32"]["sampled"]["rows"], effort.trip_rows),
        ("wide-rows", trips["float64"]["sampled"]["rows"], effort.wide_rows),
    )
    for option, before, now in looked:
        if 2 * now + flow.batch < before:  # rows are rounded up to whole batches
            raise FlowError(
                f"certificate of `{now}` rows: the one that is kept looked at {before}. Raise `--{option}`, or leave "
                "`--keep` out."
            )


def rescale_flow(
    name: str,
    source: str,
    output: Path,
    *,
    rows: int = 2048,
    seed: int = 0,
    quick: bool = False,
    report: Callable[[str, float], None] | None = None,
) -> dict[str, Any]:
    """Write a flow again with a factor and a shift after it, and certify the new map; see `rescaled`.

    Args:
        name: One of the zoo, or a path.
        source: The data it was trained on; see `load_training_data`.
        output: The `.safetensors` file to write; not that of the flow.
        rows: Samples, and at most as many training rows.
        seed: Seed of the latents, and of which rows are taken.
        quick: Leave the certificate out.
        report: Called with what is being done and the share that is done.

    Returns:
        The certificate, and under `rescaled` what was changed.

    Raises:
        FlowError: No such flow, data that do not fit it, or a file that cannot be written.
    """
    path = flow_path(name)
    check_output(output)
    if output.exists() and output.samefile(path):
        raise FlowError(f"file `{output}`: expected another file than the flow's own. Choose another name.")
    flow = all_classes(name)
    data = _fitting(name, flow, source)
    if report is not None:
        report(f"drawing {rows:,} samples", 0.0)
    description = rescaled(flow, data, rows=rows, seed=seed)
    shutil.copyfile(path, output)
    rewrite_description(output, description)
    changed = {"rescaled": description.card["rescaled"]}
    if quick:
        return {"passes": False, "reason": "never certified"} | changed
    return certify_file(output, data, effort=_EFFORT, report=report) | changed


def _fitting(name: str, flow: SteppedFlow | ExactFlow, source: str) -> TrainingData:
    """Data of the flow's shape, with its classes."""
    data = data_of_flow(name, source)
    if data.shape != flow.shape_out or data.classes != flow.description.classes:
        raise FlowError(
            f"flow `{name}`: expected data of shape {flow.shape_out} with classes {flow.description.classes}, "
            f"got {data.shape} with {data.classes}. Give the data it was made for."
        )
    return data


def data_of_flow(name: str, source: str) -> TrainingData:
    """Real data, read as the flow's own were.

    Args:
        name: One of the zoo, or a path.
        source: See `load_training_data`.
    """
    return load_training_data(source, reading_of(name))


def _features(path: Path | None, data: TrainingData, name: str) -> Features | None:
    if path is None:
        shipped = CLASSIFIERS / f"{name}.safetensors"
        found = load_features(shipped) if re.fullmatch(r"[\w-]+", name) and shipped.is_file() else None
        return found if found is not None and found.fits(data) else None
    if path.is_file():
        return load_features(path)
    features = train_features(data)
    save_features(path, features)
    return features
