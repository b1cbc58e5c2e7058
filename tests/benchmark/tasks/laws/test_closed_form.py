"""Laws against dense covariances, quadrature and their own rows."""

from __future__ import annotations

import math

import flint
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import polygamma

from infoloom.benchmark.tasks.laws.closed_form import (
    AdditiveLaw,
    CanonicalLaw,
    DenseLaw,
    StudentLaw,
    canonical,
    correlated,
)

LAWS = {
    "canonical": CanonicalLaw(3, 4, (0.3, 0.8)),
    "strong": canonical(2, 2, 10.0, 1),
    "null": canonical(3, 2, 0.0, 0),
    "dense": DenseLaw(3, 2, 0.5),
    "student": StudentLaw(CanonicalLaw(2, 3, ()), 2.0),
    "student with pairs": StudentLaw(CanonicalLaw(2, 3, (0.5,)), 3.0),
    "additive, little noise": AdditiveLaw(0.1),
    "additive, much noise": AdditiveLaw(0.75),
}


@pytest.mark.parametrize("name", LAWS)
def test_the_mean_of_the_pointwise_information_is_the_truth(name):
    law = LAWS[name]
    found = law.pmi(*law.draw(20_000, 3))
    error = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - law.mutual_information) <= 4.0 * error


@pytest.mark.parametrize("name", LAWS)
def test_a_sample_begins_with_the_rows_of_a_smaller_one(name):
    law = LAWS[name]
    for large, small in zip(law.draw(50, 1), law.draw(20, 1), strict=True):
        np.testing.assert_array_equal(large[:20], small)
    assert not np.array_equal(law.draw(5, 1)[0], law.draw(5, 2)[0])


def dense_covariance(law):
    """The joint covariance, entry by entry."""
    if isinstance(law, DenseLaw):
        size = law.dim_x + law.dim_y
        return np.full((size, size), law.correlation) + (1.0 - law.correlation) * np.eye(size)
    covariance = np.eye(law.dim_x + law.dim_y)
    for pair, nats in enumerate(law.nats):
        rho = math.sqrt(1.0 - math.exp(-2.0 * nats))
        covariance[pair, law.dim_x + pair] = covariance[law.dim_x + pair, pair] = rho
    return covariance


@pytest.mark.parametrize("name", ["canonical", "dense", "null"])
def test_gaussian_laws_against_dense_densities(name):
    law = LAWS[name]
    covariance, cut = dense_covariance(law), law.dim_x
    blocks = covariance[:cut, :cut], covariance[cut:, cut:], covariance
    one, other, both = (np.linalg.slogdet(block)[1] for block in blocks)
    assert law.mutual_information == pytest.approx(0.5 * (one + other - both), abs=1e-12)
    x, y = law.draw(5, 0)
    left, right, joint = (
        stats.multivariate_normal(cov=block).logpdf(values)
        for block, values in zip(blocks, (x, y, np.concatenate([x, y], axis=1)), strict=True)
    )
    np.testing.assert_allclose(law.pmi(x, y), joint - left - right, rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("name", ["canonical", "dense"])
def test_the_log_determinant_of_a_sample_is_that_of_a_wishart_matrix(name):
    law, rows = LAWS[name], 4000
    covariance = dense_covariance(law)
    size = len(covariance)
    scatter = np.cov(np.concatenate(law.draw(rows, 5), axis=1), rowvar=False) * (rows - 1)
    halves = (rows - 1 - np.arange(size)) / 2.0
    expected = np.linalg.slogdet(covariance)[1] + size * math.log(2.0) + polygamma(0, halves).sum()
    error = math.sqrt(polygamma(1, halves).sum())
    assert abs(np.linalg.slogdet(scatter)[1] - expected) <= 4.0 * error


@pytest.mark.parametrize("name", ["student", "student with pairs"])
def test_student_laws_against_dense_densities(name):
    law = LAWS[name]
    shape, cut, nu = dense_covariance(law.normal), law.dim_x, law.freedom
    x, y = law.draw(5, 0)
    left, right, joint = (
        stats.multivariate_t(shape=block, df=nu).logpdf(values)
        for block, values in (
            (shape[:cut, :cut], x),
            (shape[cut:, cut:], y),
            (shape, np.concatenate([x, y], axis=1)),
        )
    )
    np.testing.assert_allclose(law.pmi(x, y), joint - left - right, rtol=0.0, atol=1e-10)


def test_the_student_correction_against_quadrature():
    """1 × 1, one degree of freedom: x is Cauchy, and given x the law of y is Student-t with two."""
    law = StudentLaw(CanonicalLaw(1, 1, ()), 1.0)
    entropy_of_cauchy = math.log(4.0 * math.pi)
    entropy_of_t2 = stats.t(2).entropy()

    def scale(x):
        return 0.5 * math.log((1.0 + x * x) / 2.0) * stats.cauchy.pdf(x)

    mean_log_scale = 2.0 * integrate.quad(scale, 0.0, np.inf)[0]
    found = entropy_of_cauchy - float(entropy_of_t2) - mean_log_scale
    assert law.mutual_information == pytest.approx(found, abs=1e-7)


@pytest.mark.parametrize(
    ("dims", "freedom"), [((1, 1), 100.0), ((2, 3), 1e4), ((1, 1), 1e6), ((500, 2), 100.0)]
)
def test_light_tails_against_many_digits(dims, freedom):
    law = StudentLaw(CanonicalLaw(*dims, ()), freedom)
    digits = flint.ctx.prec
    try:
        flint.ctx.prec = 300
        halves = [flint.arb(freedom + more) / 2 for more in (0, sum(dims), *dims)]
        first, last, *rest = (z.lgamma() - z * z.digamma() for z in halves)
        found = float(first + last - rest[0] - rest[1])
    finally:
        flint.ctx.prec = digits
    assert law.mutual_information == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("epsilon", [0.1, 0.5, 0.75])
def test_additive_noise_against_quadrature(epsilon):
    """I = h(y) − log(2 ε) with the trapezoid that y follows."""

    def entropy(y):
        density = (min(y + epsilon, 1.0) - max(y - epsilon, 0.0)) / (2.0 * epsilon)
        return -density * math.log(density) if density > 0.0 else 0.0

    kinks = sorted({epsilon, 1.0 - epsilon})
    height = integrate.quad(entropy, -epsilon, 1.0 + epsilon, points=kinks)[0]
    truth = AdditiveLaw(epsilon).mutual_information
    assert truth == pytest.approx(height - math.log(2.0 * epsilon), abs=1e-7)


def test_pairs_of_one_correlation():
    assert correlated(3, 3, 0.8, 2).mutual_information == pytest.approx(-math.log(1.0 - 0.64), abs=1e-15)
    assert canonical(5, 5, 2.0, 4).nats == (0.5,) * 4
