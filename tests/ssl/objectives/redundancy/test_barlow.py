"""Barlow Twins against the paper's algorithm 1, its limits and its symmetries."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from embeddings import ORDER, embeddings

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.redundancy.barlow import EPSILON, Barlow, barlow_loss


def listing(z_a, z_b, lambda_):
    """Algorithm 1 of the paper, line by line, the standard deviation with the variance's ε.

    Its `std` divides by n − 1 and its mean product by n; here both divide by n − 1, so that a correlation is one.
    """
    n, d = z_a.shape
    z_a_norm = (z_a - z_a.mean(0)) / np.sqrt(z_a.var(0, ddof=1) + EPSILON)
    z_b_norm = (z_b - z_b.mean(0)) / np.sqrt(z_b.var(0, ddof=1) + EPSILON)
    c = z_a_norm.T @ z_b_norm / (n - 1)
    c_diff = (c - np.eye(d)) ** 2
    c_diff[~np.eye(d, dtype=bool)] *= lambda_
    return c_diff.sum()


@pytest.mark.parametrize("redundancy", [5e-3, 0.0, 1.0])
def test_listing(redundancy):
    a, b = embeddings()
    assert barlow_loss(a, b, redundancy).item() == pytest.approx(
        listing(a.numpy(), b.numpy(), redundancy), rel=1e-12
    )


def test_three_modalities_are_the_mean_of_three_pairs():
    a, b, c = embeddings(count=3)
    found = Barlow(0.1)({"a": a, "b": b, "c": c}, torch.Generator()).item()
    pairs = [listing(*(x.numpy() for x in pair), 0.1) for pair in ((a, b), (a, c), (b, c))]
    assert found == pytest.approx(np.mean(pairs), rel=1e-12)


def test_limits():
    """Collapse costs one a component; uncorrelated embeddings that agree cost nothing but the ε of the variance."""
    same = torch.ones(8, 3, dtype=torch.float64)
    assert barlow_loss(same, same).item() == pytest.approx(3.0, rel=1e-12)
    a, _ = embeddings(rows=50)
    white = np.sqrt(49.0) * torch.linalg.qr(a - a.mean(dim=0)).Q
    assert barlow_loss(white, white, 1.0).item() == pytest.approx(4 * EPSILON**2, rel=1e-3)


def test_symmetries():
    a, b = embeddings()
    loss = barlow_loss(a, b)
    assert torch.allclose(barlow_loss(b, a), loss, rtol=1e-12)
    assert torch.allclose(barlow_loss(a[ORDER], b[ORDER]), loss, rtol=1e-12)
    assert torch.allclose(barlow_loss(a[:, [2, 0, 3, 1]], b[:, [2, 0, 3, 1]]), loss, rtol=1e-12)
    assert torch.allclose(barlow_loss(300.0 * a + 5.0, 200.0 * b), loss, rtol=1e-3)
    assert not torch.allclose(barlow_loss(a[ORDER], b), loss, rtol=1e-3)


def test_gradients():
    a, b = (each.requires_grad_() for each in embeddings())
    assert torch.autograd.gradcheck(barlow_loss, (a, b))


def test_settings_are_checked():
    for name in ("embedding", "redundancy"):
        with pytest.raises(LearnerError, match=re.escape(f"`{name}` `0`: expected a number above 0.")):
            build("barlow", {"a": (3,), "b": (3,)}, **{name: 0})
