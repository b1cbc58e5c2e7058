"""Certificates: Lanczos against dense eigenvalues, the theory's bound, the parts of a certificate."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from observations.small import small_flow
from torch import nn

from infoloom.errors import FlowError
from infoloom.observations import load_flow
from infoloom.observations.flows.checking.apart import rows_apart, who_mixes
from infoloom.observations.flows.checking.certificate import Effort, certify, smaller_latents, whole_map
from infoloom.observations.flows.checking.lanczos import smallest_eigenvalue
from infoloom.observations.flows.checkpoint import GRAPH, FlowDescription
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.stepped import Inversion, SteppedFlow


def dense_smallest(increment, point: torch.Tensor) -> float:
    jacobian = torch.autograd.functional.jacobian(lambda row: increment(row[None])[0], point)
    symmetric = torch.eye(len(point), dtype=point.dtype) + 0.5 * (jacobian + jacobian.T)
    return float(torch.linalg.eigvalsh(symmetric)[0])


@pytest.mark.parametrize("solver", ["euler", "midpoint"])
def test_small_flows_agree_with_dense_eigenvalues(solver: str) -> None:
    flow = small_flow(0.5, solver)
    points = torch.randn((5, 6), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for step in range(flow.step_count):
        found = smallest_eigenvalue(flow.increment(step), points)
        for row, value in zip(points, found.value, strict=True):
            assert float(value) == pytest.approx(dense_smallest(flow.increment(step), row), abs=1e-9)


@pytest.mark.slow
def test_digits_agree_with_dense_eigenvalues() -> None:
    flow = load_flow("digits", "3", torch.float64)
    points = flow.states(
        torch.randn((2, 64), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    )
    for step in (0, flow.step_count // 2, flow.step_count - 1):
        found = smallest_eigenvalue(flow.increment(step), points[step], rounds=40)
        for row, value, residual in zip(points[step], found.value, found.residual, strict=True):
            dense = dense_smallest(flow.increment(step), row)
            assert float(value - residual) - 1e-9 <= dense <= float(value) + 1e-9
            assert float(value) == pytest.approx(dense, abs=0.01)


def test_shipped_digits_are_certified_with_a_margin() -> None:
    certificate = load_flow("digits", "0").certificate()
    assert certificate["passes"]
    assert certificate["margin"] > 0.3
    assert set(certificate["eigenvalues"]) == {"sampled", "segments", "real"}
    assert certificate["round_trip"]["float32"]["worst"] < 1e-4
    assert certificate["round_trip"]["float64"]["worst"] < 1e-10


def test_a_certificate_has_all_its_parts() -> None:
    flow, wide = small_flow(dtype=torch.float32), small_flow()
    real = flow.forward(torch.randn((64, 6), generator=torch.Generator().manual_seed(4)))
    done: list[tuple[str, float]] = []
    certificate = certify(
        flow, wide, real, effort=Effort(4, 40, 10), report=lambda what, share: done.append((what, share))
    )
    assert certificate["passes"]
    assert certificate["margin"] == min(min(kind) for kind in certificate["eigenvalues"].values())
    assert len(certificate["eigenvalues"]["real"]) == certificate["steps"] == 8
    assert certificate["round_trip"]["float32"]["sampled"]["rows"] == 64
    assert certificate["round_trip"]["float64"]["real"]["rows"] == 16
    low, high = certificate["singular_values"]
    assert 0.0 < low < high
    assert len(certificate["log_determinants"]) == 2
    parts = {"eigenvalues", "round trip in float32", "round trip in float64", "singular values"}
    assert {what for what, share in done if share == 1.0} == parts


def test_every_class_is_looked_at_in_both_precisions(monkeypatch: pytest.MonkeyPatch) -> None:
    places = torch.arange(32) // 3 % 2  # batches of eight differ
    flow, wide = small_flow(dtype=torch.float32).with_label(places), small_flow().with_label(places[:8])
    real = flow.forward(torch.randn((96, 6), generator=torch.Generator().manual_seed(4)))
    seen: dict[torch.dtype, list[tuple[int, ...]]] = {torch.float32: [], torch.float64: []}
    invert = SteppedFlow.invert

    def recorded(self: SteppedFlow, x: torch.Tensor, near: SteppedFlow | None = None) -> Inversion:
        assert near is None or torch.equal(near.label, self.label)
        seen[self.dtype].append(tuple(self.label.tolist()))
        return invert(self, x, near)

    monkeypatch.setattr(SteppedFlow, "invert", recorded)
    certificate = certify(flow, wide, real, effort=Effort(8, 64, 64))
    assert certificate["round_trip"]["float64"]["real"]["rows"] == 64
    assert set(seen[torch.float32]) == {tuple(places.tolist())}
    sampled_and_real = [places[start : start + 8].tolist() for start in (0, 0, 8, 8, 16, 16, 24, 24)]
    assert [list(labels) for labels in seen[torch.float64]] == 2 * sampled_and_real


def test_singular_values_and_log_determinants_are_those_of_the_dense_jacobian() -> None:
    flow = small_flow().with_label(torch.tensor([0, 1]))
    found = whole_map(flow, 2, seed=5)
    latents = torch.randn((2, 6), generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    alone = [flow.with_label(torch.tensor([label])) for label in (0, 1)]
    dense = [
        torch.autograd.functional.jacobian(lambda z, one=one: one.forward(z[None])[0], row) / 3.0
        for one, row in zip(alone, latents, strict=True)
    ]
    values = torch.stack([torch.linalg.svdvals(jacobian) for jacobian in dense])
    assert found["singular_values"] == pytest.approx([float(values.min()), float(values.max())], rel=1e-9)
    for one, row, jacobian, said in zip(alone, latents, dense, found["log_determinants"], strict=True):
        assert said == pytest.approx(float(torch.linalg.slogdet(jacobian).logabsdet), abs=1e-9)
        assert said == pytest.approx(float(one.log_det(row[None])) - 6 * math.log(3.0), abs=1e-9)


def test_the_geometric_grid_bounds_every_step_alike() -> None:
    sigma, steps = 0.04, 10
    grid = step_grid(steps, sigma)
    widths = [1.0 - (1.0 - sigma) * time for time in grid]
    for before, after in itertools.pairwise(widths):
        assert after / before == pytest.approx(sigma ** (1 / steps), rel=1e-9)
    assert step_grid(4, sigma, 0.0) == (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    ("steps", "sigma", "bend"), [(0, 0.1, 1.0), (4, 0.0, 1.0), (4, 1.0, 1.0), (4, 0.1, 1.5)]
)
def test_grids_that_make_no_sense_are_refused(steps: int, sigma: float, bend: float) -> None:
    with pytest.raises(FlowError, match="expected steps ≥ 1, sigma and bend within 0 to 1"):
        step_grid(steps, sigma, bend)


def test_smallest_eigenvalue_where_one_row_is_done_before_the_others():
    """A multiple of the identity in one row ends its Krylov space at once; what is left empty is no eigenvalue 0."""
    rates = torch.tensor([[-0.5, -0.5, -0.5], [-0.7, -0.1, 0.2]], dtype=torch.float64)
    found = smallest_eigenvalue(lambda y: rates * y, torch.zeros(2, 3, dtype=torch.float64))
    assert torch.allclose(found.value, torch.tensor([0.5, 0.3], dtype=torch.float64))
    assert float(found.residual.max()) < 1e-12


class _Collapsing(torch.nn.Module):
    """Pulls rows near the origin through it, and leaves those of the usual norm nearly where they are."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.strength = torch.nn.Parameter(torch.linspace(2.0, 3.0, 144, dtype=dtype), requires_grad=False)

    def forward(self, y: torch.Tensor, *_: object) -> torch.Tensor:
        size = y.square().sum(dim=1, keepdim=True)
        return -self.strength * y * torch.exp(-size / 32.0)


