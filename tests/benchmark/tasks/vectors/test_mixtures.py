"""Mixtures: truths against dense sums and against rows, and what may be asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from infoloom.benchmark.tasks import build, names
from infoloom.errors import TaskError

OTHERS = (
    "mixture-x:correlation=0.99",
    "mixture-galaxy:speed=1.5,distance=6.0",
    "mixture-inliers:dims=3v4,pairs=3,strength=4.0,share=0.1",
)


@pytest.mark.parametrize("label", [*names("mixtures"), *OTHERS])
def test_rows_hold_the_truth(label):
    task = build(label)
    x, y = task.sample(4000, 3)
    assert (x.shape, y.shape) == ((4000, task.dim_x), (4000, task.dim_y))
    found = task.pmi(x, y)
    assert abs(found.mean() - task.mutual_information) <= 4.0 * found.std() / math.sqrt(len(found))
    assert task.metadata["truth"] == {"method": "quadrature", "tolerance": 1e-7, "standard_error": None}


@pytest.mark.parametrize("label", names("mixtures"))
def test_what_hides_the_law_can_be_undone(label):
    task = build(label)
    for found, wanted in zip(task.unveil(*task.sample(100, 0)), task.law.draw(100, 0), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8)


def dense(task, side, step):
    """Σ p log p/(p p) on a fine lattice, of densities by scipy."""
    law = task.law
    grid = np.arange(-side, side, step)
    places = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    joint = sum(
        w * multivariate_normal(mean, cov).pdf(places)
        for w, mean, cov in zip(law.weights, law.means, law.covariances, strict=True)
    )
    one, other = joint.sum(axis=1) * step, joint.sum(axis=0) * step
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(joint > 0, joint * np.log(joint / (one[:, None] * other)), 0.0)
    return terms.sum() * step**2


def test_the_cross_and_the_letters_agree_with_a_lattice():
    """Sums of smooth functions that vanish at the ends on a lattice are exact to many digits."""
    assert build("mixture-x:correlation=0.9").mutual_information == pytest.approx(
        dense(build("mixture-x:correlation=0.9"), 8.0, 0.02), abs=1e-7
    )
    assert build("mixture-ai:").mutual_information == pytest.approx(
        dense(build("mixture-ai:"), 3.5, 0.01), abs=1e-6
    )


def test_pointwise_information_of_inliers_is_that_of_the_densities():
    task = build("mixture-inliers:dims=2v3,pairs=2,strength=1.5,share=0.3")
    x, y = task.sample(50, 1)
    rho = 1.5**2 / (1 + 1.5**2)
    covariance = np.eye(5)
    covariance[[0, 1, 2, 3], [2, 3, 0, 1]] = rho
    both = multivariate_normal(np.zeros(5), covariance).pdf(np.hstack([x, y]))
    alone = multivariate_normal(np.zeros(2), np.eye(2)).pdf(x) * multivariate_normal(
        np.zeros(3), np.eye(3)
    ).pdf(y)
    np.testing.assert_allclose(task.pmi(x, y), np.log(0.7 * both / alone + 0.3), rtol=1e-10)


def test_limits_are_known_laws():
    none = build("mixture-inliers:dims=2v2,pairs=2,strength=1.0,share=0.0")
    assert none.mutual_information == pytest.approx(-math.log(1 - 0.25), abs=1e-7)
    assert build("mixture-x:correlation=0.0").mutual_information == pytest.approx(0.0, abs=1e-7)
    assert build("mixture-concentric:dim=2,components=1").mutual_information == pytest.approx(0.0, abs=1e-7)
    far = build("mixture-galaxy:speed=0.5,distance=30.0")
    assert far.mutual_information == pytest.approx(math.log(2), abs=1e-6)


def test_many_strips_are_products_of_few_densities(monkeypatch):
    """As densities one by one."""
    task = build("mixture-waves:components=17")
    fast = task.law.truth().value
    monkeypatch.setattr("infoloom.benchmark.tasks.laws.mixture_truths._FEW", 17)
    assert task.law.truth().value == pytest.approx(fast, abs=1e-10)


def test_few_rows_are_the_first_of_many():
    task = build("mixture-waves:")
    for few, many in zip(task.sample(10, 5), task.sample(30, 5), strict=True):
        np.testing.assert_allclose(few, many[:10], rtol=1e-12)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            "mixture-x:correlation=1.0",
            r"`correlation=1\.0`: expected a number from 0 to below 1\. Change it\.$",
        ),
        ("mixture-concentric:dim=0", r"`dim=0`: expected a whole number from 1 to 256\. Use 3\.$"),
        ("mixture-waves:components=200", r"expected a whole number from 1 to 64\. Use 5\.$"),
        ("mixture-inliers:strength=31", r"expected a number from 0 to 30, up to which the integral is exact"),
        (
            "mixture-concentric:components=0",
            r"`components=0`: expected a whole number from 1 to 100\. Use 5\.$",
        ),
        (
            "mixture-inliers:dims=2v2,pairs=3",
            r"`pairs=3`: expected a whole number from 1 to 2\. Use fewer or",
        ),
        ("mixture-inliers:share=1.0", r"`share=1\.0`: expected a number from 0 to below 1\. Change it\.$"),
    ],
)
def test_wrong_settings_are_refused(label, message):
    with pytest.raises(TaskError, match=message):
        build(label)


def test_a_law_that_panels_do_not_resolve_is_refused():
    with pytest.raises(
        TaskError, match=r"expected an integral that converges, because components are so narrow"
    ):
        _ = build("mixture-x:correlation=0.99999999").truth
