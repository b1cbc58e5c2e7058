"""SigLIP against the paper's algorithm 1, its limits and its symmetries."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from embeddings import ORDER, embeddings

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.contrastive.siglip import Siglip, siglip_loss


def listing(img_emb, txt_emb, t_prime, b):
    """Algorithm 1 of the paper, line by line."""
    n = len(img_emb)
    t = np.exp(t_prime)
    zimg = img_emb / np.linalg.norm(img_emb, axis=1, keepdims=True)
    ztxt = txt_emb / np.linalg.norm(txt_emb, axis=1, keepdims=True)
    logits = zimg @ ztxt.T * t + b
    labels = 2 * np.eye(n) - np.ones((n, n))
    log_sigmoid = -np.log1p(np.exp(-labels * logits))
    return -np.sum(log_sigmoid) / n


@pytest.mark.parametrize(("t_prime", "bias"), [(0.0, 0.0), (math.log(10.0), -10.0), (1.0, 2.0)])
def test_listing(t_prime, bias):
    a, b = embeddings()
    found = siglip_loss(a, b, math.exp(t_prime), bias).item()
    assert found == pytest.approx(listing(a.numpy(), b.numpy(), t_prime, bias), rel=1e-12)


def test_three_modalities_are_the_mean_of_three_pairs():
    a, b, c = embeddings(count=3)
    loss = Siglip(10.0, -10.0).double()
    found = loss({"a": a, "b": b, "c": c}, torch.Generator()).item()
    t_prime, bias = loss.log_scale.item(), loss.bias.item()
    pairs = [listing(*(x.numpy() for x in pair), t_prime, bias) for pair in ((a, b), (a, c), (b, c))]
    assert found == pytest.approx(np.mean(pairs), rel=1e-12)


def test_limits():
    """Scores of zero cost log 2 each; opposite corners with a cold scale cost nothing."""
    a, b = embeddings()
    assert siglip_loss(a, b, 0.0, 0.0).item() == pytest.approx(7 * math.log(2.0), rel=1e-12)
    corners = torch.eye(8, dtype=torch.float64)
    assert siglip_loss(corners, corners, 200.0, -100.0).item() == pytest.approx(0.0, abs=1e-12)


def test_symmetries():
    a, b = embeddings()
    loss = siglip_loss(a, b, 5.0, -2.0)
    assert torch.allclose(siglip_loss(b, a, 5.0, -2.0), loss, rtol=1e-12)
    assert torch.allclose(siglip_loss(a[ORDER], b[ORDER], 5.0, -2.0), loss, rtol=1e-12)
    assert torch.allclose(siglip_loss(3.0 * a, b, 5.0, -2.0), loss, rtol=1e-12)
    assert not torch.allclose(siglip_loss(a[ORDER], b, 5.0, -2.0), loss, rtol=1e-3)


def test_gradients():
    a, b = embeddings()
    rest = (torch.tensor(3.0, dtype=torch.float64), torch.tensor(-1.0, dtype=torch.float64))
    assert torch.autograd.gradcheck(siglip_loss, tuple(x.requires_grad_() for x in (a, b, *rest)))


def test_settings_are_checked():
    for name in ("embedding", "scale"):
        with pytest.raises(LearnerError, match=re.escape(f"`{name}` `0`: expected a number above 0.")):
            build("siglip", {"a": (3,), "b": (3,)}, **{name: 0})
