"""Predictions, ceilings and classes of stories that are not Gaussian, against sums over dense grids written here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from infoloom.errors import QueryError, SpecError
from infoloom.story import Story, load

ROOT = math.sqrt(2.0)


def story(causes: dict[str, str], targets: dict[str, str], **more: Any) -> Story:
    labels = more.pop("labels", {})
    modalities = {name: {"flow": "vector(4)", "latent": text} for name, text in more.items()}
    tree = {"name": "test", "causes": causes, "targets": targets, "modalities": modalities}
    return load({**tree, "labels": labels} if labels else tree)


def laplace_grid() -> tuple[Any, Any]:
    s = np.linspace(-16.0, 16.0, 8_001)
    mass = np.exp(-ROOT * np.abs(s))
    return s, mass / mass.sum()


def test_the_prediction_of_a_laplace_cause_and_of_a_function_of_it() -> None:
    made = story({"m": "laplace"}, {"t": "m", "u": "sin(2*m) + 0.3*m + 0.2*noise"}, x="0.5*m + noise")
    rows = made.sample(40, seed=2)
    s, mass = laplace_grid()
    along = rows["x"].astype(np.float64).sum(axis=1) / 2.0  # m plus noise of width 1
    posterior = mass * np.exp(-0.5 * (along[:, None] - s) ** 2)
    posterior /= posterior.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made.predict(rows, "t", "x"), posterior @ s, atol=2e-5)
    np.testing.assert_allclose(made.predict(rows, "u", "x"), posterior @ (np.sin(2 * s) + 0.3 * s), atol=2e-5)


def test_a_prediction_uses_noise_that_is_shared() -> None:
    """x is t itself plus noise: what is left of t's own noise tells too."""
    made = story({"m": "laplace"}, {"t": "0.5*m + 0.8*noise"}, x="0.5*t + noise")
    rows = made.sample(40, seed=2)
    s, mass = laplace_grid()
    along = rows["x"].astype(np.float64).sum(axis=1) / 2.0  # t + noise of width 1
    posterior = mass * np.exp(-0.5 * (along[:, None] - 0.5 * s) ** 2 / 1.64)
    posterior /= posterior.sum(axis=1, keepdims=True)
    given = 0.5 * s + 0.64 / 1.64 * (along[:, None] - 0.5 * s)
    np.testing.assert_allclose(made.predict(rows, "t", "x"), (posterior * given).sum(axis=1), atol=2e-5)


def test_a_product_of_causes_that_two_modalities_show() -> None:
    made = story(
        {"a": "laplace", "b": "uniform"}, {"t": "a*b + 0.1*noise"}, x="0.5*a + noise", y="0.5*b + noise"
    )
    rows = made.sample(20, seed=3)
    one, two = (made.predict({"x": rows["x"], "y": rows["y"]}, "t", name) for name in ("x", ("x", "y")))
    np.testing.assert_allclose(one, 0.0, atol=1e-6)  # b has mean 0
    s, mass = laplace_grid()
    b = np.linspace(-math.sqrt(3.0), math.sqrt(3.0), 4001)
    means = []
    for name, at, odds in (("x", s, mass), ("y", b, np.ones(len(b)))):
        along = rows[name].astype(np.float64).sum(axis=1) / 2.0
        posterior = odds * np.exp(-0.5 * (along[:, None] - at) ** 2)
        means.append(posterior @ at / posterior.sum(axis=1))
    np.testing.assert_allclose(two, means[0] * means[1], atol=1e-3)


def test_ceilings_of_a_laplace_target_are_within_their_errors() -> None:
    made = story(
        {"m": "laplace"}, {"t": "m"}, x="0.5*m + noise", labels={"half": {"target": "t", "classes": 4}}
    )
    s, mass = laplace_grid()
    y = np.linspace(-24.0, 24.0, 481)
    joint = mass * np.exp(-0.5 * (y[:, None] - s) ** 2) / math.sqrt(2.0 * math.pi)
    density, step = joint.sum(axis=1), y[1] - y[0]
    mean = joint @ s / density
    mmse = float(step * (joint @ s**2 - density * mean**2).sum())
    found = made.ceilings()
    target = found.targets[0]
    assert abs(target.mmse - mmse) < 4.0 * target.mmse_error + 1e-6
    assert abs(target.r_squared - (1.0 - mmse)) < 4.0 * target.r_squared_error + 1e-6
    assert 0.0 < target.mmse_error < 0.01
    q = math.log(2.0) / ROOT  # a quarter of a Laplace law lies beyond
    parts = [
        joint[:, (s >= low) & (s < high)].sum(axis=1)
        for low, high in ((-np.inf, -q), (-q, 0.0), (0.0, q), (q, np.inf))
    ]
    accuracy = float(step * np.max(parts, axis=0).sum())
    odds = np.stack(parts) / density
    told = math.log(4.0) + float(step * (density * (odds * np.log(odds + 1e-300)).sum(axis=0)).sum())
    label = found.classes[0]
    assert abs(label.accuracy - accuracy) < 4.0 * label.accuracy_error + 2e-3
    assert abs(label.information - told) < 4.0 * label.information_error + 2e-3
    assert label.information < target.information + 4.0 * label.information_error
    assert found.pairs == ()
    drawn = np.bincount(made.sample(8000, seed=1)["half"], minlength=4) / 8000.0
    assert np.all(np.abs(drawn - 0.25) < 4.0 * math.sqrt(0.25 * 0.75 / 8000.0))


