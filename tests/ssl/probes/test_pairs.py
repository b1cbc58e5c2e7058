"""Critics: bounds, retrieval, agreement with the pointwise information."""

from __future__ import annotations

import math

import numpy as np
import pytest

import infoloom as loom
from infoloom.ssl.probes.pairs import (
    agreement,
    batches,
    bound_and_retrieval,
    canonical_critic,
    contrastive_terms,
    partners_found,
)
from infoloom.ssl.probes.splits import random_split

STORY = loom.load(
    {
        "name": "pair",
        "causes": {"mass": "normal"},
        "modalities": {
            "x": {"flow": "vector(8)", "latent": "0.8*mass + noise"},
            "y": {"flow": "vector(4)", "latent": "0.9*mass + noise"},
        },
    }
)


def pmi(rows, chosen):
    """Pointwise information of all pairs of some rows, (n, n)."""
    first, second = (grid.ravel() for grid in np.meshgrid(chosen, chosen, indexing="ij"))
    pairs = {"x": rows["x"][first], "y": rows["y"][second]}
    return STORY.pmi(pairs, "x", "y").reshape(len(chosen), len(chosen))


def test_the_best_critic_reaches_the_ceiling_of_the_loss():
    rows = STORY.sample(64 * 60, seed=4)
    bound, found = bound_and_retrieval(lambda chosen: pmi(rows, chosen), np.arange(64 * 60), 64)
    ceiling = STORY.ceilings(batch=64, seed=5).pairs[0]
    for (value, error), best in ((bound, ceiling.bound), (found, ceiling.retrieval)):
        assert abs(value - best.value) < 4.0 * math.hypot(error, best.error)
    assert bound[0] < STORY.information("I(x; y)")


def test_terms_of_the_best_critic_tend_to_the_pointwise_information():
    rows = STORY.sample(2000, seed=6)
    whole = pmi(rows, np.arange(2000))
    terms = contrastive_terms(whole)
    assert np.corrcoef(terms, np.diagonal(whole))[0, 1] > 0.99
    assert np.abs(terms - np.diagonal(whole)).mean() < 0.1


def test_constant_scores_know_nothing():
    np.testing.assert_allclose(contrastive_terms(np.zeros((7, 7))), 0.0, atol=1e-12)
    assert partners_found(np.eye(5)).tolist() == [1.0] * 5
    assert partners_found(np.roll(np.eye(5), 1, axis=1)).tolist() == [0.0] * 5


def test_agreement_ignores_functions_of_one_side_and_tells_the_scale():
    random = np.random.default_rng(0)
    true = random.standard_normal((20, 20))
    shifted = 0.5 * true + random.standard_normal(20) + random.standard_normal((20, 1))
    same = agreement(shifted, true)
    assert same.correlation == pytest.approx(1.0)
    assert same.slope == pytest.approx(2.0)
    assert abs(agreement(random.standard_normal((20, 20)), true).correlation) < 4.0 / 20.0


def test_the_canonical_critic_is_the_pointwise_information_of_gaussian_latents():
    rows = STORY.sample(12_000, seed=7)
    split = random_split(12_000, 0)
    critic = canonical_critic(rows["x"].astype(float), rows["y"].astype(float), split, 64)
    chosen = split.test[:64]
    found = agreement(critic(chosen), pmi(rows, chosen))
    assert found.correlation > 0.99
    assert found.slope == pytest.approx(1.0, abs=0.1)


def test_whole_batches_only():
    assert [part.tolist() for part in batches(np.arange(7), 3)] == [[0, 1, 2], [3, 4, 5]]
