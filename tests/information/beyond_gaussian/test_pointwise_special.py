"""Pointwise information of stories with special causes against densities by brute force."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from infoloom.errors import QueryError
from infoloom.law.sources.distributions import make_distribution
from infoloom.law.sources.features import feature_of
from infoloom.spec.parser import parse_expression
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
    sharp = re.escape(
        "pointwise information: m, s are seen too sharply for a sum over all values of their causes"
    )
    with pytest.raises(QueryError, match=sharp):
        made.pmi(rows, "x", "s")
