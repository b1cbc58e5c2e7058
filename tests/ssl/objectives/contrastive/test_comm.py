"""CoMM's loss against the authors' formula, values and gradients; its limits; what joins the modalities."""

from __future__ import annotations

import math
import re

import pytest
import torch
from embeddings import ORDER, embeddings
from torch.nn.functional import normalize

from infoloom.errors import LearnerError
from infoloom.ssl import build
from infoloom.ssl.objectives.contrastive.comm import comm_loss, nt_xent


def infonce(z1, z2, temperature):
    """NT-Xent as the authors' code computes it: four blocks of cosines, those of an embedding with itself removed."""
    n = len(z1)
    far = 1e8 * torch.eye(n, dtype=z1.dtype)
    upper = torch.cat([z1 @ z2.T / temperature, z1 @ z1.T / temperature - far], dim=1)
    lower = torch.cat([z2 @ z2.T / temperature - far, (z1 @ z2.T / temperature).T], dim=1)
    both = torch.cat([upper, lower])
    return -torch.stack([both[k, k] - both[k].logsumexp(0) for k in range(2 * n)]).mean()


def code(first, second, temperature):
    one, two = ([z / z.norm(dim=-1, keepdim=True) for z in views] for views in (first, second))
    losses = [
        (infonce(a, two[-1], temperature) + infonce(b, one[-1], temperature)) / 2
        for a, b in zip(one, two, strict=True)
    ]
    return torch.stack(losses).mean()


@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("count", [2, 4])
def test_the_authors_code(count, temperature):
    """Values and gradients, of `count` embeddings a view."""
    first, second = (
        [rows.requires_grad_() for rows in embeddings(count=count, seed=seed)] for seed in (0, 1)
    )
    found, expected = comm_loss(first, second, temperature), code(first, second, temperature)
    assert found.item() == pytest.approx(expected.item(), rel=1e-10)
    given = (*first, *second)
    for mine, theirs in zip(
        torch.autograd.grad(found, given), torch.autograd.grad(expected, given), strict=True
    ):
        assert torch.allclose(mine, theirs, rtol=1e-8, atol=1e-12)


def test_limits_and_symmetries():
    same = torch.ones(8, 3, dtype=torch.float64) / math.sqrt(3.0)
    assert nt_xent(same, same, 0.1).item() == pytest.approx(math.log(15), rel=1e-12)
    corners = torch.eye(8, dtype=torch.float64)
    assert nt_xent(corners, corners, 0.01).item() == pytest.approx(0.0, abs=1e-12)
    a, b = (normalize(rows, dim=1) for rows in embeddings())
    loss = nt_xent(a, b, 0.1)
    assert torch.allclose(nt_xent(b, a, 0.1), loss, rtol=1e-12)
    assert torch.allclose(nt_xent(a[ORDER], b[ORDER], 0.1), loss, rtol=1e-12)
    assert not torch.allclose(nt_xent(a[ORDER], b, 0.1), loss, rtol=1e-3)


def test_all_modalities_are_joined():
    """The fused features look at every modality; those of one alone at nothing else."""
    learner = build("comm", {"a": (4,), "b": (5,), "c": (6,)}, features=8)
    rows = {
        n: torch.randn(3, d, generator=torch.Generator().manual_seed(d))
        for n, d in (("a", 4), ("b", 5), ("c", 6))
    }
    found = learner.encode(rows)
    for name in rows:
        other = learner.encode(rows | {name: rows[name] + 1.0})
        assert not torch.allclose(other["fused"], found["fused"], atol=1e-5)
        for kept in set(rows) - {name}:
            assert torch.equal(other[kept], found[kept])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"heads": 3},
            "`heads` `3`: expected a divisor of the features, 64. Use 4, or features that it divides.",
        ),
        ({"temperature": 0}, "`temperature` `0`: expected a number above 0. Use 0.1."),
        ({"noise": -1.0}, "`noise` `-1.0`: expected 0 or more. Use 0.3."),
        ({"erased": 1.0}, "`erased` `1.0`: expected a share below 1. Use 0.2."),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("comm", {"a": (3,), "b": (3,)}, **settings)
