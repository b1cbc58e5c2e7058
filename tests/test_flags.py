"""A setting that is true or false is nothing else, wherever it is given."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import infoloom as loom
from infoloom.errors import InfoloomError, LearnerError
from infoloom.estimators import KSGEstimator
from infoloom.flags import expect_flags
from infoloom.ssl import build

STORY = loom.load(
    {
        "name": "flags",
        "causes": {"c": "normal"},
        "modalities": {"x": {"flow": "vector(4)", "latent": "0.5*c + noise"}},
        "targets": {"theta": "c"},
    }
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return loom.generate(STORY, tmp_path_factory.mktemp("flags") / "data", 64)


ROWS = np.random.default_rng(0).standard_normal((50, 1))
DOORS = {
    "shuffle": lambda data: data.torch(batch_size=8, shuffle="no"),
    "drop_last": lambda data: data.torch(batch_size=8, drop_last="no"),
    "check": lambda data: loom.open(data.root, check="no"),
    "latents": lambda data: loom.generate(STORY, data.root.parent / "other", 8, latents="no"),
    "predictions": lambda data: loom.generate(STORY, data.root.parent / "other", 8, predictions="no"),
    "allow_uncertified": lambda data: STORY.observe(STORY.sample(4), allow_uncertified="no"),
    "with_error": lambda data: STORY.pmi(STORY.sample(4), "x", "theta", with_error="no"),
    "standardise": lambda data: KSGEstimator(standardise="no").estimate(ROWS, ROWS**2),
    "listing": lambda data: build("vicreg", {"x": (4,), "y": (4,)}, listing="no"),
}


@pytest.mark.parametrize("name", DOORS)
def test_a_text_is_neither_true_nor_false(name, data):
    message = f"`{name}` `no`: expected True or False, because anything else may count as true. Write {name}=True or"
    with pytest.raises(InfoloomError, match=re.escape(message)):
        DOORS[name](data)


def test_what_is_true_or_false():
    expect_flags(LearnerError, a=True, b=np.False_, c=1, d=0, e=torch.tensor(True))
    for wrong in ("False", None, 2, 1.0, [True], float("nan")):
        with pytest.raises(LearnerError, match=r"`a` `.*`: expected True or False"):
            expect_flags(LearnerError, a=wrong)
