"""What the commands do: train a flow from data to certified file, check one that exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infoloom.bijections.certificate import Effort
from infoloom.bijections.grids import step_grid
from infoloom.bijections.packaging import all_classes, certify_file, package_flow
from infoloom.bijections.recipes import Recipe, recipe_for
from infoloom.bijections.training import Trainer
from infoloom.bijections.training_data import load_training_data
from infoloom.errors import FlowError
from infoloom.spec.flow import flow_path

__all__ = ["TrainingPlan", "check_flow", "train_flow"]


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
        flow_steps: Steps of the finished flow.
        bend: Its grid; see `step_grid`.
        solver: Its solver.
        unconditional: Leave the classes out.
        licence: Licence of the data, for the card.
        seed: Seed.
        device: Where to compute.
        compiled: Compile the network first.
    """

    name: str
    source: str
    output: Path
    minutes: float | None = None
    steps: int | None = None
    network: Mapping[str, Any] | None = None
    sigma: float | None = None
    batch: int | None = None
    flow_steps: int = 16
    bend: float = 0.7
    solver: str = "euler"
    unconditional: bool = False
    licence: str = "not stated"
    seed: int = 0
    device: str = "cpu"
    compiled: bool = False

    def recipe(self, shape: tuple[int, ...]) -> Recipe:
        """The recipe of that name with this plan's changes."""
        changes: dict[str, Any] = {"network": self.network, "sigma": self.sigma, "batch": self.batch}
        given = {key: value for key, value in changes.items() if value is not None}
        return replace(recipe_for(self.name, shape), **given)


def train_flow(plan: TrainingPlan, report: Callable[[str, float], None] | None = None) -> dict[str, Any]:
    """Train, package and certify a flow; a stopped training goes on from its state file.

    Returns:
        The certificate, with the flow's classes.

    Raises:
        FlowError: Data, network or grid that cannot be used, or a loss that is no number.
    """
    tell = report or (lambda what, share: None)
    data = load_training_data(plan.source, unconditional=plan.unconditional)
    recipe = plan.recipe(data.shape)
    step_grid(
        plan.flow_steps, recipe.sigma, plan.bend
    )  # a wrong grid is said before the training, not after it
    trainer = Trainer(data, recipe, seed=plan.seed, device=plan.device, compiled=plan.compiled)
    state = plan.output.with_suffix(".training.safetensors")
    if state.is_file():
        trainer.resume(state)
    minutes = plan.minutes if plan.minutes is not None or plan.steps is not None else recipe.minutes
    trainer.run(
        minutes=minutes,
        steps=plan.steps,
        save_to=state,
        report=lambda at: tell(f"step {at.step}, loss {at.loss:.4f}", at.share),
    )
    card = {"name": plan.name, "data": plan.source, "licence": plan.licence, "seed": plan.seed}
    package_flow(
        plan.output, trainer, data, steps=plan.flow_steps, solver=plan.solver, bend=plan.bend, card=card
    )
    certificate = certify_file(plan.output, data, effort=Effort(20, 200, 100), report=report)
    state.unlink(missing_ok=True)
    return {**certificate, "classes": data.classes}


def check_flow(
    name: str,
    source: str | None = None,
    *,
    rows: int = 200,
    eigen_rows: int = 20,
    wide_rows: int | None = None,
    keep: bool = False,
    quality: bool = False,
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
        report: Called with what is being done and the share that is done.

    Raises:
        FlowError: No such flow, or data that do not fit it.
    """
    path = flow_path(name)
    flow = all_classes(name)
    data = None if source is None else load_training_data(source, unconditional=flow.label is None)
    if data is not None and (data.shape != flow.shape_out or data.classes != flow.description.classes):
        raise FlowError(
            f"flow `{name}`: expected data of shape {flow.shape_out} with classes {flow.description.classes}, "
            f"got {data.shape} with {data.classes}. Give the data it was made for."
        )
    effort = Effort(eigen_rows, rows, max(1, rows // 2) if wide_rows is None else wide_rows)
    found = certify_file(path, data, effort=effort, report=report, keep=keep)
    if quality and data is not None:
        from infoloom.bijections.quality import measure_quality

        found["quality"] = measure_quality(name, data, report=report)
    return found
