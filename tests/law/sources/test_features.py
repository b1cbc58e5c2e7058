"""Functions of causes: values, moments, what has no variance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.law.sources.distributions import make_distribution
from infoloom.law.sources.features import Features, feature_of
from infoloom.spec.equations.parser import parse_expression


def features(*texts: str, **causes: str) -> Features:
    made = tuple(feature_of(parse_expression(text).terms[0].factors) for text in texts)
    return Features(made, {name: make_distribution(text) for name, text in causes.items()})


def test_moments_of_functions_of_a_normal_cause() -> None:
    found = features("m", "m**2", "sin(3*m)", "relu(m)", "abs(m)", "exp(m)", "sign(m)", m="normal")
    half = math.sqrt(0.5 / math.pi)
    np.testing.assert_allclose(found.mean, [0, 1, 0, half, 2 * half, math.exp(0.5), 0], atol=1e-13)
    covariance = found.covariance
    assert covariance[1, 1] == pytest.approx(2.0, abs=1e-12)
    assert covariance[2, 2] == pytest.approx(0.5 * (1 - math.exp(-18)), abs=1e-13)
    assert covariance[0, 2] == pytest.approx(3 * math.exp(-4.5), abs=1e-13)
    assert covariance[5, 5] == pytest.approx(math.e**2 - math.e, abs=1e-12)
    assert covariance[0, 6] == pytest.approx(2 * half, abs=1e-13)


def test_moments_of_products_are_products_of_moments() -> None:
    found = features("m", "s", "m*s", "m**2*s", m="laplace", s="categorical(2)")
    np.testing.assert_allclose(found.mean, 0.0, atol=1e-14)
    expected = np.diag([1.0, 1.0, 1.0, 6.0])
    expected[1, 3] = expected[3, 1] = 1.0
    np.testing.assert_allclose(found.covariance, expected, atol=1e-9)


@pytest.mark.parametrize("text", ["student_t(4.5)", "uniform", "mixture(1, -1, 0.2, 2, 1, 0.5)"])
def test_moments_agree_with_a_sample(text: str) -> None:
    found = features("m", "tanh(2*m)", "cos(5*m)", "relu(m)", m=text)
    drawn = found.distributions["m"].from_normal(np.random.default_rng(3).standard_normal(200_000))
    values = found.values({"m": drawn})
    error = values.std(axis=0) / math.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - found.mean) < 4 * error)
    centred = values - found.mean
    products = centred[:, 1:, None] * centred[:, None, 1:]
    spread = products.std(axis=0) / math.sqrt(len(values))
    assert np.all(np.abs(products.mean(axis=0) - found.covariance[1:, 1:]) < 4.5 * spread + 1e-12)


def test_features_that_others_determine_get_a_zero_column() -> None:
    found = features("m", "relu(m)", "relu(-1*m)", "abs(m)", m="normal")
    factor = found.factor
    np.testing.assert_allclose(factor @ factor.T, found.covariance, atol=1e-12)
    assert [bool(np.any(factor[:, i])) for i in range(4)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("m**2", "student_t(4)"),
        ("exp(m)", "student_t(50)"),
        ("exp(m)", "laplace"),
        ("m**40", "student_t(70)"),
    ],
)
def test_what_has_no_variance_is_named(text: str, cause: str) -> None:
    (problem,) = features("m", text, m=cause).problems()
    assert problem.startswith(
        f"`{text}` has no finite variance, because `m` is {cause}. Use a bounded function"
    )


def test_what_has_a_variance_is_no_problem() -> None:
    assert features("m", "exp(0.5*m)", "m**8", m="laplace").problems() == []
    assert features("m", "m**2", "sin(m)", m="student_t(4.1)").problems() == []


def test_slopes_are_the_limits_of_differences() -> None:
    texts = (
        "2*m",
        "m**3",
        "sin(2*m)",
        "cos(m)**2",
        "tanh(0.5*m)",
        "exp(-m)",
        "relu(m)",
        "abs(m)",
        "sign(m)",
        "m*sin(m)*s",
    )
    found = features(*texts, m="normal", s="normal").features
    at = {"m": np.array([-1.3, 0.4, 2.0]), "s": np.array([0.5, -1.0, 2.0])}
    step = 1e-5
    for feature in found:
        up, down = ({**at, "m": at["m"] + sign * step} for sign in (1, -1))
        difference = (feature.values(up) - feature.values(down)) / (2 * step)
        # Third derivatives are below 100 here, and rounding is 1e-15 / step.
        np.testing.assert_allclose(
            feature.slope("m", at), difference, atol=100 * step**2 + 1e-9, err_msg=str(feature)
        )
