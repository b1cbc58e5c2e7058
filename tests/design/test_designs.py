"""Design: solve, recompute, compare; against closed forms and brute force; errors by their text."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from oracles import Dense

import infoloom as loom
from infoloom.design.designs import design, solved_yaml, sweep
from infoloom.errors import DesignError, SpecError
from infoloom.spec.load import parse_spec

WEIGHT = st.floats(0.15, 1.6)


def pair(require, **changed):
    tree = {
        "name": "pair",
        "causes": {"mass": "normal"},
        "parameters": {"a": "free", "b": "free"},
        "targets": {"theta": "0.8*mass + 0.6*noise"},
        "modalities": {
            "x": {"flow": "vector(16)", "latent": "a*mass + noise"},
            "y": {"flow": "vector(16)", "latent": "b*mass + noise"},
        },
        "require": require,
    }
    return {**tree, **changed}


def hidden(count, weights):
    """Some modalities with a cause, a second one and a field each, and the weights that a solver has to find."""
    names = [f"{kind}{i}" for i in range(count) for kind in "abf"]
    modalities = {
        f"x{i}": {"flow": "vector(8)", "latent": f"a{i}*mass@random({i}) + b{i}*spin + f{i}*field + noise"}
        for i in range(count)
    }
    tree = {
        "name": "hidden",
        "causes": {"mass": "normal", "spin": "normal"},
        "fields": {"field": "normal"},
        "targets": {"theta": "0.8*mass + 0.3*spin + 0.5*noise"},
        "modalities": modalities,
    }
    return tree, dict(zip(names, weights, strict=True))


QUANTITIES = [
    "I(x0; theta)",
    "I(x1; theta)",
    "I(x0; x1)",
    "I(x0, x1; theta)",
    "I(x0; x1 | theta)",
    "I(x0; x1; theta)",
    "TC(x0, x1, theta)",
    "I(x0; mass)",
    "I(x1; spin | mass)",
]


@given(st.lists(WEIGHT, min_size=6, max_size=6), st.sets(st.sampled_from(QUANTITIES), min_size=1, max_size=4))
@settings(max_examples=4, phases=[Phase.explicit, Phase.generate])  # shrinking would take minutes
def test_what_weights_can_give_is_found_again(weights, asked):
    tree, values = hidden(2, weights)
    oracle = Dense({**tree, "parameters": values})
    truth = loom.load({**tree, "parameters": values})
    require = {query: truth.information(query) for query in sorted(asked)}
    found = design({**tree, "parameters": dict.fromkeys(values, "free"), "require": require})
    assert found.residual <= 1e-9
    for query, value in require.items():
        assert found.story.information(query) == pytest.approx(value, abs=1e-9)
    if "I(x0; x1)" in require:
        again = Dense({**tree, "parameters": dict(found.values)})
        assert again.information(["x0"], ["x1"]) == pytest.approx(
            oracle.information(["x0"], ["x1"]), abs=1e-8
        )
    if not found.determined:
        norms = [math.hypot(*found.values.values()), math.hypot(*values.values())]
        assert norms[0] <= norms[1] * (1 + 1e-6)
        assert "the smallest weights found are taken" in found.note


@given(st.floats(0.05, 0.49), st.floats(0.05, 0.49))
@settings(max_examples=25)
def test_one_shared_cause_has_a_closed_form(to_x, to_y):
    found = design(pair({"I(x; mass)": to_x, "I(y; mass)": to_y}))
    signal = [16.0 * found.values[name] ** 2 for name in "ab"]
    assert signal == pytest.approx([math.expm1(2 * to_x), math.expm1(2 * to_y)], rel=1e-8)
    shared = -0.5 * math.log1p(-signal[0] * signal[1] / ((1 + signal[0]) * (1 + signal[1])))
    assert found.story.information("I(x; y)") == pytest.approx(shared, abs=1e-10)
    assert found.determined
    assert found.note == ""


def test_ten_modalities_with_all_pairs_and_targets():
    generator = np.random.default_rng(0)
    pairs = list(itertools.combinations(range(10), 2))
    weights = {f"a{i}": "free" for i in range(10)} | {f"b{i}_{j}": "free" for i, j in pairs}
    shared = [" + ".join(f"b{i}_{j}*f{i}_{j}" for i, j in pairs if k in (i, j)) for k in range(10)]
    found = design(
        {
            "name": "ten",
            "causes": {"mass": "normal"},
            "fields": {f"f{i}_{j}": "normal" for i, j in pairs},
            "parameters": weights,
            "targets": {"theta": "mass"},
            "modalities": {
                f"x{k}": {"flow": "identity(3, 32, 32)", "latent": f"a{k}*mass + {shared[k]} + noise"}
                for k in range(10)
            },
            "require": {
                **{f"I(x{i}; x{j})": float(generator.uniform(5, 20)) for i, j in pairs},
                **{f"I(x{k}; theta)": float(generator.uniform(0.3, 2)) for k in range(10)},
            },
        }
    )
    assert found.residual <= 1e-9
    assert found.determined
    assert len(found.values) == 55


def test_a_design_is_reproducible():
    tree = pair({"I(x; y)": 0.3, "I(x; theta)": ">= 0.1"})
    assert design(tree).values == design(tree).values


def test_smallest_weights_are_those_of_brute_force():
    found = design(pair({"I(x; y)": 0.5}))
    assert not found.determined
    assert (
        found.note
        == "the requirements leave 1 of 2 free parameters open: the smallest weights found are taken"
    )

    def partner(a):
        """The other weight, from the closed form solved for its signal."""
        seen = 16 * a**2 / (1 + 16 * a**2)
        wanted = -math.expm1(-1.0) / seen
        return math.sqrt(wanted / (1 - wanted) / 16)

    brute = scipy.optimize.minimize_scalar(
        lambda a: a**2 + partner(a) ** 2, bounds=(0.4, 2.0), options={"xatol": 1e-12}
    )
    assert math.hypot(*found.values.values()) ** 2 == pytest.approx(brute.fun, rel=1e-9)
    assert found.values["a"] == pytest.approx(brute.x, rel=1e-4)


def test_a_parameter_that_is_not_needed_is_zero():
    found = design(pair({"I(x; mass)": 0.4}))
    assert found.values["b"] == 0.0
    assert found.values["a"] == pytest.approx(math.sqrt(math.expm1(0.8) / 16), rel=1e-9)


def test_where_only_ratios_matter_weights_stay_near_one():
    latents = {"x": "a*mass + b*noise", "y": "mass + noise"}
    modalities = {name: {"flow": "vector(16)", "latent": latent} for name, latent in latents.items()}
    found = design(pair({"I(x; mass)": 0.4}, modalities=modalities))
    assert "those nearest to 1 are taken" in found.note
    ratio = math.sqrt(math.expm1(0.8) / 16)
    # The logarithms split the ratio evenly.
    assert [found.values["a"], found.values["b"]] == pytest.approx(
        [math.sqrt(ratio), 1 / math.sqrt(ratio)], rel=1e-6
    )


def test_bounds_relations_and_tied_parameters_are_kept():
    tree = pair(
        {"I(x; mass)": ">= 0.2", "I(y; mass)": "<= 0.3", "I(x; y)": 0.1},
        parameters={"a": {"free": True, "min": 0.1, "max": 0.3}, "b": {"free": True, "max": 0.0}},
    )
    found = design(tree)
    assert 0.1 <= found.values["a"] <= 0.3
    assert found.values["b"] < 0
    assert found.story.information("I(x; mass)") >= 0.2 - 1e-9
    assert found.story.information("I(y; mass)") <= 0.3 + 1e-9
    latents = {"x": "a*mass + noise", "y": "a*mass + a*x@ones + noise"}
    tied = pair(
        {"I(x; theta)": 0.2},
        parameters={"a": "free"},
        modalities={
            "x": {"flow": "vector(16)", "latent": latents["x"]},
            "y": {"flow": "vector(16)", "latent": "2*a*a*mass + 0.3*x + noise"},
        },
    )
    solved = design(tied)
    assert solved.determined
    assert solved.story.information("I(x; theta)") == pytest.approx(0.2, abs=1e-9)


def test_signs_are_found_where_positive_weights_do_not_do():
    """Cause and field have to cancel: with positive weights alone I(x; y) would be 0.12 nats or more."""
    modalities = {
        "x": {"flow": "vector(1)", "latent": "0.5*mass + 0.5*field + noise"},
        "y": {"flow": "vector(1)", "latent": "a*mass + b*field + noise"},
    }
    tree = pair({"I(x; y)": 0.01, "I(y; mass)": 0.2}, modalities=modalities, fields={"field": "normal"})
    found = design(tree)
    assert found.residual <= 1e-9
    assert found.values["a"] * found.values["b"] < 0
    positive = {"a": {"free": True, "min": 0.0}, "b": {"free": True, "min": 0.0}}
    with pytest.raises(DesignError, match=r"^require\.I\(x; y\) `= 0\.01`: expected at least"):
        design({**tree, "parameters": positive})


def test_a_solved_spec_loads_to_the_same_story():
    tree = pair({"I(x; y)": 0.3}, parameters={"a": {"free": True, "min": 0.0, "max": 2.0}, "b": "free"})
    found = design(tree)
    again = parse_spec(found.story.spec.to_yaml())
    assert again == found.story.spec
    assert again.parameters["a"].max == 2.0
    assert not again.parameters["a"].free
    assert loom.load(again.to_dict()).information("I(x; y)") == pytest.approx(0.3, abs=1e-9)
    assert again.require == {"I(x; y)": 0.3}


def test_a_solved_spec_is_not_written_where_its_files_are_not_found(tmp_path):
    beside, elsewhere = tmp_path / "beside", tmp_path / "elsewhere"
    beside.mkdir()
    elsewhere.mkdir()
    np.save(beside / "t.npy", np.arange(1.0, 17.0))
    tree = pair(
        {"I(x; mass)": 0.3},
        modalities={"x": {"flow": "vector(16)", "latent": 'a*mass@file("t.npy") + b*noise'}},
    )
    spec = parse_spec(loom.Spec.model_validate(tree).to_yaml(), beside)
    found = design(spec)
    assert "t.npy" in solved_yaml(found, beside)
    with pytest.raises(
        SpecError, match=r"^output `.*elsewhere`: files that the spec names are not found from this folder"
    ):
        solved_yaml(found, elsewhere)


def test_one_free_parameter_that_its_bounds_fix():
    tree = {
        "name": "fixed",
        "causes": {"mass": "normal"},
        "parameters": {"a": {"free": True, "min": 1, "max": 1}},
        "modalities": {"x": {"flow": "vector(2)", "latent": "a*mass + noise"}},
    }
    value = 0.5 * math.log(3.0)
    assert design({**tree, "require": {"I(x; mass)": value}}).story.information(
        "I(x; mass)"
    ) == pytest.approx(value)
    with pytest.raises(
        DesignError, match=r"expected at most 0\.549306 nats, .*which no free parameter changes"
    ):
        design({**tree, "require": {"I(x; mass)": 0.7}})


UNREACHABLE = [
    (
        {"I(x; theta)": 3.0},
        "require.I(x; theta) `= 3`: expected at most 0.510826 nats, because it is at most I(theta; mass) = 0.510826 "
        "nats, which no free parameter changes. Change this requirement, or free more parameters.",
    ),
    (
        {"I(x; y | mass)": 0.1},
        "require.I(x; y | mass) `= 0.1`: expected at most 0 nats, because the graph separates its two sides, so it is "
        "0 whatever the weights. Change this requirement, or free more parameters.",
    ),
    (
        {"I(x; mass)": -1.0},
        "require.I(x; mass) `= -1`: expected at least 0 nats, because it is never negative. Change this requirement, "
        "or free more parameters.",
    ),
    (
        {"I(theta; mass)": 0.4},
        "require.I(theta; mass) `= 0.4`: expected at least 0.510826 nats, because no free parameter changes it. Change "
        "this requirement, or free more parameters.",
    ),
    (
        {"I(x; mass)": "<= -0.5"},
        "require.I(x; mass) `<= -0.5`: expected at least 0 nats, because it is never negative. Change this "
        "requirement, or free more parameters.",
    ),
]


@pytest.mark.parametrize(("require", "text"), UNREACHABLE)
def test_what_cannot_be_reached_is_named_with_the_closest_value_and_the_reason(require, text):
    with pytest.raises(DesignError) as caught:
        design(pair(require))
    assert caught.value.problems == (text,)


def test_requirements_that_contradict_each_other_are_all_named():
    with pytest.raises(DesignError) as caught:
        design(pair({"I(x, y; theta)": 0.1, "I(x; theta)": 0.2}))
    joint, single = sorted(caught.value.problems)
    why = "because I(x; theta) is at most I(x, y; theta), but I(x; theta) = 0.2 and I(x, y; theta) = 0.1 are required"
    assert joint.startswith(
        f"require.I(x, y; theta) `= 0.1`: expected at least 0.2 nats, with the other requirements met, {why}"
    )
    assert single.startswith(
        f"require.I(x; theta) `= 0.2`: expected at most 0.1 nats, with the other requirements met, {why}"
    )


def test_data_processing_between_requirements_is_seen():
    with pytest.raises(DesignError) as caught:
        design(pair({"I(x; y)": 1.0, "I(x; mass)": 0.5}))
    assert any("because I(x; y) is at most I(x; mass)" in line for line in caught.value.problems)
    with pytest.raises(DesignError) as caught:
        design(pair({"I(x; y)": 1.0, "I(x; theta)": "<= 0.5"}, targets={"theta": "-2*mass"}))
    assert any("because I(x; y) is at most I(x; theta)" in line for line in caught.value.problems)


def test_a_bound_that_is_in_the_way_is_named():
    with pytest.raises(DesignError) as caught:
        design(
            pair({"I(x; mass)": 1.0}, parameters={"a": {"free": True, "min": -0.2, "max": 0.2}, "b": "free"})
        )
    (line,) = caught.value.problems
    closest = 0.5 * math.log1p(16 * 0.04)
    assert line.startswith(
        f"require.I(x; mass) `= 1`: expected at most {closest:.6g} nats, because `a` has reached its bound"
    )


def test_two_requirements_on_one_parameter_without_a_theorem():
    modalities = {
        "x": {"flow": "vector(16)", "latent": "a*mass + noise"},
        "y": {"flow": "vector(16)", "latent": "a*mass + noise"},
    }
    with pytest.raises(DesignError) as caught:
        design(pair({"I(x; mass)": 0.5, "I(y; mass)": 0.8}, parameters={"a": "free"}, modalities=modalities))
    first, second = sorted(caught.value.problems)
    assert first.startswith(
        "require.I(x; mass) `= 0.5`: expected at least 0.8 nats, with the other requirements met. Change"
    )
    assert second.startswith(
        "require.I(y; mass) `= 0.8`: expected at most 0.5 nats, with the other requirements met. Change"
    )


REFUSED = [
    ({"parameters": {"a": 1.0, "b": 2.0}}, "parameters: none is `free`. Make one free, such as `a: free`"),
    ({"require": {}}, "require: expected at least one requirement, such as `I(x; y): 1.0`."),
    ({"require": {"I(x; w)": 1.0}}, "require.I(x; w): query `I(x; w)`: unknown variable `w`"),
    (
        {"parameters": {"a": "free", "b": "free", "c": "free"}},
        "parameters.c: free, but stands in no equation. Use it",
    ),
    (
        {"causes": {"mass": "laplace"}},
        "causes.mass: the distribution `laplace` cannot be designed; expected `normal`",
    ),
    (
        {"targets": {"theta": "sin(mass) + noise"}},
        "target theta: `sin(mass)` cannot be designed; expected a linear term",
    ),
    ({"scale": "student_t(5)"}, "scale: cannot be designed; expected sources without a common scale."),
    ({"do": {"mass": 1.0}}, "do: cannot be designed; expected a story without interventions."),
    ({"require": {"I(x; mass, theta)": 1.0}, "targets": {"theta": "mass"}}, None),
    (
        {"require": {"I(theta; mass)": 1.0}, "targets": {"theta": "mass"}},
        "require: `I(theta; mass)`: infinite whatever",
    ),
]


@pytest.mark.parametrize(("changed", "text"), REFUSED)
def test_what_cannot_be_designed_is_refused_by_name(changed, text):
    tree = {**pair({"I(x; y)": 0.2}), **changed}
    if text is None:  # what repeats inside one side counts once, as in the measures
        assert design(tree).residual <= 1e-9
        return
    with pytest.raises(SpecError) as caught:
        design(tree)
    assert any(line.startswith(text) for line in caught.value.problems), caught.value.problems


def test_a_sweep_moves_one_quantity_and_holds_others():
    tree, values = hidden(2, [0.5, 0.4, 0.3, 0.6, 0.3, 0.2])
    truth = loom.load({**tree, "parameters": values})
    held = ["I(x0; x1)", "I(x1; theta)"]
    spec = {
        **tree,
        "parameters": dict.fromkeys(values, "free"),
        "require": {q: truth.information(q) for q in held},
    }
    base = truth.information("I(x0; theta)")
    over = [base * f for f in (0.9, 1.0, 1.1)]
    stories = sweep(spec, "I(x0;theta)", over, hold=held)
    assert [s.information("I(x0; theta)") for s in stories] == pytest.approx(over, abs=1e-9)
    for story, query in itertools.product(stories, held):
        assert story.information(query) == pytest.approx(truth.information(query), abs=1e-9)
    assert len({story.spec.digest for story in stories}) == 3
    shared = 1.02 * truth.information("I(x0; x1)")
    given = sweep(spec, "I(x0; theta)", over[:1], hold={"I(x0; x1)": shared})
    assert given[0].information("I(x0; x1)") == pytest.approx(shared, abs=1e-9)
    assert given[0].information("I(x1; theta)") == pytest.approx(truth.information("I(x1; theta)"), abs=1e-9)


def test_a_sweep_past_what_can_be_reached_says_so():
    with pytest.raises(DesignError, match=r"^require\.I\(x; theta\) `= 2`: expected at most"):
        sweep(pair({"I(x; y)": 0.1}), "I(x; theta)", [0.2, 2.0])


def test_weights_beyond_any_number_are_no_design():
    with pytest.raises(
        DesignError, match=r"^require: met only with weights \(a = .*noise is lost in the rounding"
    ):
        design(pair({"I(x; mass)": 80.0}))


def test_information_beyond_what_float64_resolves_is_met():
    found = design(pair({"I(x; mass)": 50.0}))
    assert found.story.information("I(x; mass)") == pytest.approx(50.0, abs=1e-9)
    assert not all(finding.healthy for finding in found.story.diagnose())  # rows of float32 cannot hold it


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_start_leads_to_the_solution_beside_it(sign):
    tree = {
        "name": "pair",
        "causes": {"mass": "normal"},
        "parameters": {"a": {"free": True, "min": -5.0, "max": 5.0}},
        "targets": {"theta": "mass"},
        "modalities": {"x": {"flow": "vector(16)", "latent": "a*mass + noise"}},
        "require": {"I(x; theta)": 0.5},
    }
    solved = design(tree, start={"a": 0.4 * sign})
    assert solved.values["a"] == pytest.approx(sign * math.sqrt((math.e - 1.0) / 16.0), abs=1e-9)
