"""Distributions of causes: standardised, drawn by their own distribution function, refused by name."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import scipy.stats

from infoloom.law.sources.distributions import make_distribution
from infoloom.spec.equations.distribution import parse_distribution, parse_scale

MIXTURE = "mixture(0.3, -1, 0.1, 0.7, 2, 1)"
CONTINUOUS = ("normal", "laplace", "student_t(3)", "student_t(30)", "uniform", MIXTURE)
REFERENCE = {
    "normal": scipy.stats.norm(),
    "laplace": scipy.stats.laplace(scale=math.sqrt(0.5)),
    "student_t(3)": scipy.stats.t(3, scale=math.sqrt(1 / 3)),
    "student_t(30)": scipy.stats.t(30, scale=math.sqrt(28 / 30)),
    "uniform": scipy.stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)),
}


@pytest.mark.parametrize("text", CONTINUOUS)
def test_nodes_integrate_the_density_to_mean_0_and_variance_1(text: str) -> None:
    values, mass = make_distribution(text).nodes(tail=28.0)
    assert mass.sum() == pytest.approx(1.0, abs=1e-14)
    assert mass @ values == pytest.approx(0.0, abs=1e-12)
    assert mass @ values**2 == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("text", REFERENCE)
def test_density_and_distribution_function_are_scipys(text: str) -> None:
    distribution, reference = make_distribution(text), REFERENCE[text]
    normal = np.linspace(-6.0, 6.0, 101)
    drawn = distribution.from_normal(normal)
    expected = np.where(
        normal < 0, reference.ppf(scipy.stats.norm.cdf(normal)), reference.isf(scipy.stats.norm.sf(normal))
    )
    np.testing.assert_allclose(drawn, expected, rtol=1e-9, atol=1e-14)
    inside = np.linspace(-1.7, 1.7, 51)
    np.testing.assert_allclose(distribution.density(inside), reference.pdf(inside), rtol=1e-12)


def test_a_mixture_is_drawn_by_its_distribution_function() -> None:
    distribution = make_distribution(MIXTURE)
    weights, means, widths = distribution.parts
    assert weights @ means == pytest.approx(0.0, abs=1e-15)
    assert weights @ (means**2 + widths**2) == pytest.approx(1.0, abs=1e-14)
    normal = np.array([-6.0, -1.0, 0.3, 5.0])
    drawn = distribution.from_normal(normal)
    below = scipy.stats.norm.cdf((drawn[:, None] - means) / widths) @ weights
    np.testing.assert_allclose(below[:3], scipy.stats.norm.cdf(normal[:3]), rtol=1e-9)
    above = scipy.stats.norm.sf((drawn[3] - means) / widths) @ weights
    assert above == pytest.approx(scipy.stats.norm.sf(5.0), rel=1e-9)


def test_a_categorical_cause_has_equally_likely_equally_spaced_values() -> None:
    distribution = make_distribution("categorical(10)")
    values, mass = distribution.atoms
    np.testing.assert_allclose(np.diff(values), np.diff(values)[0])
    assert mass @ values == pytest.approx(0.0, abs=1e-15)
    assert mass @ values**2 == pytest.approx(1.0)
    drawn = distribution.from_normal(np.random.default_rng(0).standard_normal(20_000))
    counts = np.array([np.count_nonzero(drawn == value) for value in values])
    assert counts.sum() == 20_000
    assert np.abs(counts - 2000).max() < 4 * math.sqrt(20_000 * 0.1 * 0.9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("laplas", "unknown distribution `laplas`; did you mean `laplace`?"),
        (
            "zipf(2)",
            "unknown distribution `zipf`; expected one of normal, laplace, student_t(df), df > 2, uniform",
        ),
        (
            "student_t(2)",
            "the distribution `student_t(2)`: expected student_t(df), df > 2, because its variance is",
        ),
        ("student_t", "the distribution `student_t`: expected student_t(df), df > 2"),
        ("normal(3)", "the distribution `normal(3)`: expected normal"),
        ("categorical(1)", "the distribution `categorical(1)`: expected categorical(k), 2 ≤ k ≤ 1000"),
        ("categorical(2.5)", "expected categorical(k)"),
        ('laplace("a")', "expected laplace"),
        ("laplace(b=1)", "expected laplace"),
        ("mixture(1, 0)", "expected mixture(w1, m1, s1, w2, m2, s2, …), with weights and widths above 0"),
        ("mixture(1, 0, 0)", "expected mixture"),
        (
            "laplace(",
            'the distribution `laplace(`: expected a number, "text", true or false, got the end (character 9)',
        ),
        ("laplace x", "expected the end, got `x` (character 9)"),
        ("", "expected a name, got the end (character 1)"),
    ],
)
def test_what_is_no_distribution_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_distribution(text)


def test_only_a_student_scale_is_known_in_closed_form() -> None:
    assert parse_scale("student_t(5)") == 5.0
    with pytest.raises(ValueError, match=r"the scale `laplace`: expected student_t\(df\), df > 2"):
        parse_scale("laplace")
