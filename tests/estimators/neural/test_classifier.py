"""The classifier bound: its pieces against slow counterparts, truths it reaches, nothing where there is nothing."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scipy.optimize import minimize

from infoloom.errors import EstimatorError
from infoloom.estimators import ClassifierEstimator, Training
from infoloom.estimators.cells import joint_cells, plug_in_entropy
from infoloom.estimators.neural.classifier import _log_q, _sharpness

LINEAR = {"hidden": (), "training": Training(batch=512, learning_rate=0.03, epochs=30, patience=6)}


def two_sides(rows, seed, apart=2.0):
    """W is 0 or 1, x normal around −a/2 or a/2: its posterior is logistic, so a linear classifier is the right one."""
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 2, rows)
    return side, (side - 0.5) * apart + rng.standard_normal(rows)


def exact_terms(side, x, apart=2.0):
    """log p(W | x) − log p(W) by Bayes' rule."""
    return math.log(2.0) - np.logaddexp(0.0, (1 - 2 * side) * apart * x)


def test_the_bound_is_met_where_the_classifier_is_right():
    """Under the true posterior the same rows scatter alike, so what is left is what the fit missed."""
    misses = []
    for seed in range(6):
        side, x = two_sides(4000, seed)
        found = ClassifierEstimator(**LINEAR, folds=2, seed=seed).estimate_with_info(side, x)
        assert found.details["held_out"] == 4000
        misses.append(found.nats - exact_terms(side, x).mean())
    error = np.std(misses, ddof=1) / math.sqrt(6)
    assert -0.005 < np.mean(misses) < 4.0 * error


def test_it_stays_below_the_truth_within_its_error():
    side, x = two_sides(3000, 1)
    truth = exact_terms(*two_sides(400_000, 2)).mean()
    found = ClassifierEstimator(seed=1, training=Training(patience=4, epochs=40)).estimate_with_info(side, x)
    assert found.nats < truth + 4.0 * found.details["standard_error"]
    assert found.interval[1] > 0.8 * truth


def test_both_sides_of_whole_numbers():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (3000, 2))
    y = (x.sum(axis=1) + (rng.random(3000) < 0.2)) % 3
    truth = math.log(3) + 0.8 * math.log(0.8) + 0.2 * math.log(0.2)
    found = ClassifierEstimator(
        training=Training(patience=5, epochs=60, learning_rate=2e-3)
    ).estimate_with_info(x, y)
    assert abs(found.nats - truth) < 4.0 * found.details["standard_error"] + 0.02
    assert found.details["classes"] == 3


def test_nothing_is_found_in_shuffled_pairs():
    side, x = two_sides(400, 0)
    found = []
    for seed in range(12):
        other = np.random.default_rng(seed).permutation(x)
        found.append(ClassifierEstimator(**LINEAR, seed=seed).estimate(side, other))
    assert np.mean(found) < 4.0 * np.std(found, ddof=1) / math.sqrt(12)


def test_the_temperature_is_the_best_one():
    rng = np.random.default_rng(0)
    scores, prior = rng.standard_normal((300, 4)), np.log([0.4, 0.3, 0.2, 0.1])
    logits = prior + 0.3 * scores  # what was promised is three times too sharp
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    cells = (rng.random((300, 1)) > shares.cumsum(axis=1)).sum(axis=1)

    def cost(factor):
        total = 0.0
        for row, cell in zip(scores, cells, strict=True):
            weights = [math.exp(prior[i] + factor[0] * row[i]) for i in range(4)]
            total -= math.log(weights[cell] / sum(weights))
        return total / 300

    slow = minimize(cost, [1.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12}).x[0]
    found = _sharpness(scores, prior, cells)
    assert found == pytest.approx(slow, abs=1e-3)
    assert -_log_q(scores, prior, cells, found).mean() == pytest.approx(cost([found]), abs=1e-12)


def test_calibration_takes_back_promises():
    """Scores three times too sharp: the temperature of one half of the rows serves the other half."""
    side, x = two_sides(4000, 5)
    scores = np.stack([-3.0 * x, 3.0 * x], axis=1)  # right are ∓ x
    prior, half = np.log([0.5, 0.5]), slice(0, 2000)
    sharpness = _sharpness(scores[half], prior, side[half])
    raw, calibrated = (_log_q(scores[2000:], prior, side[2000:], factor) for factor in (1.0, sharpness))
    gain = calibrated - raw
    assert gain.mean() > 4.0 * gain.std() / math.sqrt(2000)
    missed = exact_terms(side[2000:], x[2000:]) - math.log(2.0) - calibrated
    assert abs(missed.mean()) < 4.0 * missed.std() / math.sqrt(2000) + 1e-3


def test_pictures_are_convolved():
    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, 300)
    pictures = rng.standard_normal((300, 1, 8, 8)) + 2.0 * side[:, None, None, None]
    quick = Training(epochs=3, learning_rate=2e-3)
    found = ClassifierEstimator(training=quick, hidden=(8,)).estimate(pictures, side)
    assert 0.1 < found < math.log(2.0) + 0.1
    with pytest.raises(EstimatorError, match=r"`encoder` `conv on rows \(1,\)`"):
        ClassifierEstimator(encoder="conv").estimate(side, rng.standard_normal(300))


def test_entropy_is_that_of_all_rows():
    side, x = two_sides(200, 0)
    found = ClassifierEstimator(hidden=(), training=Training(epochs=1)).estimate_with_info(side, x)
    assert found.details["entropy"] == pytest.approx(sum(plug_in_entropy(joint_cells(side[:, None]))))


def test_many_classes_are_refused_and_doubted():
    rng = np.random.default_rng(0)
    with pytest.raises(
        EstimatorError, match=re.escape("`x, y` `200 classes in 200 rows`: expected at most 4096 classes")
    ):
        ClassifierEstimator().estimate(np.arange(200), rng.standard_normal(200))
    found = ClassifierEstimator(training=Training(epochs=1)).estimate_with_info(
        np.arange(200) % 50, rng.standard_normal(200)
    )
    assert found.reliable is False
    assert found.details["doubts"] == ["4.0 rows a class"]
