"""Labels under interventions in stories that are not Gaussian: their classes are not equally likely any more."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.special

from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE
from infoloom.story import Story, load

ROWS = 200_000


def story(causes: dict[str, Any], theta: str, classes: int = 4, **modalities: str) -> Story:
    shown = {name: {"flow": "vector(1)", "latent": text} for name, text in modalities.items()}
    labels = {"cls": {"target": "th", "classes": classes}}
    return load(
        {"name": "a", "causes": causes, "targets": {"th": theta}, "modalities": shown, "labels": labels}
    )


def laplace_and_normal() -> Story:
    causes = {"a": "laplace", "b": "normal"}
    return story(causes, "a + b + 0.5*noise", x="a + 0.5*noise", y="b + 0.5*noise")


def oracle(held: float) -> tuple[float, float]:
    """H(cls) and I(cls; x) under do(b = held) of that story, by sums over dense grids."""
    a = np.linspace(-18.0, 18.0, 9_001)
    mass = np.exp(-math.sqrt(2.0) * np.abs(a))
    mass /= mass.sum()
    low, high = np.full(3, -20.0), np.full(3, 20.0)
    for _ in range(60):  # where the classes are cut without the intervention
        middle = 0.5 * (low + high)
        below = scipy.special.ndtr((middle[:, None] - a) / math.sqrt(1.25)) @ mass < [0.25, 0.5, 0.75]
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    steps = scipy.special.ndtr((low[:, None] - a - held) / 0.5)
    odds = np.diff(np.vstack([np.zeros(len(a)), steps, np.ones(len(a))]), axis=0)  # P(class | a)
    shares = odds @ mass
    x = np.linspace(-16.0, 16.0, 1_601)
    joint = mass * np.exp(-2.0 * (x[:, None] - a) ** 2)
    joint /= joint.sum()
    both = joint @ odds.T
    seen = both.sum(axis=1, keepdims=True)
    told = float(scipy.special.xlogy(both, both / (seen * both.sum(axis=0))).sum())
    return float(scipy.special.entr(shares).sum()), told


def test_a_laplace_cause_beside_a_held_one() -> None:
    held = laplace_and_normal().intervene(b=1.0)
    entropy, told = oracle(1.0)
    assert entropy < 1.09  # well below log 4
    found = held.quantity("H(cls)")
    assert found.method == QUADRATURE
    assert abs(found.value - entropy) < 1e-5  # of the grid
    assert 0.0 < found.error < 1e-6
    x = held.quantity("I(cls; x)")
    assert x.method == MONTE_CARLO
    assert abs(x.value - told) < 4.0 * x.error
    assert x.error < 0.003
    assert held.quantity("I(cls; y)").value == 0.0  # b is all that y shows


def test_without_an_intervention_on_its_target_a_label_keeps_its_entropy() -> None:
    for made in (laplace_and_normal(), laplace_and_normal().intervene(x=1.0)):
        assert made.quantity("H(cls)").value == pytest.approx(math.log(4.0), abs=1e-12)
        assert made.quantity("H(cls)").method == CLOSED_FORM


def test_a_held_target_has_one_class() -> None:
    held = laplace_and_normal().intervene(th=1.0)
    assert [held.information(query) for query in ("H(cls)", "I(cls; x)", "I(cls; y)")] == [0.0, 0.0, 0.0]


SEVEN = dict.fromkeys("abcd", "laplace") | {"e": "normal"}


@pytest.mark.parametrize(
    ("causes", "theta", "do", "method"),
    [
        ({"m": "laplace", "b": "normal"}, "m + b", {"b": 0.8}, CLOSED_FORM),  # a multiple of one cause
        ({"m": "student_t(5)", "b": "normal"}, "0.5*b - 2*m", {"b": 1.5}, CLOSED_FORM),
        ({"m": "uniform", "b": "normal"}, "m + 2*b", {"b": 0.4}, CLOSED_FORM),
        ({"m": "laplace", "b": "normal"}, "m*b + 0.4*noise", {"b": 0.3}, QUADRATURE),
        ({"m": "uniform", "b": "normal"}, "m**2 + b + 0.3*noise", {"b": -1.0}, QUADRATURE),
        ({"m": "laplace", "b": "normal"}, "b + 0.5*noise", {"b": 0.7}, CLOSED_FORM),  # normal noise alone
        (
            {"m": "laplace", "j": {"size": 2, "distribution": "categorical(3)"}, "b": "normal"},
            "j[0] + 0.5*j[1] + b",
            {"b": 0.45},
            CLOSED_FORM,  # finitely many values
        ),
        (
            {"m": "laplace", "j": {"size": 2, "distribution": "categorical(3)"}, "b": "normal"},
            "j[0] + 0.5*j[1] + b + 0.3*noise",
            {"b": 0.45},
            CLOSED_FORM,
        ),
        (SEVEN, "a + b + c + d + 2*e + 0.5*noise", {"e": 1.0}, MONTE_CARLO),
        (SEVEN, "a + 0.7*b + c + d + 2*e", {"e": -1.0}, MONTE_CARLO),
    ],
)
def test_the_entropy_is_that_of_the_shares_that_rows_have(
    causes: dict[str, Any], theta: str, do: dict[str, float], method: str
) -> None:
    shown = "m + noise" if "m" in causes else "a + noise"
    held = story(causes, theta, x=shown).intervene(**do)
    share = np.bincount(held.sample(ROWS, seed=7)["cls"], minlength=4) / ROWS
    kept = share[share > 0.0]
    counted = float(-kept @ np.log(kept))
    spread = math.sqrt(float(kept @ np.log(kept) ** 2) - counted**2)
    found = held.quantity("H(cls)")
    assert found.method == method
    assert abs(found.value - counted) < 4.0 * spread / math.sqrt(ROWS) + 4.0 * found.error + 3.0 / ROWS
    assert math.log(4.0) - counted > 10.0 * spread / math.sqrt(ROWS)  # equally likely classes would be seen
    assert found.error < 1e-3