def test_a_map_that_loses_latents_of_smaller_norm_is_for_whitened_ones() -> None:
    plain = FlowDescription((144,), (), "euler", (0.0, 1.0), {}, 0.1, 1.0, 0.0, 1.0, {})
    flow, wide = (SteppedFlow(plain, _Collapsing(kind)) for kind in (torch.float32, torch.float64))
    found = certify(flow, wide, None, effort=Effort(8, 32, 8, singular_rows=0))
    assert found["margin"] > 0.05
    assert max(trip["worst"] for trip in found["round_trip"].values()) < 1e-4
    assert found["smaller_latents"]["worst"] > 0.1
    assert found["passes"]


def test_shipped_digits_keep_latents_of_smaller_norm() -> None:
    found = smaller_latents(load_flow("digits", "3"), rows=32)
    assert found["worst"] < 1e-4
    assert (found["rows"], found["sizes"]) == (32, [0.25, 1.0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"eigen_rows": 0}, "expected 1 or more eigen_rows, got 0"),
        ({"trip_rows": -1}, "expected 1 or more trip_rows, got -1"),
        ({"wide_rows": -1}, "expected 0 or more wide_rows, got -1"),
    ],
)
def test_rows_that_are_none_are_refused(rows: dict[str, int], message: str) -> None:
    with pytest.raises(FlowError, match=message):
        Effort(**rows)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kinds", [1, 2, 3])
