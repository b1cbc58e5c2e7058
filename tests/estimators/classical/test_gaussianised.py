"""Gaussianisation: invertible, blind to the other side, and exact on bent mixtures."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gaussian_tasks import canonical
from scipy.special import ndtri

from infoloom.benchmark.tasks.vectors.gaussian import HARD
from infoloom.benchmark.tasks.vectors.maps import rotation
from infoloom.errors import EstimatorError
from infoloom.estimators.classical.gaussian import GaussianEstimator
from infoloom.estimators.classical.gaussianised import GaussianisedEstimator
from infoloom.estimators.preparation import NormalScores, Whitening, independent_components, prepare

SEEDS = range(8)


def test_whitening_whitens():
    rows = np.random.default_rng(0).standard_normal((300, 4)) @ np.random.default_rng(1).standard_normal(
        (4, 4)
    )
    white = Whitening.fit(rows)(rows)
    assert np.allclose(white.T @ white / 300, np.eye(4), atol=1e-12)
    assert Whitening.fit(rows, 2)(rows).shape == (300, 2)


def test_repeated_columns_lose_no_direction():
    rows = np.random.default_rng(0).standard_normal((300, 4))
    assert Whitening.fit(np.hstack([rows, rows]))(np.hstack([rows, rows])).shape == (300, 4)


def test_normal_scores_are_increasing_and_standard_normal():
    column = np.random.default_rng(0).standard_exponential((1000, 1))
    scores = NormalScores.fit(column)
    assert np.allclose(np.sort(scores(column)[:, 0]), ndtri((np.arange(1000) + 0.5) / 1000))
    line = np.linspace(-2.0, column.max() + 2.0, 5000)[:, None]
    assert np.all(np.diff(scores(line)[:, 0]) > 0)


def test_ties_share_their_mean_rank():
    found = NormalScores.fit(np.array([[0.0], [1.0], [1.0], [2.0]]))(np.array([[1.0], [0.0]]))
    assert np.allclose(found[:, 0], ndtri([0.5, 0.125]))


def test_independent_components_are_found():
    rng = np.random.default_rng(0)
    sources = rng.laplace(size=(4000, 5)) / np.sqrt(2)
    turn = rotation(5, seed=1)
    white = Whitening.fit(sources @ turn)
    found = independent_components(white(sources @ turn), seed=1)
    assert np.allclose(found @ found.T, np.eye(5), atol=1e-10)
    match = np.abs(np.corrcoef((white(sources @ turn) @ found.T).T, sources.T)[:5, 5:])
    assert np.all(match.max(axis=1) > 1 - 4 * 5 / np.sqrt(4000) / 5)


def test_exact_on_bent_mixtures_where_the_linear_estimate_falls_short():
    task = canonical(6, 3, bent=True)
    rows = [task.sample(4000, seed) for seed in SEEDS]
    linear = [GaussianEstimator().estimate(x, y) for x, y in rows]
    found = [GaussianisedEstimator().estimate(x, y) for x, y in rows]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - task.mutual_information) < 4 * error
    assert np.mean(linear) < task.mutual_information - 10 * error


def test_independent_sides_stay_independent():
    found = [
        GaussianisedEstimator().estimate(*canonical(6, 0, bent=True).sample(500, seed)) for seed in SEEDS
    ]
    assert abs(np.mean(found)) < 4 * np.std(found, ddof=1) / np.sqrt(len(found))


def test_more_columns_than_rows_allow_are_said_to_be_cut():
    x, y = canonical(30, 2).sample(80, 0)
    found = GaussianisedEstimator().estimate_with_info(x, y)
    assert found.details["columns"] == [30, 30]
    assert found.details["directions"] == [10, 10]
    assert found.reliable is False


def test_layers_repeat_the_map():
    x, y = HARD["linear"][0].sample(600, 0)
    once, twice = (GaussianisedEstimator(layers=layers).estimate(x, y) for layers in (1, 2))
    assert once != twice
    assert twice == pytest.approx(once, abs=4 * np.sqrt(2.75 / 600))


def test_settings():
    with pytest.raises(EstimatorError, match=re.escape("`layers` `0`: expected 1 or more. Use 1 or 2.")):
        GaussianisedEstimator(layers=0)
    with pytest.raises(
        EstimatorError, match=re.escape("`preparation` `pca`: expected one of standardise, whiten")
    ):
        prepare("pca", np.zeros((4, 1)), 0)
