"""Learners of one's own: what they may leave out, and what is said of losses and features that cannot be used."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from infoloom.errors import LearnerError
from infoloom.ssl import Learner, LearnerSettings, Training, features, save, train, with_fused
from infoloom.ssl.training import held_out_loss

SHAPES = {"a": (3,), "b": (3,)}


class Own(Learner):
    """Its answers are changed by functions."""

    def __init__(self, loss=lambda value: value, encode=lambda found: found, **given):
        super().__init__("own", SHAPES, **given)
        self.network = nn.Linear(3, 4)
        self.change_loss, self.change_encode = loss, encode

    def loss(self, batch, generator):
        return self.change_loss(self.network(batch["a"]).square().mean())

    def encode(self, batch):
        found = {name: self.network(rows) for name, rows in self.scaled(batch).items()}
        return self.change_encode(with_fused(found))


def rows(count=20):
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(count, *shape)).astype(np.float32) for name, shape in SHAPES.items()}


def test_a_loss_and_an_encode_are_all_it_needs():
    learner = Own()
    assert learner.settings == LearnerSettings()
    assert train(learner, rows(), Training(batch=10, epochs=2)).steps == 4
    assert {name: found.shape for name, found in features(learner, rows()).items()} == {
        "a": (20, 4),
        "b": (20, 4),
        "fused": (20, 8),
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda value: value.item(), "`loss of own` `float`: expected a tensor. Return one, without `.item()`."),
        (lambda value: None, "`loss of own` `NoneType`: expected a tensor."),
        (lambda value: value.expand(10), "`loss of own` `of shape (10,)`: expected a scalar. Return its mean."),
        (lambda value: value[None], "`loss of own` `of shape (1,)`: expected a scalar."),
        (lambda value: value.long(), "`loss of own` `torch.int64`: expected a real number. Convert it to"),
        (
            lambda value: value.detach(),
            "`loss of own` `without a gradient`: expected one that depends on the weights. Compute it from them,",
        ),
    ],
)  # fmt: skip
def test_losses_that_cannot_be_used(change, message):
    with pytest.raises(LearnerError, match=re.escape(message)):
        train(Own(loss=change), rows(), Training(batch=10, epochs=1))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            lambda rows: torch.zeros(len(rows)),
            "`features of a` `of shape (10,)`: expected shape (rows, features), a vector for each row that went in. "
            "Flatten them, or make a column of one number a row by `[:, None]`.",
        ),
        (lambda rows: np.zeros((len(rows), 2)), "`features of a` `ndarray`: expected a tensor. Return one."),
        (lambda rows: None, "`features of a` `NoneType`: expected a tensor. Return one."),
    ],
)  # fmt: skip
def test_features_that_cannot_be_put_side_by_side(value, message):
    class Wrong(Own):
        def encode(self, batch):
            return with_fused({name: value(batch[name]) for name in SHAPES})

        def loss(self, batch, generator):
            return self.encode(batch)["fused"].mean()

    data = rows(10)
    for call in (lambda: features(Wrong(), data), lambda: train(Wrong(), data, Training(batch=10, epochs=1))):
        with pytest.raises(LearnerError, match=f"^{re.escape(message)}$"):
            call()


def test_other_rows_and_no_features_are_not_put_side_by_side():
    with pytest.raises(
        LearnerError, match=r"^`features of b` `of shape \(3, 2\)`: expected shape \(4, features\), "
    ):
        with_fused({"a": torch.zeros(4, 2), "b": torch.zeros(3, 2)})
    message = "`features of with_fused` `{}`: expected features of at least one modality. Encode one."
    with pytest.raises(LearnerError, match=f"^{re.escape(message)}$"):
        with_fused({})
    message = "`features of with_fused` `list`: expected a dict of tensors. Give one."
    with pytest.raises(LearnerError, match=f"^{re.escape(message)}$"):
        with_fused([torch.zeros(4, 2)])


@pytest.mark.parametrize(
    ("given", "got"), [(nn.Linear(2, 2), "Linear"), (None, "NoneType"), ("clip", "str"), (Own, "class Own")]
)
def test_only_learners_are_trained(tmp_path, given, got):
    message = (
        f'`learner` `{got}`: expected an `infoloom.ssl.Learner`. Make one by `infoloom.ssl.build("clip", shapes)`, or '
        "subclass it."
    )
    for call in (train, features, save):
        with pytest.raises(LearnerError, match=f"^{re.escape(message)}$"):
            call(given, tmp_path / "x.safetensors" if call is save else rows())


@pytest.mark.parametrize(
    ("needs", "subject", "expected"),
    [
        (("a", "b"), "`needs of own` `tuple`", "a dict of name → shape of one row"),
        ({}, "`needs of own` `{}`", "a dict of name → shape of one row, of one array or more"),
        ({"a": 3}, "`needs of own, a` `3`", "the shape of one row, such as (3, 32, 32), or ()"),
        ({"a": (2.5,)}, "`needs of own, a` `(2.5,)`", "the shape of one row, such as (3, 32, 32), or ()"),
    ],
)
def test_needs_are_shapes_by_name(needs, subject, expected):
    class Needy(Own):
        @property
        def needs(self):
            return needs

    message = f'{subject}: expected {expected}. Return, say, `{{**self.shapes, "theta": ()}}`.'
    with pytest.raises(LearnerError, match=f"^{re.escape(message)}$"):
        train(Needy(), rows())


def test_losses_of_held_out_rows_are_looked_at_without_gradients():
    learner, settings = Own(loss=lambda value: value.expand(3)), Training(batch=10)
    with pytest.raises(LearnerError, match=re.escape("`loss of own` `of shape (3,)`: expected a scalar.")):
        held_out_loss(learner, rows(), settings, torch.device("cpu"))
    assert held_out_loss(Own(), rows(), settings, torch.device("cpu")) > 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda found: found["a"],
            "`encode of own` `Tensor`: expected features by name, of a, b, fused. Return a dict of tensors, such as by",
        ),
        (lambda found: {"a": found["a"], "b": found["b"]}, "`encode of own` `a, b`: expected features by name, of a,"),
        (lambda found: {**found, "a": [1.0]}, "`features of a` `list`: expected a tensor. Return one."),
        (
            lambda found: {**found, "b": found["b"][:3]},
            "`features of b` `of shape (3, 4)`: expected shape (20, features), a vector for each row that went in.",
        ),
        (lambda found: {**found, "b": found["b"][:, 0]}, "`features of b` `of shape (20,)`: expected shape (20, f"),
        (
            lambda found: {**found, "b": found["b"] / 0.0},
            "`features of b` `nan or infinite`: expected finite numbers. Look at the encoder for overflow.",
        ),
        (lambda found: {**found, "fused": found["fused"] * torch.nan}, "`features of fused` `nan or infinite`: exp"),
    ],
)  # fmt: skip
def test_features_that_cannot_be_used(change, message):
    learner = Own(encode=change).train()
    with pytest.raises(LearnerError, match=re.escape(message)):
        features(learner, rows())
    assert learner.training


@pytest.mark.parametrize("batch", [0, -1, 2.5, True])
def test_batches_are_whole_numbers(batch):
    message = f"`batch` `{batch}`: expected a whole number above 0. Use 1024."
    with pytest.raises(LearnerError, match=re.escape(message)):
        features(Own(), rows(), batch=batch)


def test_settings_are_those_of_learners():
    message = (
        "`settings of own` `dict`: expected `infoloom.ssl.LearnerSettings`, or a subclass. Use them, or leave"
    )
    with pytest.raises(LearnerError, match=re.escape(message)):
        Own(settings={"features": 4})


@pytest.mark.parametrize("batch", [1, 2, 1024])
@pytest.mark.parametrize("count", [2, 20])
def test_features_that_depend_on_other_rows_are_refused(batch, count):
    """Whatever the size of a batch, of which the features would depend."""

    def centred(found):
        return {name: values - values.mean(dim=0) for name, values in found.items()}

    with pytest.raises(
        LearnerError, match=r"features of \w+` `others for the same row where other rows are encoded"
    ):
        features(Own(encode=centred), rows(count), batch=batch)


def test_features_by_chance_are_refused():
    def noisy(found):
        return {name: values + torch.randn_like(values) for name, values in found.items()}

    with pytest.raises(
        LearnerError, match=r"expected the same\. Encode each row on its own, without statistics"
    ):
        features(Own(encode=noisy), rows())


def test_features_do_not_depend_on_the_batch():
    learner = Own()
    one, many = features(learner, rows(), batch=3), features(learner, rows())
    for name, values in one.items():
        assert np.allclose(values, many[name], atol=1e-6)
    assert features(learner, rows(1))["a"].shape == (1, 4)
