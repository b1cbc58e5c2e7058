"""Splits are disjoint, and training gives back the best weights, never the last."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from infoloom.errors import EstimatorError
from infoloom.estimators import build
from infoloom.estimators.neural.training import fit, tensors
from infoloom.estimators.settings import Training
from infoloom.estimators.splits import held_out_estimate, splits


@pytest.mark.parametrize("folds", [1, 2, 5])
def test_splits_are_disjoint_and_complete(folds):
    found = splits(103, folds, seed=1)
    assert len(found) == folds
    for split in found:
        parts = [split.train, split.validation, split.test]
        assert sorted(np.concatenate(parts)) == list(range(103))
        assert min(len(part) for part in parts) > 0
    if folds > 1:
        assert sorted(np.concatenate([split.test for split in found])) == list(range(103))
    assert len({split.seed for split in found}) == folds


def test_splits_depend_on_the_seed_only():
    first, again, other = (splits(50, 1, seed)[0].test for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_held_out_terms_are_averaged_with_their_standard_error():
    values = np.random.default_rng(0).standard_normal(90)
    found = held_out_estimate(90, 3, 0, lambda split: (values[split.test], {}))
    assert found.nats == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(90)
    assert found.interval == pytest.approx((values.mean() - half, values.mean() + half))
    assert found.reliable is None
    doubted = held_out_estimate(90, 3, 0, lambda split: (values[split.test], {"reliable": False}))
    assert doubted.reliable is False


class Point(nn.Module):
    """One number to be trained."""

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(()))


def train(validate, **settings):
    """Move a number up at the learning rate, one step an epoch."""
    point = Point()
    loss = lambda rows: -point.value * rows.sum() / rows.sum()  # noqa: E731
    report = fit(
        point, loss, lambda: validate(point.value), tensors(np.ones(8)), Training(**settings), seed=0
    )
    return float(point.value.detach()), report


def test_the_best_weights_come_back():
    best, report = train(lambda value: (value - 0.5) ** 2, learning_rate=0.1, epochs=50, patience=8)
    assert best == pytest.approx(0.5, abs=0.01)
    assert report["best_epoch"] == 5
    assert report["epochs"] == 13
    assert report["stopped"] == "patience"


def test_the_state_before_training_counts():
    best, report = train(lambda value: value, learning_rate=0.1, epochs=5)
    assert best == 0.0
    assert report["best_epoch"] == 0


def test_limits():
    assert train(lambda value: -value, epochs=3)[1]["stopped"] == "epochs"
    assert train(lambda value: -value, epochs=10**6, seconds=0.05)[1]["stopped"] == "seconds"


def test_weights_that_are_no_numbers_end_the_training_and_are_doubted():
    """The weights of before come back, and whoever reads them is told so."""
    point = Point()
    spoilt = lambda rows: -point.value * (rows.sum() if point.value < 0.15 else float("nan"))  # noqa: E731
    report = fit(
        point,
        spoilt,
        lambda: (point.value - 1.0) ** 2,
        tensors(np.ones(8)),
        Training(learning_rate=0.1, epochs=50),
        seed=0,
    )
    assert float(point.value.detach()) == pytest.approx(0.2, abs=1e-3)
    assert report["stopped"] == "diverged"
    assert report["reliable"] is False
    assert (report["best_epoch"], report["epochs"]) == (2, 3)


@pytest.mark.parametrize("name", ["mine", "nwj", "difference-of-entropies", "flow-based", "latent", "minde"])
def test_estimators_doubt_a_training_that_diverged(name):
    x, y = np.random.default_rng(0).standard_normal((2, 200, 3))
    found = build(name, training=Training(learning_rate=1e20, epochs=5)).estimate_with_info(x, y)
    assert found.reliable is False


def test_divergence_from_the_start_is_an_error():
    message = "`training` `Point`: expected a finite validation loss in 2 epochs, because a diverged network"
    with pytest.raises(EstimatorError, match=re.escape(message)):
        train(lambda value: value * float("nan"), epochs=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 1}, "`batch` `1`: expected 2 or more. Use 256."),
        ({"epochs": 0}, "`epochs` `0`: expected 1 or more. Use 200."),
        ({"patience": 0}, "`patience` `0`: expected 1 or more. Use 10."),
        ({"learning_rate": 0.0}, "`learning_rate` `0.0`: expected above 0. Use 5e-4."),
        ({"weight_decay": -1.0}, "`weight_decay` `-1.0`: expected 0 or more. Use 0."),
        ({"seconds": 0.0}, "`seconds` `0.0`: expected above 0. Use None."),
    ],
)
def test_settings(settings, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        Training(**settings)


def test_split_settings():
    with pytest.raises(EstimatorError, match=re.escape("`folds` `0`: expected 1 or more. Use 1, or 2 to 5")):
        splits(50, 0, 0)
    with pytest.raises(
        EstimatorError, match=re.escape("`folds` `20`: expected at most a quarter of the rows, 50.")
    ):
        splits(50, 20, 0)
