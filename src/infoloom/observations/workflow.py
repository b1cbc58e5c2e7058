"""What the commands do: train a flow from data to certified file, check one that exists."""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from infoloom.errors import FlowError
from infoloom.observations.flows.certificate import Effort, early_margin, expected_seconds
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
from infoloom.observations.realism.quality import measure_quality
from infoloom.observations.training.continuing import Finished
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.training_data import TrainingData, load_training_data
from infoloom.observations.training.distilling import distilling_recipe
from infoloom.observations.training.packaging import all_classes, certify_file, package_flow, update_card
from infoloom.observations.training.precision import Precision
from infoloom.observations.training.recipes import RECIPES, Recipe, recipe_for
from infoloom.observations.training.training import Progress, Trainer
from infoloom.spec.flows.flow import flow_header, flow_path

__all__ = ["TrainingPlan", "check_flow", "data_of_flow", "train_flow"]


_FIRST_LOOK: Final = 90.0  # seconds of training before the first picture


@dataclass(frozen=True)
class TrainingPlan:
    """One call of `infoloom flow train`.

    Args:
        name: Name of the flow; a zoo name brings its recipe.
        source: Where the data are; see `load_training_data`.
        output: The `.safetensors` file to write; the training's state lies beside it until the flow is done.
        minutes: Budget of working time; the recipe's when neither budget is given.
        steps: Budget of training steps.
        network: Settings of the network, or the recipe's.
        sigma: Width of the path at t = 1, or the recipe's.
        batch: Rows a training step, or the recipe's.
        flow_steps: Steps of the finished flow, or the recipe's.
        bend: Its grid, or the recipe's; see `step_grid`.
        solver: Its solver.
        unconditional: Leave the classes out.
        group: Array or column that says which rows are held out together, or the recipe's.
        array: Array or column with the rows, or the recipe's.
        size: Height and width to which pictures are brought, or the recipe's.
        classes: New class names and those that they join, or the recipe's.
        augment: How rows are changed while training, or the recipe's.
        licence: Licence of the data, for the card.
        seed: Seed.
        device: Where to compute.
        compiled: Compile the network first.
        samples: Picture of samples to write, at every tenth of the budget and at the end.
        precision: Of the training; measured when left out.
        continued: Go on with the finished flow in `output`; the budget is what is added.
        quick: Leave the certificate out; the flow is then marked as not certified.
        teacher: Distil this flow, one of the zoo or a path, into one with fewer steps.
    """

    name: str
    source: str
    output: Path
    minutes: float | None = None
    steps: int | None = None
    network: Mapping[str, Any] | None = None
    sigma: float | None = None
    batch: int | None = None
    flow_steps: int | None = None
    bend: float | None = None
    solver: str = "euler"
    unconditional: bool = False
    group: str | None = None
    array: str | None = None
    size: int | None = None
    classes: Mapping[str, tuple[str, ...]] | None = None
    augment: str | None = None
    licence: str = "not stated"
    seed: int = 0
    device: str = "cpu"
    compiled: bool = False
    samples: Path | None = None
    precision: Precision | None = None
    continued: bool = False
    quick: bool = False
    teacher: str | None = None

    def data(self) -> TrainingData:
        """Read and check the data.

        Raises:
            FlowError: Data that cannot be used.
        """
        return load_training_data(self.source, self.reading())

    def reading(self) -> Reading:
        """How to read them: the recipe's way with this plan's changes, or as the teacher's were."""
        if self.teacher is not None:
            return _reading_of(self.teacher)
        changes = {name: getattr(self, name) for name in ("array", "group", "size", "classes")}
        given = {key: value for key, value in changes.items() if value is not None}
        own = RECIPES[self.name].reading if self.name in RECIPES else Reading()
        return replace(own, unconditional=self.unconditional, **given)

    def recipe(self, shape: tuple[int, ...], finished: Finished | None = None) -> Recipe:
        """The recipe of that name, or one for a finished flow, with this plan's changes."""
        changes: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("network", "sigma", "batch", "flow_steps", "bend", "augment")
        }
        given = {key: value for key, value in changes.items() if value is not None}
        own = recipe_for(self.name, shape)
        if finished is not None:
            own = finished.recipe(own)
            given = {key: value for key, value in given.items() if key not in ("network", "sigma")}
            if self.teacher is not None:
                own = distilling_recipe(own, len(finished.description.grid) - 1)
        return replace(own, reading=self.reading(), **given)


