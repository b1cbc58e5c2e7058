"""The Gaussian log-determinant: unbiased, invariant, and right about its own error."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gaussian_tasks import canonical

from infoloom.benchmark.tasks.vectors.gaussian import HARD
from infoloom.errors import EstimatorError
from infoloom.estimators.classical.gaussian import (
    GaussianEstimator,
    _by_columns,
    _by_rows,
    _standard,
    canonical_correlations,
    gaussian_information,
    null_variance,
    wishart_bias,
)

SEEDS = range(12)


def test_bias_is_that_of_wishart_matrices():
    """The plug-in value of independent Gaussians has the bias as its expectation."""
    rng = np.random.default_rng(0)
    found = [
        gaussian_information(rng.standard_normal((30, 4)), rng.standard_normal((30, 6))) for _ in range(400)
    ]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - wishart_bias(30, 4, 6)) < 4 * error
    assert wishart_bias(30, 4, 6) > 20 * error


def test_variance_of_independent_sides_is_exact():
    """Of few rows as of many; the variance of a sample variance of a bell has relative error √(2 / (m − 1))."""
    rng = np.random.default_rng(4)
    found = [
        gaussian_information(rng.standard_normal((20, 5)), rng.standard_normal((20, 4))) for _ in range(2000)
    ]
    exact = null_variance(20, 5, 4)
    centred = np.asarray(found) - np.mean(found)
    error = np.sqrt((np.mean(centred**4) - np.mean(centred**2) ** 2) / 2000)
    assert abs(np.var(found, ddof=1) - exact) < 4 * error
    assert null_variance(20000, 5, 4) == pytest.approx(20 / (2 * 20000**2), rel=1e-2)
    assert null_variance(20, 4, 5) == pytest.approx(exact, rel=1e-9)


def test_information_against_the_formula_in_one_dimension():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((50, 1))
    y = x + rng.standard_normal((50, 1))
    correlation = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
    assert gaussian_information(x, y) == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=1e-12)
    assert canonical_correlations(x, y) == pytest.approx([correlation], abs=1e-12)


@pytest.mark.parametrize("name", ["linear", "null"])
def test_unbiased_on_tasks_that_are_gaussian(name):
    task = HARD[name][0]
    found = [GaussianEstimator().estimate(*task.sample(1000, seed)) for seed in SEEDS]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - task.mutual_information) < 4 * error


def test_intervals_hold_the_truth_as_often_as_they_say():
    task = canonical(3, 2)
    rows = [task.sample(300, seed) for seed in range(300)]
    intervals = [GaussianEstimator().estimate_with_info(x, y).interval for x, y in rows]
    covered = np.mean([low <= task.mutual_information <= high for low, high in intervals])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 300)


def test_invariant_under_affine_maps():
    rng = np.random.default_rng(2)
    x, y = canonical(4, 2).sample(200, 0)
    moved = x @ rng.standard_normal((4, 4)) + 5.0, y @ rng.standard_normal((4, 4)) - 3.0
    assert GaussianEstimator().estimate(*moved) == pytest.approx(GaussianEstimator().estimate(x, y), abs=1e-9)


def test_more_columns_than_rows_are_shrunk_and_null_safe():
    rng = np.random.default_rng(3)
    independent = [
        GaussianEstimator(seed=seed).estimate_with_info(
            rng.standard_normal((60, 50)), rng.standard_normal((60, 40))
        )
        for seed in SEEDS
    ]
    values = [found.nats for found in independent]
    assert abs(np.mean(values)) < 4 * np.std(values, ddof=1) / np.sqrt(len(values))
    assert all(found.reliable is False for found in independent)
    x = rng.standard_normal((60, 50))
    assert GaussianEstimator().estimate(x, x + 0.1 * rng.standard_normal((60, 50))) > 10 * np.std(values)


@pytest.mark.parametrize(("dim_x", "dim_y"), [(30, 40), (3, 60)])
@pytest.mark.parametrize("shrinkage", [None, 0.2])
def test_shrinkage_from_rows_is_that_from_columns(dim_x, dim_y, shrinkage):
    """Against every correlation and its variance written out, and the one path against the other."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, dim_x))
    y = x[:, :1] + rng.standard_normal((50, dim_y))
    x, y = _standard(x), _standard(y)
    orders = [np.arange(50), rng.permutation(50)]
    by_rows, by_columns = ([*path(x, y, orders, shrinkage)] for path in (_by_rows, _by_columns))
    np.testing.assert_allclose(by_rows, by_columns, rtol=1e-9, atol=1e-9)
    for order, (weight, nats) in zip(orders, by_rows, strict=True):
        both = np.hstack([x, y[order]])
        correlation = both.T @ both / 50
        products = both[:, :, None] * both[:, None, :]
        off = ~np.eye(dim_x + dim_y, dtype=bool)
        variance = (products.var(axis=0) * 50 / 49**2)[off].sum()
        assert weight == pytest.approx(shrinkage or min(1.0, variance / (correlation[off] ** 2).sum()))
        shrunk = (1.0 - weight) * correlation + weight * np.eye(dim_x + dim_y)
        sides = (shrunk[:dim_x, :dim_x], shrunk[dim_x:, dim_x:], shrunk)
        log_dets = [np.linalg.slogdet(side)[1] for side in sides]
        assert nats == pytest.approx(0.5 * (log_dets[0] + log_dets[1] - log_dets[2]))


def test_no_shrinkage_with_more_columns_than_rows_is_refused():
    x, y = np.random.default_rng(0).standard_normal((2, 20, 15))
    message = "`x, y` `15 columns`: expected columns that do not determine each other"
    with pytest.raises(EstimatorError, match=re.escape(message)):
        GaussianEstimator(shrinkage=0.0).estimate(x, y)


def test_shrinkage_that_is_given_is_used():
    x, y = canonical(4, 4).sample(500, 0)
    weak, strong = (GaussianEstimator(shrinkage=weight).estimate_with_info(x, y) for weight in (0.1, 0.9))
    assert strong.details["shrinkage"] == 0.9
    assert strong.nats < weak.nats
    assert GaussianEstimator(shrinkage=0.5, shuffles=1).estimate_with_info(x, y).interval is None


def test_columns_that_repeat_are_refused():
    x, y = canonical(3, 1).sample(100, 0)
    with pytest.raises(EstimatorError, match=re.escape("expected columns that do not determine each other")):
        GaussianEstimator().estimate(x, np.hstack([y, y[:, :1]]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shrinkage": 1.5}, "`shrinkage` `1.5`: expected a weight from 0 to 1, or None."),
        ({"shuffles": 0}, "`shuffles` `0`: expected 1 or more. Use 8."),
    ],
)
def test_settings(settings, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        GaussianEstimator(**settings)


@pytest.mark.parametrize("small", [1e-4, 1e-6, 1e-8, 1e-10])
def test_nearly_dependent_columns_keep_their_digits(small):
    """Eight columns a side that three directions nearly span, beside the same rows in well conditioned columns."""
    rng = np.random.default_rng(5)
    one, other = rng.standard_normal((2, 500, 8))
    other[:, :3] += 0.8 * one[:, :3]
    turn = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    sizes = np.where(np.arange(8) < 3, 1.0, small)
    close = [(rows * sizes) @ turn for rows in (one, other)]
    assert gaussian_information(*close) == pytest.approx(
        gaussian_information(one, other), abs=1e-15 / small**1.2 + 1e-9
    )
