"""Pointwise information beside categories where causes are not normal: what is shown without noise, and labels."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import infoloom as loom
from infoloom.benchmark import tasks
from infoloom.errors import QueryError
from infoloom.story import Story, load

PICTURE = {"flow": "sprites[{k}: heart, star](32)", "latent": {"hue": "a + noise"}}


def story(theta: str, x: str = "a + 0.5*k + noise", label: bool = True, **causes: Any) -> Story:
    tree: dict[str, Any] = {
        "name": "shown",
        "causes": {"k": "categorical(2)", "a": "laplace", **causes},
        "targets": {"th": theta},
        "modalities": {"x": {"flow": "vector(1)", "latent": x}},
    }
    if label:
        tree["labels"] = {"cls": {"target": "th", "classes": 2}}
    else:
        tree["modalities"]["p"] = PICTURE
    return load(tree)


def log_densities(x: Any) -> Any:
    """log p(x | k) of x = a + 0.5 k + noise for k = −1 and 1, by a sum over a dense grid of a."""
    a = np.linspace(-16.0, 16.0, 8_001)
    mass = np.exp(-math.sqrt(2.0) * np.abs(a))
    mass /= mass.sum()
    away = x[:, None, None] - 0.5 * np.array([-1.0, 1.0])[:, None] - a
    return np.log(np.exp(-0.5 * away**2) @ mass)


@pytest.mark.parametrize("label", [True, False])
def test_a_target_that_is_a_category(label: bool) -> None:
    made = story("k", label=label)
    rows = made.sample(200, seed=4)
    joint = log_densities(rows["x"][:, 0].astype(np.float64))
    own = joint[np.arange(200), (rows["k"] > 0).astype(int)]
    wanted = own - np.logaddexp(joint[:, 0], joint[:, 1]) + math.log(2.0)
    for name in ("th", "k"):
        np.testing.assert_allclose(made.pmi(rows, name, "x"), wanted, atol=1e-4)
    np.testing.assert_allclose(made.pmi(rows, "k", "th"), math.log(2.0), atol=1e-12)
    np.testing.assert_allclose(made.pmi(rows, "k", "x", "th"), 0.0, atol=1e-9)
    np.testing.assert_allclose(made.pmi(rows, "a", "th"), 0.0, atol=1e-9)
    if not label:
        np.testing.assert_allclose(made.pmi(rows, "p", "th"), math.log(2.0), atol=1e-9)


def test_a_target_that_is_a_component_of_a_vector_of_categories() -> None:
    made = story("m[0]", "a + m[0] + noise", m={"size": 2, "distribution": "categorical(2)"})
    rows = made.sample(50, seed=4)
    np.testing.assert_allclose(made.pmi(rows, "m", "th"), math.log(2.0), atol=1e-12)
    np.testing.assert_allclose(made.pmi(rows, "m", "x"), made.pmi(rows, "th", "x"), atol=1e-9)


def test_a_target_that_is_the_cause_itself() -> None:
    made = story("a")
    rows = made.sample(50, seed=4)
    np.testing.assert_allclose(made.pmi(rows, "a", "x"), made.pmi(rows, "th", "x"), atol=1e-9)
    with pytest.raises(QueryError, match="infinite, because both sides determine `a`"):
        made.pmi(rows, "a", "th")


@pytest.mark.parametrize("label", [True, False])
def test_a_sum_of_a_category_and_another_cause_is_not_within_reach(label: bool) -> None:
    """As of its information: rows of `th` fit both categories."""
    made = story("k + a", label=label)
    with pytest.raises(QueryError, match="they fix a function of"):
        made.information("I(th; x)")
    with pytest.raises(QueryError, match="they fix a function of"):
        made.pmi(made.sample(5), "th", "x")


def test_labels_are_refused_before_any_row_is_made(tmp_path: Path) -> None:
    made = story("a + 0.5*noise")
    message = (
        "pointwise information: `cls` is words or classes; expected a story of normal and categorical causes, because "
        "their pointwise information is known there only. Ask for the variable that it is cut from."
    )
    rows = made.sample(5)
    for a, b, given in (("x", "cls", ()), ("cls", "x", ()), ("x", "th", "cls"), (("x", "cls"), "th", ())):
        with pytest.raises(QueryError) as caught:
            made.pmi(rows, a, b, given)
        assert str(caught.value) == message
    with pytest.raises(QueryError) as caught:
        loom.generate(made, tmp_path / "data", rows=10, pmi=["x;cls"])
    assert str(caught.value) == message
    assert not (tmp_path / "data").exists()
    (tmp_path / "l.yaml").write_text(made.spec.to_yaml())
    task = tasks.build(f"story:story={tmp_path / 'l.yaml'},x=x,y=cls,view=latent")
    with pytest.raises(QueryError) as caught:
        task.pmi(*task.sample(5, seed=0))
    assert str(caught.value) == message


def test_errors_are_those_of_the_whole_story_and_of_the_parts() -> None:
    made = story("k")
    rows = made.sample(100, seed=4)
    for a, b in (("th", "x"), ("k", "x"), ("a", "x")):
        values, errors = made.pmi(rows, a, b, with_error=True)
        assert values.shape == np.broadcast_to(errors, values.shape).shape == (100,)
        np.testing.assert_array_equal(values, made.pmi(rows, a, b))
    joint = log_densities(rows["x"][:, 0].astype(np.float64))
    wanted = joint[np.arange(100), (rows["k"] > 0).astype(int)] - np.logaddexp(*joint.T) + math.log(2.0)
    values, errors = made.pmi(rows, "k", "x", with_error=True)
    assert (np.abs(values - wanted) <= errors + 1e-6).all()
