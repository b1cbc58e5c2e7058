"""Redundant, unique and synergistic information about a scalar target."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import Dense

import infoloom as loom
from infoloom.errors import QueryError
from infoloom.information.decomposition import decompose

WEIGHT = st.sampled_from([-1.3, -0.5, 0.0, 0.2, 0.7, 1.6])


def tree(a, b, c, d):
    return {
        "name": "pair",
        "causes": {"mass": "normal", "style": {"size": 2}},
        "fields": {"texture": "normal"},
        "targets": {"theta": "0.8*mass + 0.5*style[0] + 0.3*noise"},
        "modalities": {
            "x1": {"flow": "vector(5)", "latent": f"{a}*mass {b:+}*texture + noise"},
            "x2": {"flow": "vector(5)", "latent": f"{c}*mass@random(1) {d:+}*texture + 0.5*noise"},
            "x3": {"flow": "vector(3)", "latent": "0.4*style@random(2) + noise"},
        },
    }


@given(WEIGHT, WEIGHT, WEIGHT, WEIGHT)
@settings(max_examples=40)
def test_atoms_of_two_modalities_are_those_of_the_dense_oracle_and_add_up(a, b, c, d):
    spec = tree(a, b, c, d)
    oracle, parts = Dense(spec), loom.load(spec).decompose("theta", ("x1", "x2"))
    one, other = (oracle.information(["theta"], [name]) for name in ("x1", "x2"))
    both = oracle.information(["theta"], ["x1", "x2"])
    redundancy = min(one, other)
    assert parts.redundancy == pytest.approx(redundancy, abs=1e-9)
    assert parts.unique["x1"] == pytest.approx(one - redundancy, abs=1e-9)
    assert parts.unique["x2"] == pytest.approx(other - redundancy, abs=1e-9)
    assert parts.synergy == pytest.approx(both - one - other + redundancy, abs=1e-9)
    total = parts.redundancy + sum(parts.unique.values()) + parts.synergy
    assert total == pytest.approx(parts.total, abs=1e-9)
    assert min(parts.redundancy, parts.synergy, *parts.unique.values()) >= -1e-9


def test_three_modalities_share_the_least_and_add_to_the_best():
    story = loom.load(tree(0.9, 0.3, 0.4, 0.2))
    parts = story.decompose("theta")
    values = {name: story.information(f"I(theta; {name})") for name in story.modalities}
    best, second = sorted(values.values())[::-1][:2]
    assert parts.modalities == ("x1", "x2", "x3")
    assert parts.redundancy == pytest.approx(min(values.values()), abs=1e-12)
    assert sum(parts.unique.values()) == pytest.approx(best - second, abs=1e-12)
    assert best + parts.synergy == pytest.approx(story.information("I(theta; x1, x2, x3)"), abs=1e-12)


def test_a_component_of_a_cause_can_be_the_target():
    parts = loom.load(tree(0.9, 0.3, 0.4, 0.2)).decompose("style[1]", ("x1", "x3"))
    assert parts.redundancy == pytest.approx(0.0, abs=1e-12)
    assert parts.unique["x3"] > 0.01


@pytest.mark.parametrize(
    ("name", "redundancy", "unique", "synergy"),
    [
        ("redundancy", 1.0, (0.0, 0.0), 0.1),
        ("unique", 0.05, (0.95, 0.0), 0.05),
        ("synergy", 0.05, (0.0, 0.0), 1.45),
    ],
)
def test_presets_are_dominated_by_what_they_are_named_for(name, redundancy, unique, synergy):
    story = loom.preset(name)
    parts = story.decompose("theta")
    assert parts.redundancy == pytest.approx(redundancy, abs=1e-9)
    assert tuple(parts.unique.values()) == pytest.approx(unique, abs=1e-9)
    assert parts.synergy == pytest.approx(synergy, abs=1e-9)
    assert all(
        math.isclose(story.information(query), value, abs_tol=1e-9)
        for query, value in story.spec.require.items()
    )


def test_what_cannot_be_decomposed_is_refused():
    story = loom.load(tree(0.9, 0.3, 0.4, 0.2))
    with pytest.raises(
        QueryError, match=r"^decomposition of `style`: expected a scalar, because for 2 components minimal"
    ):
        story.decompose("style")
    with pytest.raises(
        QueryError, match=r"^decomposition of `theta`: expected two or more modalities, got 1\. One has all"
    ):
        decompose(story.covariance, "theta", ["x1"])
    with pytest.raises(
        QueryError, match=r"^decomposition of `theta`: `x1` stands twice. Name every modality once"
    ):
        story.decompose("theta", ("x1", "x1"))
    laplace = loom.load({**tree(0.9, 0.3, 0.4, 0.2), "causes": {"mass": "laplace", "style": {"size": 2}}})
    with pytest.raises(
        QueryError, match=r"^decomposition of `theta`: expected a Gaussian story, because minimal mutual"
    ):
        laplace.decompose("theta")


def test_it_is_told_as_plain_values_in_any_unit():
    parts = loom.preset("synergy").decompose("theta")
    tree = parts.to_json(unit=2.0)
    assert tree["modalities"] == ["x1", "x2"]
    assert tree["unique"] == {name: value / 2.0 for name, value in parts.unique.items()}
    assert tree["information"] == {name: value / 2.0 for name, value in parts.information.items()}
    assert [tree[key] for key in ("total", "redundancy", "synergy")] == [
        parts.total / 2.0,
        parts.redundancy / 2.0,
        parts.synergy / 2.0,
    ]


def test_the_parts_of_many_modalities_add_up_to_the_total():
    for name in ("multimodal-decay", "synergy", "unique"):
        one = loom.preset(name).decompose("theta")
        parts = one.redundancy + one.between + sum(one.unique.values()) + one.synergy
        assert parts == pytest.approx(one.total, abs=1e-12)
        assert one.to_json()["between"] == one.between
        assert one.between >= 0.0
    assert loom.preset("synergy").decompose("theta").between == 0.0