def test_a_gaussian_story_forced_through_the_same_way_has_its_closed_form() -> None:
    """A function that is all but nothing makes the causes special."""
    causes = {"a": "normal", "b": "normal"}
    texts = {"x": "0.5*a + 0.2*b@patch(0, 2) + noise", "y": "0.3*b + noise"}
    plain = story(causes, {"t": "a + 0.5*b + 0.5*noise"}, **texts)
    made = story(causes, {"t": "a + 0.5*b + 0.5*noise + 1e-9*a**2 + 1e-9*b**2"}, **texts)
    rows = plain.sample(30, seed=5)
    for given in ("x", "y", ("x", "y")):
        np.testing.assert_allclose(made.predict(rows, "t", given), plain.predict(rows, "t", given), atol=1e-5)
    mine_all, wanted_all = made.ceilings(classes=3), plain.ceilings(classes=3, batch=None)
    for one, other in zip(mine_all.targets, wanted_all.targets, strict=True):
        assert abs(one.mmse - other.mmse) < 4.0 * one.mmse_error + 1e-5
    pairs = zip(mine_all.classes, wanted_all.classes, strict=True)
    for mine, wanted in pairs:
        assert abs(mine.accuracy - wanted.accuracy) < 4.0 * mine.accuracy_error + 1e-5
        assert abs(mine.information - wanted.information) < 4.0 * mine.information_error + 1e-5


@pytest.mark.slow
def test_many_causes_are_predicted_within_their_error() -> None:
    causes = dict.fromkeys("abcde", "laplace")
    text = " + ".join(f"0.4*{name}@patch({i % 3}, 2)" for i, name in enumerate(causes)) + " + noise"
    made = story(causes, {"t": "a + b - c + 0.5*noise"}, x=text)
    rows = made.sample(1000, seed=1)
    left = rows["t"].astype(np.float64) - made.predict(rows, "t", "x")
    ceiling = made.ceilings().targets[0]
    error = (left**2).std() / math.sqrt(len(left))
    assert abs((left**2).mean() - ceiling.mmse) < 4.0 * math.hypot(error, ceiling.mmse_error)
    assert abs(left.mean()) < 4.0 * left.std() / math.sqrt(len(left))


def test_labels_of_targets_with_few_values() -> None:
    causes = {"k": "categorical(4)", "m": "normal"}
    made = story(causes, {"t": "k"}, x="0.5*k + m + noise", labels={"c": {"target": "t", "classes": 2}})
    rows = made.sample(200, seed=1)
    np.testing.assert_array_equal(rows["c"], (rows["t"] > 0).astype(int))
    with pytest.raises(
        SpecError, match=r"labels\.c: .*cannot be cut into 3 equally likely classes, because it"
    ):
        story(causes, {"t": "k"}, x="0.5*k + noise", labels={"c": {"target": "t", "classes": 3}})
    with pytest.raises(QueryError, match=r"^ceilings: .*cannot be cut into 3 equally likely classes"):
        made.ceilings(classes=3)


def test_what_cannot_be_predicted_is_named() -> None:
    made = story({"m": "laplace"}, {"t": "m", "u": "m + noise"}, x="0.5*m + noise")
    with pytest.raises(
        QueryError, match=r"not found where `m` is shown without noise\. Add noise to what shows it"
    ):
        made.predict(made.sample(3), "u", ("x", "t"))
    with pytest.raises(QueryError, match="expected a scalar that is predicted from other variables"):
        made.predict(made.sample(3), "x", "t")
    with pytest.raises(QueryError, match="ceilings: classes `1`: expected a whole number from 2"):
        made.ceilings(classes=1)
