"""One call from a pretrained model to a certified flow in a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import torch
from numpy.typing import ArrayLike
from torch import nn

from infoloom.errors import FlowError
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.adopted.exact_certificate import certify_exact
from infoloom.observations.adopted.files import BIJECTION, SCHEDULE, StoredModel, halved, write_model
from infoloom.observations.adopted.graphs.tracing import class_name, fitting_batch, traced
from infoloom.observations.adopted.grid_search import GridSearch, search_grid
from infoloom.observations.adopted.requests import (
    Grid,
    check_request,
    checked_classes,
    checked_number,
    checked_sizes,
    given_grid,
)
from infoloom.observations.adopted.schedules import NoiseSchedule
from infoloom.observations.flows.checking.certificate import Effort, certify
from infoloom.observations.flows.checkpoint import GRAPH, FlowDescription
from infoloom.observations.flows.scaling import checked_numbers
from infoloom.observations.flows.stepped import SteppedFlow

__all__ = ["QUICK", "Adopted", "adopt"]

Report = Callable[[str, float], None]

QUICK: Final = Effort(eigen_rows=8, trip_rows=32, wide_rows=8, rounds=12, singular_rows=1)
SMALL: Final = 256  # components up to which one whole Jacobian is cheap
TINY: Final = 64  # components up to which a thousand round trips are


class Adopted:
    """A pretrained model as a flow: its graph, its weights, and a certificate once it has one.

    Args:
        model: Graphs, weights and description.
    """

    def __init__(self, model: StoredModel) -> None:
        self.model = model

    @property
    def description(self) -> FlowDescription:
        """Shape, classes, grid, scaling and card."""
        return self.model.description

    @property
    def certificate(self) -> Mapping[str, Any]:
        """What is known about the map as computed; see `certify`."""
        return self.flow(next(iter(self.description.classes or ()), None)).certificate()

    def flow(self, label: str | None = None, dtype: torch.dtype = torch.float32) -> SteppedFlow | ExactFlow:
        """The bijection, of one class where the model has classes.

        Args:
            label: Name of the class, or None.
            dtype: Precision to compute in.

        Raises:
            FlowError: No such class.
        """
        classes = self.description.classes
        if (label is None) != (not classes) or (classes and label not in classes):
            raise FlowError(
                f"class `{label}`: expected {'one of ' + ', '.join(classes) if classes else 'none'}."
            )
        number = None if label is None or not classes else classes.index(label)
        return self.model.flow(number, dtype, name=str(self.description.card.get("name", "flow")))

    def certify(
        self,
        real: ArrayLike | None = None,
        effort: Effort = QUICK,
        seed: int = 0,
        report: Report | None = None,
    ) -> Adopted:
        """The same flow with a certificate on its card, whether it passes or not.

        Args:
            real: Real rows in the order of the classes, whole batches of 32, (m, *shape); None without.
            effort: How many rows to look at.
            seed: Seed of latents and starting vectors.
            report: Called with what is being done and the share that is done.
        """
        rows = None if real is None else torch.as_tensor(real).float()
        flow, wide = (_in_turn(self.model, dtype) for dtype in (torch.float32, torch.float64))
        if isinstance(flow, ExactFlow) and isinstance(wide, ExactFlow):
            found = certify_exact(flow, wide, rows, effort=effort, seed=seed, report=report)
        else:
            found = certify(flow, wide, rows, effort=effort, seed=seed, report=report)  # type: ignore[arg-type]
        card = {**self.description.card, "certificate": found}
        return Adopted(self.model.described(replace(self.description, card=card)))

    def save(self, path: str | Path) -> Path:
        """Write one safetensors file, which a spec names as `flow: "mine.safetensors"`.

        Args:
            path: Must end in `.safetensors`.

        Raises:
            FlowError: Another ending.
        """
        target = Path(path)
        if target.suffix != ".safetensors":
            raise FlowError(f"file `{target}`: expected a name ending in `.safetensors`.")
        write_model(target, self.model)
        return target


def adopt(
    model: nn.Module,
    shape: Sequence[int],
    *,
    kind: str = "velocity",
    classes: Sequence[str] | None = None,
    grid: Grid = None,
    solver: str = "euler",
    reverse: bool = False,
    schedule: ArrayLike | None = None,
    sigma: float | None = None,
    spread: float = 1.0,
    center: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    half: bool = False,
    batch: int | None = None,
    effort: Effort | None = QUICK,
    name: str = "adopted",
    source: str = "not stated",
    licence: str = "not stated",
    unit: str | None = None,
    report: Report | None = None,
) -> Adopted:
    """Make a pretrained model of any package a flow with a certificate.

    The model is traced once; what is kept is a graph of pure operators and the weights, no code. Every result is
    computed with that graph, the certificate too.

    Args:
        model: For `velocity` called as model(x, t[, y]) with x (n, *shape), t (n,) in 0 … 1 and y (n,) numbers of
            classes; for `epsilon`, `x0` and `v` with timesteps for t; each gives (n, *shape). For `bijection` a module
            with `forward_and_log_det(z[, y])` → x (n, *shape) and log |det| (n,), and `inverse(x[, y])` → z (n, d).
        shape: Shape of one observation.
        kind: `velocity`, `epsilon`, `x0`, `v` or `bijection`.
        classes: Names of the classes, in the order of their numbers.
        grid: Times from 0 to 1; a number of even steps, or of DDIM steps; None or a `GridSearch` to look for it.
        solver: `euler` or `midpoint`.
        reverse: Whether the model's time runs from data (0) to noise (1).
        schedule: `alphas_cumprod` of a diffusion model, (T,).
        sigma: Width of the path at t = 1 in units of `scale`; that of timestep 0 for diffusion models, 0 otherwise.
        spread: Standard deviation of the data in units of `scale`.
        center: Observations are center + scale · x: a number, or numbers that spread over the shape.
        scale: See `center`.
        half: Keep weights in half precision; the flow then computes with the rounded ones.
        batch: Rows computed together, a power of 2 up to 32; as many as 2 GiB hold if None.
        effort: What the certificate looks at; None leaves it out. `QUICK` is 32 rows there and back, and 1,024 where
            there are at most 64 components.
        name: What to call the flow.
        source: Where the model and its data come from.
        licence: Of model and data.
        unit: Unit of the observations; `brightness from -1 to 1` for pictures.
        report: Called with what is being done and the share that is done.

    Returns:
        The flow, certified on a few rows; read `certificate["passes"]`, and `save` it.

    Raises:
        FlowError: Arguments that make no sense, a model that cannot be stored (its operators are named), rows that
            depend on each other, more classes than the model has, or no grid that certifies within the budget.
    """
    check_request(model, kind, solver, schedule)
    sizes, names = checked_sizes(shape), checked_classes(classes)
    checked_number(sigma or 0.0, "sigma", least=0.0, most=1e6)
    checked_number(spread, "spread", least=1e-12, most=1e12)
    noise = None if schedule is None else NoiseSchedule.from_alphas(schedule, sigma)
    trees, tensors = traced(model, kind, sizes, len(names), reverse=reverse)
    if half:
        tensors = halved(tensors)
    if noise is not None:
        tensors[SCHEDULE] = noise.log_ratio
    rows = fitting_batch(trees, tensors, sizes, bool(names)) if batch is None else batch
    description = FlowDescription(
        shape=sizes,
        classes=names or None,
        solver=BIJECTION if kind == BIJECTION else solver,
        grid=given_grid(grid, kind, noise),
        network={"name": GRAPH, "kind": kind, "batch": rows},
        sigma=noise.sigma if noise is not None else float(sigma or 0.0),
        spread=float(spread),
        center=checked_numbers(center, sizes, "center"),
        scale=checked_numbers(scale, sizes, "scale", positive=True),
        card=_card(model, kind, name=name, source=source, licence=licence, unit=unit),
    )
    stored = StoredModel(description, trees, tensors)
    if kind != BIJECTION and (grid is None or isinstance(grid, GridSearch)):
        stored = _searched(stored, noise, grid or GridSearch(), report)
    return _certified(Adopted(stored), effort, report)


def _certified(made: Adopted, effort: Effort | None, report: Report | None) -> Adopted:
    """With its certificate, if one is asked for; singular values of small observations only."""
    if effort is None:
        return made
    size = math.prod(made.model.description.shape)
    if effort == QUICK and size <= TINY:
        effort = replace(effort, trip_rows=1024, wide_rows=256)
    if size > SMALL:
        effort = replace(effort, singular_rows=0)
    return made.certify(effort=effort, report=report)


def _card(
    model: nn.Module, kind: str, *, name: str, source: str, licence: str, unit: str | None
) -> dict[str, Any]:
    """What a reader should know of the model."""
    origin = str(getattr(model, "origin", None) or class_name(model))
    adopted = {"class": origin, "kind": kind, "torch": torch.__version__}
    card = {"name": name, "data": source, "licence": licence, "adopted": adopted}
    return card if unit is None else {**card, "unit": unit}


def _searched(
    stored: StoredModel, noise: NoiseSchedule | None, search: GridSearch, report: Report | None
) -> StoredModel:
    def make(times: tuple[float, ...]) -> SteppedFlow:
        flow = _in_turn(stored.described(replace(stored.description, grid=times)), torch.float32)
        if not isinstance(flow, SteppedFlow):  # unreachable: bijections have no grid
            raise FlowError("grid: a bijection has no steps.")
        return flow

    times = search_grid(make, stored.description.sigma, noise, search, report)
    return stored.described(replace(stored.description, grid=times))


def _in_turn(stored: StoredModel, dtype: torch.dtype) -> SteppedFlow | ExactFlow:
    """The flow that gives the rows of a batch all of its classes in turn."""
    classes = stored.description.classes
    flow = stored.flow(0 if classes else None, dtype)
    return flow.with_label(torch.arange(flow.batch) % len(classes)) if classes else flow
