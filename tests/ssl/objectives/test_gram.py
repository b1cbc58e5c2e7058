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
from infoloom.ssl.objectives.gram import EPSILON, Gram, gram_loss, volumes


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
    """To a few ε in the square of each length, and nothing but ε."""
    anchor, *others = unit(count)
    found = volumes(anchor, others).numpy()
    expected = dense_volumes(anchor.numpy(), [rows.numpy() for rows in others])
    assert (np.abs(found**2 - expected**2) < 3 * count * EPSILON).all()


@pytest.mark.parametrize("count", [2, 3, 4])
def test_loss_is_that_of_the_paper(count):
    """Equations 4 to 6: both directions of a contrast of −volume / τ."""
    anchor, *others = embeddings(width=6, count=count)
    rows = [normalize(x, dim=1).numpy() for x in (anchor, *others)]
    scores = -dense_volumes(rows[0], rows[1:]) / 0.07
    d2a = -np.mean(np.diag(log_softmax(scores, axis=0)))
    a2d = -np.mean(np.diag(log_softmax(scores, axis=1)))
    assert gram_loss(anchor, others, 1 / 0.07).item() == pytest.approx((d2a + a2d) / 2, rel=1e-3)


def test_limits():
    """Aligned rows span nothing, orthogonal ones volume 1, and two aligned modalities are enough for nothing."""
    a, b, c = unit(3)
    assert volumes(a, [a, a]).diagonal().abs().max() < 2e-3
    assert volumes(a, [a, c]).diagonal().abs().max() < 2e-3
    axes = torch.eye(6, dtype=torch.float64)
    assert volumes(axes[:1], [axes[1:2], axes[2:3]]).item() == pytest.approx(1.0, abs=4 * EPSILON)
    corners = torch.eye(8, dtype=torch.float64)
    assert gram_loss(corners, [corners], 100.0).item() == pytest.approx(0.0, abs=1e-9)
    assert gram_loss(a, [b, c], 0.0).item() == pytest.approx(math.log(7), rel=1e-12)


def test_two_modalities_give_the_sine_of_the_angle():
    a, b = unit(2)
    sine = torch.sin(torch.arccos(a @ b.T))
    assert torch.allclose(volumes(a, [b]), sine, rtol=1e-4)


def test_symmetries():
    a, b, c = embeddings(width=6, count=3)
    loss = gram_loss(a, [b, c], 5.0)
    assert torch.allclose(gram_loss(a, [c, b], 5.0), loss, rtol=1e-4)
    assert torch.allclose(gram_loss(a[ORDER], [b[ORDER], c[ORDER]], 5.0), loss, rtol=1e-12)
    assert torch.allclose(gram_loss(-a, [2.0 * b, c], 5.0), loss, rtol=1e-4)
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
    loss = Gram(0.07, "b").double()
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
