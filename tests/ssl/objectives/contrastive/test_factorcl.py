"""FactorCL's bounds against the authors' formulas; who learns from which of them."""

from __future__ import annotations

import math
import re

import pytest
import torch
from embeddings import embeddings

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.models.encoders import first_weights
from infoloom.ssl.objectives.contrastive.factorcl import Critic, lower, upper

SHAPES = {"a": (4,), "b": (5,)}


def batch(rows=6):
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(rows, *shape, generator=generator) for name, shape in SHAPES.items()}


def code(network, x, y):
    """The two bounds as the authors' critics compute them: tiles of all pairs, the pairs that belong together apart."""
    n = len(x)
    x_tile = x.unsqueeze(0).repeat((n, 1, 1))
    y_tile = y.unsqueeze(1).repeat((1, n, 1))
    t0 = network(torch.cat([x, y], dim=-1))
    t1 = network(torch.cat([x_tile, y_tile], dim=-1))
    info_nce = t0.mean() - (t1.logsumexp(dim=1).mean() - math.log(n))
    return info_nce, t0.mean() - t1.mean()


def test_the_authors_code():
    """Values, and gradients by both sides and every weight of the critic."""
    x, y = (rows.requires_grad_() for rows in embeddings())
    with first_weights(3):
        critic = Critic(4, 8).double()
    given = (x, y, *critic.parameters())
    for bound, expected in zip((lower, upper), code(critic.score, x, y), strict=True):
        found = bound(critic(x, y))
        assert found.item() == pytest.approx(expected.item(), rel=1e-10)
        grads = (
            torch.autograd.grad(each, given, retain_graph=True, allow_unused=True)
            for each in (found, expected)
        )
        for mine, theirs in zip(*grads, strict=True):
            assert torch.allclose(mine, theirs, rtol=1e-8, atol=1e-12)


def test_bounds_lie_on_their_sides_of_the_information():
    """Of a normal pair with its own density ratio as the scores: InfoNCE below, NCE-CLUB above, by 4 errors."""
    generator = torch.Generator().manual_seed(1)
    r, truth = 0.8, -0.5 * math.log(1.0 - 0.64)
    found = []
    for _ in range(2000):
        x = torch.randn(6, generator=generator, dtype=torch.float64)
        y = r * x + 0.6 * torch.randn(6, generator=generator, dtype=torch.float64)
        gap, square = (y[:, None] - r * x) ** 2 / (2 * 0.36), y[:, None] ** 2 / 2
        scores = square - gap - math.log(0.6)
        found.append((lower(scores), upper(scores)))
    below, above = torch.tensor(found, dtype=torch.float64).T
    for values, sign in ((below, -1.0), (above, 1.0)):
        error = values.std() / math.sqrt(2000)
        assert sign * (values.mean() - truth) > 4.0 * error


def test_upper_bounds_are_lowered_by_encoders_and_judged_by_critics():
    """Critics of upper bounds follow the lower bound of fixed embeddings; encoders and heads see them fixed."""
    learner = build("factorcl", SHAPES, features=4, hidden=8, embedding=3, noise=0.0, erased=0.0)
    rows = learner.encode(batch())
    heads, critic = learner.heads[0], learner.critics[0][1]
    a, b = heads[2](rows["a"]), heads[3](rows["b"])
    learner.loss(batch(), torch.Generator()).backward()
    of_critic = torch.autograd.grad(-lower(critic(a.detach(), b.detach())), list(critic.parameters()))
    for weight, expected in zip(critic.parameters(), of_critic, strict=True):
        assert torch.allclose(weight.grad, expected, rtol=1e-4, atol=1e-6)
    of_head = torch.autograd.grad(upper(critic(a, b)), list(heads[2].parameters()), retain_graph=True)
    for weight, expected in zip(heads[2].parameters(), of_head, strict=True):
        assert torch.allclose(weight.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embedding": 0}, "`embedding` `0`: expected a number above 0. Use 32."),
        ({"noise": -1.0}, "`noise` `-1.0`: expected 0 or more. Use 0.3."),
        ({"erased": 1.0}, "`erased` `1.0`: expected a share below 1. Use 0.2."),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("factorcl", SHAPES, **settings)
