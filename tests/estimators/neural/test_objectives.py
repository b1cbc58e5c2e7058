"""Objectives against the formulas of their papers, and against the truth where the best critic is known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from infoloom.errors import EstimatorError
from infoloom.estimators.neural.critics import build_critic
from infoloom.estimators.neural.objectives import OBJECTIVES, RunningMean, objective

GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(6, 6, generator=GENERATOR, dtype=torch.float64)
TRUE = [float(SCORES[i, i]) for i in range(6)]
OTHER = [float(SCORES[i, j]) for i in range(6) for j in range(6) if i != j]


def mean(values):
    return sum(values) / len(values)


def infonce():
    rows = [math.exp(SCORES[i, i]) / mean([math.exp(s) for s in SCORES[i].tolist()]) for i in range(6)]
    columns = [math.exp(SCORES[i, i]) / mean([math.exp(s) for s in SCORES[:, i].tolist()]) for i in range(6)]
    return 0.5 * (mean([math.log(r) for r in rows]) + mean([math.log(c) for c in columns]))


EXPECTED = {
    "dv": mean(TRUE) - math.log(mean([math.exp(s) for s in OTHER])),
    "mine": mean(TRUE) - math.log(mean([math.exp(s) for s in OTHER])),
    "nwj": 1 + mean(TRUE) - mean([math.exp(s) for s in OTHER]),
    "js": 1 + mean(TRUE) - mean([math.exp(s) for s in OTHER]),
    "smile": mean(TRUE) - math.log(mean([math.exp(min(max(s, -0.5), 0.5)) for s in OTHER])),
    "infonce": infonce(),
    **dict.fromkeys(("infonce-anchor", "gan-dime", "hd-dime"), mean(TRUE)),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_terms_are_the_formulas(name):
    terms = objective(name, clip=0.5).terms(SCORES)
    assert terms.shape == (6,)
    assert float(terms.mean()) == pytest.approx(EXPECTED[name], abs=1e-12)


@pytest.mark.parametrize("name", ["dv", "mine", "nwj", "infonce"])
def test_bounds_train_on_what_they_report(name):
    assert float(objective(name, 5.0).loss(SCORES, None)) == pytest.approx(-EXPECTED[name], abs=1e-12)


@pytest.mark.parametrize("name", ["js", "smile", "gan-dime"])
def test_classifiers_train_on_cross_entropy(name):
    loss = mean([math.log1p(math.exp(-s)) for s in TRUE]) + mean([math.log1p(math.exp(s)) for s in OTHER])
    assert float(objective(name, 5.0).loss(SCORES, None)) == pytest.approx(loss, abs=1e-12)


def test_the_anchor_is_one_class_more():
    """Against the posterior of five candidates, one left out for the true pair's sake, and an anchor like them."""
    r = [[math.exp(s) for s in row] for row in SCORES.tolist()]
    terms = []
    for i in range(6):
        left_out = (i + 1) % 6
        true = r[i][i] / (5 + sum(r[i][j] for j in range(6) if j != left_out))
        none = 5 / (5 + sum(r[i][j] for j in range(6) if j != i))
        terms.append(-0.5 * (math.log(true) + math.log(none)))
    assert float(objective("infonce-anchor", 5.0).loss(SCORES, None)) == pytest.approx(mean(terms), abs=1e-12)


def test_hellinger_trains_on_square_roots():
    loss = mean([math.exp(-0.5 * s) for s in TRUE]) + mean([math.exp(0.5 * s) for s in OTHER])
    assert float(objective("hd-dime", 5.0).loss(SCORES, None)) == pytest.approx(loss, abs=1e-12)


