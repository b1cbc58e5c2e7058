"""The numbers of a spec by path: listed, replaced, left free."""

from __future__ import annotations

import pytest

from infoloom.errors import SpecError
from infoloom.spec.load import load_spec, preset_names
from infoloom.spec.model import build_spec
from infoloom.spec.weights import freed, weights, with_weights

TREE = {
    "name": "pair",
    "causes": {"mass": "normal", "spin": "normal"},
    "parameters": {"a": 0.5, "b": {"value": 2.0, "min": 1.0, "max": 3.0}},
    "targets": {"theta": "0.8*mass - noise"},
    "modalities": {
        "x": {"flow": "vector(8)", "latent": "a*mass + 2*b*spin@blob(0.3, 0.1) + 0.5*noise"},
        "y": {"flow": "vector(8)", "latent": "0*mass@random(1) + noise"},
    },
}


def test_every_number_has_a_path_and_what_it_multiplies():
    found = {one.path: (one.node, one.label, one.value) for one in weights(build_spec(TREE))}
    assert found == {
        "parameters.a": ("", "a", 0.5),
        "parameters.b": ("", "b", 2.0),
        "targets.theta[0]": ("theta", "mass", 0.8),
        "targets.theta[1]": ("theta", "noise", -1.0),
        "modalities.x.latent[1]": ("x", "b*spin@blob(0.3, 0.1)", 2.0),
        "modalities.x.latent[2]": ("x", "noise", 0.5),
        "modalities.y.latent[0]": ("y", "mass@random(1)", 0.0),
        "modalities.y.latent[1]": ("y", "noise", 1.0),
    }


@pytest.mark.parametrize("name", preset_names())
def test_the_same_numbers_give_the_same_story(name):
    spec = load_spec(name)
    same = with_weights(spec, {one.path: one.value for one in weights(spec)})
    assert weights(same) == weights(spec)
    assert same.parameters == spec.parameters


def test_numbers_are_replaced_where_their_paths_say():
    moved = with_weights(build_spec(TREE), {"parameters.a": -1.5, "modalities.x.latent[1]": -0.25})
    assert moved.parameters["a"].value == -1.5
    assert moved.modalities["x"].latent == "a*mass - 0.25*b*spin@blob(0.3, 0.1) + 0.5*noise"
    assert moved.targets == {"theta": "0.8*mass - noise"}


def test_a_number_ends_the_freedom_of_a_parameter():
    spec = build_spec({**TREE, "parameters": {"a": "free", "b": 1.0}})
    assert "parameters.a" not in [one.path for one in weights(spec)]
    assert with_weights(spec, {"parameters.a": 0.5}).to_dict()["parameters"] == {"a": 0.5, "b": 1.0}


def test_wrong_paths_and_numbers_are_all_told():
    with pytest.raises(SpecError) as caught:
        with_weights(build_spec(TREE), {"targets.theta[7]": 1.0, "parameters.a": float("nan"), "zzz": 0.0})
    assert caught.value.problems == (
        "weight `targets.theta[7]`: the spec has none there; did you mean `targets.theta[1]`?",
        "weight `zzz`: the spec has none there; expected one of parameters.a, parameters.b, targets.theta[0], "
        "targets.theta[1], modalities.x.latent[1], modalities.x.latent[2], modalities.y.latent[0], "
        "modalities.y.latent[1].",
        "parameters.a: `nan`: expected a finite number.",
    )


def test_freed_weights_are_parameters_that_keep_their_sign():
    spec, names = freed(build_spec(TREE), ["targets.theta[1]", "parameters.b", "modalities.y.latent[0]"])
    assert names == {
        "targets.theta[1]": "weight0",
        "parameters.b": "b",
        "modalities.y.latent[0]": "weight2",
    }
    assert spec.targets["theta"] == "0.8*mass + weight0*noise"
    bounds = {name: (p.free, p.min, p.max) for name, p in spec.parameters.items()}
    assert bounds["weight0"] == (True, None, 0.0)
    assert bounds["b"] == (True, 1.0, 3.0)
    assert bounds["weight2"] == (True, None, None)
    assert bounds["a"] == (False, None, None)


def test_names_of_freed_weights_do_not_meet_others():
    tree = {**TREE, "causes": {"mass": "normal", "spin": "normal", "weight0": "normal"}}
    assert freed(build_spec(tree), ["targets.theta[0]"])[1] == {"targets.theta[0]": "weight0_"}


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "ends", "step"),
    [
        (0.3, None, None, (-0.6, 0.6), 0.01),
        (-20.0, None, None, (-40.0, 40.0), 0.1),
        (0.0, None, None, (-1.0, 1.0), 0.01),
        (2.0, 1.0, 3.0, (1.0, 3.0), 0.01),
        (5.0, 5.0, 5.0, (5.0, 5.0), 1.0),
    ],
)
def test_a_weight_has_a_range_and_a_step(value, minimum, maximum, ends, step):
    spec = build_spec(
        {**TREE, "parameters": {"a": {"value": value, "min": minimum, "max": maximum}, "b": 1.0}}
    )
    one = weights(spec)[0]
    assert one.range == pytest.approx(ends)
    assert one.step == pytest.approx(step)


def test_an_equation_that_cannot_be_read_is_named():
    spec = load_spec("figure-1").model_copy(update={"targets": {"theta": "0.%*cause"}})
    for asked in (weights, lambda one: with_weights(one, {"targets.theta[0]": 1.0})):
        with pytest.raises(SpecError, match=r"targets\.theta: unexpected character `%`"):
            asked(spec)
