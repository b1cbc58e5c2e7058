"""Pointwise information of rows: against dense densities, and its mean against the information."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import Dense
from strategies import splits, stories

from infoloom.errors import DegenerateError, QueryError
from infoloom.story import compile_story

PAIR = {
    "name": "pair",
    "causes": {"m": "normal", "style": {"size": 3}},
    "fields": {"f": "normal"},
    "targets": {"t": "0.8*m + 0.6*noise", "s": "x@random(4) + noise", "exact": "2*m"},
    "modalities": {
        "x": {"flow": "identity(1, 6, 6)", "latent": "0.2*m@disk + 0.3*style@random(1) + 0.4*f + noise"},
        "y": {"flow": "identity(1, 6, 6)", "latent": "-0.1*m + 0.4*f + 0.5*noise"},
        "z": {"flow": "vector(5)", "latent": "0.5*t + noise"},
    },
}


@given(stories(most=4), st.data())
@settings(max_examples=60)
def test_against_dense_densities(tree, data):
    oracle, story = Dense(tree), compile_story(tree)
    rows = story.sample(20, seed=data.draw(st.integers(0, 99)))
    names = list(rows)
    assume(len(names) >= 2)
    (a, b), condition = data.draw(splits(names, 2))
    assume(oracle.condition([*a, *b, *condition]) < 1e4)
    expected = oracle.pmi(rows, a, b, condition)
    np.testing.assert_allclose(story.pmi(rows, a, b, condition), expected, rtol=1e-8, atol=1e-8)
    density = story.pointwise(rows).log_density([*a, *b])
    np.testing.assert_allclose(density, oracle.log_density(rows, [*a, *b]), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("a", "b", "given"),
    [
        ("x", "y", ()),
        ("x", "t", ()),
        ("x", "y", "t"),
        (("x", "z"), ("t", "s"), ()),
        (("x", "y"), "style", ("m",)),
        ("z", "t", ("x", "y")),
    ],
)
def test_the_mean_is_the_information(a, b, given):
    story = compile_story(PAIR)
    values = story.pmi(story.sample(4000, seed=3), a, b, given)
    one, other, condition = ((part,) if isinstance(part, str) else part for part in (a, b, given))
    query = f"I({', '.join(one)}; {', '.join(other)}{' | ' + ', '.join(condition) if condition else ''})"
    assert abs(values.mean() - story.information(query)) < 4 * values.std(ddof=1) / np.sqrt(len(values))


def test_of_given_covariances():
    story = compile_story(
        {
            "name": "given",
            "targets": {"t": None},
            "modalities": {"a": {"flow": "vector(30)"}, "b": {"flow": "vector(30)"}},
            "covariance": {"a": "1 + 0.2@ones", "a, b": "0.5 + 0.01@random(2)", "a, t": "0.1@ones"},
        }
    )
    rows = story.sample(4000, seed=5)
    for other in ("b", "t"):
        values = story.pmi(rows, "a", other)
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert abs(values.mean() - story.information(f"I(a; {other})")) < 4 * error


def test_observations_in_their_shape_and_any_precision():
    story = compile_story(PAIR)
    rows = story.sample(7)
    shaped = {**rows, "x": rows["x"].reshape(7, 1, 6, 6).astype(np.float64), "t": rows["t"].reshape(7, 1)}
    np.testing.assert_array_equal(story.pmi(shaped, "x", "t"), story.pmi(rows, "x", "t"))
    np.testing.assert_allclose(story.pmi(rows, "x", "t"), story.pmi(rows, "t", "x"), atol=1e-12)


def test_rows_do_not_look_at_each_other():
    story = compile_story(PAIR)
    rows = story.sample(50)
    whole = story.pmi(rows, "x", ("y", "t"))
    few = story.pmi({name: values[10:13] for name, values in rows.items()}, "x", ("y", "t"))
    np.testing.assert_allclose(few, whole[10:13], rtol=0, atol=1e-9)
    assert story.pmi(story.sample(0), "x", "y").shape == (0,)


def changed(rows, **changes):
    return {**rows, **changes}


@pytest.mark.parametrize(
    ("change", "names", "error", "message"),
    [
        ({}, ("x", "f"), QueryError, "pointwise information: the rows have no values of `f`."),
        ({}, ("x", "q"), QueryError, "unknown variable `q`: expected one of m, style[0], "),
        ({}, ("x", "x"), QueryError, "pointwise information: `x` stands twice. Name every variable once."),
        (
            {},
            ("x", ("y", "y")),
            QueryError,
            "pointwise information: `y` stands twice. Name every variable once.",
        ),
        ({}, ("exact", "m"), DegenerateError, "`exact` is determined by `m`: without noise of its own"),
        (
            {"x": np.zeros((4, 35))},
            ("x", "y"),
            QueryError,
            "pointwise information: expected 36 components of `x` a row, got 35.",
        ),
        (
            {"t": np.zeros(3)},
            ("x", "t"),
            QueryError,
            "pointwise information: expected as many rows of `x` as of `t`, got 4 and 3.",
        ),
        (
            {"y": np.full((4, 36), np.nan)},
            ("x", "y"),
            QueryError,
            "pointwise information: expected finite values of `y`.",
        ),
    ],
)
def test_refusals(change, names, error, message):
    story = compile_story(PAIR)
    with pytest.raises(error) as caught:
        story.pmi(changed(story.sample(4), **change), *names)
    assert str(caught.value).startswith(message)
