"""Ceilings of bounds, retrieval and accuracy beside what probes found."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

import infoloom as loom
from infoloom.errors import ProbeError
from infoloom.ssl.probes.ceilings import best_of, ceilings_of
from infoloom.ssl.probes.probe import probe
from infoloom.ssl.probes.score import Score

STORY = loom.load(
    {
        "name": "tied",
        "causes": {"mass": "normal"},
        "targets": {"theta": "0.9*mass + 0.4*noise"},
        "modalities": {
            "a": {"flow": "vector(4)", "latent": "1.5*mass + noise"},
            "b": {"flow": "vector(3)", "latent": "1.2*mass + noise"},
        },
    }
)
INPUTS = ("a", "b")


class Data(dict):
    """A dict that says what an opened dataset says."""

    story = STORY
    truth = STORY.truth_table()


def same(rows):
    return rows


@pytest.fixture(scope="module")
def rows():
    return STORY.sample(3000, seed=0)


def test_every_measure_has_its_ceiling(rows):
    """Latents themselves are the best features: they reach the ceilings, within 4 errors."""
    ceilings = STORY.ceilings(classes=4, batch=64, seed=1)
    table = probe(
        same,
        rows,
        inputs=INPUTS,
        of=["theta"],
        probes=["ridge"],
        classes=4,
        batch=64,
        truth=STORY.truth_table(),
        ceilings=ceilings,
    )
    (pair,) = ceilings.pairs
    expected = {"bound": pair.bound, "retrieval": pair.retrieval}
    for measure, best in expected.items():
        (score,) = table.select(measure=measure)
        assert score.ceiling == best.value
        assert abs(score.value - best.value) < 4.0 * np.hypot(score.standard_error, best.error)
    (bound,) = table.select(measure="bound")
    assert bound.truth == STORY.information("I(a; b)")
    assert bound.reachable == pytest.approx(bound.value / pair.bound.value)
    accuracies = table.select(measure="accuracy")
    assert {score.inputs for score in accuracies} == {"a", "b", "fused"}
    for score in accuracies:
        given = INPUTS if score.inputs == "fused" else (score.inputs,)
        (one,) = (c for c in ceilings.classes if c.given == given)
        assert score.ceiling == one.accuracy
        assert score.value < one.accuracy + 4.0 * score.standard_error
    assert all(score.ceiling is not None for score in table)
    again = probe(
        same, rows, inputs=INPUTS, of=["theta"], probes=["ridge"], classes=4, batch=64,
        ceilings=json.loads(json.dumps(ceilings.to_json())),
    )  # fmt: skip
    assert {s.ceiling for s in again.select(measure="accuracy")} == {s.ceiling for s in accuracies}


def test_a_dataset_asks_its_story(rows):
    table = probe(same, Data(rows), inputs=INPUTS, of=["theta"], probes=["ridge"], classes=3)
    ceilings = STORY.ceilings(classes=3, batch=128)
    (bound,) = table.select(measure="bound")
    assert bound.ceiling == ceilings.pairs[0].bound.value
    assert {s.ceiling for s in table.select(measure="accuracy")} == {c.accuracy for c in ceilings.classes}


def test_stories_that_have_none_are_left_alone():
    assert ceilings_of({}, 4, 128) is None
    assert ceilings_of(SimpleNamespace(story=SimpleNamespace(gaussian=False, held={})), 4, 128) is None
    assert ceilings_of(SimpleNamespace(story=STORY.intervene(mass=1.0)), 4, 128) is None
    assert ceilings_of(SimpleNamespace(story=STORY), None, None) is None
    assert best_of(None, 128) == {}


def test_ceilings_of_other_batches_are_refused(rows):
    message = (
        "ceilings of batch `32`: expected those of batches of 64, because the bound and retrieval depend on it. "
        "Ask `story.ceilings(batch=64)`."
    )
    with pytest.raises(ProbeError, match=re.escape(message)):
        probe(same, rows, inputs=INPUTS, of=["theta"], batch=64, ceilings=STORY.ceilings(batch=32, batches=2))


def test_a_bound_is_compared_with_the_reachable_bound():
    """In batches of 128 no critic proves more than log 128, however much the pair shares."""
    known = Score("critic", "a", "b", "bound", 2.0, 0.1, ceiling=4.0, truth=20.0)
    assert known.reachable == 0.5
    assert Score("critic", "a", "b", "bound", 2.0, 0.1, truth=20.0).reachable == 0.1
    assert Score("ridge", "a", "t", "r_squared", 0.5, 0.1, ceiling=0.9, truth=1.0).reachable == pytest.approx(
        0.5 * np.log(2.0)
    )
