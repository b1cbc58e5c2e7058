"""Every information value against the dense oracle, on random stories and where conditioning is extreme."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import Dense, exact_log_volume
from strategies import splits, stories, whole_names

from infoloom.errors import DegenerateError, InfiniteInformationError
from infoloom.story import compile_story

TOLERANCE = 1e-9


def show(parts, condition=(), measure="I"):
    inside = "; ".join(", ".join(part) for part in parts)
    return f"{measure}({inside}{' | ' + ', '.join(condition) if condition else ''})"


def ask(data, tree, parts):
    """A story, its oracle and a question about disjoint parts that the oracle can answer to the tolerance."""
    oracle = Dense(tree)
    names = data.draw(
        st.sampled_from(
            [
                whole_names(oracle),
                [n for n in oracle.names if "[" in n or n not in oracle.sizes or oracle.sizes[n] == 1],
            ]
        )
    )
    assume(len(names) >= parts)
    chosen, condition = data.draw(splits(names, parts))
    assume(oracle.condition([n for part in chosen for n in part] + [*condition]) < 1e6)
    return compile_story(tree), oracle, chosen, condition


@given(stories(), st.data())
def test_mutual_information(tree, data):
    story, oracle, (a, b), condition = ask(data, tree, 2)
    assert story.information(show([a, b], condition)) == pytest.approx(
        oracle.information(a, b, condition), abs=TOLERANCE
    )


@given(stories(), st.data())
@settings(max_examples=60)
def test_entropy(tree, data):
    story, oracle, (a,), condition = ask(data, tree, 1)
    assert story.information(show([a], condition, "H")) == pytest.approx(
        oracle.entropy(a, condition), abs=TOLERANCE
    )


@given(stories(), st.integers(3, 4), st.data())
@settings(max_examples=60)
def test_measures_of_many_parts(tree, count, data):
    story, oracle, parts, condition = ask(data, tree, count)
    total = oracle.total_correlation(parts, condition)
    dual = oracle.dual_total_correlation(parts, condition)
    expected = {"I": oracle.co_information(parts, condition), "TC": total, "DTC": dual, "O": total - dual}
    for measure, value in expected.items():
        assert story.information(show(parts, condition, measure)) == pytest.approx(value, abs=TOLERANCE), (
            measure
        )


@given(stories(noise_free_targets=True), st.data())
@settings(max_examples=150)
def test_where_variables_determine_each_other(tree, data):
    """Noise-free targets, causes and components in one question: the oracle's value, or a named error."""
    oracle = Dense(tree)
    modalities = list(tree["modalities"])
    for determined in [[], *([t] for t in tree["targets"])]:
        assume(oracle.condition([*modalities, *determined]) < 1e6)
    assume(len(oracle.names) >= 2)
    (a, b), condition = data.draw(splits(oracle.names, 2))
    expected = oracle.degenerate_information(a, b, condition)
    story = compile_story(tree)
    if math.isinf(expected):
        with pytest.raises(InfiniteInformationError, match=r"^the information is infinite: `"):
            story.information(show([a, b], condition))
    else:
        assert story.information(show([a, b], condition)) == pytest.approx(expected, abs=TOLERANCE)


@given(
    st.lists(st.sampled_from([1e-12, 1e-9, 1e-6, 1e-3, 1.0]), min_size=3, max_size=3),
    st.sampled_from([0.3, 1.0, 1e3]),
)
@settings(max_examples=40)
def test_tiny_noises_keep_their_digits(noises, signal):
    """Against rational arithmetic: float64 covariances would be singular here."""
    noises = [signal * noise for noise in noises]
    story = compile_story(
        {
            "name": "tiny",
            "causes": {"m": "normal", "s": "normal"},
            "targets": {
                f"t{i}": f"{signal}*m + {0.5 * i}*s + {noise!r}*noise" for i, noise in enumerate(noises)
            },
            "modalities": {"x": {"flow": "vector(1)", "latent": f"m + {noises[0]!r}*noise"}},
        }
    )
    sources = {"m": [1, 0, 0, 0, 0, 0], "s": [0, 1, 0, 0, 0, 0], "x": [1, 0, 0, 0, 0, noises[0]]}
    for i, noise in enumerate(noises):
        sources[f"t{i}"] = [signal, 0.5 * i, *(noise if j == i else 0 for j in range(3)), 0]

    def h(*names):
        return exact_log_volume([sources[name] for name in names])

    for a, b, c in [("x", "t0", "t1"), ("t0", "t2", "x"), ("t1", "x", "s"), ("t1", "t2", "m")]:
        assert story.information(f"I({a}; {b})") == pytest.approx(h(a) + h(b) - h(a, b), abs=TOLERANCE)
        expected = h(a, c) + h(b, c) - h(a, b, c) - h(c)
        assert story.information(f"I({a}; {b} | {c})") == pytest.approx(expected, abs=TOLERANCE)


