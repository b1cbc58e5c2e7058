"""Pointwise information of stories with special causes against densities by brute force."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.averages.importance import Importance, Scatter
from infoloom.information.beyond_gaussian.averages.inner import inner_average
from infoloom.information.beyond_gaussian.averages.reduced import reduce
from infoloom.information.beyond_gaussian.channel import Component
from infoloom.law.sources.distributions import make_distribution
from infoloom.law.sources.features import Features, feature_of
from infoloom.spec.equations.parser import parse_expression
from infoloom.story import Story, load


def story(causes: dict[str, str], targets: dict[str, str], **latents: str) -> Story:
    modalities = {name: {"flow": "vector(4)", "latent": text} for name, text in latents.items()}
    tree: dict[str, Any] = {"name": "test", "causes": causes, "targets": targets, "modalities": modalities}
    return load(tree)


def log_density(
    values: np.ndarray, centres: np.ndarray, mass: np.ndarray, covariance: np.ndarray
) -> np.ndarray:
    """log Σ mass · N(values; centre, covariance)."""
    precision = np.linalg.inv(covariance)
    away = values[:, None, :] - centres
    squares = np.einsum("nki,ij,nkj->nk", away, precision, away)
    constant = -0.5 * np.linalg.slogdet(2 * math.pi * covariance)[1]
    return np.log(np.exp(-0.5 * squares) @ mass) + constant


@pytest.mark.parametrize(
    ("law", "function"),
    [
        ("laplace", "m"),
        ("uniform", "m"),
        ("categorical(3)", "m"),
        ("normal", "sin(2*m)"),
        ("student_t(4)", "tanh(m)"),
    ],
)
def test_pointwise_values_are_ratios_of_mixtures(law: str, function: str) -> None:
    made = story(
        {"m": law, "s": "normal"}, {"theta": "m + 0.4*s + 0.5*noise"}, x=f"0.6*{function} + 0.3*s + noise"
    )
    rows = made.sample(40, seed=6)
    nodes, mass = make_distribution(law).nodes(
        finest=0.01, widest=math.inf if law == "student_t(4)" else 0.05
    )
    shown = 0.6 * feature_of(parse_expression(function).terms[0].factors).values({"m": nodes})
    centres = np.concatenate([np.repeat(shown[:, None], 4, axis=1), nodes[:, None]], axis=1)
    loads = np.array([0.3, 0.3, 0.3, 0.3, 0.4])
    covariance = np.outer(loads, loads) + np.diag([1.0, 1.0, 1.0, 1.0, 0.25])
    values = np.concatenate([rows["x"], rows["theta"][:, None]], axis=1).astype(np.float64)
    image, target = slice(0, 4), slice(4, 5)
    expected = (
        log_density(values, centres, mass, covariance)
        - log_density(values[:, image], centres[:, image], mass, covariance[image, image])
        - log_density(values[:, target], centres[:, target], mass, covariance[target, target])
    )
    np.testing.assert_allclose(made.pmi(rows, "x", "theta"), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("a", "b", "given"), [("x1", "x2", ()), ("x1", "theta", ()), ("x1", "x2", "phi"), ("x1", "x2", "theta")]
)
def test_the_mean_is_the_information(a: str, b: str, given: Any) -> None:
    made = story(
        {"m": "laplace"},
        {"theta": "m", "phi": "m + noise"},
        x1="0.6*m + noise",
        x2="0.4*m@patch(0, 2) + noise",
    )
    rows = made.sample(20_000, seed=9)
    pmi = made.pmi(rows, a, b, given)
    query = f"I({a}; {b} | {given})" if given else f"I({a}; {b})"
    assert abs(pmi.mean() - made.information(query)) < 4 * pmi.std() / math.sqrt(len(pmi)) + 1e-5


def test_several_causes_go_through_a_grid() -> None:
    made = story({"m": "normal"}, {"theta": "m**2 + noise"}, x="0.5*m + noise")
    rows = made.sample(5_000, seed=3)
    pmi, quantity = made.pmi(rows, "x", "theta"), made.quantity("I(x; theta)")
    error = math.hypot(pmi.std() / math.sqrt(len(pmi)), quantity.error)
    assert abs(pmi.mean() - quantity.value) < 4 * error


def test_what_has_no_value_is_named() -> None:
    made = story(
        {"m": "laplace", "s": "laplace"}, {"theta": "m", "phi": "m"}, x="30*m + 30*s@patch(0, 2) + noise"
    )
    rows = made.sample(3)
    with pytest.raises(QueryError, match="pointwise information: infinite, because both sides determine `m`"):
        made.pmi(rows, "theta", "phi")
    with pytest.raises(QueryError, match="`x` stands twice"):
        made.pmi(rows, "x", "x")


def test_rows_of_a_sharp_product_against_a_dense_grid() -> None:
    """t = 2 c d + 0.3 noise and y = 0.5 c + noise in four components, from one grid over c and d."""
    made = story({"c": "normal", "d": "normal"}, {"t": "2*c*d + 0.3*noise"}, x="0.5*c + noise")
    rows = made.sample(20, seed=6)
    dim = made.dim("x")
    along = rows["x"].astype(np.float64).sum(axis=1) / math.sqrt(dim)
    t = rows["t"].astype(np.float64)
    c, step = np.linspace(-8.0, 8.0, 200_001, retstep=True)  # given c, t is N(0, 4 c² + 0.09)
    prior = np.exp(-0.5 * c**2) * step / math.sqrt(2.0 * math.pi)
    spread = 4.0 * c**2 + 0.09
    of_t = np.exp(-0.5 * t[:, None] ** 2 / spread) / np.sqrt(spread)
    of_x = np.exp(-0.5 * (along[:, None] - 0.5 * math.sqrt(dim) * c) ** 2)
    wanted = np.log((of_t * of_x) @ prior) - np.log(of_t @ prior) - np.log(of_x @ prior)
    found, error = made.pmi(rows, "x", "t", with_error=True)
    assert np.all(np.abs(found - wanted) <= error + 1e-6)
    assert error.max() < 1e-3


def test_averages_over_many_causes_say_their_error() -> None:
    """Normal causes forced through importance sampling of both kinds, against the closed form."""
    generator = np.random.default_rng(3)
    weights = 0.8 * generator.standard_normal((4, 6))
    causes = {name: make_distribution("normal") for name in "abcdef"}
    made = tuple(feature_of(parse_expression(name).terms[0].factors) for name in causes)
    part = Component(Features(made, causes), weights.T @ weights, tuple(range(6)))
    reduced = reduce(part)
    s = generator.standard_normal((200, 6))
    y = s @ reduced.axes.T + generator.standard_normal((200, len(reduced.axes)))
    exact, *_ = inner_average(part, reduced, 0, 0, accurate=True).log_average(y, {})
    covariance = np.eye(4) + reduced.axes @ reduced.axes.T
    log_density = -0.5 * np.einsum("ni,ij,nj->n", y, np.linalg.inv(covariance), y)
    log_density -= 0.5 * np.linalg.slogdet(covariance)[1]
    np.testing.assert_allclose(exact, log_density + 0.5 * (y**2).sum(axis=1), atol=1e-10)
    for kind in (Importance, Scatter):
        value, _, error = kind.of(part, reduced, 4096, 1).log_average(y, {})
        off = np.sqrt(np.mean((value - exact) ** 2))
        assert 0.0 < off < 0.05
        assert off < 1.5 * np.sqrt(np.mean(error**2)) < 15.0 * off


@pytest.mark.parametrize(
    ("causes", "latents", "twin"),
    [
        ({"c": "categorical(2)"}, ("relu(c) + 0.5*noise", "c + noise"), ("0.5*c + 0.5*noise", "c + noise")),
        (
            {"c": "categorical(2)"},
            ("c + noise", "exp(c) + noise"),
            ("c + noise", f"{math.sinh(1)!r}*c + noise"),
        ),
        (
            {"c": "categorical(2)", "m": "normal"},
            ("m + c**2 + noise", "m + c + noise"),
            ("m + noise", "m + c + noise"),
        ),
        ({"c": "laplace"}, ("c + noise", "c + sign(c)**2 + noise"), ("c + noise", "c + noise")),
        ({"c": "normal"}, ("c + noise", "c + 20*sign(c)**2 + noise"), ("c + noise", "c + noise")),
        (
            {"c": "laplace"},
            ("sin(c)**2 + cos(c)**2 + c + noise", "c**3 + noise"),
            ("c + noise", "c**3 + noise"),
        ),
    ],
)
def test_what_is_constant_in_a_latent_changes_no_pointwise_information(causes, latents, twin):
    """A function of a cause that never varies moves all rows alike, row by row and in the mean."""
    plain, shifted = (story(causes, {"t": t}, x=x) for t, x in (twin, latents))
    values = []
    for one in (plain, shifted):
        found, error = one.pmi(one.sample(4000, seed=1), "x", "t", with_error=True)
        assert error.max() < 1e-3
        values.append(found)
        exact = one.quantity("I(x; t)")
        assert found.mean() == pytest.approx(exact.value, abs=4.0 * found.std() / math.sqrt(4000) + 1e-3)
    np.testing.assert_allclose(values[1], values[0], atol=2e-3)


@pytest.mark.parametrize(
    "labels", [{}, {"sign": {"target": "t", "classes": 2}}], ids=["plain", "with a label"]
)
def test_values_that_are_of_no_category_are_refused(labels):
    story = load(
        {
            "name": "kinds",
            "causes": {"c": "categorical(3)", "m": "normal"},
            "modalities": {"a": {"flow": "vector(2)", "latent": "m + c + noise"}},
            "targets": {"t": "m"},
            "labels": labels,
        }
    )
    rows = dict(story.sample(6, seed=0))
    assert np.isfinite(story.pmi(rows, "a", "c")).all()
    rows["c"] = rows["c"] + np.array([0.0, 0.0, 0.4, 0.0, 0.0, 0.0])
    with pytest.raises(QueryError, match=r"^values of `c`: expected its 3 values from -1.225 to 1.225 only"):
        story.pmi(rows, "a", "c")
    rows["c"] = np.full(6, np.nan)
    with pytest.raises(QueryError, match=r"`c`"):
        story.pmi(rows, "a", "c")
