"""Every kind of file, changed at random: a value, or one of our own errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile import fuzz
from hostile_kinds import kinds

from infoloom.datasets import generate
from infoloom.story import compile_story

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
NAMES = [
    "manifest", "plan", "done", "copy", "results of estimators", "results of learners", "flow", "learner", "spec",
    "request", "template",
]  # fmt: skip
SPEC = {
    "name": "small",
    "causes": {"u": "normal"},
    "targets": {"t": "0.5*u + noise"},
    "modalities": {"image": {"flow": "vector(3)", "latent": "0.5*u + noise"}},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    generate(compile_story(SPEC), folder / "small", 64, also="uint8")
    made = kinds(folder / "scratch", folder / "small", RESULTS)
    assert list(made) == NAMES
    return made


@pytest.mark.parametrize("name", NAMES)
def test_changed_files_give_a_value_or_our_own_error(found, name):
    outcomes = fuzz(found[name], 100, seed=1)
    assert outcomes.total() == 100


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_changed_files_give_a_value_or_our_own_error(found, name):
    fuzz(found[name], 5000, seed=2)
