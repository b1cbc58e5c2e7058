"""Estimators that fit a model of the data: flows, entropies, denoisers, autoencoders."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from gaussian_tasks import canonical

from infoloom.errors import EstimatorError
from infoloom.estimators import (
    DifferenceOfEntropies,
    FlowBasedEstimator,
    LatentEstimator,
    MINDEEstimator,
    Training,
)

SEEDS = range(4)
VARIANCE = 1.0 - math.exp(-0.8)
SHORT = Training(patience=3, epochs=40)


def standard_error(task, rows):
    """Of the mean pointwise information over rows: its variance is Σ ρ²."""
    return math.sqrt(task.pairs * VARIANCE / rows)


LIKELIHOODS = {
    "flow-based": FlowBasedEstimator(training=SHORT, folds=2, hidden=16),
    "flow-based, whitened": FlowBasedEstimator("whiten", training=SHORT, folds=2, hidden=16),
    "entropies": DifferenceOfEntropies(training=SHORT, folds=2, hidden=(16,)),
    "entropies, flow marginal": DifferenceOfEntropies("flow", training=SHORT, folds=2, hidden=(16,)),
}


@pytest.mark.parametrize("estimator", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_likelihoods_on_easy_truths(estimator):
    """Bent where the preparation undoes bends; whitened rows have to be Gaussian."""
    task = canonical(3, 2, bent=estimator.preparation == "gaussianise")
    found = [estimator.estimate(*task.sample(1500, seed)) for seed in SEEDS]
    assert abs(np.mean(found) - task.mutual_information) < 4 * standard_error(task, 1500 * len(found))


@pytest.mark.parametrize("estimator", LIKELIHOODS.values(), ids=LIKELIHOODS)
def test_likelihoods_find_nothing_in_independent_rows(estimator):
    found = estimator.estimate(*canonical(5, 0).sample(600, 0))
    assert abs(found) < 0.03


def test_the_closed_form_agrees_with_held_out_rows():
    task = canonical(3, 2)
    found = FlowBasedEstimator(training=SHORT).estimate_with_info(*task.sample(3000, 0))
    closed = found.details["folds"][0]["closed_form"]
    assert abs(closed - found.nats) < 4 * standard_error(task, 750)
    assert found.details["folds"][0]["pairs"] == 3


def test_entropies_that_still_improve_are_not_reliable():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 2))
    y = x**2 + 0.3 * rng.standard_normal((600, 2))
    cut = DifferenceOfEntropies(training=Training(epochs=2, learning_rate=3e-3)).estimate_with_info(x, y)
    assert cut.reliable is False
    assert cut.details["folds"][0]["conditional"]["stopped"] == "epochs"


def test_entropies_are_code_lengths():
    """The marginal entropy is that of a standard normal, d / 2 log(2πe), for Gaussian rows."""
    found = DifferenceOfEntropies(training=SHORT, hidden=(8,)).estimate_with_info(
        *canonical(3, 1).sample(3000, 0)
    )
    fold = found.details["folds"][0]
    expected = 1.5 * math.log(2 * math.pi * math.e)
    assert abs(fold["entropy"] - expected) < 4 * math.sqrt(1.5 / 750) + 4 * math.sqrt(1.5 / 1800)
    assert fold["entropy"] - fold["conditional_entropy"] == pytest.approx(found.nats, abs=1e-5)


def test_minde_on_an_easy_truth_and_on_none():
    """Both readings find a pair; on independent rows the losses read 0 and the scores read high."""
    training = Training(batch=128, learning_rate=2e-3, epochs=60, patience=15)
    settings = {"training": training, "hidden": (64, 64), "levels": 16}
    task = canonical(1, 1, nats=1.0)
    found = MINDEEstimator(**settings).estimate_with_info(*task.sample(2000, 0))
    fold = found.details["folds"][0]
    assert found.nats == pytest.approx(fold["scores"], abs=1e-6)
    assert abs(fold["losses"] - 1.0) < 4.0 * 0.13  # its spread over four samples
    assert abs(fold["scores"] - 1.0) < 4.0 * 0.05
    null = MINDEEstimator(**settings).estimate_with_info(*canonical(3, 0).sample(800, 0))
    fold = null.details["folds"][0]
    assert fold["scores"] > 0.0
    assert abs(fold["losses"]) < fold["scores"] + 0.05
    assert MINDEEstimator.null_safe is False
    assert MINDEEstimator(reading="losses", **settings).estimate(
        *canonical(3, 0).sample(800, 0)
    ) == pytest.approx(fold["losses"], abs=1e-6)


def test_latent_codes_keep_what_is_shared():
    """One pair in ten columns a side, two-dimensional codes: between half of the truth and the truth."""
    task = canonical(10, 1, nats=0.8)
    settings = {
        "dimensions": 2,
        "hidden": (32,),
        "training": Training(batch=128, learning_rate=3e-3, epochs=30),
    }
    found = LatentEstimator(**settings).estimate(*task.sample(2000, 0))
    error = math.sqrt((1.0 - math.exp(-1.6)) / 2000)
    assert 0.1 * task.mutual_information < found < task.mutual_information + 4 * error
    null = LatentEstimator(**settings).estimate(*canonical(10, 0).sample(1000, 0))
    assert abs(null) < 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: FlowBasedEstimator("standardise"),
            "`preparation` `standardise`: expected whiten or gaussianise",
        ),
        (lambda: FlowBasedEstimator(couplings=-1), "`couplings` `-1`: expected 0 or more. Use 2."),
        (lambda: FlowBasedEstimator(hidden=0), "`hidden` `0`: expected 1 or more. Use 64."),
        (lambda: FlowBasedEstimator(pairs=0), "`pairs` `0`: expected 1 or more. Use 32."),
        (lambda: DifferenceOfEntropies("knn"), "`marginal` `knn`: expected gaussian or flow. Choose one."),
        (lambda: DifferenceOfEntropies(preparation="x"), "`preparation` `x`: expected whiten or gaussianise"),
        (lambda: DifferenceOfEntropies(hidden=()), "`hidden` `()`: expected at least one width. Use (64,)."),
        (lambda: MINDEEstimator(reading="both"), "`reading` `both`: expected scores or losses. Choose one."),
        (lambda: MINDEEstimator(levels=1), "`levels` `1`: expected 2 or more. Use 32."),
        (lambda: MINDEEstimator(hidden=()), "`hidden` `()`: expected at least one width."),
        (lambda: LatentEstimator(dimensions=0), "`dimensions` `0`: expected 1 or more. Use 8."),
        (lambda: LatentEstimator(hidden=()), "`hidden` `()`: expected at least one width. Use (128, 64)."),
        (lambda: LatentEstimator(neighbors=0), "`neighbors` `0`: expected 1 or more. Use 3 to 10."),
    ],
)
def test_settings(make, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        make()
