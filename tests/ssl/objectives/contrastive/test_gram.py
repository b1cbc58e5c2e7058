"""GRAM against determinants of the paper's Gram matrices, its limits and its symmetries."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from embeddings import ORDER, embeddings
from scipy.special import log_softmax
from torch.nn.functional import normalize

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.contrastive.gram import Gram, gram_loss, volumes


def dense_volumes(anchor, others):
    """√ det G, equation 3 of the paper, one Gram matrix a pair of rows."""
    found = np.empty((len(anchor), len(others[0])))
    for i in range(len(anchor)):
        for j in range(len(others[0])):
            vectors = np.stack([anchor[i], *(rows[j] for rows in others)])
            found[i, j] = np.sqrt(np.linalg.det(vectors @ vectors.T))
    return found


def unit(count, rows=7, width=6):
    return [normalize(x, dim=1) for x in embeddings(rows=rows, width=width, count=count)]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_volumes_are_determinants(count):
    """Nothing is added to them."""
    anchor, *others = unit(count)
    found = volumes(anchor, others).numpy()
    expected = dense_volumes(anchor.numpy(), [rows.numpy() for rows in others])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_loss_is_that_of_the_paper(count):
    """Equations 4 to 6: both directions of a contrast of −volume / τ, without smoothed labels."""
    anchor, *others = embeddings(width=6, count=count)
    rows = [normalize(x, dim=1).numpy() for x in (anchor, *others)]
    scores = -dense_volumes(rows[0], rows[1:]) / 0.07
    d2a = -np.mean(np.diag(log_softmax(scores, axis=0)))
    a2d = -np.mean(np.diag(log_softmax(scores, axis=1)))
    found = gram_loss(anchor, others, 1 / 0.07, smoothing=0.0).item()
    assert found == pytest.approx((d2a + a2d) / 2, rel=1e-9)


def code(anchor, others, temperature):
    """What the authors' code computes: √|det G| of every pair, and labels of which a tenth is spread over the batch."""
    rows = [each / each.norm(dim=1, keepdim=True) for each in (anchor, *others)]
    n = len(anchor)
    volume = []
    for i in range(n):
        for j in range(n):
            vectors = torch.stack([rows[0][i], *(each[j] for each in rows[1:])])
            volume.append(torch.det(vectors @ vectors.T).abs().sqrt())
    scores = -torch.stack(volume).view(n, n) / temperature
    labels = 0.9 * torch.eye(n, dtype=scores.dtype) + 0.1 / n
    both = [-(labels * (side - side.logsumexp(1, keepdim=True))).sum(1).mean() for side in (scores, scores.T)]
    return (both[0] + both[1]) / 2


@pytest.mark.parametrize(("count", "apart"), [(2, 1.0), (3, 1.0), (5, 1.0), (2, 1e-2), (3, 1e-2), (3, 1e-4)])
def test_the_authors_code(count, apart):
    """Values and gradients, where rows are far apart and where partners are nearly aligned."""
    first, *rest = embeddings(width=6, count=count)
    anchor = first.requires_grad_()
    others = [(first.detach() + apart * rows).requires_grad_() for rows in rest]
    found, expected = gram_loss(anchor, others, 1 / 0.07), code(anchor, others, 0.07)
    assert found.item() == pytest.approx(expected.item(), rel=1e-8)
    given = (anchor, *others)
    for mine, theirs in zip(
        torch.autograd.grad(found, given), torch.autograd.grad(expected, given), strict=True
    ):
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-6 * theirs.abs().max().item())


def test_limits():
    """Aligned rows span nothing, orthogonal ones volume 1, and two aligned modalities are enough for nothing."""
    a, b, c = unit(3)
    assert volumes(a, [a, a]).diagonal().abs().max() < 1e-7
    assert volumes(a, [a, c]).diagonal().abs().max() < 1e-7
    axes = torch.eye(6, dtype=torch.float64)
    assert volumes(axes[:1], [axes[1:2], axes[2:3]]).item() == 1.0
    corners = torch.eye(8, dtype=torch.float64)
    assert gram_loss(corners, [corners], 100.0, smoothing=0.0).item() == pytest.approx(0.0, abs=1e-9)
    assert gram_loss(a, [b, c], 0.0).item() == pytest.approx(math.log(7), rel=1e-12)


def test_two_modalities_give_the_sine_of_the_angle():
    a, b = unit(2)
    sine = torch.sin(torch.arccos(a @ b.T))
    assert torch.allclose(volumes(a, [b]), sine, rtol=1e-9)


def test_symmetries():
    a, b, c = embeddings(width=6, count=3)
    loss = gram_loss(a, [b, c], 5.0)
    assert torch.allclose(gram_loss(a, [c, b], 5.0), loss, rtol=1e-9)
    assert torch.allclose(gram_loss(a[ORDER], [b[ORDER], c[ORDER]], 5.0), loss, rtol=1e-12)
    assert torch.allclose(gram_loss(-a, [2.0 * b, c], 5.0), loss, rtol=1e-9)
    assert not torch.allclose(gram_loss(a[ORDER], [b, c], 5.0), loss, rtol=1e-3)


def test_gradients():
    rows = embeddings(width=6, count=3)
    scale = torch.tensor(3.0, dtype=torch.float64)
    given = tuple(x.requires_grad_() for x in (*rows, scale))
    assert torch.autograd.gradcheck(lambda a, b, c, s: gram_loss(a, [b, c], s), given)


def test_gradients_are_finite_where_rows_are_aligned():
    a, _ = embeddings(width=6)
    given = a.clone().requires_grad_()
    gram_loss(given, [given, a], 5.0).backward()
    assert given.grad.isfinite().all()


def test_the_anchor_is_a_choice():
    a, b, c = embeddings(width=6, count=3)
    rows = {"a": a, "b": b, "c": c}
    loss = Gram(0.07, "b", 0.1).double()
    found = loss(rows, torch.Generator()).item()
    assert found == pytest.approx(gram_loss(b, [a, c], loss.log_scale.exp().item()).item(), rel=1e-12)
    shapes = {"a": (3,), "b": (3,)}
    assert build("gram", shapes).compare.anchor == "a"
    assert build("gram", shapes, anchor="b").compare.anchor == "b"
    with pytest.raises(
        LearnerError, match=re.escape("`anchor` `d`: expected one of a, b. Choose one, or None.")
    ):
        build("gram", shapes, anchor="d")


def test_settings_are_checked():
    for name in ("embedding", "temperature"):
        with pytest.raises(LearnerError, match=re.escape(f"`{name}` `0`: expected a number above 0.")):
            build("gram", {"a": (3,), "b": (3,)}, **{name: 0})
    for share in (-0.1, 1.0):
        with pytest.raises(
            LearnerError, match=re.escape(f"`smoothing` `{share}`: expected a share below 1. Use 0.1.")
        ):
            build("gram", {"a": (3,), "b": (3,)}, smoothing=share)
