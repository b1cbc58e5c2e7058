"""What is told of a label in stories that are not Gaussian: against dense grids, and against counted rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import entr, ndtr

from infoloom.story import Story, load

ROOT = math.sqrt(3.0)


def story(causes: dict[str, str], target: str, seen: str, classes: int) -> Story:
    return load(
        {
            "name": "labelled",
            "causes": causes,
            "targets": {"t": target},
            "modalities": {"v": {"flow": "vector(1)", "latent": seen}},
            "labels": {"cls": {"target": "t", "classes": classes}},
        }
    )


def by_grid(height: Callable[[Any], Any], width: float, classes: int, weight: float) -> tuple[float, float]:
    """I(class; v) and the best accuracy for v = weight · c + N(0, 1), c uniform, θ = height(c) + N(0, width²)."""
    c = ROOT * (2.0 * (np.arange(40_000) + 0.5) / 40_000 - 1.0)
    h, inside = height(c), np.arange(1, classes) / classes
    if width:
        low, high = (np.full(len(inside), end) for end in (h.min() - 9 * width, h.max() + 9 * width))
        for _ in range(50):
            middle = 0.5 * (low + high)
            below = np.array([ndtr((m - h) / width).mean() for m in middle]) < inside
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        cumulative = ndtr((low - h[:, None]) / width)
    else:
        cumulative = (h[:, None] < np.quantile(h, inside)).astype(float)
    odds = np.diff(np.column_stack([np.zeros(len(c)), cumulative, np.ones(len(c))]), axis=1) / len(c)
    v = np.linspace(-9.0, 9.0, 241)
    joint = np.exp(-0.5 * (v[:, None] - weight * c) ** 2) @ odds / math.sqrt(2.0 * math.pi)
    step = v[1] - v[0]
    told = step * (entr(joint.sum(axis=1)).sum() - entr(joint).sum()) + entr(joint.sum(axis=0) * step).sum()
    return float(told), float(step * joint.max(axis=1).sum())


CASES: list[tuple[str, Callable[[Any], Any], float, int]] = [
    ("c**2 + 0.2*noise", lambda c: c**2, 0.2, 6),
    ("c + 0.05*noise", lambda c: c, 0.05, 10),
    ("sin(2*c) + 0.05*noise", lambda c: np.sin(2 * c), 0.05, 10),
    ("sin(2*c) + 0.4*noise", lambda c: np.sin(2 * c), 0.4, 4),
    ("c**2 + 0.0001*noise", lambda c: c**2, 1e-4, 5),
    ("c**3", lambda c: c**3, 0.0, 5),
    ("abs(c) + c**2", lambda c: np.abs(c) + c**2, 0.0, 3),
]


@pytest.mark.parametrize(("target", "height", "width", "classes"), CASES, ids=[case[0] for case in CASES])
def test_one_cause_against_a_dense_grid(
    target: str, height: Callable[[Any], Any], width: float, classes: int
) -> None:
    made = story({"c": "uniform"}, target, "0.3*c + noise", classes)
    told, right = by_grid(height, width, classes, 0.3)
    found = made.quantity("I(v; cls)", tolerance=2e-4, budget=20.0)
    assert found.tolerance < 1e-6
    assert abs(found.value - told) < 4.0 * found.error
    if width:  # without noise no R² is known, and so no table
        (of_label,) = made.ceilings().classes
        assert abs(of_label.accuracy - right) < 4.0 * of_label.accuracy_error


def by_rows(made: Story, classes: int, rows: int = 400_000, cells: int = 200) -> tuple[float, float]:
    """I(v; class) of counted rows less the bias of counting, with its standard error."""
    drawn = made.sample(rows, seed=3)
    v, label = drawn["v"].ravel(), np.asarray(drawn["cls"]).ravel().astype(int)
    cell = np.searchsorted(np.quantile(v, np.linspace(0, 1, cells + 1)[1:-1]), v)
    joint = np.bincount(cell * classes + label, minlength=cells * classes).reshape(cells, classes) / rows
    a, b = joint.sum(axis=1, keepdims=True), joint.sum(axis=0)
    log = np.log(np.where(joint > 0, joint, 1.0) / (a * b))
    value = float((joint * log).sum())
    spread = math.sqrt(float((joint * (log - value) ** 2).sum()) / rows)
    return value - (cells - 1) * (classes - 1) / (2.0 * rows), spread


PAIR = {"a": "laplace", "b": "uniform"}
KIND = {"a": "laplace", "k": "categorical(3)"}
SEVERAL: dict[str, tuple[dict[str, str], str, str, int]] = {
    "two causes, little noise": (PAIR, "a + b + 0.02*noise", "0.8*a + 0.4*b + 0.3*noise", 8),
    "two causes, no noise": (PAIR, "a + b", "0.8*a + 0.4*b + 0.3*noise", 8),
    "a product": (PAIR, "a*b + 0.02*noise", "0.8*a + 0.8*b + 0.3*noise", 6),
    "noise that is seen": ({"a": "laplace"}, "sin(2*a) + 0.1*noise", "1.0*t + 0.2*noise", 7),
    "a category": (KIND, "a + k", "0.8*a + 0.5*k + 0.3*noise", 5),
    "a category and two causes": (
        {**PAIR, **KIND},
        "a*k + b",
        "0.8*a + 0.5*k + 0.4*b + 0.3*noise",
        5,
    ),
    "five causes": (
        dict.fromkeys("abcde", "laplace"),
        "a + b*c + d + 0.1*noise",
        "0.8*a + 0.4*d + 0.3*e + 0.3*noise",
        5,
    ),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_causes_against_counted_rows(name: str) -> None:
    causes, target, seen, classes = SEVERAL[name]
    made = story(causes, target, seen, classes)
    found, (counted, spread) = made.quantity("I(v; cls)"), by_rows(made, classes)
    lost = 1.5e-3  # what 200 cells of v hide, from comparing with 600
    assert (
        abs(found.value - counted)
        < 4.0 * math.hypot(found.standard_error or 0.0, spread) + found.tolerance + lost
    )


def test_seed_and_tolerance_of_a_label() -> None:
    made = story({"c": "uniform"}, "c + 0.05*noise", "0.3*c + noise", 10)
    first, again, other = (made.quantity("I(v; cls)", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.value != other.value
    assert abs(first.value - other.value) < 4.0 * math.hypot(first.error, other.error)
    better = made.quantity("I(v; cls)", tolerance=5e-5, budget=60.0)
    assert better.error < 5e-5 < first.error


def test_a_class_tells_no_more_than_its_target() -> None:
    made = story({"c": "uniform"}, "c**2 + 0.2*noise", "0.3*c + noise", 6)
    told, whole = made.quantity("I(v; cls)"), made.quantity("I(v; t)")
    assert told.value < whole.value + 4.0 * (told.error + whole.error)
