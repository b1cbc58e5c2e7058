"""Interventions and twins: cut models against models written by hand, effects exact, the rest equal to the bit."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from infoloom.errors import QueryError, SpecError
from infoloom.story import Story, load

TREE: dict[str, Any] = {
    "name": "cut",
    "causes": {"mass": "normal", "spin": "normal", "style": {"size": 2}},
    "fields": {"texture": "normal"},
    "targets": {"theta": "0.8*mass + 0.6*spin", "phi": "0.5*theta + x1@ones + 0.1*noise"},
    "modalities": {
        "x1": {"flow": "identity(1, 3, 3)", "latent": "0.7*mass@disk + 0.2*texture + noise"},
        "x2": {"flow": "identity(1, 3, 3)", "latent": "0.5*x1 - 0.4*theta + 0.3*style@random(1) + 0.6*noise"},
        "x3": {"flow": "vector(4)", "latent": "0.5*spin + noise"},
    },
}


@pytest.fixture(scope="module")
def story() -> Story:
    return load(TREE)


def written(**changes: str) -> Story:
    """The cut model written by hand: with other equations and no mass."""
    tree = {
        **TREE,
        "targets": {**TREE["targets"]},
        "modalities": {n: {**m} for n, m in TREE["modalities"].items()},
    }
    for name, text in changes.items():
        if name in tree["targets"]:
            tree["targets"][name] = text
        else:
            tree["modalities"][name]["latent"] = text
    return load(tree)


QUERIES = (
    "I(x1; x2)",
    "I(x2; phi)",
    "I(x1; phi | spin)",
    "I(x2; x3)",
    "I(theta; x3)",
    "TC(x1, x2, phi)",
    "H(x2)",
)


@pytest.mark.parametrize("query", [q for q in QUERIES if "theta" not in q])
def test_a_held_cause_is_a_story_without_it(story: Story, query: str) -> None:
    by_hand = written(theta="0.6*spin + 0.0*noise", x1="0.2*texture + noise")
    assert story.intervene(mass=1.5).information(query) == pytest.approx(by_hand.information(query), abs=1e-9)


@pytest.mark.parametrize("query", [q for q in QUERIES if "theta" not in q])
def test_a_held_target_is_cut_from_its_parents(story: Story, query: str) -> None:
    by_hand = written(phi="x1@ones + 0.1*noise", x2="0.5*x1 + 0.3*style@random(1) + 0.6*noise")
    assert story.intervene(theta=2.0).information(query) == pytest.approx(
        by_hand.information(query), abs=1e-9
    )


def test_a_held_modality_is_cut_from_its_parents(story: Story) -> None:
    by_hand = written(phi="0.5*theta + 0.1*noise", x2="-0.4*theta + 0.3*style@random(1) + 0.6*noise")
    held = story.intervene(x1=np.arange(9.0))
    for query in ("I(x2; phi)", "I(x2; x3)", "I(theta; x3)", "TC(x2, x3, phi)"):
        assert held.information(query) == pytest.approx(by_hand.information(query), abs=1e-9)
    assert set(held.truth()) == {str(q) for q in held.truth() if "x1" not in q}


def test_interventions_are_not_conditioning(story: Story) -> None:
    held = story.intervene(theta=0.0)
    assert held.information("I(mass; spin)") == pytest.approx(0.0, abs=1e-12)
    assert held.information("I(mass; x1)") == pytest.approx(story.information("I(mass; x1)"), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "value"),
    [("mass", 1.5), ("theta", -2.0), ("x1", 0.7), ("x1", np.linspace(-1, 1, 9)), ("style", [1.0, -2.0])],
)
def test_means_and_covariances_of_rows_are_those_of_the_cut_model(
    story: Story, name: str, value: Any
) -> None:
    held = story.intervene(**{name: value})
    rows = held.sample(20_000, seed=5)
    names = ["mass", "theta", "phi", "x1", "x2", "x3"]
    values = np.concatenate([rows[n].astype(np.float64).reshape(20_000, -1) for n in names], axis=1)
    law = held.covariance.system.law.mean
    mean = []
    for other in names:
        coordinates = law.get(other, np.zeros(len(held.covariance.system.in_span[other])))
        spread = held.covariance.system.complement
        mean.append(
            coordinates @ held.covariance.system.group(other).basis if other in spread else coordinates
        )
    exact, centre = held.covariance.dense(names), np.concatenate(mean)
    error = np.sqrt(np.diag(exact) / len(values))
    assert np.all(np.abs(values.mean(axis=0) - centre) < 4.5 * error + 1e-5)
    centred = values - centre
    bound = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / len(values))
    assert np.all(np.abs(centred.T @ centred / len(values) - exact) < 4.7 * bound + 1e-5)


def test_the_mean_of_what_follows_is_the_effect_of_the_value(story: Story) -> None:
    mean = story.intervene(mass=1.5).covariance.system.law.mean
    assert mean["theta"][0] == pytest.approx(1.2)
    mean = story.intervene(theta=2.0).covariance.system.law.mean
    assert mean["phi"][0] == pytest.approx(1.0)
    held = story.intervene(x1=2.0)
    assert held.covariance.system.law.mean["phi"][0] == pytest.approx(18.0)
    np.testing.assert_array_equal(held.sample(3)["x1"], np.full((3, 9), 2.0, dtype=np.float32))


def test_pointwise_values_respect_the_mean(story: Story) -> None:
    held = story.intervene(mass=3.0)
    rows = held.sample(20_000, seed=2)
    pmi = held.pmi(rows, "x1", "phi")
    assert abs(pmi.mean() - held.information("I(x1; phi)")) < 4 * pmi.std() / math.sqrt(len(pmi))


def test_bijections_stay_those_of_the_story(story: Story) -> None:
    held = story.intervene(mass=1.0)
    np.testing.assert_array_equal(held.whitener("x1").matrix(), story.whitener("x1").matrix())
    assert held.whitener("x1").centre is None


def test_functions_of_a_held_cause_become_numbers() -> None:
    tree = {
        "name": "functions",
        "causes": {"m": "laplace", "s": "normal"},
        "targets": {"theta": "m**2*s + 2*sin(m) + s + 0.5*noise"},
        "modalities": {"x": {"flow": "vector(4)", "latent": "m*s + 0.5*m + noise"}},
    }
    held = load(tree).intervene(m=2.0)
    by_hand = load(
        {
            **tree,
            "causes": {"s": "normal"},
            "targets": {"theta": "5*s + 0.5*noise"},
            "modalities": {"x": {"flow": "vector(4)", "latent": "2*s + noise"}},
        }
    )
    assert held.gaussian
    assert held.information("I(x; theta)") == pytest.approx(by_hand.information("I(x; theta)"), abs=1e-10)
    assert held.covariance.system.law.mean["theta"][0] == pytest.approx(2 * math.sin(2.0))


def test_interventions_are_part_of_the_spec(story: Story) -> None:
    from infoloom.spec.load import parse_spec
    from infoloom.story import compile_story

    held = story.intervene(mass=1.0, x1=[0.5] * 9)
    again = compile_story(parse_spec(held.spec.to_yaml()))
    assert again.spec.digest == held.spec.digest != story.spec.digest
    assert again.truth_table() == held.truth_table()
    assert again.held == {"mass": (1.0,), "x1": (0.5,) * 9}
    assert held.intervene(mass=2.0).held["mass"] == (2.0,)
    assert "holds `mass` = 1.0, `x1` = given" in held.notes[0]


@pytest.mark.parametrize("shift", [0.5, -3.0])
def test_twins_differ_by_the_linear_effect_and_nothing_else(story: Story, shift: float) -> None:
    rows, twins = story.twins(300, seed=7, node="mass", shift=shift)
    system = story.covariance.system
    column = system.scalars.index("mass")
    for name in ("spin", "style", "x3"):
        np.testing.assert_array_equal(rows[name], twins[name])
    for name in ("mass", "theta", "phi", "x1", "x2"):
        effect = shift * system.in_span[name][:, column]
        effect = effect @ system.group(name).basis if name in system.complement else effect
        difference = twins[name].astype(np.float64).reshape(300, -1) - rows[name].reshape(300, -1)
        scale = 1.0 + np.abs(rows[name]).max() + np.abs(effect).max()
        np.testing.assert_allclose(difference, np.broadcast_to(effect, difference.shape), atol=4e-7 * scale)


def test_twins_of_a_value_are_the_story_under_the_intervention(story: Story) -> None:
    rows, twins = story.twins(300, seed=7, start=100, node="theta", value=1.0)
    held = story.intervene(theta=1.0).sample(300, seed=7, start=100)
    for name in ("mass", "spin", "style", "x1", "x3"):
        np.testing.assert_array_equal(rows[name], twins[name])
    for name in ("theta", "phi", "x2"):
        np.testing.assert_array_equal(twins[name], held[name])
        assert not np.array_equal(twins[name], rows[name])
    effect = 0.5 * (1.0 - rows["theta"].astype(np.float64))
    np.testing.assert_allclose(twins["phi"].astype(np.float64) - rows["phi"], effect, atol=1e-5)


@pytest.mark.parametrize(("node", "same"), [("theta", ("mass", "x1", "x3")), ("x1", ("mass", "theta", "x3"))])
def test_shifts_of_targets_and_modalities_reach_what_follows(
    story: Story, node: str, same: tuple[str, ...]
) -> None:
    rows, twins = story.twins(50, seed=1, node=node, shift=0.25)
    for name in same:
        np.testing.assert_array_equal(rows[name], twins[name])
    np.testing.assert_allclose(twins[node].astype(np.float64) - rows[node], 0.25, atol=2e-6)
    factor = {"theta": -0.4, "x1": 0.5}[node]
    np.testing.assert_allclose(twins["x2"].astype(np.float64) - rows["x2"], factor * 0.25, atol=2e-6)


def test_twins_of_a_function_see_the_function() -> None:
    tree = {
        "name": "functions",
        "causes": {"m": "uniform"},
        "targets": {"theta": "m**2 + 0.5*noise"},
        "modalities": {"x": {"flow": "vector(4)", "latent": "m + noise"}},
    }
    rows, twins = load(tree).twins(40, node="m", shift=1.0)
    m = rows["m"].astype(np.float64)
    np.testing.assert_allclose(
        twins["theta"].astype(np.float64) - rows["theta"], (m + 1) ** 2 - m**2, atol=2e-6
    )


def test_twins_of_a_held_node_see_products_and_functions_of_it() -> None:
    tree = {
        "name": "held",
        "causes": {"a": "laplace", "b": "normal"},
        "targets": {"theta": "a*b + 0.5*noise", "phi": "b + noise"},
        "modalities": {"x": {"flow": "vector(4)", "latent": "a**2 + noise"}},
    }
    held = load(tree).intervene(a=1.0)
    rows, twins = held.twins(40, seed=3, node="a", value=2.0)
    difference = twins["theta"].astype(np.float64) - rows["theta"]
    np.testing.assert_allclose(difference, rows["b"].astype(np.float64), atol=2e-6)  # (2 − 1) b
    moved = np.linalg.norm(twins["x"].astype(np.float64) - rows["x"], axis=1)
    np.testing.assert_allclose(moved, 3.0 * 2.0, atol=1e-5)  # 2² − 1² along a template of length √4
    for name in ("b", "phi"):
        np.testing.assert_array_equal(rows[name], twins[name])


def test_twins_of_a_whole_modality_move_what_follows_from_its_factors() -> None:
    latent = {"flux": "a + noise", "diameter": "a + noise"}
    tree = {
        "name": "factors",
        "causes": {"a": "normal"},
        "targets": {"theta": "0.5*ring.flux + 0.5*noise", "phi": "a + noise"},
        "modalities": {"ring": {"flow": "ring(32)", "latent": latent}},
    }
    made = load(tree)
    flux = made.covariance.system.factors["ring"].index("ring.flux")
    rows, twins = made.twins(20, seed=3, node="ring", shift=1.0)
    np.testing.assert_allclose(twins["theta"].astype(np.float64) - rows["theta"], 0.5, atol=2e-6)
    np.testing.assert_array_equal(rows["phi"], twins["phi"])
    rows, twins = made.twins(20, seed=3, node="ring", value=2.0)
    wanted = 0.5 * (2.0 - rows["ring"][:, flux].astype(np.float64))
    np.testing.assert_allclose(twins["theta"].astype(np.float64) - rows["theta"], wanted, atol=2e-6)
    rows, twins = made.intervene(ring=1.0).twins(20, seed=3, node="ring", value=2.0)
    np.testing.assert_allclose(twins["theta"].astype(np.float64) - rows["theta"], 0.5, atol=2e-6)
    one = made.intervene(**{"ring.flux": 0.5})
    rows, twins = one.twins(20, seed=3, node="ring", shift=1.0)
    np.testing.assert_array_equal(rows["theta"], twins["theta"])  # its factor stays where it is held


def test_twins_of_a_category_show_what_it_chooses() -> None:
    picture = {"flow": "sprites[{shape}: heart, star, ring](32)", "latent": {"hue": "c + 0.3*noise"}}
    text = {
        "flow": 'caption("a {hue} {shape}")',
        "latent": {"hue": "c + 0.5*noise"},
        "words": {"hue": ["red", "blue"], "shape": ["heart", "star", "ring"]},
    }
    causes = {"shape": "categorical(3)", "c": "normal"}
    made = load({"name": "chooser", "causes": causes, "modalities": {"picture": picture, "text": text}})
    ring = math.sqrt(1.5)
    rows, twins = made.twins(12, seed=1, node="shape", value=ring)
    assert twins["shape_class"].tolist() == [2] * 12
    seen, other = made.observe(rows), made.observe(twins)
    held = made.intervene(shape=ring)
    wanted = held.observe(held.sample(12, seed=1))
    np.testing.assert_array_equal(other["picture"], wanted["picture"])
    assert other["text"].tolist() == wanted["text"].tolist()
    same = rows["shape_class"] == 2
    assert 0 < same.sum() < 12
    equal = [np.array_equal(one, two) for one, two in zip(seen["picture"], other["picture"], strict=True)]
    np.testing.assert_array_equal(equal, same)
    with pytest.raises(SpecError, match=r"do\.shape: expected one of -1\.22474, 0, 1\.22474"):
        made.twins(12, node="shape", value=0.3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mas": 1.0}, "do.mas: unknown name `mas`; did you mean `mass`?"),
        (
            {"zzz": 1.0},
            "do.zzz: unknown name `zzz`; expected one of mass, spin, style, theta, phi, x1, x2, x3.",
        ),
        ({"texture": 1.0}, "do.texture: a field cannot be held. Hold the modalities that it enters."),
        (
            {"x1": [1.0, 2.0]},
            "do.x1: expected a number, or 9 of them, got 2. Give every component its value.",
        ),
        ({"mass": math.nan}, "do.mass: expected finite numbers, got nan. Hold it at a number."),
    ],
)
def test_what_cannot_be_held_is_named(story: Story, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        story.intervene(**values)


def test_what_twins_cannot_be_is_named(story: Story) -> None:
    for arguments in ({}, {"value": 1.0, "shift": 1.0}):
        with pytest.raises(SpecError, match="twins of `mass`: expected a value or a shift, one of the two"):
            story.twins(3, node="mass", **arguments)
    with pytest.raises(SpecError, match=r"shift\.texture: a field cannot be held"):
        story.twins(3, node="texture", shift=1.0)
    with pytest.raises(SpecError, match=r"shift\.mass: it is held by an intervention already"):
        story.intervene(mass=1.0).twins(3, node="mass", shift=1.0)
    with pytest.raises(SpecError, match=r"shift\.mass: expected a finite number, got inf"):
        story.twins(3, node="mass", shift=math.inf)


def test_a_held_variable_is_in_no_query(story: Story) -> None:
    held = story.intervene(style=0.5)
    for query in ("I(style; x2)", "I(x1; x2 | style[0])"):
        with pytest.raises(
            QueryError, match=r"is held at 0\.5 by an intervention, so it carries no information"
        ):
            held.information(query)


def test_stories_of_covariances_have_nothing_to_cut() -> None:
    tree = {
        "name": "blocks",
        "modalities": {"a": {"flow": "vector(3)"}, "b": {"flow": "vector(3)"}},
        "covariance": {"a, b": 0.5},
    }
    with pytest.raises(SpecError, match="do: a spec with `covariance` has no equations to cut"):
        load(tree).intervene(a=1.0)


@pytest.mark.parametrize("value", ["a", [1.0, "b"]])
def test_what_is_no_number_cannot_be_held(value):
    with pytest.raises(SpecError, match="do `mass`: expected a number, or one for each component, got"):
        load("black-hole").intervene(mass=value)


def test_a_cause_that_chooses_is_held_at_one_of_its_categories() -> None:
    tree = {
        "name": "chooser",
        "causes": {"kind": "categorical(3)", "c": "normal"},
        "modalities": {
            "x": {"flow": "vector(2)", "latent": "c + kind + noise"},
            "text": {"flow": 'caption("the {kind}")', "words": {"kind": ["u", "v", "w"]}},
        },
    }
    made = load(tree)
    highest = float(made.sample(50, 0)["kind"].max())
    held = made.intervene(kind=highest)
    assert set(held.cells["text"].words(held.sample(20, 0))[:, 0]) == {2}
    with pytest.raises(SpecError, match=r"do\.kind: expected one of -1\.22474, 0, 1\.22474, because its"):
        made.intervene(kind=0.3)
    with pytest.raises(
        SpecError, match=r"shift\.kind: its category chooses in `text`, and a category cannot be moved"
    ):
        made.twins(4, node="kind", shift=0.3)
    assert made.twins(4, node="kind", value=highest)[1]["kind"].tolist() == [highest] * 4
    del tree["modalities"]["text"]
    load(tree).intervene(kind=0.3)  # in an equation any number will do