def train_flow(plan: TrainingPlan, report: Callable[[str, float], None] | None = None) -> dict[str, Any]:
    """Train, package and certify a flow; a stopped training goes on from its state file.

    Returns:
        The certificate, with the flow's classes; of a quick training only that it does not pass.

    Raises:
        FlowError: Data, network or grid that cannot be used, or a loss that is no number.
    """
    tell = report or (lambda what, share: None)
    if plan.output.suffix != ".safetensors":
        raise FlowError(f"file `{plan.output}`: expected a name ending in `.safetensors`.")
    finished = _finished(plan)
    data = plan.data() if finished is None else finished.data(plan.data())
    for line in data.description():
        tell(line, 0.0)
    recipe = plan.recipe(data.shape, finished)
    # a wrong grid is said before the training, not after it
    grid = step_grid(recipe.flow_steps, recipe.sigma, recipe.bend)
    trainer = Trainer(
        data, recipe, seed=plan.seed, device=plan.device, compiled=plan.compiled, precision=plan.precision,
        target=None if finished is None or plan.teacher is None else finished.taught(grid, plan.device),
    )  # fmt: skip
    if finished is not None:
        finished.scaled_alike(trainer)
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
    _package(plan, trainer, data, plan.output)
    if plan.quick:
        state.unlink(missing_ok=True)
        return {"passes": False, "reason": "never certified", "classes": data.classes}
    effort = Effort(20, 200, 100)
    minutes = expected_seconds(all_classes(str(plan.output)), effort) / 60.0
    tell(f"certificate: about {minutes:.1f} minutes of processor time", 0.0)
    certificate = certify_file(plan.output, data, effort=effort, report=report)
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
        _package(plan, trainer, data, path)
        if plan.samples is not None:
            sample_picture(str(path), plan.samples, rows=2)
        flow = all_classes(str(path))
    if not isinstance(flow, SteppedFlow):  # unreachable: a training makes stepped flows
        raise FlowError(f"flow `{plan.name}`: expected steps to look at.")
    return early_margin(flow, rows=2)


def _finished(plan: TrainingPlan) -> Finished | None:
    """The flow from which a plan goes on, if it does."""
    if plan.teacher is not None:
        teacher = flow_path(plan.teacher)
        if plan.output.exists() and plan.output.samefile(teacher):
            raise FlowError(f"output `{plan.output}`: expected another file than that of the flow itself.")
        return Finished(teacher)
    return Finished(plan.output) if plan.continued else None


def _package(plan: TrainingPlan, trainer: Trainer, data: TrainingData, path: Path) -> None:
    card: dict[str, Any] = {
        "name": plan.name,
        "data": plan.source,
        "licence": plan.licence,
        "seed": plan.seed,
    }
    finished = _finished(plan)
    if finished is not None:
        card = finished.card(card)
        if plan.teacher is not None:
            card["distilled"] = finished.origin()
    package_flow(path, trainer, data, solver=plan.solver, card=card)


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
        FlowError: No such flow, or data that do not fit it.
    """
    path = flow_path(name)
    flow = all_classes(name)
    data = None if source is None else data_of_flow(name, source)
    if data is not None and (data.shape != flow.shape_out or data.classes != flow.description.classes):
        raise FlowError(
            f"flow `{name}`: expected data of shape {flow.shape_out} with classes {flow.description.classes}, "
            f"got {data.shape} with {data.classes}. Give the data it was made for."
        )
    effort = Effort(eigen_rows, rows, max(1, rows // 2) if wide_rows is None else wide_rows)
    found = certify_file(path, data, effort=effort, report=report, keep=keep)
    if quality and data is not None:
        found["quality"] = measure_quality(
            name,
            data,
            features=_features(features, data, flow_header(path)["card"].get("name", "")),
            inception=None if inception is None else InceptionFeatures(inception),
            strong=strong,
            report=report,
        )
        if keep:
            update_card(path, quality=found["quality"])
    if picture is not None:
        whitening_picture(name, picture)
    return found


def data_of_flow(name: str, source: str) -> TrainingData:
    """Real data, read as the flow's own were.

    Args:
        name: One of the zoo, or a path.
        source: See `load_training_data`.
    """
    return load_training_data(source, _reading_of(name))


def _reading_of(name: str) -> Reading:
    header = flow_header(flow_path(name))
    kept = header["card"].get("recipe", {}).get("reading", {})
    return replace(Reading.from_dict(kept), unconditional=not header["classes"])


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
