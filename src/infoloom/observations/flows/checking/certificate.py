"""Certifying that a stepped flow is injective as computed, and how well it inverts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.base import Bijection
from infoloom.observations.flows.checking.apart import rows_apart, who_mixes
from infoloom.observations.flows.checking.extremes import (
    largest,
    relative_errors,
    singular_values,
    smallest,
    top,
)
from infoloom.observations.flows.checking.lanczos import smallest_eigenvalue
from infoloom.observations.flows.checking.turns import class_table, looked_at, period, turn, turns
from infoloom.observations.flows.checkpoint import GRAPH
from infoloom.observations.flows.stepped import SteppedFlow, flow_digest

__all__ = [
    "MARGIN",
    "UNCHECKED",
    "Effort",
    "certify",
    "early_margin",
    "expected_seconds",
    "smaller_latents",
    "step_margins",
    "trajectories",
]

Report = Callable[[str, float], None]

MARGIN = 0.05
_TANGENT: Final = 5.0  # passes through the flow for a round of eigenvalues, of three kinds
_TRIP: Final = 4.0  # for a round trip, of two kinds
_WIDE: Final = 4.0  # float64 against float32
SMALLEST: Final = 0.25  # of the usual size; a latent that is not whitened may have such a norm
_SMALLER_ROWS: Final = 64
UNCHECKED: Final = "float64 not checked"
"""The reason of a certificate without round trips in float64: float32 is too coarse to see small steps."""
ROUND_TRIP = {torch.float32: 1e-4, torch.float64: 1e-10}


@dataclass(frozen=True)
class Effort:
    """How many rows a certificate looks at, over all classes together; more than a batch is rounded up
    to whole batches, and at least one row of each class is taken.

    Args:
        eigen_rows: Rows of each kind (sampled, real, segments) for the eigenvalues.
        trip_rows: Sampled rows, and real rows, for the round trip in float32.
        wide_rows: The same in float64; 0 leaves it out, and then the certificate does not pass.
        rounds: Size of the Krylov space.
        singular_rows: Rows for the singular values and the log-determinant of the whole map; 0 leaves them out.
    """

    eigen_rows: int = 64
    trip_rows: int = 1024
    wide_rows: int = 1024
    rounds: int = 16
    singular_rows: int = 2

    def __post_init__(self) -> None:
        for name, least in (("eigen_rows", 1), ("trip_rows", 1), ("wide_rows", 0), ("rounds", 1)):
            if getattr(self, name) < least:
                raise FlowError(
                    f"certificate: expected {least} or more {name}, got {getattr(self, name)}. Raise it."
                )


def certify(
    flow: SteppedFlow,
    wide: SteppedFlow,
    real: Tensor | None,
    *,
    effort: Effort | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> dict[str, Any]:
    """Check that every step is strongly monotone and that the whole map inverts.

    A step Φ(y) = y + g(y) is injective on a convex set where the symmetric part of its Jacobian is positive definite:
    ⟨Φ(a) − Φ(b), a − b⟩ ≥ m ‖a − b‖² with m its smallest eigenvalue there. m is computed along sampled
    trajectories, along
    those that lead to real rows, and at random points of the segments between the two. Latents of smaller norm, which
    N(0, I) never has, are sent there and back too; a flow that loses them is for whitened latents only.

    Args:
        flow: The flow in float32; its classes are taken in turn.
        wide: The same in float64; its inverse starts from that in float32.
        real: Real rows with the path's own noise, (m, *shape), in whole rounds of the flow's classes; see `period`.
            A last round that is not whole is left out, unless it is the only one. None where no data are at hand.
        effort: How many rows to look at.
        seed: Seed of latents and starting vectors.
        report: Called with what is being done and the share that is done.

    Returns:
        JSON-able but for infinite numbers; `passes` says whether the smallest eigenvalue is at least 0.05 and the
        round trips hold (1e-4 in float32, 1e-10 in float64, relative). What is not finite does not pass, nor what was
        not looked at in float64.
    """
    effort, tell = effort or Effort(), report or (lambda what, share: None)
    generator = torch.Generator().manual_seed(seed)
    table, effort = class_table(flow), _of_all_classes(effort, flow)
    len_round = period(len(flow.description.classes or ()))
    if real is not None:  # one that is not whole is all there is
        real = real[: len(real) // len_round * len_round or len(real)]
    steps = _step_eigenvalues(flow, real, effort, generator, tell)
    least = smallest(smallest(kind) for kind in steps.values())
    trips = {"float32": _round_trip(flow, real, effort.trip_rows, generator, tell)}
    if effort.wide_rows:
        trips["float64"] = _round_trip(wide, real, effort.wide_rows, generator, tell, near=flow)
    failed = [name for name, trip in trips.items() if not trip["worst"] <= ROUND_TRIP[getattr(torch, name)]]
    apart = {}
    if flow.description.network.get("name") == GRAPH:  # a stranger's network; ours treat each row on its own
        apart = {
            str(one.dtype).removeprefix("torch."): max(
                rows_apart(turn(one, table, index, one.batch), one.batch, one.dtype)
                for index in range(turns(one))
            )
            for one in (flow, wide)
        }
    whole = whole_map(flow, effort.singular_rows, seed=seed, report=tell) if effort.singular_rows else {}
    reasons = [*_margin_reasons(least), *(f"round trip in {name} too coarse" for name in failed)]
    reasons += who_mixes(apart) + ([] if effort.wide_rows else [UNCHECKED]) + _whole_reasons(whole)
    return {
        "kind": "stepped",
        "digest": flow_digest(flow),
        "class_names": list(flow.description.classes or ()),
        "passes": not reasons,
        **({"reason": "; ".join(reasons)} if reasons else {}),
        "margin": least,
        "eigenvalues": steps,
        "eigen_rows": effort.eigen_rows,
        "round_trip": trips,
        "smaller_latents": smaller_latents(flow, rows=min(_SMALLER_ROWS, effort.trip_rows), seed=seed),
        **whole,
        "solver": flow.description.solver,
        "steps": flow.step_count,
        **({"rows_apart": apart} if apart else {}),
        "seed": seed,
    }


def _of_all_classes(effort: Effort, flow: SteppedFlow) -> Effort:
    """An effort that looks at every class."""
    return replace(
        effort,
        eigen_rows=looked_at(flow, effort.eigen_rows),
        trip_rows=looked_at(flow, effort.trip_rows),
        wide_rows=looked_at(flow, effort.wide_rows) if effort.wide_rows else 0,
    )


def smaller_latents(flow: SteppedFlow, *, rows: int = _SMALLER_ROWS, seed: int = 0) -> dict[str, Any]:
    """Latents of less than the usual norm there and back in float32; a story that is not whitened has such.

    Latents of N(0, I) have nearly the norm √d, so sampled rows say nothing of what lies within.

    Args:
        flow: The flow in float32; its classes are taken in turn.
        rows: How many, of sizes spread evenly from 0.25 to 1; rounded up to whole batches.
        seed: Seed of the latents.

    Returns:
        `rows`, `sizes` (the smallest and the largest) and `worst`, the largest error in units of the usual norm √d.
    """
    generator = torch.Generator().manual_seed(seed)
    batches, table = -(-looked_at(flow, rows) // flow.batch), class_table(flow)
    sizes = torch.linspace(SMALLEST, 1.0, batches * flow.batch)[
        torch.randperm(batches * flow.batch, generator=generator)
    ]
    worst = 0.0
    for index in range(batches):
        one = turn(flow, table, index, flow.batch)
        own = sizes[index * flow.batch :][: flow.batch, None]
        with torch.no_grad():
            latents = own.to(flow.device) * _normal((flow.batch, flow.dim), generator, flow)
            missed = (one.invert(one.forward(latents)).latents - latents).norm(dim=1)
        worst = max(worst, top(missed) / math.sqrt(flow.dim))
    return {"rows": len(sizes), "sizes": [SMALLEST, 1.0], "worst": worst}


def expected_seconds(flow: Bijection, effort: Effort) -> float:
    """About how long `certify` will take, by the time of one pass through the flow."""
    rows = min(8, effort.trip_rows)
    z = torch.randn((rows, *flow.shape_in), generator=torch.Generator().manual_seed(0))
    began = time.process_time()
    with torch.no_grad():
        flow.forward(z)
    row = (time.process_time() - began) / rows
    eigen = effort.eigen_rows * effort.rounds * _TANGENT
    return row * (eigen + effort.trip_rows * _TRIP + effort.wide_rows * _TRIP * _WIDE)


def early_margin(flow: SteppedFlow, *, rows: int = 8, seed: int = 0) -> float:
    """The smallest eigenvalue over the steps along a few sampled rows: a first look, no certificate."""
    return smallest(step_margins(flow, rows=rows, seed=seed))


def step_margins(flow: SteppedFlow, *, rows: int = 8, seed: int = 0) -> list[float]:
    """The smallest eigenvalue of every step along a few sampled rows."""
    generator = torch.Generator().manual_seed(seed)
    steps = _step_eigenvalues(flow, None, Effort(rows, rounds=8), generator, lambda what, share: None)
    return [smallest(values) for values in zip(*steps.values(), strict=True)]


def _step_eigenvalues(
    flow: SteppedFlow, real: Tensor | None, effort: Effort, generator: torch.Generator, tell: Report
) -> dict[str, list[float]]:
    size, table = min(flow.batch, effort.eigen_rows), class_table(flow)
    batches = range(-(-effort.eigen_rows // size))
    flows = [turn(flow, table, index, size) for index in batches]
    gathered = [
        trajectories(one, real, index, size, generator) for index, one in zip(batches, flows, strict=True)
    ]
    found: dict[str, list[float]] = {kind: [] for kind in gathered[0]}
    for step in range(flow.step_count):
        for kind, values in found.items():
            extremes = [
                smallest_eigenvalue(one.increment(step), points[kind][step], rounds=effort.rounds)
                for points, one in zip(gathered, flows, strict=True)
            ]
            values.append(smallest(float((one.value - one.residual).min()) for one in extremes))
        tell("eigenvalues", (step + 1) / flow.step_count)
    return found


def trajectories(
    flow: SteppedFlow, real: Tensor | None, index: int, size: int, generator: torch.Generator
) -> dict[str, list[Tensor]]:
    """One batch of states to look at, for each kind and step: (rows, d) each."""
    with torch.no_grad():
        ours = flow.states(_normal((size, flow.dim), generator, flow))
        rows = None if real is None else _batch_of(real, index, size).to(ours[0])
        reached = None if rows is None else flow.states_back(rows)
        theirs = flow.states(_normal((size, flow.dim), generator, flow)) if reached is None else reached
    segments = [_between(a, b, generator) for a, b in zip(ours, theirs, strict=True)]
    return {"sampled": ours, "segments": segments} | ({} if reached is None else {"real": reached})


def _batch_of(real: Tensor, index: int, size: int) -> Tensor:
    """One batch of the real rows, again from the first where they run out."""
    return real[index * size % len(real) :][:size]


def _between(ours: Tensor, theirs: Tensor, generator: torch.Generator) -> Tensor:
    """One random point on the segment between each of our rows and the row of theirs."""
    place = torch.rand((len(ours), 1), generator=generator).to(ours)
    return place * ours + (1.0 - place) * theirs


def _round_trip(
    flow: SteppedFlow,
    real: Tensor | None,
    rows: int,
    generator: torch.Generator,
    tell: Report,
    near: SteppedFlow | None = None,
) -> dict[str, Any]:
    """Latents there and back, real rows back and there; errors relative to the size of the row."""
    table = class_table(near or flow)
    there, back, inversions = [], [], []
    batches = -(-rows // flow.batch)
    real_batches = 0 if real is None else min(batches, len(real) // flow.batch)
    for index in range(batches):
        flow = turn(flow, table, index, flow.batch)
        start = None if near is None else near.with_label(flow.label)
        with torch.no_grad():
            latents = _normal((flow.batch, flow.dim), generator, flow)
            inversions.append(flow.invert(flow.forward(latents), start))
            there.append(relative_errors(inversions[-1].latents, latents))
            if real is not None and index < real_batches:
                wanted = _batch_of(real, index, flow.batch).to(latents)
                inversions.append(flow.invert(wanted, start))
                again = flow.forward(inversions[-1].latents)
                back.append(relative_errors(flow.standardised(again), flow.standardised(wanted)))
        tell(f"round trip in {str(flow.dtype).removeprefix('torch.')}", (index + 1) / batches)
    errors = {"sampled": torch.cat(there)} | ({"real": torch.cat(back)} if back else {})
    return {
        "worst": largest(top(error) for error in errors.values()),
        **{kind: _summary(error) for kind, error in errors.items()},
        "step_errors": [largest(column) for column in zip(*(one.errors for one in inversions), strict=True)],
        "evaluations": [max(column) for column in zip(*(one.evaluations for one in inversions), strict=True)],
    }


def whole_map(flow: SteppedFlow, rows: int, *, seed: int = 0, report: Report | None = None) -> dict[str, Any]:
    """Singular values and log-determinants of z ↦ (x − center) / scale on a few sampled rows, from whole Jacobians.

    Args:
        flow: The flow in float32; its classes are taken in turn.
        rows: How many.
        seed: Seed of the latents, which are not those of `certify`.
        report: Called with what is being done and the share that is done.

    Returns:
        `singular_values`, the smallest and the largest of all rows; `log_determinants`, one for each row, in nats.
    """
    points = _normal((rows, flow.dim), torch.Generator().manual_seed(seed + 1), flow)
    found, table = [], class_table(flow)
    for place, point in enumerate(points):
        whole = turn(flow, table, place, 1).standardised_jacobian(point)
        found.append(singular_values(whole.double()))
        if report is not None:
            report("singular values", (place + 1) / rows)
    return {
        "singular_values": [
            smallest(float(one[-1]) for one in found),
            largest(float(one[0]) for one in found),
        ],
        "log_determinants": [float(one.log().sum()) for one in found],
    }


def _normal(size: tuple[int, int], generator: torch.Generator, flow: SteppedFlow) -> Tensor:
    return torch.randn(size, generator=generator, dtype=torch.float64).to(flow.device, flow.dtype)


def _summary(errors: Tensor) -> dict[str, float]:
    return {"rows": len(errors), "median": float(errors.median()), "worst": top(errors)}


def _margin_reasons(least: float) -> list[str]:
    if not math.isfinite(least):
        return ["smallest eigenvalue not finite"]
    return [] if least >= MARGIN else [f"smallest eigenvalue {least:.3f} below {MARGIN}"]


def _whole_reasons(whole: dict[str, Any]) -> list[str]:
    finite = all(math.isfinite(value) for value in whole.get("singular_values", ()))
    return [] if finite else ["Jacobian of the whole map not finite"]
