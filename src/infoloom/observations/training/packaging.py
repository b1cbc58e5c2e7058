"""From a finished training to a certified flow in one file."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.adopted.exact_certificate import certify_exact
from infoloom.observations.build import load_flow
from infoloom.observations.flows.checking.certificate import Effort, certify
from infoloom.observations.flows.checking.turns import period
from infoloom.observations.flows.checkpoint import FlowDescription, rewrite_description, save_checkpoint
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.scaling import as_array
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.training import Trainer
from infoloom.spec.flows.flow import flow_header, flow_path

__all__ = ["all_classes", "certify_file", "package_flow", "real_batches", "real_rows", "update_card"]


def package_flow(
    path: Path,
    trainer: Trainer,
    data: TrainingData,
    *,
    solver: str = "euler",
    card: Mapping[str, Any] | None = None,
) -> FlowDescription:
    """Write a training's averaged weights as a flow on its recipe's grid, not yet certified.

    Args:
        path: The `.safetensors` file to write.
        trainer: The training.
        data: What it was trained on.
        solver: `euler` or `midpoint`.
        card: Data, licence and whatever else a reader should know.
    """
    recipe = trainer.recipe
    description = FlowDescription(
        shape=data.shape,
        classes=data.classes,
        solver=solver,
        grid=step_grid(recipe.flow_steps, recipe.sigma, recipe.bend),
        network=dict(recipe.network),
        sigma=recipe.sigma,
        spread=trainer.field.spread,
        center=data.center,
        scale=data.scale,
        card={
            "unit": data.unit,
            **(card or {}),
            "recipe": recipe.to_dict(),
            "trained": {
                "steps": trainer.step,
                **(
                    {"held_out_loss": trainer.best.loss, "kept_step": trainer.best.step}
                    if trainer.best.weights
                    else {}
                ),
                "minutes": round(trainer.seconds / 60, 1),
                "loss": trainer.loss,
                "rows": len(data.values),
                "device": trainer.device.type,
                "torch": torch.__version__,
                "machine": platform.machine(),
            },
        },
    )
    save_checkpoint(path, description, trainer.weights())
    return description


def all_classes(name: str, dtype: torch.dtype = torch.float32) -> SteppedFlow | ExactFlow:
    """A trained or adopted flow that gives the rows of a batch all of its classes in turn."""
    classes = flow_header(flow_path(name)).get("classes")
    if not classes:
        return load_flow(name, dtype=dtype)
    flow = load_flow(name, classes[0], dtype)
    return flow.with_label(torch.arange(flow.batch) % len(classes))


def real_rows(
    data: TrainingData, flow: SteppedFlow | ExactFlow, *, seed: int = 0, held_out: bool = True
) -> Tensor:
    """Real rows with the noise that the flow's own path keeps, in the order of its classes, (m, *shape) float32.

    Noise of width σ · scale makes up for the rounding of real data: a flow with that path samples rows with just
    this noise.

    Args:
        data: The real data.
        flow: The flow.
        seed: Seed of the noise.
        held_out: Take rows that were not trained on, where there are any.
    """
    use_held_out = held_out and len(data.held_out) > 0
    values = data.held_out if use_held_out else data.values
    labels = data.held_out_labels if use_held_out else data.labels
    noise = np.random.default_rng(seed).standard_normal(values.shape, dtype=np.float32)
    width = (flow.description.sigma * as_array(flow.description.scale)).astype(np.float32)
    noisy = torch.from_numpy(values + width * noise)
    return noisy if labels is None else noisy[_in_turn(labels, len(data.classes or ()))]


def real_batches(data: TrainingData, flow: SteppedFlow | ExactFlow) -> tuple[int, Tensor | None]:
    """Rows held out and then rows trained on, both in whole rounds of all classes, and how many were held out."""
    kinds = [real_rows(data, flow)] if len(data.held_out) else []
    kinds += [real_rows(data, flow, held_out=False)] if len(data.values) else []
    size = period(len(data.classes or ()))
    whole = [rows[: len(rows) // size * size] for rows in kinds]
    joined = torch.cat(whole)
    return len(whole[0]) if len(data.held_out) else 0, joined if len(joined) else None


def _in_turn(labels: NDArray[np.int64], classes: int) -> Tensor:
    """Places of rows such that row i of every round has class i mod the number of classes; see `period`."""
    size = period(classes)
    of_class = [list(np.flatnonzero(labels == number)[::-1]) for number in range(classes)]
    order: list[int] = []
    while all(len(places) > size // classes for places in of_class):
        order += [of_class[place % classes].pop() for place in range(size)]
    return torch.tensor(order, dtype=torch.long)


def certify_file(
    path: Path,
    data: TrainingData | None,
    *,
    effort: Effort | None = None,
    report: Callable[[str, float], None] | None = None,
    keep: bool = True,
) -> dict[str, Any]:
    """Certify a flow's file, and keep the certificate in it.

    Args:
        path: The `.safetensors` file.
        data: Real data of its kind, or None.
        effort: How many rows to look at.
        report: Called with what is being done and the share that is done.
        keep: Write the certificate into the file.

    Raises:
        FlowError: A certificate to be kept that leaves float64 out.
    """
    if keep and effort is not None and not effort.wide_rows:
        raise FlowError(
            "certificate of `0` rows in float64: expected 1 or more where it is kept, because without them it does "
            "not pass. Raise `--wide-rows`, or leave `--keep` out."
        )
    flow, wide = all_classes(str(path)), all_classes(str(path), torch.float64)
    held, real = (0, None) if data is None else real_batches(data, flow)
    if isinstance(flow, ExactFlow) and isinstance(wide, ExactFlow):
        found = certify_exact(flow, wide, real, effort=effort, report=report)
    elif isinstance(flow, SteppedFlow) and isinstance(wide, SteppedFlow):
        found = certify(flow, wide, real, effort=effort, report=report)
    else:  # unreachable: one file in two precisions
        raise FlowError(f"flow `{path}`: expected one kind of flow in both precisions.")
    certificate = found | {"held_out_rows": held}
    if keep:
        update_card(path, certificate=certificate)
    return certificate


def update_card(path: Path, **entries: Any) -> None:
    """Add entries to the card in a flow's file; weights stay as they are."""
    description = FlowDescription.from_header(flow_header(path), path)
    rewrite_description(path, replace(description, card={**description.card, **entries}))
