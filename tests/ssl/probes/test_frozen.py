"""Every kind of encoder gives the same features; what is no encoder is refused by name."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from infoloom.errors import ProbeError
from infoloom.ssl.probes.frozen import features_of

ARRAYS = {
    "x": np.random.default_rng(0).standard_normal((7, 1, 2, 2)).astype(np.float32),
    "y": np.random.default_rng(1).standard_normal((7, 3)).astype(np.float32),
}


class Learner(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def encode(self, batch):
        return {name: self.drop(values.flatten(1)) for name, values in batch.items()}


class Fused(nn.Module):
    def forward(self, batch):
        return batch["x"].flatten(1).sum(dim=1, keepdim=True) + batch["y"].sum(dim=1, keepdim=True)


class Vision(nn.Module):
    """The calling convention of Hugging Face vision models."""

    main_input_name = "pixel_values"

    def __init__(self, pooled):
        super().__init__()
        self.pooled = pooled

    def forward(self, pixel_values=None):
        tokens = pixel_values.flatten(2).transpose(1, 2)
        return SimpleNamespace(last_hidden_state=tokens, pooler_output=tokens[:, 0] if self.pooled else None)


def flat(name):
    return ARRAYS[name].reshape(7, -1).astype(float)


def test_a_learner_is_held_still_and_left_as_it_was():
    learner = Learner()
    found = features_of(learner, ARRAYS, batch=3)
    assert list(found) == ["x", "y", "fused"]
    for name in ARRAYS:
        np.testing.assert_allclose(found[name], flat(name))
    np.testing.assert_allclose(found["fused"], np.hstack([flat("x"), flat("y")]))
    assert learner.training
    assert learner.drop.training


def test_functions_and_modules():
    np.testing.assert_allclose(features_of(lambda block: {"x": block["x"]}, ARRAYS)["x"], flat("x"))
    expected = flat("x").sum(axis=1) + flat("y").sum(axis=1)
    assert list(features_of(Fused(), ARRAYS)) == ["fused"]
    np.testing.assert_allclose(features_of(Fused(), ARRAYS)["fused"][:, 0], expected, atol=1e-6)
    assert list(features_of(lambda block: block["y"], {"y": ARRAYS["y"]})) == ["y"]


def test_a_model_for_every_modality():
    found = features_of({"x": Vision(pooled=True), "y": nn.Identity().double()}, ARRAYS)
    np.testing.assert_allclose(found["x"], flat("x")[:, :1])
    np.testing.assert_allclose(found["y"], flat("y"))
    mean = features_of({"x": Vision(pooled=False)}, ARRAYS)["x"]
    np.testing.assert_allclose(mean, flat("x").mean(axis=1, keepdims=True), atol=1e-6)


def test_models_keep_their_precision():
    seen = []

    class Half(nn.Linear):
        def forward(self, values):
            seen.append(values.dtype)
            return super().forward(values)

    features_of({"y": Half(3, 2).to(torch.bfloat16)}, ARRAYS)
    assert seen == [torch.bfloat16]


def test_refusals():
    cases = [
        (
            3,
            r"^encoder `int`: expected a callable, an object with `encode`, or a mapping of modality → model\.",
        ),
        ({"z": nn.Identity()}, r"^encoder of `z`: expected one of the modalities x, y\. Rename it\.$"),
        ({"x": 3}, r"^encoder `int`: expected a callable\. Wrap it in a function\.$"),
        (
            lambda block: block["x"][:3],
            r"^features of `fused` of shape \(3, 1, 2, 2\): expected \(7, …\), a row for every row",
        ),
        (
            lambda block: {"x": block["y"] * np.inf},
            r"^features of `x`: expected finite numbers\. Look at the encoder for overflow\.$",
        ),
    ]
    for encode, message in cases:
        with pytest.raises(ProbeError, match=message):
            features_of(encode, ARRAYS)
