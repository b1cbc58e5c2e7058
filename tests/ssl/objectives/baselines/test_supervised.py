"""The upper reference: what it minimises, whatever the units of its targets, and what it refuses."""

from __future__ import annotations

import re

import pytest
import torch
from easy_rows import EasyRows

from infoloom.errors import LearnerError
from infoloom.ssl import build, train

STORY = EasyRows({"a": (1, 8, 8), "b": (12,)})


def test_loss_by_hand():
    learner = build("supervised", STORY.shapes)
    arrays = STORY.sample(50, 0)
    learner.prepare(arrays)
    batch = {name: torch.from_numpy(values) for name, values in arrays.items()}
    found = learner.loss(batch, torch.Generator())
    features = learner.encode(batch)
    theta = (batch["theta"] - batch["theta"].mean()) / batch["theta"].std(correction=0)
    errors = [
        (head(features[name])[:, 0] - theta).square().mean()
        for head, name in ((learner.heads[0], "a"), (learner.heads[1], "b"), (learner.fused_head, "fused"))
    ]
    assert found.item() == pytest.approx(((errors[0] + errors[1]) / 2 + errors[2]).item(), rel=1e-5)


def test_units_of_the_targets_do_not_matter():
    arrays = STORY.sample(200, 0)
    other = arrays | {"theta": 1000.0 + 50.0 * arrays["theta"]}
    losses = [train(build("supervised", STORY.shapes), given).losses[-1] for given in (arrays, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)


def test_several_targets():
    arrays = STORY.sample(50, 0)
    arrays["phi"] = -arrays["theta"]
    learner = build("supervised", STORY.shapes, targets=["theta", "phi"])
    assert learner.needs == {"a": (1, 8, 8), "b": (12,), "theta": (), "phi": ()}
    assert learner.settings.targets == ("theta", "phi")
    train(learner, arrays)
    answers = learner.fused_head(learner.encode({k: torch.from_numpy(v) for k, v in arrays.items()})["fused"])
    assert torch.corrcoef(answers.T)[0, 1] < -0.99


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ((), "`targets` `()`: expected at least one name. Name a target."),
        (("a",), "`targets` `('a',)`: expected no modality. Rename one of them."),
    ],
)
def test_targets_are_checked(targets, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        build("supervised", STORY.shapes, targets=targets)


def test_a_missing_target_is_named():
    arrays = STORY.sample(50, 0)
    del arrays["theta"]
    with pytest.raises(
        LearnerError, match=re.escape("`arrays` `a, b`: expected `theta` among them. Add it.")
    ):
        train(build("supervised", STORY.shapes), arrays)
