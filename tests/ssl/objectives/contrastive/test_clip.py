"""CLIP against the paper's listing, its limits and its symmetries."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from embeddings import ORDER, embeddings
from scipy.special import log_softmax

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.contrastive.clip import Clip, clip_loss, clip_scores


def listing(image, text, t):
    """Figure 3 of the paper, line by line."""
    image_e = image / np.linalg.norm(image, axis=1, keepdims=True)
    text_e = text / np.linalg.norm(text, axis=1, keepdims=True)
    logits = image_e @ text_e.T * np.exp(t)
    n = len(logits)
    loss_i = -np.mean([log_softmax(logits, axis=0)[k, k] for k in range(n)])
    loss_t = -np.mean([log_softmax(logits, axis=1)[k, k] for k in range(n)])
    return (loss_i + loss_t) / 2


@pytest.mark.parametrize("t", [0.0, 1.3, math.log(1 / 0.07)])
def test_listing(t):
    a, b = embeddings()
    assert float(clip_loss(a, b, math.exp(t))) == pytest.approx(listing(a.numpy(), b.numpy(), t), rel=1e-12)


def test_three_modalities_are_the_mean_of_three_pairs():
    a, b, c = embeddings(count=3)
    loss = Clip(0.07).double()
    found = loss({"a": a, "b": b, "c": c}, torch.Generator())
    t = loss.log_scale.item()
    pairs = [listing(*(x.numpy() for x in pair), t) for pair in ((a, b), (a, c), (b, c))]
    assert found.item() == pytest.approx(np.mean(pairs), rel=1e-12)


def test_limits():
    """Nothing told apart: log n. Orthogonal rows that agree: no loss when it is cold."""
    same = torch.ones(8, 3, dtype=torch.float64)
    assert clip_loss(same, same, 50.0).item() == pytest.approx(math.log(8), rel=1e-12)
    corners = torch.eye(8, dtype=torch.float64)
    assert clip_loss(corners, corners, 100.0).item() == pytest.approx(0.0, abs=1e-12)
    a, b = embeddings()
    assert clip_loss(a, b, 0.0).item() == pytest.approx(math.log(7), rel=1e-12)


def test_symmetries():
    a, b = embeddings()
    loss = clip_loss(a, b, 5.0)
    assert torch.allclose(clip_loss(b, a, 5.0), loss, rtol=1e-12)
    assert torch.allclose(clip_loss(a[ORDER], b[ORDER], 5.0), loss, rtol=1e-12)
    assert torch.allclose(clip_loss(3.0 * a, b, 5.0), loss, rtol=1e-12)
    assert not torch.allclose(clip_loss(a[ORDER], b, 5.0), loss, rtol=1e-3)
    assert torch.allclose(clip_scores(a[ORDER], b, 5.0), clip_scores(a, b, 5.0)[ORDER], rtol=1e-12)


def test_gradients():
    a, b = embeddings()
    scale = torch.tensor(3.0, dtype=torch.float64)
    given = tuple(each.requires_grad_() for each in (a, b, scale))
    assert torch.autograd.gradcheck(clip_loss, given)


def test_the_temperature_is_learned_up_to_its_end():
    loss = Clip(0.07)
    assert loss.scale.item() == pytest.approx(1 / 0.07, rel=1e-6)
    assert Clip(1e-4).scale.item() == pytest.approx(100.0, rel=1e-6)
    assert Clip(5.0).scale.item() == 1.0
    a, b = embeddings(width=2)
    loss({"a": a, "b": b}, torch.Generator()).backward()
    assert loss.log_scale.grad.abs() > 0.0


@pytest.mark.parametrize(("reached", "held"), [(150.0, 100.0), (0.3, 1.0), (40.0, 40.0)])
def test_the_temperature_is_held_in_place_and_keeps_its_gradient(reached, held):
    """As in open_clip's loop: the parameter is clamped after a step, and the next loss is of the clamped one."""
    a, b = embeddings()
    loss = Clip(0.07).double()
    with torch.no_grad():
        loss.log_scale.fill_(math.log(reached))
    found = loss({"a": a, "b": b}, torch.Generator())
    t = torch.tensor(math.log(held), dtype=torch.float64, requires_grad=True)
    logits = torch.exp(t) * (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).T
    rows, columns = logits.log_softmax(1).diagonal().mean(), logits.log_softmax(0).diagonal().mean()
    expected = -(rows + columns) / 2
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    (mine,), (theirs,) = torch.autograd.grad(found, loss.log_scale), torch.autograd.grad(expected, t)
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-10)
    assert abs(theirs.item()) > 1e-3
    assert loss.log_scale.item() == pytest.approx(math.log(held), abs=1e-12)


def test_settings_are_checked():
    for name in ("embedding", "temperature"):
        with pytest.raises(LearnerError, match=re.escape(f"`{name}` `0`: expected a number above 0.")):
            build("clip", {"a": (3,), "b": (3,)}, **{name: 0})
