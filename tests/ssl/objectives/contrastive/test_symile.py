"""Symile against the paper's algorithm 1, its limits and its symmetries."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from embeddings import embeddings
from scipy.special import log_softmax

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.contrastive.clip import clip_loss
from infoloom.ssl.objectives.contrastive.symile import Symile, symile_loss, symile_scores


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def listing(x, y, z, t, generator):
    """Algorithm 1 of the paper, line by line, for three modalities and shuffled negatives."""
    n = len(x)
    rows = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y, z)]
    losses = []
    for anchor in range(3):
        a, (b, c) = rows[anchor], [rows[k] for k in range(3) if k != anchor]
        b_shuffled = b[torch.randperm(n, generator=generator).numpy()]
        c_shuffled = c[torch.randperm(n, generator=generator).numpy()]
        logits = np.empty((n, n))
        for i in range(n):
            for j in range(n):
                logits[i, j] = (a[i] * b[i] * c[i] if i == j else a[i] * b_shuffled[j] * c_shuffled[j]).sum()
        losses.append(-np.mean(np.diag(log_softmax(t * logits, axis=1))))
    return np.mean(losses)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_listing(scale):
    rows = embeddings(count=3)
    found = symile_loss(rows, scale, seeded(4)).item()
    assert found == pytest.approx(listing(*(r.numpy() for r in rows), scale, seeded(4)), rel=1e-12)


def test_first_scores_are_of_one_size():
    """Whatever the number of modalities, products of random vectors times the first factor spread alike."""
    spreads = []
    for count in (2, 3, 6):
        rows = embeddings(rows=400, width=64, count=count)
        rows = [torch.nn.functional.normalize(r, dim=1) for r in rows]
        scores = Symile(count, 64, 0.07).log_scale.exp().item() * symile_scores(rows[0], rows[1:], seeded())
        spreads.append(scores.std().item())
    assert spreads[0] == pytest.approx(1 / 0.07 / 8, rel=0.05)
    assert spreads == pytest.approx([spreads[0]] * 3, rel=0.2)


def test_two_modalities_are_clip_with_another_order_of_negatives():
    a, b = embeddings()
    rows = [torch.nn.functional.normalize(x, dim=1) for x in (a, b)]
    scores = symile_scores(rows[0], rows[1:], seeded(3))
    order = torch.randperm(7, generator=seeded(3))
    products = rows[0] @ rows[1].T
    expected = products[:, order].fill_diagonal_(0.0) + torch.diag(products.diagonal())
    assert torch.allclose(scores, expected, rtol=1e-12)
    assert clip_loss(a, b, 0.0).item() == pytest.approx(symile_loss([a, b], 0.0, seeded()).item(), rel=1e-12)


def test_nothing_told_apart_costs_log_n():
    same = torch.ones(8, 3, dtype=torch.float64)
    assert symile_loss([same] * 3, 50.0, seeded()).item() == pytest.approx(math.log(8), rel=1e-12)


def test_what_only_three_modalities_share_is_found():
    """Signs whose product is 1: no loss when it is cold, but log 2 where a shuffle made a true triple again."""
    generator = seeded(1)
    x, y = (2.0 * torch.randint(2, (16, 256), generator=generator).double() - 1.0 for _ in range(2))
    found = symile_loss([x, y, x * y], 20.0 * math.sqrt(256), seeded(2)).item()
    orders, again = seeded(2), 0
    for _ in range(3):
        first, second = (torch.randperm(16, generator=orders) for _ in range(2))
        again += int(((first == second) & (first != torch.arange(16))).sum())
    assert found == pytest.approx(again * math.log(2.0) / 48, rel=1e-3)
    assert symile_loss([x, y, x], 20.0 * math.sqrt(256), seeded()).item() > math.log(16)


def test_permutations():
    """Rows of one modality out of step lose the partner; the same order for all keeps the rows together."""
    rows = embeddings(count=3)
    order = torch.tensor([3, 0, 6, 5, 1, 4, 2])
    whole = symile_scores(rows[0], rows[1:], seeded()).diagonal()
    turned = symile_scores(rows[0][order], [r[order] for r in rows[1:]], seeded()).diagonal()
    assert torch.allclose(turned, whole[order], rtol=1e-12)
    assert torch.allclose(symile_scores(rows[1], [rows[2], rows[0]], seeded()).diagonal(), whole, rtol=1e-12)
    apart = symile_scores(rows[0][order], rows[1:], seeded()).diagonal()
    assert not torch.allclose(apart, whole[order], rtol=1e-3)


def test_gradients():
    rows = embeddings(count=3)
    scale = torch.tensor(3.0, dtype=torch.float64)
    given = tuple(x.requires_grad_() for x in (*rows, scale))
    assert torch.autograd.gradcheck(lambda *x: symile_loss(x[:3], x[3], seeded()), given)


def test_settings_are_checked():
    for name in ("embedding", "temperature"):
        with pytest.raises(LearnerError, match=re.escape(f"`{name}` `0`: expected a number above 0.")):
            build("symile", {"a": (3,), "b": (3,)}, **{name: 0})
