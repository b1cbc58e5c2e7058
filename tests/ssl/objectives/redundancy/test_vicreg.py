"""VICReg against the authors' code and the paper's algorithm 1, its limits and its symmetries."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from embeddings import ORDER, embeddings

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.redundancy.vicreg import Settings, Vicreg, vicreg_loss


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


def code(x, y, sim_coeff=25.0, std_coeff=25.0, cov_coeff=1.0):
    """What the authors' code computes on one process: each side's variance term is halved, its covariance is not."""
    n, d = x.shape
    parts = []
    for side in (x - x.mean(0), y - y.mean(0)):
        spread = (side.square().sum(0) / (n - 1) + 0.0001).sqrt()
        matrix = side.T @ side / (n - 1)
        others = [matrix[i, j] ** 2 for i in range(d) for j in range(d) if i != j]
        parts.append((torch.clamp(1 - spread, min=0.0).mean() / 2, torch.stack(others).sum() / d))
    (std_x, cov_x), (std_y, cov_y) = parts
    repr_loss = (x - y).square().mean()
    return sim_coeff * repr_loss + std_coeff * (std_x + std_y) + cov_coeff * (cov_x + cov_y)


WEIGHTS = [(25.0, 25.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]


@pytest.mark.parametrize("weights", WEIGHTS)
def test_listing(weights):
    a, b = embeddings()
    found = vicreg_loss(a, b, *weights, listing=True).item()
    assert found == pytest.approx(listing(a.numpy(), b.numpy(), *weights), rel=1e-12)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_authors_code_is_the_default(weights):
    """Values and gradients."""
    a, b = (rows.requires_grad_() for rows in embeddings())
    found, expected = vicreg_loss(a, b, *weights), code(a, b, *weights)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    for mine, theirs in zip(
        torch.autograd.grad(found, (a, b)), torch.autograd.grad(expected, (a, b)), strict=True
    ):
        assert torch.allclose(mine, theirs, rtol=1e-10, atol=1e-13)


def test_the_learner_can_follow_the_listing():
    a, b = embeddings()
    shapes = {"a": (3,), "b": (3,)}
    for settings, expected in (({}, code(a, b).item()), ({"listing": True}, listing(a.numpy(), b.numpy()))):
        compare = build("vicreg", shapes, **settings).compare
        assert compare({"a": a, "b": b}, torch.Generator()).item() == pytest.approx(expected, rel=1e-12)


def test_three_modalities_are_the_mean_of_three_pairs():
    a, b, c = embeddings(count=3)
    found = Vicreg(Settings(invariance=3.0))({"a": a, "b": b, "c": c}, torch.Generator())
    pairs = [code(*pair, sim_coeff=3.0).item() for pair in ((a, b), (a, c), (b, c))]
    assert found.item() == pytest.approx(np.mean(pairs), rel=1e-12)


def test_limits():
    """Collapse costs μ (1 − 10⁻²), in the listing twice that; white embeddings that agree nothing."""
    same = torch.ones(8, 3, dtype=torch.float64)
    assert vicreg_loss(same, same).item() == pytest.approx(25.0 * 0.99, rel=1e-12)
    assert vicreg_loss(same, same, listing=True).item() == pytest.approx(50.0 * 0.99, rel=1e-12)
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