def test_a_relation_behind_a_tiny_noise_is_found():
    """t3 is the difference of two targets that are equal up to 1e-9: infinite, not a large number."""
    story = compile_story(
        {
            "name": "hidden",
            "causes": {"m": "normal"},
            "targets": {"t1": "m + 1e-9*noise", "t2": "m", "t3": "1e9*t1 - 1e9*t2"},
            "modalities": {"x": {"flow": "vector(2)", "latent": "m + noise"}},
        }
    )
    with pytest.raises(InfiniteInformationError, match=r"`t3` is determined by `t1`, `t2`"):
        story.information("I(t1, t2; t3)")
    with pytest.raises(InfiniteInformationError):
        story.information("I(t1; t3 | t2)")
    assert story.information("I(x; t3 | t1, t2)") == 0.0


BLACK_HOLE = {
    "name": "black-hole",
    "causes": {"mass": "normal", "spin": "normal", "style": {"size": 2}},
    "targets": {"theta": "0.8*mass + 0.6*spin"},
    "modalities": {
        "radio": {
            "flow": "vector(9)",
            "latent": "0.5*mass + 0.4*spin@patch(0, 3) + 0.3*style@random(1) + noise",
        }
    },
}


def test_what_a_condition_determines_carries_no_information():
    story = compile_story(BLACK_HOLE)
    assert story.information("I(radio; theta | mass, spin)") == 0.0
    both = story.information("I(radio; mass, spin)")
    assert story.information("I(radio; theta, mass, spin)") == pytest.approx(both, abs=TOLERANCE)
    assert story.information("I(theta, mass, spin; radio)") == pytest.approx(both, abs=TOLERANCE)
    assert story.information("I(radio; theta, mass)") == pytest.approx(both, abs=TOLERANCE)
    styles = story.information("I(radio; style | theta, mass, spin)")
    assert styles == pytest.approx(
        story.information("I(radio; style[0], style[1] | mass, spin)"), abs=TOLERANCE
    )
    assert styles == pytest.approx(
        story.information("I(radio; style, style[1] | mass, theta)"), abs=TOLERANCE
    )
    given_more = story.information("H(radio | theta, mass, spin)")
    assert given_more == pytest.approx(story.information("H(radio | mass, spin)"), abs=TOLERANCE)


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        (
            "I(theta; mass | spin)",
            InfiniteInformationError,
            "`theta` is determined by `mass`, `spin`: without noise",
        ),
        ("I(theta; mass, spin)", InfiniteInformationError, "Add noise to `theta`, such as `+ 0.1*noise`."),
        (
            "I(style; style[1])",
            InfiniteInformationError,
            "`style[1]` is a part of `style`. Name one of the two.",
        ),
        ("I(theta, radio; mass; spin)", InfiniteInformationError, "`theta` is determined by `mass`, `spin`"),
        ("TC(theta, mass, spin)", InfiniteInformationError, "`theta` is determined by `mass`, `spin`"),
        ("DTC(theta, mass, spin)", InfiniteInformationError, "`theta` is determined by `mass`, `spin`"),
        ("O(theta, mass, spin)", InfiniteInformationError, "`theta` is determined by `mass`, `spin`"),
        ("H(theta | mass, spin)", DegenerateError, "`theta` is determined by `mass`, `spin`"),
        ("H(mass, spin, theta)", DegenerateError, "`theta` is determined by `mass`, `spin`"),
    ],
)
def test_infinite_values_are_errors_that_name_the_relation(query, error, message):
    with pytest.raises(error) as caught:
        compile_story(BLACK_HOLE).information(query)
    assert message in str(caught.value)


def test_the_relation_between_the_sides_is_named_not_one_within_a_side():
    tree = {**BLACK_HOLE, "targets": {"theta": "0.8*mass + 0.6*spin", "copy": "2*style[0]"}}
    with pytest.raises(InfiniteInformationError, match=r"infinite: `copy` is determined by `style\[0\]`"):
        compile_story(tree).information("I(theta, mass, spin, copy; style[0])")
