"""The page without a server computes what the library computes, to a billionth of a nat."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from strategies import stories

from infoloom.errors import InfoloomError
from infoloom.spec.load import load_spec, parse_spec, preset_names
from infoloom.spec.weights import weights, with_weights
from infoloom.story import compile_story
from infoloom.web.model import model_of

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node on the path")
SCRIPT = Path(__file__).parent / "law_check.mjs"
LAW = resources.files("infoloom.web").joinpath("page", "law.js")


def by_node(cases):
    """What the page's arithmetic finds for stories with moved weights."""
    done = subprocess.run(
        [NODE, str(SCRIPT), str(LAW)], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def agree(specs_and_moves):
    """Compares the library's story of every moved spec with the page's values of the spec as it was and the moves."""
    cases = [{"model": model_of(compile_story(spec)), "moves": moves} for spec, moves in specs_and_moves]
    worst = 0.0
    for (spec, moves), found in zip(specs_and_moves, by_node(cases), strict=True):
        story = compile_story(with_weights(spec, moves) if moves else spec)
        truth = story.truth()
        assert list(found["values"]) == list(truth)
        for query, quantity in truth.items():
            off = abs(found["values"][query]["value"] - quantity.value) / max(1.0, abs(quantity.value))
            if not found["values"][query]["doubtful"]:
                assert off < 1e-9, (spec.name, query, quantity.value, found["values"][query])
                worst = max(worst, off)
        if found["parts"]:
            parts = story.decompose(story.targets[0]).to_json()
            for name in ("total", "redundancy", "between", "synergy"):
                assert found["parts"][name] == pytest.approx(parts[name], abs=1e-9 * max(1.0, parts["total"]))
            assert found["parts"]["unique"] == pytest.approx(parts["unique"], abs=1e-9)
    return worst


def moved(spec, rng):
    """Other weights, signs included."""
    return {one.path: one.value * rng.uniform(0.4, 1.6) * rng.choice((1, 1, -1)) for one in weights(spec)}


def exportable(name):
    try:
        model_of(compile_story(name))
    except InfoloomError:
        return False
    return True


GAUSSIAN = [name for name in preset_names() if compile_story(name).gaussian and exportable(name)]


@needs_node
def test_presets_have_the_values_of_the_library_as_written_and_moved():
    rng = random.Random(0)
    specs = [load_spec(name) for name in GAUSSIAN]
    assert len(specs) >= 12
    agree([(spec, {}) for spec in specs] + [(spec, moved(spec, rng)) for spec in specs])


@needs_node
@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_random_stories_have_the_values_of_the_library(count):
    drawn = []

    @settings(
        max_examples=count + 20,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(stories())
    def collect(tree):
        if len(drawn) < count:
            try:
                spec = parse_spec(json.dumps(tree))
                compile_story(spec).truth()
            except InfoloomError:
                return  # a law that the library refuses
            drawn.append(spec)

    collect()
    assert len(drawn) == count
    rng = random.Random(1)
    assert 0.0 < agree([(spec, {}) for spec in drawn]) < 1e-9
    agree([(spec, moves) for spec in drawn for moves in (moved(spec, rng),) if compiles(spec, moves)])


def compiles(spec, moves):
    try:
        compile_story(with_weights(spec, moves)).truth()
    except InfoloomError:
        return False
    return True


@needs_node
def test_an_intervention_is_followed_too():
    spec = load_spec("black-hole-templates").model_copy(update={"do": {"mass": 1.0}})
    agree([(spec, {}), (spec, {"modalities.radio.latent[1]": 0.05})])


@needs_node
def test_rounding_that_may_show_is_said():
    """Two modalities that are nearly copies: the library turns to exact arithmetic, the page says that it cannot."""
    text = (
        "name: near\ncauses: {c: normal}\ntargets: {t: c + 0.1*noise}\n"
        "modalities: {x: {flow: vector(4), latent: c + 1e-7*noise}, y: {flow: vector(4), latent: x + 1e-7*noise}}\n"
    )
    (found,) = by_node([{"model": model_of(compile_story(parse_spec(text))), "moves": {}}])
    assert any(one["doubtful"] for one in found["values"].values())


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ("stress-laplace", "story `stress-laplace`: expected closed forms of all values"),
        ("black-hole", None),
    ],
)
def test_what_has_no_closed_form_is_refused(story, message):
    if message is None:
        assert model_of(compile_story(story))["queries"]
        return
    with pytest.raises(InfoloomError, match=message):
        model_of(compile_story(story))
