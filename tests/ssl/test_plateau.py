"""Training to a plateau of the held-out loss: when it ends, with which weights, and that it resumes to the bit."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from easy_rows import EasyRows

from infoloom.errors import LearnerError
from infoloom.ssl import Stopping, Training, build, features, load, train
from infoloom.ssl.plateau import standing
from infoloom.ssl.training import held_out_loss

STORY = EasyRows({"a": (1, 8, 8), "b": (12,)})
RULES = Stopping(floor=2, patience=2, drops=1, factor=0.5)


def fresh(name="clip"):
    return build(name, STORY.shapes, features=8, channels=4, hidden=16)


def by_hand(losses, rules):
    """Best epoch, drops and the epoch at which a training ends, one loop over the epochs."""
    best, best_epoch, waited, drops = math.inf, 0, 0, 0
    for epoch, loss in enumerate(losses, 1):
        if best == math.inf or loss < best - rules.tolerance * abs(best):
            best, best_epoch, waited = loss, epoch, 0
            continue
        if epoch > rules.floor:
            waited += 1
        if waited >= rules.patience:
            if drops == rules.drops:
                return best_epoch, drops, epoch
            drops, waited = drops + 1, 0
    return best_epoch, drops, None


@pytest.mark.parametrize("seed", range(20))
def test_a_plateau_by_hand(seed):
    rng = np.random.default_rng(seed)
    losses = (np.exp(-np.arange(40) / 6.0) + 0.05 * rng.normal(size=40) - rng.integers(0, 2)).tolist()
    rules = Stopping(
        floor=int(rng.integers(1, 15)), patience=int(rng.integers(1, 6)), drops=int(rng.integers(3))
    )
    best_epoch, drops, end = by_hand(losses, rules)
    found = standing(list(enumerate(losses[:end], 1)), rules)
    assert (found.best_epoch, found.drops, found.reached) == (best_epoch, drops, end is not None)
    if end is not None:
        assert not standing(list(enumerate(losses[: end - 1], 1)), rules).reached


@pytest.mark.parametrize("first", [math.nan, math.inf, -math.inf])
def test_a_look_that_is_no_number_is_never_the_best(first):
    looks = list(enumerate((first, first, 0.30, 0.27, first, 0.26), 1))
    found = standing(looks, Stopping(floor=1, patience=3))
    assert (found.best, found.best_epoch, found.waited, found.reached) == (0.26, 6, 0, False)


def test_a_training_without_a_finite_look_says_so(monkeypatch):
    monkeypatch.setattr("infoloom.ssl.training.held_out_loss", lambda *_: math.nan)
    settings = Training(batch=20, epochs=3, stopping=Stopping(floor=2))
    message = "`loss` `nan` of `clip` on held-out rows at all 3 looks: expected a number, because the best"
    with pytest.raises(LearnerError, match=re.escape(message)):
        train(fresh(), STORY.sample(60, 0), settings, held_out=STORY.sample(40, 1))


def test_a_training_ends_at_its_plateau_with_its_best_weights():
    """120 rows are learned by heart: the held-out loss falls, then rises; what is kept is its smallest value."""
    arrays, held_out = STORY.sample(120, 0), STORY.sample(80, 1)
    settings = Training(batch=20, epochs=60, learning_rate=3e-3, stopping=RULES)
    learner = fresh()
    history = train(learner, arrays, settings, held_out=held_out)
    assert history.plateau is True
    assert history.steps == 6 * len(history.looks) < 6 * 60
    assert [epoch for epoch, _ in history.looks] == list(range(1, len(history.looks) + 1))
    losses = [loss for _, loss in history.looks]
    assert by_hand(losses, RULES) == (history.best_epoch, 1, len(losses))
    assert history.best_epoch < len(losses)
    kept = held_out_loss(learner, held_out, settings, torch.device("cpu"))
    assert kept == losses[history.best_epoch - 1]


def test_the_held_out_loss_is_the_mean_over_batches_in_eval_mode():
    held_out, learner = STORY.sample(70, 1), fresh()
    learner.train()
    found = held_out_loss(learner, held_out, Training(batch=20, seed=4), torch.device("cpu"))
    assert learner.training
    parts = [
        learner.loss({n: torch.from_numpy(held_out[n][k : k + 20]) for n in STORY.shapes}, torch.Generator())
        for k in (0, 20, 40)
    ]
    assert found == pytest.approx(torch.stack(parts).mean().item(), rel=1e-6)


def test_the_cap_ends_a_training_without_a_plateau():
    settings = Training(batch=20, epochs=3, stopping=Stopping(floor=2))
    history = train(fresh(), STORY.sample(60, 0), settings, held_out=STORY.sample(40, 1))
    assert (history.plateau, history.steps, len(history.looks)) == (False, 9, 3)
    plain = train(fresh(), STORY.sample(60, 0), Training(batch=20, epochs=3))
    assert (plain.plateau, plain.best_epoch, plain.looks) == (None, None, ())
    nothing = train(fresh("random"), STORY.sample(60, 0), settings, held_out=STORY.sample(40, 1))
    assert (nothing.plateau, nothing.steps) == (None, 0)


class Interrupt(Exception):
    pass


def test_resumed_equals_one_go(tmp_path):
    arrays, held_out = STORY.sample(120, 0), STORY.sample(80, 1)
    settings = Training(batch=20, epochs=40, learning_rate=3e-3, stopping=RULES)
    whole, last = fresh(), fresh()
    history = train(whole, arrays, settings, held_out=held_out)

    def progress(reached):
        if reached.step >= 40:
            raise Interrupt

    path = tmp_path / "state"
    with pytest.raises(Interrupt):
        train(fresh(), arrays, settings, held_out=held_out, state=path, save_every=7, progress=progress)
    resumed = train(last, arrays, settings, held_out=held_out, state=path, save_every=7)
    assert (resumed.steps, resumed.looks, resumed.losses) == (history.steps, history.looks, history.losses)
    again = train(fresh(), arrays, settings, held_out=held_out, state=path)
    assert (again.plateau, again.best_epoch) == (True, history.best_epoch)
    for one, two in zip(whole.state_dict().values(), last.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    np.testing.assert_array_equal(features(load(path), held_out)["a"], features(whole, held_out)["a"])


def test_what_is_refused():
    settings = Training(batch=20, epochs=40, stopping=RULES)
    message = (
        "`held_out` `None`: expected rows that are not trained on, because `stopping` looks at their loss. "
        "Give some, or leave out `stopping`."
    )
    with pytest.raises(LearnerError, match=re.escape(message)):
        train(fresh(), STORY.sample(60, 0), settings)
    for given, said in (
        ({"floor": 0}, "`floor` `0`: expected a number above 0. Use 10."),
        ({"patience": 0}, "`patience` `0`: expected a number above 0. Use 5."),
        ({"drops": -1}, "`drops` `-1`: expected 0 or more. Use 2."),
        ({"factor": 1.0}, "`factor` `1.0`: expected a share between 0 and 1. Use 0.3."),
        ({"tolerance": -0.1}, "`tolerance` `-0.1`: expected a share below 1. Use 1e-4."),
    ):
        with pytest.raises(LearnerError, match=re.escape(said)):
            Stopping(**given)
    for given in ({"epochs": 1}, {"steps": 50}):
        said = (
            r"`stopping` `floor 2`: expected at most \d+ epochs, and no `steps`, because the cap is in epochs"
        )
        with pytest.raises(LearnerError, match=said):
            Training(**given, stopping=RULES)
