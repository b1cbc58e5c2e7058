"""Prediction of features: its loss by hand, targets without a gradient, and slow encoders that follow."""

from __future__ import annotations

import re

import pytest
import torch
from embeddings import embeddings

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.prediction.jepa import prediction_loss

SHAPES = {"a": (1, 8, 8), "b": (6,)}


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(5, *shape, generator=generator) for name, shape in SHAPES.items()}


def test_loss_by_hand():
    """½ x² below 1, |x| − ½ beyond, against targets of mean 0 and variance 1 in each row."""
    predicted, target = (3.0 * rows for rows in embeddings())
    total = []
    for p, t in zip(predicted.tolist(), target.tolist(), strict=True):
        mean = sum(t) / len(t)
        scale = (sum((x - mean) ** 2 for x in t) / len(t) + 1e-5) ** 0.5
        for x, y in zip(p, t, strict=True):
            gap = abs(x - (y - mean) / scale)
            total.append(0.5 * gap**2 if gap < 1.0 else gap - 0.5)
    assert prediction_loss(predicted, target).item() == pytest.approx(sum(total) / len(total), rel=1e-10)


def test_gradients_flow_through_predictions_only():
    predicted, target = (rows.requires_grad_() for rows in embeddings())
    prediction_loss(predicted, target).backward()
    assert predicted.grad.abs().max() > 0.0
    assert target.grad is None
    assert torch.autograd.gradcheck(lambda p: prediction_loss(p, target.detach()), predicted)


def test_slow_encoders_follow_in_training_only():
    learner = build("jepa", SHAPES, features=4, momentum=0.9)
    before = {name: value.clone() for name, value in learner.named_buffers() if name.startswith("slow_")}
    trained = dict(learner.encoders.named_parameters())
    assert {name.removeprefix("slow_") for name in before} == {name.replace(".", "_") for name in trained}
    with torch.no_grad():
        for weight in trained.values():
            weight.add_(1.0)
    learner.eval().loss(batch(), torch.Generator())
    assert all(torch.equal(learner.get_buffer(name), value) for name, value in before.items())
    learner.train().loss(batch(), torch.Generator())
    for name, weight in trained.items():
        slow = "slow_" + name.replace(".", "_")
        assert torch.allclose(learner.get_buffer(slow), 0.9 * before[slow] + 0.1 * weight, atol=1e-6)


def test_the_loss_is_the_mean_over_pairs():
    """Without views, at its first weights: what each modality's features predict of every modality's."""
    learner = build("jepa", SHAPES, features=4, noise=0.0, erased=0.0).eval()
    given = batch()
    seen = [rows for name, rows in learner.encode(given).items() if name != "fused"]
    losses = [
        prediction_loss(learner.predictors[2 * a + b](seen[a]), seen[b]).item()
        for a in (0, 1)
        for b in (0, 1)
    ]
    assert learner.loss(given, torch.Generator()).item() == pytest.approx(sum(losses) / 4, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"momentum": 1.0}, "`momentum` `1.0`: expected a share below 1. Use 0.99."),
        ({"noise": -1.0}, "`noise` `-1.0`: expected 0 or more. Use 0.3."),
        ({"erased": 1.0}, "`erased` `1.0`: expected a share below 1. Use 0.3."),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("jepa", SHAPES, **settings)
