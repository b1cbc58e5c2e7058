"""Derivatives along a direction against finite differences and dense Jacobians."""

from __future__ import annotations

import pytest
import torch

from infoloom.errors import FlowError
from infoloom.observations import build
from infoloom.observations.tangent import jacobian, tangent
from infoloom.story import load


@pytest.mark.parametrize(
    "flow", ["vector(6) | rotation(seed=1) | asinh", "vector(5) | cdf | permutation", "digits[3]"]
)
def test_it_is_the_jacobian_times_the_direction(flow):
    bijection = build(flow, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    z, v = torch.randn(
        (2, 2 if bijection.dim < 10 else 1, bijection.dim), generator=generator, dtype=torch.float64
    )
    observed, moved = tangent(bijection.forward, z, v)
    assert torch.equal(observed, bijection.forward(z))
    for row, direction, found in zip(z, v, moved.flatten(1), strict=True):
        torch.testing.assert_close(found, jacobian(bijection.forward, row) @ direction, rtol=1e-9, atol=1e-9)


def test_whole_jacobians_are_those_of_one_component_at_a_time():
    weights = torch.randn((70, 6), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    row = torch.linspace(-1.0, 1.0, 6, dtype=torch.float64).view(2, 3)
    found = jacobian(lambda rows: torch.tanh(rows.flatten(1) @ weights.T), row)
    exact = (1.0 - torch.tanh(weights @ row.flatten()) ** 2)[:, None] * weights
    assert not found.requires_grad
    torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-12)


def test_it_is_the_limit_of_differences_through_whitening_and_a_trained_flow():
    story = load("digits-pair")
    bijection = build(story.flow("three"), story.whitener("three"), torch.float64)
    generator = torch.Generator().manual_seed(2)
    z, v = torch.randn((2, 3, bijection.dim), generator=generator, dtype=torch.float64)
    step = 1e-5
    with torch.no_grad():
        difference = (bijection.forward(z + step * v) - bijection.forward(z - step * v)) / (2 * step)
    # The difference errs by the third derivative, of order 1, times step², and by rounding, 1e-15 / step.
    torch.testing.assert_close(tangent(bijection.forward, z, v)[1].detach(), difference, rtol=0.0, atol=1e-7)


def test_directions_of_another_shape_are_refused():
    bijection = build("vector(4)")
    with pytest.raises(
        FlowError, match=r"directions of shape `\(1, 4\)` and torch.float32: expected \(2, 4\)"
    ):
        tangent(bijection.forward, torch.zeros(2, 4), torch.zeros(1, 4))