@pytest.mark.parametrize("name", ["infonce-anchor", "gan-dime", "hd-dime"])
def test_losses_are_least_at_the_density_ratio_itself(name):
    """Of labels that agree with chance ½: a constant more or less, or another shape, costs more."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (400, 64))
    y = np.where(rng.random(x.shape) < 0.5, x, rng.integers(0, 3, x.shape))
    table = np.log(np.where(np.eye(3), 2.0, 0.5))

    def loss(scores):
        losses = [
            OBJECTIVES[name].loss(torch.as_tensor(scores[np.ix_(a, b)]), None)
            for a, b in zip(x, y, strict=True)
        ]
        return np.array([float(value) for value in losses])

    best = loss(table)
    for other in (table + 0.3, table - 0.3, 1.3 * table, 0.7 * table):
        worse = loss(other) - best
        assert worse.mean() > 4.0 * worse.std(ddof=1) / math.sqrt(len(worse))


def test_smile_without_clip_is_donsker_varadhan():
    assert torch.equal(objective("smile", math.inf).terms(SCORES), objective("dv", 5.0).terms(SCORES))


def test_infonce_cannot_exceed_the_log_of_the_rows():
    terms = OBJECTIVES["infonce"].terms(50.0 * torch.eye(6))
    assert float(terms.mean()) == pytest.approx(math.log(6), abs=1e-6)
    assert OBJECTIVES["infonce"].bounded


def test_gradient_of_mine_is_that_of_the_running_mean():
    """Against the gradient worked out by hand: −1/n on the diagonal, exp(s) / (m mean) elsewhere."""
    scores = SCORES.clone().requires_grad_()
    memory = RunningMean(rate=0.25)
    memory.update(torch.tensor(math.log(2.0), dtype=torch.float64))
    OBJECTIVES["mine"].loss(scores, memory).backward()
    batch = mean([math.exp(s) for s in OTHER])
    running = 0.75 * 2.0 + 0.25 * batch
    assert math.exp(memory.log_value) == pytest.approx(running)
    assert float(scores.grad[0, 0]) == pytest.approx(-1 / 6)
    assert float(scores.grad[0, 1]) == pytest.approx(math.exp(float(SCORES[0, 1])) / 30 / running)


def test_mine_trains_on_scores_whose_exponentials_overflow():
    """A running mean does not change when every score rises by the same amount, in float32 too."""
    far, near = (SCORES.float() + shift for shift in (200.0, 0.0))
    gradients = []
    for scores in (far.requires_grad_(), near.requires_grad_()):
        memory = RunningMean()
        for _ in range(2):
            loss = OBJECTIVES["mine"].loss(scores, memory)
        loss.backward()
        gradients.append(scores.grad)
    assert torch.allclose(*gradients, atol=1e-5)
    assert not torch.isnan(gradients[0]).any()


@pytest.mark.parametrize("name", ["dv", "nwj", "infonce", "smile", "js", "infonce-anchor"])
def test_the_true_log_ratio_gives_the_truth(name):
    """Scores of the exact density ratio of a Gaussian pair, no training: every objective must read its information."""
    rng = np.random.default_rng(0)
    correlation, found = 0.6, []
    for _ in range(40):
        x = rng.standard_normal(400)
        y = correlation * x + math.sqrt(1 - correlation**2) * rng.standard_normal(400)
        ratio = correlation * np.outer(x, y) - 0.5 * correlation**2 * (x[:, None] ** 2 + y**2)
        scores = torch.as_tensor(ratio / (1 - correlation**2) - 0.5 * math.log(1 - correlation**2))
        found.append(float(objective(name, math.inf).terms(scores).mean()))
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) + 0.5 * math.log(1 - correlation**2)) < 4 * error


#: Mean of the last quarter of 4000 steps at 2 bits, in bits: Lee and Rhee 2024, Gaussian data, joint critic.
PUBLISHED = {
    ("nwj", 5.0): 1.93,
    ("mine", 5.0): 1.93,
    ("dv", 5.0): 1.93,
    ("infonce", 5.0): 1.83,
    ("smile", 5.0): 1.91,
    ("smile", 1.0): 2.21,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "clip"), PUBLISHED, ids=str)
def test_published_values_on_gaussians(name, clip):
    """Ten pairs that share 2 bits, 64 new rows a step: within 0.2 bit of the paper, whose critic is wider."""
    generator = torch.Generator().manual_seed(0)
    critic = build_critic("joint", "mlp", ((10,), (10,)), (64, 64), 1, generator)
    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-3)
    target, memory, found = objective(name, clip), RunningMean(), []
    correlation = math.sqrt(1 - 2 ** (-2 * 2 / 10))
    for _ in range(4000):
        x, noise = torch.randn(2, 64, 10, generator=generator)
        scores = critic(x, correlation * x + math.sqrt(1 - correlation**2) * noise)
        found.append(float(target.terms(scores.detach()).mean()) / math.log(2))
        optimiser.zero_grad()
        target.loss(scores, memory).backward()
        optimiser.step()
    assert abs(np.mean(found[3000:]) - PUBLISHED[name, clip]) < 0.2


def test_settings():
    with pytest.raises(EstimatorError, match=re.escape("`objective` `club`: expected one of dv, mine, nwj")):
        objective("club", 5.0)
    with pytest.raises(EstimatorError, match=re.escape("`clip` `0.0`: expected a positive number")):
        objective("smile", 0.0)
