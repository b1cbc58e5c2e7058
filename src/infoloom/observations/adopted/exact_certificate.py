"""Certifying a flow that another package says is invertible by construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor

from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.flows.apart import rows_apart, who_mixes
from infoloom.observations.flows.certificate import ROUND_TRIP, Effort

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
        flow: The flow in float32; with classes, one that gives the rows of a batch all of them in turn.
        wide: The same in float64.
        real: Real rows, in the order of the flow's classes, (m, *shape); None where no data are at hand.
        effort: How many rows to look at; `eigen_rows` of whole Jacobians.
        seed: Seed of the latents.
        report: Called with what is being done and the share that is done.

    Returns:
        JSON-able; `passes` where round trips hold (1e-4 in float32, 1e-10 in float64, relative to the row), the
        log-determinant is that of the dense Jacobian up to 1e-6 (up to 1024 components), no singular value is 0 and
        the determinant keeps its sign.
    """
    effort, tell = effort or Effort(), report or (lambda what, share: None)
    generator = torch.Generator().manual_seed(seed)
    trips = {"float32": _round_trip(flow, real, effort.trip_rows, generator)}
    tell("round trip in float32", 0.3)
    if effort.wide_rows:
        trips["float64"] = _round_trip(wide, real, effort.wide_rows, generator)
    tell("round trip in float64", 0.6)
    dense = _dense(wide, min(effort.eigen_rows, wide.batch), generator) if wide.dim <= DENSE else {}
    tell("whole Jacobians", 1.0)
    reasons = [
        f"round trip in {name} too coarse ({trip['worst']:.1e})"
        for name, trip in trips.items()
        if not trip["worst"] <= ROUND_TRIP[getattr(torch, name)]
    ]
    reasons += _dense_reasons(dense, wide.dim)
    apart = {
        "float32": rows_apart(flow, flow.batch, flow.dtype),
        "float64": rows_apart(wide, wide.batch, wide.dtype),
    }
    reasons += who_mixes(apart)
    return {
        "kind": "by construction",
        "digest": flow.full_digest(),
        "passes": not reasons,
        **({"reason": "; ".join(reasons)} if reasons else {}),
        "round_trip": trips,
        **dense,
        "rows_apart": apart,
        "seed": seed,
    }


def _round_trip(
    flow: ExactFlow, real: Tensor | None, rows: int, generator: torch.Generator
) -> dict[str, Any]:
    """Latents there and back, real rows back and there, whole batches of each."""
    count = -(-rows // flow.batch) * flow.batch
    latents = torch.randn((count, flow.dim), generator=generator, dtype=torch.float64).to(
        flow.device, flow.dtype
    )
    with torch.no_grad():
        errors = {"sampled": _relative(flow.inverse(flow.forward(latents)), latents)}
        if real is not None and len(real) >= flow.batch:
            wanted = real[: min(count, len(real) // flow.batch * flow.batch)].to(latents)
            again = flow.forward(flow.inverse(wanted))
            errors["real"] = _relative(flow.standardised(again), flow.standardised(wanted))
    return {
        "worst": max(_largest(error) for error in errors.values()),
        **{
            kind: {"rows": len(error), "median": float(error.median()), "worst": _largest(error)}
            for kind, error in errors.items()
        },
    }


def _dense(flow: ExactFlow, rows: int, generator: torch.Generator) -> dict[str, Any]:
    """Singular values, log-determinants and their signs from whole Jacobians in float64."""
    unit = ExactFlow(
        replace(flow.description, center=0.0, scale=1.0), flow.push, flow.pull, flow.digest, flow.dtype,
        str(flow.device), name=flow.name,
    )  # fmt: skip
    unit.label = flow.label
    latents = torch.randn((flow.batch, flow.dim), generator=generator, dtype=torch.float64).to(
        flow.device, flow.dtype
    )
    jacobians = _jacobians(lambda z: unit.forward(z).flatten(1), latents)[:rows]
    with torch.no_grad():
        claimed = unit.log_det(latents)[:rows]
    signs, logs = torch.linalg.slogdet(jacobians)
    singular = torch.linalg.svdvals(jacobians)
    return {
        "singular_values": [float(singular.min()), float(singular.max())],
        "log_determinants": [float(value) for value in logs[:2]],
        "log_det_error": _largest((logs - claimed).abs()),
        "orientations": sorted({int(sign) for sign in signs}),
        "jacobian_rows": len(jacobians),
    }


def _jacobians(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """(n, d, d) by one backward pass a component, since rows do not depend on each other."""
    with torch.enable_grad():
        inputs = points.detach().clone().requires_grad_()
        values = function(inputs)
        rows = [
            torch.autograd.grad(values[:, place].sum(), inputs, retain_graph=True)[0]
            for place in range(values.shape[1])
        ]
    return torch.stack(rows, dim=1)


def _dense_reasons(dense: dict[str, Any], dim: int) -> list[str]:
    if not dense:
        return []
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


def _relative(found: Tensor, wanted: Tensor) -> Tensor:
    ratio: Tensor = (found - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1)
    return ratio.nan_to_num(nan=torch.inf)


def _largest(error: Tensor) -> float:
    return float(error.nan_to_num(nan=torch.inf).max())
