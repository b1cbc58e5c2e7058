"""Quantities that stay while weights move."""

from __future__ import annotations

import pytest

from infoloom.design.holding import hold, levers
from infoloom.errors import DesignError, QueryError, SpecError
from infoloom.spec.load import load_spec
from infoloom.spec.weights import weights, with_weights
from infoloom.story import compile_story

RADIO, SPIN = (f"modalities.radio.latent[{i}]" for i in (0, 1))


def value(spec, path):
    return next(one.value for one in weights(spec) if one.path == path)


@pytest.mark.parametrize("to", [0.015, 0.03, -0.02])
def test_one_weight_gives_way_and_nothing_else(to):
    spec = load_spec("black-hole-templates")
    before = compile_story(spec).information("I(radio; theta)")
    moved = with_weights(spec, {SPIN: to})
    held = hold(moved, {"I(radio; theta)": before}, [RADIO])
    assert compile_story(held).information("I(radio; theta)") == pytest.approx(before, abs=1e-9)
    others = [one for one in weights(held) if one.path != RADIO]
    assert others == [one for one in weights(moved) if one.path != RADIO]
    assert value(held, RADIO) > 0.0


def test_a_held_story_that_has_not_moved_stays():
    spec = load_spec("black-hole-templates")
    now = compile_story(spec).information("I(radio; xray)")
    held = hold(spec, {"I(radio; xray)": now}, ["modalities.xray.latent[0]"])
    assert value(held, "modalities.xray.latent[0]") == pytest.approx(0.02, abs=1e-12)


def test_two_quantities_need_two_weights():
    spec = with_weights(load_spec("black-hole-templates"), {SPIN: 0.03})
    fixed = {"I(radio; theta)": 0.6, "I(xray; theta)": 0.25}
    story = compile_story(hold(spec, fixed, [RADIO, "modalities.xray.latent[0]"]))
    assert {query: story.information(query) for query in fixed} == pytest.approx(fixed, abs=1e-9)


def test_what_cannot_be_kept_is_said():
    moved = with_weights(load_spec("black-hole-templates"), {SPIN: 0.005})
    with pytest.raises(DesignError, match=r"I\(radio; theta\) `= 0.6`: expected at most 0\.5474\d+ nats"):
        hold(moved, {"I(radio; theta)": 0.6}, [RADIO])


def test_levers_are_sorted_by_the_effect_of_a_relative_change():
    spec = load_spec("black-hole-templates")
    found = levers(spec, "I(radio; theta)")

    def slope(path):
        w, step = value(spec, path), 1e-5
        up, down = (
            compile_story(with_weights(spec, {path: w * (1 + sign * step)})).information("I(radio; theta)")
            for sign in (1, -1)
        )
        return abs(up - down) / (2 * step)

    slopes = [round(slope(path), 8) for path in found]  # of which the differences know so many digits
    assert slopes == sorted(slopes, reverse=True)
    rest = {one.path for one in weights(spec)} - set(found)
    assert rest
    assert max(map(slope, rest)) < 1e-8


def test_what_has_no_levers_is_refused():
    with pytest.raises(SpecError, match="the distribution `laplace` cannot be designed"):
        levers(load_spec("stress-laplace"), "I(x1; theta)")
    with pytest.raises(QueryError, match="unknown variable `x9`"):
        levers(load_spec("synergy"), "I(x9; theta)")
