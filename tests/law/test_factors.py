"""A modality of named factors: one scalar equation each, in every part of the law."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest

from infoloom.design.designs import design
from infoloom.effects import effect
from infoloom.errors import InfiniteInformationError, SpecError
from infoloom.presets import black_hole_sweep
from infoloom.spec.load import load_spec
from infoloom.spec.weights import weights, with_weights
from infoloom.story import Story, load

SPEC: dict[str, Any] = {
    "name": "named",
    "causes": {"mass": "normal", "spin": "normal"},
    "targets": {"theta": "0.8*mass + 0.6*spin", "read": "0.5*radio.flux + 0.2*noise"},
    "modalities": {
        "radio": {
            "flow": "ring(64)",
            "latent": {
                "diameter": "0.8*mass + 0.3*noise",
                "asymmetry": "0.6*spin + 0.5*noise",
                "flux": "0.2*mass + noise",
            },
        },
        "pair": {
            "flow": "vector(2)",
            "latent": {"a": "0.5*mass + noise", "b": "0.7*spin - 0.2*radio.flux + noise"},
        },
        "plain": {"flow": "identity(2, 3, 3)", "latent": "0.3*mass@disk + 0.2*radio.diameter@ones + noise"},
    },
}
FACTORS = ("diameter", "width", "asymmetry", "angle", "ellipticity", "flux")


def changed(**sections: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SPEC), **sections}


def radio(latent: Any, flow: str = "ring(64)", **sections: Any) -> dict[str, Any]:
    tree = changed(**sections)
    tree["targets"].pop("read", None)
    tree["modalities"] = {"radio": {"flow": flow, "latent": latent}}
    return tree


def as_targets() -> Story:
    """The same law with every factor written as a target."""
    tree = changed(
        targets={
            "theta": "0.8*mass + 0.6*spin",
            "diameter": "0.8*mass + 0.3*noise",
            "width": "noise",
            "asymmetry": "0.6*spin + 0.5*noise",
            "angle": "noise",
            "ellipticity": "noise",
            "flux": "0.2*mass + noise",
            "a": "0.5*mass + noise",
            "b": "0.7*spin - 0.2*flux + noise",
            "read": "0.5*flux + 0.2*noise",
        },
        modalities={
            "plain": {"flow": "identity(2, 3, 3)", "latent": "0.3*mass@disk + 0.2*diameter@ones + noise"}
        },
    )
    return load(tree)


@pytest.fixture(scope="module")
def story() -> Story:
    return load(SPEC)


def test_factors_have_the_law_of_targets(story: Story) -> None:
    """Dense covariances and information against the same equations as targets."""
    flat = as_targets()
    names = ["mass", "spin", "theta", "read", "plain"]
    mine = story.covariance.dense([*names, "radio", "pair"])
    theirs = flat.covariance.dense([*names, *FACTORS, "a", "b"])
    np.testing.assert_allclose(mine, theirs, atol=1e-15)
    listed = ", ".join(FACTORS)
    for one, other in (
        ("I(radio; theta)", f"I({listed}; theta)"),
        ("I(radio.diameter; theta)", "I(diameter; theta)"),
        ("I(radio; pair | plain)", f"I({listed}; a, b | plain)"),
        ("I(radio.diameter, radio.flux; pair.b | spin)", "I(diameter, flux; b | spin)"),
        ("H(radio)", f"H({listed})"),
        ("TC(radio.flux, radio.diameter, pair.a)", "TC(flux, diameter, a)"),
        ("I(radio; plain; theta)", f"I({listed}; plain; theta)"),
    ):
        assert story.information(one) == pytest.approx(flat.information(other), abs=1e-12)
    assert story.information("I(radio.width; theta)") == 0.0
    assert story.information("I(radio.diameter; mass)") == pytest.approx(
        0.5 * np.log1p(0.64 / 0.09), abs=1e-12
    )


def test_rows_have_the_law_and_pmi_the_information(story: Story) -> None:
    rows = story.sample(4000, seed=1)
    assert rows["radio"].shape == (4000, 6)
    joint = np.concatenate([rows["radio"], rows["pair"], rows["theta"][:, None]], axis=1)
    wanted = story.covariance.dense(["radio", "pair", "theta"])
    error = np.sqrt((wanted**2 + np.outer(np.diag(wanted), np.diag(wanted))) / 4000)
    assert (np.abs(joint.T @ joint / 4000 - wanted) < 4.5 * error).all()
    for one in ("radio", "radio.diameter"):
        values = story.pmi(rows, one, "theta")
        truth = story.information(f"I({one}; theta)")
        assert abs(values.mean() - truth) < 4.0 * values.std() / np.sqrt(4000)
    flat = as_targets()
    named = {**rows, **dict(zip(FACTORS, rows["radio"].T, strict=True))}
    np.testing.assert_allclose(
        story.pmi(rows, "radio.diameter", "theta"), flat.pmi(named, "diameter", "theta"), atol=1e-9
    )


def test_every_factor_is_standardised_on_its_own(story: Story) -> None:
    whitener = story.whitener("radio")
    variance = np.diag(story.covariance.dense(["radio"]))
    np.testing.assert_allclose(whitener.matrix(), np.diag(variance**-0.5), atol=1e-15)
    assert story.whitener("pair").log_det == pytest.approx(
        -0.5 * np.log(np.diag(story.covariance.dense(["pair"]))).sum()
    )
    findings = [f for f in story.diagnose() if f.subject == "radio"]
    assert all(finding.healthy for finding in findings)
    assert story.shape("radio") == (1, 64, 64)
    assert story.dim("radio") == 6
    assert story.modalities == ("radio", "pair", "plain")


def test_interventions_on_factors(story: Story) -> None:
    held = story.intervene(**{"radio.diameter": 1.5})
    rows = held.sample(50)
    assert (rows["radio"][:, 0] == np.float32(1.5)).all()
    assert np.array_equal(rows["radio"][:, 1:], story.sample(50)["radio"][:, 1:])
    without = load(radio({**SPEC["modalities"]["radio"]["latent"], "diameter": "noise"}))
    assert held.information("I(radio; theta)") == pytest.approx(
        without.information("I(radio; theta)"), abs=1e-12
    )
    values = held.pmi(held.sample(3000), "radio", "theta")
    assert abs(values.mean() - held.information("I(radio; theta)")) < 4.0 * values.std() / np.sqrt(3000)
    whole = story.intervene(radio=0.5)
    assert (whole.sample(3)["radio"] == np.float32(0.5)).all()
    assert whole.held["radio.flux"] == (0.5,)
    np.testing.assert_allclose(story.whitener("radio").matrix(), held.whitener("radio").matrix())
    with pytest.raises(SpecError, match=r"do.radio.flux: `radio` is held too, and it is a part of it"):
        story.intervene(**{"radio": 0.5, "radio.flux": 1.0})
    with pytest.raises(
        SpecError, match=r"do.radio.flox: unknown name `radio.flox`; did you mean `radio.flux`"
    ):
        story.intervene(**{"radio.flox": 1.0})


def test_twins_move_a_factor_and_what_follows_from_it(story: Story) -> None:
    before, after = story.twins(4, node="radio.flux", shift=1.0)
    np.testing.assert_allclose(after["radio"] - before["radio"], np.eye(6)[[5] * 4], atol=1e-6)
    np.testing.assert_allclose(after["pair"][:, 1] - before["pair"][:, 1], -0.2, atol=1e-6)
    np.testing.assert_allclose(after["read"] - before["read"], 0.5, atol=1e-6)
    assert np.array_equal(after["plain"], before["plain"])
    before, after = story.twins(4, node="radio", shift=1.0)
    np.testing.assert_allclose(after["radio"] - before["radio"], 1.0, atol=1e-6)


def test_effects_and_ceilings(story: Story) -> None:
    moved = effect(story, "mass", "radio", story.sample(2))
    np.testing.assert_allclose(moved[0], [0.8, 0, 0, 0, 0, 0.2], atol=1e-12)
    best = next(one for one in story.ceilings(batch=None).targets if one.given == ("radio",))
    assert best.information == pytest.approx(story.information("I(radio; theta)"))
    assert story.graph.d_separated(["radio.width"], ["theta"])
    assert not story.graph.d_separated(["radio"], ["theta"])


def test_the_design_solver_turns_weights_of_factors() -> None:
    tree = changed(
        parameters={"a": {"free": True, "min": 0}, "b": {"free": True, "min": 0}},
        require={"I(radio.diameter; theta)": 0.3, "I(radio; pair)": 0.25},
    )
    tree["modalities"]["radio"]["latent"]["diameter"] = "a*mass + 0.3*noise"
    tree["modalities"]["pair"]["latent"]["a"] = "b*mass + noise"
    solved = design(load_spec(tree)).story
    assert solved.information("I(radio.diameter; theta)") == pytest.approx(0.3, abs=1e-9)
    assert solved.information("I(radio; pair)") == pytest.approx(0.25, abs=1e-9)


def test_weights_of_factors_have_paths() -> None:
    spec = load_spec(SPEC)
    paths = {one.path: one for one in weights(spec)}
    assert paths["modalities.radio.latent.diameter[0]"].node == "radio.diameter"
    moved = with_weights(spec, {"modalities.radio.latent.diameter[0]": -0.5})
    assert moved.modalities["radio"].latent["diameter"] == "-0.5*mass + 0.3*noise"
    assert moved.modalities["radio"].latent["flux"] == "0.2*mass + noise"
    assert load_spec(moved.to_dict()) == moved


def test_causes_that_are_not_normal_and_functions_of_them() -> None:
    tree = changed(causes={"mass": "uniform", "spin": "normal"})
    tree["modalities"]["radio"]["latent"]["width"] = "sin(2*mass) + 0.5*noise"
    story = load(tree)
    rows = story.sample(20000, seed=2)
    for one in ("radio.width", "radio.diameter"):
        known = story.quantity(f"I({one}; theta)")
        seen = story.pmi(rows, one, "theta")
        error = np.hypot(seen.std() / np.sqrt(len(seen)), known.error)
        assert abs(seen.mean() - known.value) < 4.0 * error


def test_digits_are_kept_where_two_factors_nearly_agree() -> None:
    story = load(radio({"diameter": "mass + 1e-9*noise", "width": "mass + 1e-9*noise"}))
    wanted = 0.5 * np.log((1 + 1e-18) ** 2 / (1e-18 * (2 + 1e-18)))
    assert story.information("I(radio.diameter; radio.width)") == pytest.approx(wanted, abs=1e-9)


def test_the_black_hole_turns_from_mass_to_spin() -> None:
    stories = black_hole_sweep(3)
    assert list(stories) == [0.0, 45.0, 90.0]
    about = [[one.information(f"I(radio.{factor}; theta)") for one in stories.values()] for factor in FACTORS]
    shown = dict(zip(FACTORS, about, strict=True))
    assert shown["diameter"] == sorted(shown["diameter"], reverse=True)
    assert shown["diameter"][-1] == 0.0
    assert shown["asymmetry"] == sorted(shown["asymmetry"])
    assert shown["asymmetry"][0] == 0.0
    assert shown["diameter"][0] == pytest.approx(0.5 * np.log1p(0.81 / 0.2025), abs=1e-12)
    with pytest.raises(ValueError, match=r"steps `1`: expected 2 or more. Take `preset` for one story."):
        black_hole_sweep(1)


def test_a_renderer_may_have_one_equation_for_all_of_its_factors() -> None:
    story = load(radio("0.5*mass@ones + noise"))
    assert story.dim("radio") == 6
    assert story.information("I(radio; mass)") == pytest.approx(0.5 * np.log1p(6 * 0.25), abs=1e-12)


def test_factors_that_are_parts_of_each_other() -> None:
    story = load(SPEC)
    with pytest.raises(
        InfiniteInformationError, match=r"`radio.flux` is a part of `radio`. Name one of the two."
    ):
        story.information("I(radio; radio.flux)")
    assert story.information("I(radio; theta | radio.flux)") < story.information("I(radio; theta)")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (
            radio({"diametre": "mass"}),
            "modalities.radio.latent.diametre: `ring(64)` has no factor `diametre`; did you mean `diameter`?",
        ),
        (
            radio({"q": "mass"}),
            "`ring(64)` has no factor `q`; expected some of diameter, width, asymmetry, angle, ellipticity, flux.",
        ),
        (
            radio({"flux": "mass@disk + noise"}),
            "modalities.radio.latent.flux: a factor is a scalar: only a field or a modality is read by a template. "
            "Remove the `@`.",
        ),
        (
            radio({"a": "mass + noise", "b": "noise"}, "vector(3)"),
            "modalities.radio.latent: 2 factors: expected 3, because `vector(3)` has 3 components without names. Name "
            "every one of them, or write one equation for all.",
        ),
        (
            radio({"1b": "mass + noise"}, "vector(1)"),
            "modalities.radio.latent.1b: expected a name of letters, digits and underscores, not starting",
        ),
        (
            radio({"a": ["mass"]}, "vector(1)"),
            "modalities.radio.latent.a: expected it to be a valid string, got ['mass'].",
        ),
        (
            radio({"flux": "mass + noise"}, targets={"theta": "radio@ones"}),
            "targets.theta: `radio` has named factors. Name one of them, such as `radio.diameter`.",
        ),
        (
            radio({"flux": "mass + noise"}, targets={"theta": "radio.flox"}),
            "targets.theta: unknown name `radio.flox`; did you mean `radio.flux`?",
        ),
        (
            radio({"flux": "0*noise"}),
            "modalities.radio.latent: `radio.flux` does not vary: nothing random enters it. Add noise to `radio.flux`",
        ),
        (
            radio({"flux": "mass +* noise"}),
            "modalities.radio.latent.flux: expected a number or a name, got `*`.",
        ),
        (
            radio({"flux": "radio.width + noise", "width": "radio.flux + noise"}),
            "equations: a cycle",
        ),
    ],
)
def test_what_is_wrong_has_its_path(tree: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        load(tree)
