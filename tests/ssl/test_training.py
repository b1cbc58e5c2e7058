"""The loop: one go and resumed give the same bits, rows come once an epoch, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from easy_rows import EasyRows

import infoloom as loom
from infoloom.errors import LearnerError
from infoloom.ssl import Stopping, Training, build, features, load, train
from infoloom.ssl.training import schedule

STORY = EasyRows({"a": (1, 8, 8), "b": (12,)})


def fresh(**settings):
    return build("clip", STORY.shapes, features=8, channels=4, hidden=16, **settings)


class Interrupt(Exception):
    pass


def interrupt_at(step):
    def progress(reached):
        if reached.step >= step:
            raise Interrupt

    return progress


def test_resumed_equals_one_go(tmp_path):
    """Interrupted twice, once in mid-epoch and once at the end of one: weights and losses are the same bits."""
    arrays, settings = STORY.sample(150, 0), Training(batch=10, epochs=5)
    whole = fresh()
    history = train(whole, arrays, settings, state=tmp_path / "whole")
    path = tmp_path / "parts" / "state"
    for step in (20, 60):
        with pytest.raises(Interrupt):
            train(fresh(), arrays, settings, state=path, save_every=15, progress=interrupt_at(step))
    last = fresh()
    resumed = train(last, arrays, settings, state=path, save_every=15)
    assert resumed.steps == history.steps == 75
    assert resumed.losses == history.losses
    for one, two in zip(whole.state_dict().values(), last.state_dict().values(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("name", ["random", "pixels"])
def test_a_learner_without_weights_is_prepared_only(name, tmp_path):
    learner = build(name, STORY.shapes)
    arrays = STORY.sample(50, 0)
    arrays["a"] = 5.0 + 3.0 * arrays["a"]
    history = train(learner, arrays, state=tmp_path / "state")
    assert (history.steps, history.losses) == (0, ())
    scaled = learner.scaled({"a": torch.from_numpy(arrays["a"])})["a"]
    assert float(scaled.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(scaled.std(correction=0)) == pytest.approx(1.0, abs=1e-5)


def test_a_finished_state_is_not_trained_on(tmp_path):
    arrays, settings = STORY.sample(60, 0), Training(batch=20, steps=4)
    train(fresh(), arrays, settings, state=tmp_path / "state")
    again = fresh()
    history = train(again, arrays, settings, state=tmp_path / "state")
    assert history.steps == 4
    found, loaded = features(again, arrays), features(load(tmp_path / "state"), arrays)
    np.testing.assert_array_equal(found["fused"], loaded["fused"])


def test_every_row_comes_once_an_epoch(monkeypatch):
    """300 rows in batches of 64: 4 batches an epoch without a row twice, in another order each epoch."""
    seen = []
    learner = fresh()
    arrays = STORY.sample(300, 0)
    whole = learner.loss

    def watching(batch, generator):
        seen.append(batch["b"])
        return whole(batch, generator)

    monkeypatch.setattr(learner, "loss", watching)
    train(learner, arrays, Training(batch=64, epochs=3))
    assert [len(rows) for rows in seen] == [64] * 12
    epochs = [torch.cat(seen[k : k + 4]) for k in (0, 4, 8)]
    assert all(len(torch.unique(epoch, dim=0)) == 256 for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])


def test_fewer_rows_than_a_batch_are_one_batch():
    history = train(fresh(), STORY.sample(30, 0), Training(batch=256, epochs=3))
    assert history.steps == 3


def test_memory_maps_and_tensors_train_like_arrays(tmp_path):
    arrays, settings = STORY.sample(64, 0), Training(batch=16, epochs=1)
    expected = train(fresh(), arrays, settings).losses
    for name, values in arrays.items():
        np.save(tmp_path / name, values)
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in arrays}
    assert train(fresh(), mapped, settings).losses == expected
    tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
    assert train(fresh(), tensors, settings).losses == expected


def test_bfloat16_trains_close_to_float32():
    arrays = STORY.sample(400, 0)
    losses = [
        train(fresh(), arrays, Training(batch=100, epochs=10, precision=name)).losses[-1]
        for name in ("bfloat16", "float32")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert losses[0] != losses[1]


def test_progress_is_told(tmp_path):
    told = []
    train(fresh(), STORY.sample(80, 0), Training(batch=10, epochs=6), progress=told.append)
    assert [(each.step, each.steps) for each in told] == [(20, 48), (40, 48), (48, 48)]
    assert all(np.isfinite(each.loss) and each.seconds > 0.0 for each in told)


def test_a_diverged_training_says_so():
    learner = fresh()
    arrays = STORY.sample(60, 0)
    with torch.no_grad():
        learner.heads[0].weight.fill_(float("nan"))
    with pytest.raises(LearnerError) as caught:
        train(learner, arrays, Training(batch=10, epochs=10, learning_rate=0.5))
    assert str(caught.value) == (
        "`loss` `nan` of `clip` at step 1: expected a number, because a diverged network learns nothing more. "
        "Lower `learning_rate`, now 0.5, or `clip`, now 5."
    )


def test_a_state_of_another_training_is_refused(tmp_path):
    arrays, path = STORY.sample(60, 0), tmp_path / "state"
    train(fresh(), arrays, Training(batch=10, steps=2), state=path)
    for learner, settings, rows in (
        (fresh(seed=1), Training(batch=10, steps=2), 60),
        (fresh(), Training(batch=10, steps=3), 60),
        (fresh(), Training(batch=10, steps=2), 50),
    ):
        with pytest.raises(LearnerError, match="Remove the file to start afresh, or train with the settings"):
            train(learner, STORY.sample(rows, 0), settings, state=path)


def test_a_state_of_other_rows_is_refused(tmp_path):
    """As many rows, one value of which is another; the same values as float64 or as tensors are the same rows."""
    arrays, path, settings = STORY.sample(60, 0), tmp_path / "state", Training(batch=10, steps=2)
    train(fresh(), arrays, settings, state=path)
    same = {
        name: values.astype(np.float64) if name == "a" else torch.from_numpy(values)
        for name, values in arrays.items()
    }
    assert train(fresh(), same, settings, state=path).steps == 2
    arrays["b"][31, 4] += 1.0
    message = (
        r"expected digest of the rows \w{12}, got \w{12}\. Remove the file to start afresh, or train with the"
    )
    with pytest.raises(LearnerError, match=message):
        train(fresh(), arrays, settings, state=path)
    watched = Training(batch=10, epochs=2, stopping=Stopping(floor=1))
    other = tmp_path / "other"
    train(fresh(), arrays, watched, held_out=STORY.sample(20, 1), state=other)
    with pytest.raises(
        LearnerError, match=r"expected digest of the held-out rows \w{12}, got \w{12}\. Remove"
    ):
        train(fresh(), arrays, watched, held_out=STORY.sample(20, 2), state=other)


def test_an_opened_dataset_trains_like_its_arrays(tmp_path):
    story = loom.load("figure-1")
    loom.generate(story, tmp_path / "data", rows=64, seed=0)
    dataset = loom.open(tmp_path / "data")
    shapes = {name: story.shape(name) for name in story.modalities}
    arrays = {name: np.asarray(dataset[name]) for name in shapes}
    learners = [build("clip", shapes, features=4, channels=2, hidden=8) for _ in range(2)]
    settings = Training(batch=16, epochs=2, stopping=Stopping(floor=1))
    first, second = (
        train(learner, given, settings, held_out=given)
        for learner, given in zip(learners, (dataset, arrays), strict=True)
    )
    assert first.losses == second.losses
    found, again = features(learners[0], dataset), features(learners[1], arrays)
    np.testing.assert_array_equal(found["fused"], again["fused"])


def test_half_precision_tensors_train():
    arrays = {name: torch.from_numpy(values) for name, values in STORY.sample(40, 0).items()}
    arrays["a"] = arrays["a"].bfloat16().requires_grad_()
    assert train(fresh(), arrays, Training(batch=10, epochs=1)).steps == 4
    assert features(fresh(), arrays)["a"].dtype == np.float32


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": "cuda:77"}, "`device` `cuda:77`: expected a device that torch can use ("),
        (
            {"device": "gpu"},
            "`device` `gpu`: expected a device that torch can use (Expected one of cpu, cuda",
        ),
        ({"save_every": 0}, "`save_every` `0`: expected a whole number above 0. Use 500."),
        ({"settings": 5}, "`settings` `5`: expected an `infoloom.ssl.Training`. Write Training()."),
    ],
)
def test_arguments_are_checked(given, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        train(fresh(), STORY.sample(40, 0), **given)


def test_a_file_that_is_no_state_is_refused(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(
        LearnerError, match=re.escape(f"`learner` `{path}`: expected a file that can be read")
    ):
        load(path)
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(LearnerError, match="expected a file of format 1 that `save` or `train` wrote"):
        load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop("b"), "`arrays` `a, theta`: expected `b` among them. Add it."),
        (
            lambda rows: rows.update(b=rows["b"][:, :3]),
            "`array b` `(40, 3)`: expected shape (rows, 12). Reshape",
        ),
        (
            lambda rows: rows.update(b=rows["b"][:9]),
            "`rows` `{'a': 40, 'b': 9}`: expected the same number in each",
        ),
        (
            lambda rows: rows["a"].fill(np.nan),
            "`array a` `nan or infinite`: expected finite values. Remove those",
        ),
        (
            lambda rows: rows.update(a=1e300 * rows["a"].astype(float)),
            "`array a` `nan or infinite`: expected finite values.",
        ),
        (
            lambda rows: rows.update(b=rows["b"].tolist()),
            "`array b` `list`: expected an array or a tensor. Make one of it, such as by `numpy.asarray`.",
        ),
        (
            lambda rows: rows.update(b=rows["b"] + 1j),
            "`array b` `complex64`: expected real numbers. Convert it to float32.",
        ),
        (lambda rows: rows.update(b=rows["b"].astype(str)), "`array b` `<U32`: expected real numbers."),
    ],
)
def test_arrays_are_checked(change, message):
    arrays = STORY.sample(40, 0)
    change(arrays)
    with pytest.raises(LearnerError, match=re.escape(message)):
        train(fresh(), arrays)


@pytest.mark.parametrize("given", [[1.0], None, np.zeros((3, 2))])
def test_arrays_have_names(given):
    message = (
        f"`arrays` `{type(given).__name__}`: expected arrays by name, or an opened dataset. Give a dict."
    )
    for call in (train, features):
        with pytest.raises(LearnerError, match=re.escape(message)):
            call(fresh(), given)


def test_one_row_is_too_few():
    with pytest.raises(LearnerError, match=re.escape("`rows` `1`: expected at least 2. Draw more rows.")):
        train(fresh(), STORY.sample(1, 0))


def test_features_need_a_modality():
    with pytest.raises(LearnerError, match=re.escape("`arrays` `other`: expected `a` among them. Add it.")):
        features(fresh(), {"other": np.zeros((3, 2))})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 1}, "`batch` `1`: expected 2 or more. Use 256."),
        ({"learning_rate": 0.0}, "`learning_rate` `0.0`: expected a number above 0. Use 0.001."),
        ({"epochs": 0}, "`epochs` `0`: expected a number above 0. Use 20."),
        ({"steps": 0}, "`steps` `0`: expected a whole number above 0. Use epochs."),
        ({"clip": 0.0}, "`clip` `0.0`: expected a number above 0. Use 5.0."),
        ({"weight_decay": -1.0}, "`weight_decay` `-1.0`: expected 0 or more. Use 1e-4."),
        ({"warmup": 1.0}, "`warmup` `1.0`: expected a share of the steps, below 1. Use 0.05."),
        ({"precision": "half"}, "`precision` `half`: expected one of auto, float32, bfloat16. Use auto."),
        ({"seed": -1}, "`seed` `-1`: expected 0 or more. Use 0."),
        ({"seed": 2**40}, f"`seed` `{2**40}`: expected a number below 4294967296. Use 0."),
        ({"seed": True}, "`seed` `True`: expected a whole number. Use 0."),
        ({"epochs": 1.5}, "`epochs` `1.5`: expected a whole number. Use 20."),
        ({"batch": "8"}, "`batch` `8`: expected a whole number. Use 256."),
        ({"steps": 2.5}, "`steps` `2.5`: expected a whole number above 0. Use epochs."),
        ({"learning_rate": np.inf}, "`learning_rate` `inf`: expected a finite number. Use 0.001."),
        ({"warmup": None}, "`warmup` `None`: expected a finite number. Use 0.05."),
        (
            {"stopping": 5},
            "`stopping` `5`: expected an `infoloom.ssl.Stopping`. Write Stopping(floor=10), or",
        ),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        Training(**settings)


def test_the_rate_rises_and_falls():
    rates = [schedule(step, 1000, 0.1) for step in range(1000)]
    assert max(rates) == 1.0
    assert rates[99] == 1.0
    assert np.all(np.diff(rates[:100]) > 0.0)
    assert np.all(np.diff(rates[100:]) < 0.0)
    assert 0.0 < rates[-1] < 1e-4
    assert schedule(0, 1, 0.0) == 1.0


COARSE = {
    "offset": lambda rows: rows + 1e8,
    "small": lambda rows: rows * 1e-60,
    "whole": lambda rows: (rows * 4 + 2**40).astype(np.int64),
}


@pytest.mark.parametrize("kind", COARSE)
def test_rows_of_which_float32_keeps_few_digits_are_refused(kind):
    """A learner that is trained on them learns nothing and would not say why."""
    rows = np.random.default_rng(0).standard_normal((64, 3))
    coarse = np.column_stack([rows[:, :1], COARSE[kind](rows)])
    arrays = {"a": rows.astype(np.float32), "b": coarse}
    learner = build("clip", {"a": (3,), "b": (4,)})
    with pytest.raises(
        LearnerError, match=r"`array b` `component 1 from .*float32 tells apart, because encoders"
    ) as told:
        train(learner, arrays, Training(steps=1, batch=8))
    assert str(told.value).endswith("in float64 (3 of 4 components).")
    constant = np.column_stack([rows[:, :1], np.full((64, 3), 0.1) + 1e8])
    train(learner, {**arrays, "b": constant}, Training(steps=1, batch=8))
