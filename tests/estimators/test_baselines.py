"""Histograms and kernels against their definitions and on easy truths."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gaussian_tasks import canonical
from scipy.stats import multivariate_normal
from sklearn.metrics import mutual_info_score

from infoloom.errors import EstimatorError
from infoloom.estimators.classical.histogram import HistogramEstimator
from infoloom.estimators.classical.kernel import KernelEstimator

SEEDS = range(12)


def test_histogram_against_the_information_of_its_cells():
    x, y = canonical(1, 1).sample(1000, 0)
    cells = [np.argsort(np.argsort(column[:, 0])) * 10 // 1000 for column in (x, y)]
    plain = HistogramEstimator(bins=10, corrected=False).estimate(x, y)
    assert plain == pytest.approx(mutual_info_score(*cells), abs=1e-9)


def test_histogram_of_independent_columns():
    found = [HistogramEstimator().estimate(*canonical(1, 0).sample(1000, seed)) for seed in SEEDS]
    assert abs(np.mean(found)) < 4 * np.std(found, ddof=1) / np.sqrt(len(found))


def test_histogram_loses_information_less_with_finer_bins():
    task = canonical(1, 1)
    x, y = task.sample(20000, 0)
    coarse, fine = (HistogramEstimator(bins=bins).estimate(x, y) for bins in (4, 32))
    assert 0.2 < coarse < fine < task.mutual_information + 4 * np.sqrt(0.55 / 20000)


def test_kernel_against_densities_one_by_one():
    x, y = canonical(2, 1).sample(40, 0)
    both = np.hstack([x / x.std(axis=0), y / y.std(axis=0)])
    terms = []
    for i in range(40):
        others = np.delete(both, i, axis=0)
        log_p = [
            np.log(
                np.mean(
                    [
                        multivariate_normal.pdf(both[i, part], row, 0.09 * np.eye(size))
                        for row in others[:, part]
                    ]
                )
            )
            for part, size in ((slice(0, 4), 4), (slice(0, 2), 2), (slice(2, 4), 2))
        ]
        terms.append(log_p[0] - log_p[1] - log_p[2])
    assert KernelEstimator(bandwidth=0.3).estimate(x, y) == pytest.approx(np.mean(terms), abs=1e-9)


def test_kernel_on_easy_truths():
    for task in (canonical(1, 0), canonical(1, 1)):
        found = [KernelEstimator().estimate(*task.sample(500, seed)) for seed in SEEDS]
        assert abs(np.mean(found) - task.mutual_information) < 4 * np.std(found, ddof=1)


@pytest.mark.parametrize(
    ("estimator", "settings", "message"),
    [
        (HistogramEstimator, {"bins": 1}, "`bins` `1`: expected 2 or more, or None."),
        (KernelEstimator, {"bandwidth": 0.0}, "`bandwidth` `0.0`: expected a positive number, or None."),
    ],
)
def test_settings(estimator, settings, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        estimator(**settings)


def test_histograms_refuse_many_columns():
    x, y = canonical(10, 1).sample(200, 0)
    with pytest.raises(
        EstimatorError, match=re.escape("`bins` `1 for each of 20 columns`: expected 2 or more bins")
    ):
        HistogramEstimator().estimate(x, y)