def test_smallest_eigenvalue_where_many_are_alike(dtype, kinds):
    """With few different eigenvalues the space is soon exhausted, and what is left is rounding."""
    rates = torch.linspace(-0.7, 0.5, kinds, dtype=dtype)[torch.arange(200) % kinds]
    found = smallest_eigenvalue(lambda y: rates * y, torch.zeros(4, 200, dtype=dtype))
    assert found.value.tolist() == pytest.approx([0.3] * 4, abs=1e-5 if dtype == torch.float32 else 1e-10)
    assert float(found.residual.max()) < (1e-4 if dtype == torch.float32 else 1e-7)


class Mixing(nn.Module):
    """A velocity in which one row of a batch sees another."""

    def __init__(self, inner: nn.Module, row: int, sees: int) -> None:
        super().__init__()
        self.inner, self.row, self.sees = inner, row, sees

    def forward(self, values, time, label):
        change = torch.zeros_like(values)
        if len(values) > max(self.row, self.sees):
            change[self.row] = 1e-3 * values[self.sees]
        return self.inner(values, time, label) + change


@pytest.mark.parametrize(("row", "sees"), [(0, 1), (1, 0), (31, 17), (5, 6)])
def test_any_row_that_sees_another_is_found(row, sees):
    """Of 32 rows together, in either precision that has so many."""
    flow = small_flow(dtype=torch.float32)
    assert who_mixes({"float32": rows_apart(flow, flow.batch, flow.dtype)}) == []
    mixing = SteppedFlow(flow.description, Mixing(flow.velocity, row, sees), 1, "mixing")
    found = {"float32": rows_apart(mixing, 32, torch.float32)}
    assert who_mixes(found)[0].startswith("a row changes with the rows beside it, by ")
    assert rows_apart(flow, 1, flow.dtype) == 0.0


def test_a_strangers_map_that_mixes_rows_is_not_certified():
    """Its description says that the network is a stored graph."""
    flows = []
    for dtype in (torch.float32, torch.float64):
        flow = small_flow(dtype=dtype)
        description = replace(flow.description, network={"name": GRAPH, "batch": 32})
        flows.append(SteppedFlow(description, Mixing(flow.velocity, 3, 2), 1, "mixing"))
    found = certify(*flows, None, effort=Effort(32, 32, 32, singular_rows=0))
    assert not found["passes"]
    assert "a row changes with the rows beside it" in found["reason"]
