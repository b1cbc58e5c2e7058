"""Certifying a flow that another package says is invertible by construction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor

from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.flows.checking.apart import rows_apart, who_mixes
from infoloom.observations.flows.checking.certificate import ROUND_TRIP, UNCHECKED, Effort
from infoloom.observations.flows.checking.extremes import (
    largest,
    relative_errors,
    singular_values,
    smallest,
    top,
)
from infoloom.observations.flows.checking.turns import class_table, looked_at, turn, turns
from infoloom.observations.flows.stepped import BATCH

__all__ = ["DENSE", "LOG_DET_ERROR", "certify_exact"]

Report = Callable[[str, float], None]

DENSE: Final = 1024
"""Components up to which whole Jacobians are formed."""
LOG_DET_ERROR: Final = 1e-6
"""Largest error of the log-determinant, in nats a component and nat of its size."""


def certify_exact(
    flow: ExactFlow,
    wide: ExactFlow,
    real: Tensor | None = None,
    *,
    effort: Effort | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> dict[str, Any]:
    """Check that both directions of a flow undo each other and that its log-determinant is that of its Jacobian.

    An inverse that bisects or iterates to a tolerance of its own fails in float64, and rightly: the error that it
    leaves is information that a reader of the observations does not get.

    Args:
        flow: The flow in float32; its classes are taken in turn.
        wide: The same in float64.
        real: Real rows, in the order of the flow's classes, (m, *shape); None where no data are at hand.
        effort: How many rows to look at; `eigen_rows` of whole Jacobians.
        seed: Seed of the latents.
        report: Called with what is being done and the share that is done.

    Returns:
        JSON-able; `passes` where round trips hold (1e-4 in float32, 1e-10 in float64, relative to the row), the
        log-determinant is that of the dense Jacobian up to 1e-6 (up to 1024 components), no singular value is 0 and
        the determinant keeps its sign. What is not finite does not pass, nor what was not looked at in float64.
    """
    effort, tell = effort or Effort(), report or (lambda what, share: None)
    generator = torch.Generator().manual_seed(seed)
    table = class_table(flow)
    trips = {"float32": _round_trip(flow, table, real, looked_at(flow, effort.trip_rows), generator)}
    tell("round trip in float32", 0.3)
    if effort.wide_rows:
        trips["float64"] = _round_trip(wide, table, real, looked_at(wide, effort.wide_rows), generator)
    tell("round trip in float64", 0.6)
    rows = looked_at(wide, min(effort.eigen_rows, BATCH))
    dense = _dense(wide, table, rows, generator) if wide.dim <= DENSE else {}
    tell("whole Jacobians", 1.0)
    reasons = [
        f"round trip in {name} too coarse ({trip['worst']:.1e})"
        for name, trip in trips.items()
        if not trip["worst"] <= ROUND_TRIP[getattr(torch, name)]
    ]
    reasons += ([] if effort.wide_rows else [UNCHECKED]) + _dense_reasons(dense, wide.dim)
    apart = {
        str(one.dtype).removeprefix("torch."): max(
            rows_apart(turn(one, table, index, one.batch), one.batch, one.dtype)
            for index in range(turns(one))
        )
        for one in (flow, wide)
    }
    reasons += who_mixes(apart)
    return {
        "kind": "by construction",
        "digest": flow.full_digest(),
        "class_names": list(flow.description.classes or ()),
        "passes": not reasons,
        **({"reason": "; ".join(reasons)} if reasons else {}),
        "round_trip": trips,
        **dense,
        "rows_apart": apart,
        "seed": seed,
    }


def _round_trip(
    flow: ExactFlow, table: Tensor | None, real: Tensor | None, rows: int, generator: torch.Generator
) -> dict[str, Any]:
    """Latents there and back, real rows back and there, whole batches of each with their classes in turn."""
    batches = -(-rows // flow.batch)
    real_batches = 0 if real is None else min(batches, len(real) // flow.batch)
    there, back = [], []
    for index in range(batches):
        one = turn(flow, table, index, flow.batch)
        latents = _normal(one, generator)
        with torch.no_grad():
            there.append(relative_errors(one.inverse(one.forward(latents)), latents))
            if real is not None and index < real_batches:
                wanted = real[index * flow.batch :][: flow.batch].to(latents)
                again = one.forward(one.inverse(wanted))
                back.append(relative_errors(one.standardised(again), one.standardised(wanted)))
    errors = {"sampled": torch.cat(there)} | ({"real": torch.cat(back)} if back else {})
    return {
        "worst": largest(top(error) for error in errors.values()),
        **{
            kind: {"rows": len(error), "median": float(error.median()), "worst": top(error)}
            for kind, error in errors.items()
        },
    }


def _dense(flow: ExactFlow, table: Tensor | None, rows: int, generator: torch.Generator) -> dict[str, Any]:
    """Singular values, log-determinants and their signs from whole Jacobians in float64."""
    unit = ExactFlow(
        replace(flow.description, center=0.0, scale=1.0), flow.push, flow.pull, flow.digest, flow.dtype,
        str(flow.device), name=flow.name,
    )  # fmt: skip
    signs, logs, claimed, singular = [], [], [], []
    for index in range(-(-rows // flow.batch)):
        one = turn(unit, table, index, flow.batch)
        latents, left = _normal(one, generator), rows - index * flow.batch
        jacobians = _jacobians(one, latents)[:left]
        with torch.no_grad():
            claimed.append(one.log_det(latents)[:left])
        sign, log = torch.linalg.slogdet(jacobians)
        signs.append(sign)
        logs.append(log)
        singular.append(singular_values(jacobians))
    values = torch.cat(singular)
    return {
        "singular_values": [smallest([float(values.min())]), largest([float(values.max())])],
        "log_determinants": [float(value) for value in torch.cat(logs)[:2]],
        "log_det_error": top((torch.cat(logs) - torch.cat(claimed)).abs()),
        "orientations": sorted({int(sign) for sign in torch.cat(signs).nan_to_num(nan=0.0)}),
        "jacobian_rows": rows,
    }


def _normal(flow: ExactFlow, generator: torch.Generator) -> Tensor:
    """One batch of latents, (batch, d)."""
    latents = torch.randn((flow.batch, flow.dim), generator=generator, dtype=torch.float64)
    return latents.to(flow.device, flow.dtype)


def _jacobians(flow: ExactFlow, points: Tensor) -> Tensor:
    """(n, d, d) by one backward pass a component, since rows do not depend on each other."""
    with torch.enable_grad():
        inputs = points.detach().clone().requires_grad_()
        values = flow.forward(inputs).flatten(1)
        rows = [
            torch.autograd.grad(values[:, place].sum(), inputs, retain_graph=True)[0]
            for place in range(values.shape[1])
        ]
    return torch.stack(rows, dim=1)


def _dense_reasons(dense: dict[str, Any], dim: int) -> list[str]:
    if not dense:
        return []
    if not all(math.isfinite(value) for value in dense["singular_values"]):
        return ["Jacobian not finite"]
    reasons = []
    allowed = LOG_DET_ERROR * max(1.0, dim, *(abs(value) for value in dense["log_determinants"]))
    if not dense["log_det_error"] <= allowed:
        reasons.append(
            f"log-determinant off by {dense['log_det_error']:.1e} nats from that of the dense Jacobian"
        )
    if not dense["singular_values"][0] > 0.0:
        reasons.append("smallest singular value 0")
    if len(dense["orientations"]) != 1 or dense["orientations"][0] == 0:
        reasons.append("the determinant changes its sign")
    return reasons
