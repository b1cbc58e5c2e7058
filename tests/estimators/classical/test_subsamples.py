"""Intervals of nearest-neighbour estimates: by hand, how often they hold known values, and where there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from infoloom.estimators import GaoEstimator, RossEstimator

BOTH = pytest.mark.parametrize("make", [RossEstimator, GaoEstimator])


def steps(rows, seed, values=3):
    """x uniform on 0 … m − 1, y uniform on (x, x + 2): log m − (m − 1) / m log 2 nats."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, values, rows)
    return x, x + 2.0 * rng.random(rows)


TRUTH = math.log(3) - 2.0 / 3.0 * math.log(2.0)


@BOTH
def test_the_interval_is_that_of_ten_disjoint_parts(make):
    x, y = steps(400, 0)
    found = make().estimate_with_info(x, y)
    variances = []
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(400)
        parts = [make().estimate(x[order[k : k + 40]], y[order[k : k + 40]]) for k in range(0, 400, 40)]
        variances.append(np.var(parts, ddof=1))
    error = math.sqrt(np.mean(variances) / 10.0)
    reach = scipy.stats.t.ppf(0.975, 9) * error
    assert found.details["standard_error"] == pytest.approx(error, rel=1e-9)
    assert found.interval == pytest.approx((found.nats - reach, found.nats + reach), rel=1e-8)


@BOTH
@pytest.mark.parametrize("linked", [True, False])
def test_intervals_hold_a_known_value_as_often_as_they_say(make, linked):
    """The coverage of 60 intervals of 95 % is binomial."""
    held = 0
    for seed in range(60):
        x, y = steps(300, seed)
        if not linked:
            x = np.random.default_rng([seed, 1]).permutation(x)
        low, high = make().estimate_with_info(x, y).interval
        held += low < (TRUTH if linked else 0.0) < high
    assert abs(held - 57) < 4.0 * math.sqrt(60 * 0.95 * 0.05)


@BOTH
def test_few_rows_have_no_interval(make):
    assert make().estimate_with_info(*steps(199, 0)).interval is None
    assert make().estimate_with_info(*steps(200, 0)).interval is not None


def test_parts_without_an_estimate_give_no_interval():
    """Categories of two rows each: no part of a tenth has two rows of one category in all of its draws."""
    x = np.repeat(np.arange(100), 2)
    y = np.random.default_rng(0).standard_normal(200)
    found = RossEstimator().estimate_with_info(x, y)
    assert math.isfinite(found.nats)
    assert found.interval is None
