"""Nearest neighbours: scikit-learn in one dimension, a dense oracle in any, and the easy truths."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from gaussian_tasks import canonical
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_regression

from infoloom.benchmark.tasks import GaussianTask
from infoloom.errors import EstimatorError
from infoloom.estimators.classical.ksg import KSGEstimator
from infoloom.estimators.preparation import canonical_halves, prepare

SEEDS = range(12)


def dense(x, y, neighbors, form):
    """The equations 8 and 9 of the paper from all distances, point by point."""
    n = len(x)
    near_x, near_y = (np.abs(side[:, None] - side[None]).max(axis=2) for side in (x, y))
    joint = np.maximum(near_x, near_y)
    terms = []
    for i in range(n):
        order = [j for j in np.argsort(joint[i], kind="stable") if j != i][:neighbors]
        others = np.arange(n) != i
        if form == 1:
            radius = joint[i, order[-1]]
            counts = [np.sum(near[i, others] < radius) + 1 for near in (near_x, near_y)]
        else:
            counts = [np.sum(near[i, others] <= near[i, order].max()) for near in (near_x, near_y)]
        terms.append(sum(digamma(count) for count in counts))
    constant = digamma(neighbors) - (1.0 / neighbors if form == 2 else 0.0)
    return constant + digamma(n) - np.mean(terms)


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize(("dim_x", "dim_y"), [(1, 1), (2, 1), (3, 4), (9, 4)])
def test_against_the_dense_oracle(form, dim_x, dim_y):
    rng = np.random.default_rng(dim_x)
    x = rng.standard_normal((150, dim_x))
    y = np.tanh(x[:, :1]) + 0.5 * rng.standard_normal((150, dim_y))
    estimator = KSGEstimator(neighbors=4, form=form, standardise=False)
    assert estimator.estimate(x, y) == pytest.approx(dense(x, y, 4, form), abs=1e-12)


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("columns", [1, 6])
def test_all_pairs_give_what_the_tree_gives(monkeypatch, form, columns):
    x, y = canonical(columns, 1).sample(700, 0)
    found = []
    for most, pairs in ((0, 5000), (100, 5000)):
        monkeypatch.setattr("infoloom.estimators.classical.ksg._TREE_COLUMNS", most)
        monkeypatch.setattr("infoloom.estimators.classical.ksg._PAIRS", pairs)  # a few rows at a time
        found.append(KSGEstimator(form=form).estimate(x, y))
    assert found[0] == found[1]


@pytest.mark.parametrize("neighbors", [3, 5])
def test_against_scikit_learn(neighbors):
    """The same first form; scikit-learn adds a jitter of 1e-10, which moves no rank here."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 1))
    y = x[:, 0] ** 2 + 0.3 * rng.standard_normal(1000)
    theirs = mutual_info_regression(x, y, n_neighbors=neighbors, random_state=0)[0]
    assert KSGEstimator(neighbors=neighbors).estimate(x, y) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(
    ("number", "dim_x", "dim_y", "neighbors", "golden"),
    [
        (0, 1, 1, 4, 0.5240501245092282),
        (1, 3, 2, 4, 0.5183390476447534),
        (2, 5, 5, 3, 0.6177740996920915),
    ],
)
def test_golden_numbers(number, dim_x, dim_y, neighbors, golden):
    """Of infomeasure 0.6.3: mutual_information(x, y, approach="metric", k=neighbors, noise_level=0)."""
    rng = np.random.default_rng(0)
    for dims in [(1, 1), (3, 2), (5, 5)][: number + 1]:
        x = rng.standard_normal((300, dims[0]))
        y = np.tanh(x[:, :1]) + 0.5 * rng.standard_normal((300, dims[1]))
    assert x.shape[1] == dim_x
    assert y.shape[1] == dim_y
    estimator = KSGEstimator(neighbors=neighbors, standardise=False)
    assert estimator.estimate(x, y) == pytest.approx(golden, abs=1e-9)


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("task", [canonical(1, 1), canonical(2, 0)], ids=["shared", "null"])
def test_easy_truths(task, form):
    found = [KSGEstimator(form=form).estimate(*task.sample(1000, seed)) for seed in SEEDS]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - task.mutual_information) < 4 * error


def test_invariant_under_scales_and_shifts():
    x, y = canonical(3, 2).sample(400, 0)
    moved = KSGEstimator().estimate(x * [2.0, 0.1, 30.0] + 1.0, y * 7.0 - 2.0)
    assert moved == pytest.approx(KSGEstimator().estimate(x, y), abs=1e-9)


def test_a_pairing_at_random_holds_nothing():
    x, y = canonical(1, 1).sample(1000, 0)
    found = [KSGEstimator().estimate(x, y[np.random.default_rng(seed).permutation(1000)]) for seed in SEEDS]
    assert abs(np.mean(found)) < 4 * np.std(found, ddof=1) / np.sqrt(len(found))


def test_copies_are_refused():
    x = np.repeat(np.arange(10.0), 10)[:, None] * np.arange(1.0, 7.0)
    message = "`x, y` `100 rows with k or more exact copies`: expected continuous values"
    for form, columns in itertools.product((1, 2), (1, 6)):
        with pytest.raises(EstimatorError, match=re.escape(message)):
            KSGEstimator(form=form).estimate(x[:, :columns], x[:, :columns])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neighbors": 0}, "`neighbors` `0`: expected 1 or more. Use 3 to 10."),
        (
            {"preparation": "bend"},
            "`preparation` `bend`: expected one of none, whiten, gaussianise, canonical. Choose one.",
        ),
        ({"form": 3}, "`form` `3`: expected 1 or 2, the equations 8 and 9. Use 1."),
    ],
)
def test_settings(settings, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        KSGEstimator(**settings)


def test_neighbors_need_rows():
    x, y = canonical(1, 1).sample(10, 0)
    with pytest.raises(
        EstimatorError, match=re.escape("`neighbors` `10`: expected fewer than the rows, 10.")
    ):
        KSGEstimator(neighbors=10).estimate(x, y)


def test_prepared_rows_are_read_as_any_others():
    x, y = GaussianTask("6v4", 1.0, 2, "bent").sample(200, 3)
    raw = KSGEstimator(standardise=False)
    for kind in ("whiten", "gaussianise"):
        found = KSGEstimator(standardise=False, preparation=kind, seed=5).estimate(x, y)
        assert found == raw.estimate(prepare(kind, x, 5)(x), prepare(kind, y, 5)(y))
    found = KSGEstimator(standardise=False, preparation="canonical", seed=5).estimate_with_info(x, y)
    assert (
        found.nats
        == dense(*canonical_halves(x, y, 5, 5), 5, 1)
        == raw.estimate(*canonical_halves(x, y, 5, 5))
    )
    assert (found.details["rows"], found.details["dim_x"]) == (100, 2)


def test_canonical_directions_let_neighbours_see_among_many_columns():
    task = GaussianTask("24v24", 1.0, 2, "rotated")
    for seed in range(3):
        x, y = task.sample(1500, seed)
        plain, led = KSGEstimator().estimate(x, y), KSGEstimator(preparation="canonical").estimate(x, y)
        assert abs(led - 1.0) < 0.5 * abs(plain - 1.0)


def test_directions_are_not_read_where_they_were_sought():
    """Along directions chosen on the same rows independent columns would seem to depend."""
    task = GaussianTask("20v20", 0.0, 0, "rotated")
    found = [KSGEstimator(preparation="canonical").estimate(*task.sample(300, seed)) for seed in range(16)]
    assert abs(np.mean(found)) < 4.0 * np.std(found, ddof=1) / 4.0
