"""The spline without branches: against its inverse, its derivative, and the identity outside."""

from __future__ import annotations

import pytest
import torch

from infoloom.errors import FlowError
from infoloom.observations.adopted.splines import rational_quadratic_spline


def parameters(rows: int = 40, bins: int = 5):
    draw = torch.Generator().manual_seed(0)
    sizes = (bins, bins, bins - 1)
    return [2.0 * torch.randn((rows, size), generator=draw, dtype=torch.float64) for size in sizes]


@pytest.mark.parametrize("identity", [False, True])
def test_inverts_with_the_right_derivative(identity):
    given = parameters()
    x = torch.linspace(-3.9, 3.9, 40, dtype=torch.float64).requires_grad_()
    options = {"tail_bound": 4.0, "enable_identity_init": identity}
    y, log_slope = rational_quadratic_spline(x, *given, **options)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(slope.log(), log_slope, atol=1e-9)
    back, other = rational_quadratic_spline(y, *given, inverse=True, **options)
    assert torch.allclose(back, x, atol=1e-9)
    assert torch.allclose(other, -log_slope, atol=1e-9)


def test_is_the_identity_outside_and_for_zero_parameters():
    x = torch.tensor([-9.0, -4.1, 4.1, 9.0], dtype=torch.float64)
    y, log_slope = rational_quadratic_spline(x, *parameters(4), tail_bound=4.0)
    assert torch.equal(y, x)
    assert not log_slope.any()
    inner = torch.linspace(-3.0, 3.0, 4, dtype=torch.float64)
    zeros = [torch.zeros_like(one) for one in parameters(4)]
    same, log_slope = rational_quadratic_spline(inner, *zeros, tail_bound=4.0, enable_identity_init=True)
    assert torch.allclose(same, inner)
    assert torch.allclose(log_slope, torch.zeros(4, dtype=torch.float64), atol=1e-12)


def test_ends_meet_the_tails():
    y, log_slope = rational_quadratic_spline(
        torch.tensor([-4.0, 4.0], dtype=torch.float64), *parameters(2), tail_bound=4.0
    )
    assert torch.allclose(y, torch.tensor([-4.0, 4.0], dtype=torch.float64))
    assert torch.allclose(log_slope, torch.zeros(2, dtype=torch.float64), atol=1e-9)


def test_refuses_other_tails():
    with pytest.raises(FlowError, match=r"spline with tails `None`: expected linear tails with one bound"):
        rational_quadratic_spline(torch.zeros(1), *parameters(1), tails=None)
