"""Every flow that comes with the package: its card, size and certificate, and the contract on one batch."""

from __future__ import annotations

import math

import pytest
import torch

from infoloom.observations import build, load_flow
from infoloom.observations.flows.stepped import flow_digest
from infoloom.spec.flows.flow import flow_header, flow_path, flow_shape, zoo_names

NAMES = zoo_names()


def expression(name: str) -> str:
    classes = flow_header(flow_path(name))["classes"]
    return f"{name}[{classes[-1]}]" if classes else name


def test_the_zoo_is_small_enough() -> None:
    sizes = {name: flow_path(name).stat().st_size / 2**20 for name in NAMES}
    assert "digits" in sizes
    assert sizes["digits"] <= 4.0
    assert max(sizes.values()) <= 12.0
    assert sum(sizes.values()) <= 60.0


@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_where_the_flow_comes_from(name: str) -> None:
    card = flow_header(flow_path(name))["card"]
    assert card["name"] == name
    assert all(card[key] for key in ("data", "licence", "source", "unit", "recipe", "trained"))
    assert card["seed"] == 0
    assert "/" not in card["data"].split()[0]  # a title, no path


@pytest.mark.parametrize("name", NAMES)
def test_the_certificate_passes_with_a_margin_and_belongs_to_the_weights(name: str) -> None:
    flow = load_flow(name, (flow_header(flow_path(name))["classes"] or [None])[0])
    certificate = flow.certificate()
    assert certificate["passes"]
    assert certificate["margin"] >= (0.1 if name == "mnist" else 0.2)
    assert certificate["digest"] == flow_digest(flow)
    assert certificate["round_trip"]["float32"]["worst"] <= 1e-4
    assert certificate["round_trip"]["float64"]["worst"] <= 1e-10
    assert {"sampled", "real", "segments"} == certificate["eigenvalues"].keys()
    assert all(len(values) == flow.step_count for values in certificate["eigenvalues"].values())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds_on_one_batch(name: str) -> None:
    flow = build(expression(name))
    assert flow.shape_out == flow_shape(expression(name))
    z = torch.randn((32, math.prod(flow.shape_out)), generator=torch.Generator().manual_seed(7))
    x = flow.forward(z)
    assert torch.isfinite(x).all()
    assert float((flow.inverse(x) - z).norm(dim=1).max() / z.norm(dim=1).min()) < 1e-4
    assert torch.equal(flow.forward(z[5:6]), x[5:6])
    assert torch.equal(flow.forward(z.flip(0)).flip(0), x)
