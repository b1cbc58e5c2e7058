"""The learned estimator: features against slow ones, what changes nothing, and what its training reached."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.special import digamma

from infoloom.estimators.neural.amortised.features import OF_ROWS, OF_SAMPLE, features
from infoloom.estimators.neural.amortised.neighbours import NEIGHBOURS, counts, estimates
from infoloom.estimators.neural.amortised.network import LEVELS, Quantiles, pinball


def pair(rows=120, dims=(2, 3), seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, dims[0]))
    y = rng.standard_normal((rows, dims[1]))
    y[:, 0] += x[:, 0]
    return x, y


def test_counts_are_those_of_every_pair_of_rows():
    u, v = pair()
    u[:20] = np.round(u[:20])  # some distances tie
    found = counts(u, v).reshape(len(u), len(NEIGHBOURS), 3)
    near_u, near_v = (((side[:, None] - side) ** 2).sum(axis=2) for side in (u, v))
    both = np.maximum(near_u, near_v)
    for i, (place, k) in itertools.product(range(len(u)), enumerate(NEIGHBOURS)):
        others = np.arange(len(u)) != i
        radius = np.sort(both[i, others])[k - 1] * (1.0 + 1e-9)
        slow = [int((side[i, others] <= radius).sum()) for side in (near_u, near_v, both)]
        assert found[i, place].tolist() == slow


def test_estimates_are_those_of_mesner_and_shalizi():
    found = counts(*pair())
    slow = [
        np.mean(
            [
                digamma(c) + digamma(len(found)) - digamma(a) - digamma(b)
                for a, b, c in found[:, 3 * k : 3 * k + 3]
            ]
        )
        for k in range(len(NEIGHBOURS))
    ]
    np.testing.assert_allclose(estimates(found), slow)


def test_features_ignore_increasing_functions_of_columns():
    x, y = pair()
    rows, sample = features(x, y)
    assert rows.shape == (120, OF_ROWS)
    assert sample.shape == (OF_SAMPLE,)
    bent = features(np.exp(x), np.arctan(5.0 * y) + y)
    np.testing.assert_allclose(bent[0], rows, atol=1e-6)
    np.testing.assert_allclose(bent[1], sample, atol=1e-5)


def test_features_of_labels_are_finite_and_tell_them_apart():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (80, 2)).astype(float)
    rows, sample = features(x, x[:, :1] + rng.integers(0, 2, (80, 1)))
    assert np.isfinite(rows).all()
    assert np.isfinite(sample).all()
    assert sample[7] < 0.1  # few different values


def test_features_count_canonical_correlations():
    """Of normal scores, against numpy's least squares."""
    x, y = pair(400, (1, 3))
    sample = features(x, y)[1]
    scores = [features_scores(side) for side in (x, y)]
    fit = scores[1] @ np.linalg.lstsq(scores[1], scores[0], rcond=None)[0]
    r = np.corrcoef(fit[:, 0], scores[0][:, 0])[0, 1]
    assert sample[11] == pytest.approx(r, abs=2e-3)
    assert sample[11 + 16] == pytest.approx(-0.5 * math.log1p(-(float(sample[11]) ** 2)), abs=1e-4)


def features_scores(side):
    from scipy.stats import norm, rankdata

    z = norm.ppf((rankdata(side, axis=0) - 0.5) / len(side))
    return z - z.mean(axis=0)


def test_the_network_gives_rising_quantiles_and_no_order_matters():
    torch.manual_seed(0)
    network = Quantiles()
    rows, owner = torch.randn(30, OF_ROWS), torch.arange(3).repeat_interleave(10)
    sample = torch.randn(3, OF_SAMPLE)
    quantiles = network(rows, owner, sample)
    assert quantiles.shape == (3, len(LEVELS))
    assert (quantiles.diff(dim=1) > 0).all()
    order = torch.randperm(30)
    torch.testing.assert_close(network(rows[order], owner[order], sample), quantiles)
    alone = network(rows[10:20], torch.zeros(10, dtype=torch.long), sample[1:2])
    torch.testing.assert_close(alone, quantiles[1:2])
    assert sum(p.numel() for p in network.parameters()) < 2_000_000


def test_the_loss_is_least_at_the_quantiles():
    truth = torch.distributions.Exponential(1.0).icdf((torch.arange(20_000) + 0.5) / 20_000)
    best = torch.tensor([-math.log1p(-level) for level in LEVELS]).expand(20_000, -1)
    least = pinball(best, truth)
    for shift in (-0.05, 0.05):
        assert pinball(best + shift, truth) > least
