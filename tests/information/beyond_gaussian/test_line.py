"""Information through a scalar channel against dense grids and exact values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.information.beyond_gaussian.line import (
    Mixture,
    Resolution,
    feature_mixture,
    linear_information,
    mixture_information,
)
from infoloom.law.sources.distributions import Distribution, make_distribution
from infoloom.law.sources.features import Features, feature_of
from infoloom.spec.equations.parser import parse_expression

LAWS = ("laplace", "student_t(3)", "uniform", "mixture(0.3, -1, 0.1, 0.7, 2, 1)")


def features(*texts: str, **causes: str) -> Features:
    made = tuple(feature_of(parse_expression(text).terms[0].factors) for text in texts)
    return Features(made, {name: make_distribution(text) for name, text in causes.items()})


def dense(values: np.ndarray, mass: np.ndarray) -> float:
    """h(v + N) − h(N) on one dense grid, by the definition."""
    y = np.linspace(values.min() - 9, values.max() + 9, 6001)
    density = np.exp(-0.5 * (y[:, None] - values) ** 2) @ mass / math.sqrt(2 * math.pi)
    terms = np.where(density > 0, -density * np.log(np.maximum(density, 1e-300)), 0.0)
    return float(terms.sum() * (y[1] - y[0])) - 0.5 * math.log(2 * math.pi * math.e)


def test_the_reference_points_of_a_laplace_cause() -> None:
    laplace = make_distribution("laplace")
    one, other, both = (linear_information(laplace, math.sqrt(v)) for v in (4.0, 2.25, 6.25))
    assert one == pytest.approx(0.77499, abs=5e-6)
    assert one + other - both == pytest.approx(0.39409, abs=1e-5)


class PlainNormal(Distribution):
    """The normal law without its closed form."""

    normal = False


@pytest.mark.parametrize("weight", [0.01, 1.5, 30.0, 1e6])
def test_a_normal_cause_gives_the_closed_form(weight: float) -> None:
    assert linear_information(PlainNormal("normal"), weight) == pytest.approx(
        0.5 * math.log1p(weight**2), abs=1e-9
    )


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("weight", [0.3, 2.0])
def test_the_quadrature_is_the_dense_sum(law: str, weight: float) -> None:
    distribution = make_distribution(law)
    s = np.linspace(*distribution.ends(4.5), 3001)
    mass = distribution.density(s)
    mass[[0, -1]] *= 0.5
    found = linear_information(distribution, weight)
    assert found == pytest.approx(dense(weight * s, mass / mass.sum()), abs=2e-3)


@pytest.mark.parametrize("law", LAWS)
def test_the_two_quadratures_agree(law: str) -> None:
    mixture = feature_mixture(features("s", s=law), np.array([1.5]))
    assert mixture is not None
    assert mixture_information(mixture) == pytest.approx(
        linear_information(make_distribution(law), 1.5), abs=1e-8
    )


@pytest.mark.parametrize("law", LAWS)
def test_a_sharp_channel_gives_the_entropy_of_the_cause(law: str) -> None:
    distribution = make_distribution(law)
    values, mass = distribution.nodes(tail=20.0)
    entropy = -float(mass @ np.log(distribution.density(values)))
    weight = 1e6
    expected = entropy + math.log(weight) - 0.5 * math.log(2 * math.pi * math.e)
    assert linear_information(distribution, weight) == pytest.approx(expected, abs=2e-5)


def test_a_discrete_cause_is_an_exact_sum() -> None:
    values, mass = make_distribution("categorical(5)").atoms
    mixture = feature_mixture(features("s", s="categorical(5)"), np.array([2.0]))
    assert mixture is not None
    assert mixture_information(mixture) == pytest.approx(dense(2.0 * values, mass), abs=1e-9)
    sharp = Mixture(300.0 * values, mass)
    assert mixture_information(sharp) == pytest.approx(math.log(5), abs=1e-9)


@pytest.mark.parametrize(
    ("texts", "weights", "causes"),
    [
        (("m**2",), (2.0,), {"m": "normal"}),
        (("sin(3*m)",), (5.0,), {"m": "laplace"}),
        (("m", "relu(m)"), (1.0, 3.0), {"m": "uniform"}),
        (("exp(m)",), (0.5,), {"m": "normal"}),
    ],
)
def test_functions_of_a_cause_agree_with_a_dense_sum(
    texts: tuple[str, ...], weights: tuple[float, ...], causes: dict[str, str]
) -> None:
    made = features(*texts, **causes)
    mixture = feature_mixture(made, np.array(weights))
    assert mixture is not None
    s = np.linspace(*made.distributions["m"].ends(4.2), 4001)
    mass = made.distributions["m"].density(s)
    values = made.values({"m": s}) @ np.array(weights)
    assert mixture_information(mixture) == pytest.approx(dense(values, mass / mass.sum()), abs=2e-3)


def test_a_sum_of_two_normal_causes_is_normal() -> None:
    made = features("m", "s", m="normal", s="normal")
    fine, coarse = (
        feature_mixture(made, np.array([1.0, 2.0]), r) for r in (Resolution(), Resolution().coarser)
    )
    assert fine is not None
    assert coarse is not None
    assert mixture_information(fine) == pytest.approx(0.5 * math.log(6.0), abs=1e-6)
    assert mixture_information(coarse) == pytest.approx(0.5 * math.log(6.0), abs=1e-6)


def test_too_many_points_are_given_up() -> None:
    assert feature_mixture(features("s", s="student_t(2.1)"), np.array([1e4])) is None


def test_log_densities_hold_in_any_order_and_far_away() -> None:
    mixture = Mixture(np.array([-1.0, 2.0]), np.array([0.25, 0.75]))
    y = np.array([50.0, -1.0, 0.3, 2.0, -40.0])
    direct = np.log(np.array([0.25, 0.75])) - 0.5 * (y[:, None] - mixture.values) ** 2
    expected = np.logaddexp(direct[:, 0], direct[:, 1]) - 0.5 * math.log(2 * math.pi)
    np.testing.assert_allclose(mixture.log_density(y), expected, rtol=1e-13)
