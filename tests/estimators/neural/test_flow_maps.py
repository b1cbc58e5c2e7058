"""Maps of flows: log-determinants against automatic differentiation, invertible, the identity at first."""

from __future__ import annotations

import pytest
import torch

from infoloom.estimators.neural.flow_maps import Bend, Coupling, FlowMap, Linear, standard_normal_log_density

torch_generator = torch.Generator().manual_seed(0)
ROWS = torch.randn(6, 4, generator=torch_generator)

MAPS = {
    "linear": lambda g: Linear(torch.randn(4, 4, generator=g)),
    "bend": lambda g: Bend(4),
    "coupling": lambda g: Coupling(4, 8, False, g),
    "coupling flipped": lambda g: Coupling(4, 8, True, g),
    "whole": lambda g: FlowMap(torch.eye(4), 3, 8, g),
}


def shaken(name):
    """A map with every weight moved away from where it starts."""
    generator = torch.Generator().manual_seed(1)
    made = MAPS[name](generator)
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(0.3 * torch.randn(weights.shape, generator=generator))
    return made


@pytest.mark.parametrize("name", MAPS)
def test_log_det_against_autodiff(name):
    made = shaken(name)
    _, log_det = made(ROWS)
    for row, found in zip(ROWS, log_det.detach(), strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: made(one[None])[0][0], row)
        assert float(torch.linalg.slogdet(jacobian)[1]) == pytest.approx(float(found), abs=1e-4)


def test_bends_increase():
    line = torch.linspace(-6.0, 6.0, 400)[:, None].expand(-1, 4)
    assert bool((shaken("bend")(line)[0].diff(dim=0) > 0).all())


def test_couplings_invert():
    coupling = shaken("coupling flipped")
    mapped = coupling(ROWS)[0]
    raw, shift = coupling.network(mapped[:, coupling.still]).chunk(2, dim=1)
    back = (mapped[:, coupling.moved] - shift) * torch.exp(-torch.tanh(raw))
    assert torch.allclose(mapped[:, coupling.still], ROWS[:, coupling.still])
    assert torch.allclose(back, ROWS[:, coupling.moved], atol=1e-5)


def test_maps_start_near_the_identity():
    mapped, log_det = FlowMap(torch.eye(4), 2, 8, torch.Generator().manual_seed(0))(ROWS)
    assert torch.allclose(mapped, ROWS, atol=0.05)
    assert torch.allclose(log_det, torch.zeros(6), atol=0.3)


def test_log_density():
    expected = torch.distributions.Normal(0.0, 1.0).log_prob(ROWS).sum(dim=1)
    assert torch.allclose(standard_normal_log_density(ROWS), expected)
