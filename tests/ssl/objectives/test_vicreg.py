"""VICReg against the paper's algorithm 1, its limits and its symmetries."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from embeddings import ORDER, embeddings

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.vicreg import Settings, Vicreg, vicreg_loss


def listing(z_a, z_b, lambda_=25.0, mu=25.0, nu=1.0):
    """Algorithm 1 of the paper, line by line."""
    n, d = z_a.shape
    sim_loss = np.mean((z_a - z_b) ** 2)
    std_z_a = np.sqrt(z_a.var(axis=0, ddof=1) + 1e-04)
    std_z_b = np.sqrt(z_b.var(axis=0, ddof=1) + 1e-04)
    std_loss = np.mean(np.maximum(0, 1 - std_z_a)) + np.mean(np.maximum(0, 1 - std_z_b))
    z_a = z_a - z_a.mean(axis=0)
    z_b = z_b - z_b.mean(axis=0)
    cov_z_a = (z_a.T @ z_a) / (n - 1)
    cov_z_b = (z_b.T @ z_b) / (n - 1)
    off = ~np.eye(d, dtype=bool)
    cov_loss = (cov_z_a[off] ** 2).sum() / d + (cov_z_b[off] ** 2).sum() / d
    return lambda_ * sim_loss + mu * std_loss + nu * cov_loss


@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
def test_listing(weights):
    a, b = embeddings()
    found = vicreg_loss(a, b, *weights).item()
    assert found == pytest.approx(listing(a.numpy(), b.numpy(), *weights), rel=1e-12)


def test_three_modalities_are_the_mean_of_three_pairs():
    a, b, c = embeddings(count=3)
    found = Vicreg(Settings(invariance=3.0))({"a": a, "b": b, "c": c}, torch.Generator())
    pairs = [listing(*(x.numpy() for x in pair), lambda_=3.0) for pair in ((a, b), (a, c), (b, c))]
    assert found.item() == pytest.approx(np.mean(pairs), rel=1e-12)


def test_limits():
    """Collapse costs 2 μ (1 − 10⁻²); white embeddings of variance 1 that agree cost nothing."""
    same = torch.ones(8, 3, dtype=torch.float64)
    assert vicreg_loss(same, same).item() == pytest.approx(50.0 * 0.99, rel=1e-12)
    a, _ = embeddings(rows=50)
    centred = a - a.mean(dim=0)
    white = np.sqrt(49.0) * torch.linalg.qr(centred).Q
    assert vicreg_loss(white, white).item() == pytest.approx(0.0, abs=1e-12)


def test_symmetries():
    a, b = embeddings()
    loss = vicreg_loss(a, b)
    assert torch.allclose(vicreg_loss(b, a), loss, rtol=1e-12)
    assert torch.allclose(vicreg_loss(a[ORDER], b[ORDER]), loss, rtol=1e-12)
    assert torch.allclose(vicreg_loss(a[:, [2, 0, 3, 1]], b[:, [2, 0, 3, 1]]), loss, rtol=1e-12)
    assert torch.allclose(vicreg_loss(a + 5.0, b + 5.0), loss, rtol=1e-12)
    assert not torch.allclose(vicreg_loss(a[ORDER], b), loss, rtol=1e-3)


def test_gradients():
    a, b = (each.requires_grad_() for each in embeddings())
    assert torch.autograd.gradcheck(vicreg_loss, (a, b))


def test_settings_are_checked():
    for name in ("embedding", "invariance", "variance", "covariance"):
        with pytest.raises(LearnerError, match=re.escape(f"`{name}` `0`: expected a number above 0.")):
            build("vicreg", {"a": (3,), "b": (3,)}, **{name: 0})
