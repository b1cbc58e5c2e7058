"""Rows that lack a modality: what a step reads, who learns from them, what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from easy_rows import EasyRows

from infoloom.errors import LearnerError
from infoloom.ssl import Training, build, features, train
from infoloom.ssl.batches import Batches, grouped

STORY = EasyRows({"a": (1, 12, 12), "b": (1, 12, 12)})
WIDTHS = {"clip": {"channels": 4}, "masked": {"patch": 4, "width": 16}, "mvae": {"channels": 4}}


def fresh(name):
    return build(name, STORY.shapes, features=4, hidden=16, **WIDTHS[name])


def masks(rows):
    """Half of the rows are complete, a quarter lacks a, a quarter lacks b."""
    owner = np.arange(rows) % 4
    return {"a": owner == 0, "b": owner == 1}


def test_groups_by_what_is_there():
    lost = {"a": np.array([0, 1, 1, 0, 0, 0], bool), "b": np.array([0, 0, 0, 1, 0, 0], bool)}
    found = grouped(("a", "b"), 6, lost, partial=True)
    assert [(names, rows.tolist()) for names, rows in found] == [(("a", "b"), [0, 4, 5]), (("b",), [1, 2])]
    whole = grouped(("a", "b"), 6, lost, partial=False)
    assert [(names, rows.tolist()) for names, rows in whole] == [(("a", "b"), [0, 4, 5])]
    ((names, rows),) = grouped(("a", "b"), 6, None, partial=True)
    assert (names, rows.tolist()) == (("a", "b"), list(range(6)))


def test_an_epoch_takes_every_group_in_whole_batches_and_no_row_twice():
    groups = grouped(("a", "b"), 40, masks(40), partial=True)
    batches = Batches(groups, batch=4, seed=3)
    assert batches.per_epoch == 5 + 2 + 2
    for epoch in range(2):
        steps = [batches(epoch * 9 + k) for k in range(9)]
        rows = np.concatenate([rows for _, rows in steps])
        assert len(rows) == len(set(rows.tolist())) == 36
        for names, chosen in steps:
            own = {row: names for names, places in groups for row in places.tolist()}
            assert all(own[row] == names for row in chosen.tolist())
    first, second = ([rows.tolist() for _, rows in map(batches, range(k, k + 9))] for k in (0, 9))
    assert first != second
    assert first == [rows.tolist() for _, rows in map(Batches(groups, batch=4, seed=3), range(9))]


def test_one_group_has_the_order_of_a_training_without_missing_rows():
    shuffler = torch.Generator().manual_seed((7 << 32) + 1)
    order = torch.randperm(10, generator=shuffler).numpy()
    batches = Batches(grouped(("a",), 10, None, partial=False), batch=4, seed=7)
    assert [batches(step)[1].tolist() for step in (2, 3)] == [order[:4].tolist(), order[4:8].tolist()]


@pytest.mark.parametrize("name", WIDTHS)
def test_values_of_missing_rows_are_never_read(name):
    """Nonsense and NaN in their place give the same weights, to the bit."""
    arrays, lost = STORY.sample(48, 0), masks(48)
    found = []
    for nonsense in (7.0, np.nan):
        given = {key: values.copy() for key, values in arrays.items()}
        for key, mask in lost.items():
            given[key][mask] = nonsense
        learner = fresh(name)
        train(learner, given, Training(batch=8, epochs=2), missing=lost)
        found.append(learner.state_dict())
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


@pytest.mark.parametrize("name", ["masked", "mvae"])
def test_partial_learners_learn_from_incomplete_rows(name):
    """Two complete rows and many incomplete ones: the weights of both sides' own networks move."""
    arrays = STORY.sample(64, 0)
    lost = {"a": np.arange(64) % 2 == 0, "b": np.arange(64) % 2 == 1}
    for mask in lost.values():
        mask[:2] = False
    learner = fresh(name)
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    history = train(learner, arrays, Training(batch=8, epochs=3), missing=lost)
    assert history.steps == 3 * (1 + 3 + 3)
    sides = ("encoders.0", "encoders.1") if name == "mvae" else ("cuts.0", "cuts.1")
    for side in sides:
        assert any(
            not torch.equal(before[key], value)
            for key, value in learner.state_dict().items()
            if key.startswith(side)
        )
    found = features(learner, arrays)
    assert {"a", "b", "fused"} == set(found)


def test_others_learn_from_complete_rows_alone():
    """24 of 48 rows are complete, three steps an epoch."""
    history = train(fresh("clip"), STORY.sample(48, 0), Training(batch=8, epochs=2), missing=masks(48))
    assert history.steps == 2 * 3


def test_a_stopped_training_goes_on_with_the_same_missing_rows_only(tmp_path):
    """Other masks with as many rows of each kind are another training, and so is none."""
    arrays, lost, settings = STORY.sample(48, 0), masks(48), Training(batch=8, epochs=2)
    straight, stopped = fresh("mvae"), fresh("mvae")
    train(straight, arrays, settings, missing=lost)

    def stop(progress):
        raise KeyboardInterrupt

    state = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(stopped, arrays, settings, missing=lost, state=state, save_every=3, progress=stop)
    resumed = fresh("mvae")
    train(resumed, arrays, settings, missing=lost, state=state)
    assert all(torch.equal(value, resumed.state_dict()[key]) for key, value in straight.state_dict().items())
    other = {key: np.roll(mask, 1) for key, mask in lost.items()}
    for wrong in (other, None):
        with pytest.raises(
            LearnerError, match=r"expected missing .*, got .* Remove the file to start afresh"
        ):
            train(fresh("mvae"), arrays, settings, missing=wrong, state=state)


@pytest.mark.parametrize("name", ["masked", "mvae"])
def test_the_loss_of_one_modality_alone_reads_nothing_of_the_other(name):
    learner = fresh(name)
    arrays = {key: torch.from_numpy(values) for key, values in STORY.sample(8, 0).items()}
    learner.prepare(arrays)
    loss = learner.loss({"b": arrays["b"]}, torch.Generator().manual_seed(0))
    loss.backward()
    own = [key for key, weight in learner.named_parameters() if weight.grad is not None and weight.grad.any()]
    other = {"mvae": ("encoders.0", "decoders.0"), "masked": ("cuts.0",)}[name]
    assert own
    assert not [key for key in own if key.startswith(other)]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ({"c": np.zeros(8, bool)}, "`missing` `c`: expected one of a, b. Rename it."),
        ({"a": np.zeros(7, bool)}, "`missing of a` `bool of shape (7,)`: expected 8 values true or false."),
        ({"a": np.zeros(8)}, "`missing of a` `float64 of shape (8,)`: expected 8 values true or false."),
        ({"a": np.ones(8, bool)}, "`missing of a` `all rows`: expected rows that have it."),
        (
            {"a": np.arange(8) < 7},
            "`missing`: expected two rows that lack no modalities, got none. Give more rows.",
        ),
    ],
)
def test_masks_that_do_not_fit_are_named(missing, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        train(fresh("clip"), STORY.sample(8, 0), Training(batch=4), missing=missing)
