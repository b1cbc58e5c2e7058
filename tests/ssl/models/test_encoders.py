"""Encoders take any shape, see every component, and normalise nothing."""

from __future__ import annotations

import pytest
import torch

from infoloom.ssl.models.encoders import encoder, first_weights
from infoloom.ssl.settings import EncoderSettings

SETTINGS = EncoderSettings(features=6, channels=4, hidden=8)


@pytest.mark.parametrize(
    "shape",
    [(1,), (17,), (1, 1), (2, 5), (3, 100), (1, 1, 1), (3, 32, 32), (1, 5, 33), (2, 1, 40), (4, 7, 3)],
)
def test_any_shape(shape):
    with first_weights(0):
        network = encoder(shape, SETTINGS)
    rows = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    features = network(rows)
    assert features.shape == (3, 6)
    features.square().sum().backward()
    assert (rows.grad.abs() > 0.0).all()


@pytest.mark.parametrize("shape", [(8,), (2, 16), (3, 16, 16)])
def test_a_shift_of_the_whole_row_is_seen(shape):
    """A cause that shifts every component is often all that modalities share."""
    with first_weights(0):
        network = encoder(shape, SETTINGS)
    rows = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    moved = (network(rows + 1.0) - network(rows)).norm(dim=1)
    assert (moved > 0.1 * network(rows).norm(dim=1)).all()


def test_first_weights_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    with first_weights(5):
        first = torch.rand(3)
    assert torch.equal(torch.random.get_rng_state(), before)
    with first_weights(5):
        assert torch.equal(torch.rand(3), first)
