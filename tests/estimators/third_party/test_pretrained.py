"""Learned estimators of others: small files that load like theirs; no answer of random weights passes."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
import torch

from infoloom.errors import EstimatorError
from infoloom.estimators.third_party.adapters import program

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 2))
Y = X + RNG.standard_normal((60, 2))

#: The package's calls, and its habit of loading with `strict=False`.
MIST = """
import torch
class Network(torch.nn.Module):
    def __init__(self, taus):
        super().__init__()
        self.rho = torch.nn.Linear(6, 1)
        self.head = torch.nn.Linear(1 + taus, 1)
class MISTQuickEstimator:
    def __init__(self, loss, checkpoint, device, config_path):
        assert device == "cpu" and config_path is None
        self.target_feature_dim = 6
        self.model_lit = torch.nn.Module()
        self.model_lit.msm = Network(int(loss == "qr"))
        state = torch.load(checkpoint)
        self.model_lit.msm.load_state_dict(state.get("state_dict", state), strict=False)
    def estimate_point(self, x, y):
        return self.model_lit.msm.rho.bias.item()
    def estimate_interval_qr(self, x, y, lower, upper):
        bias = self.model_lit.msm.rho.bias.item()
        return {"lower": bias - upper, "median": bias, "upper": bias + abs(bias) * upper - 2 * (bias < 0)}
"""

INFONET = """
import torch
def load_model(config, checkpoint):
    model = torch.nn.Linear(2, 1)
    model.load_state_dict(torch.load(checkpoint))
    return model
def estimate_mi(model, x, y):
    assert x.shape == y.shape == (60,)
    return model.bias.detach() + torch.rand(1)
"""


@pytest.fixture
def mist(tmp_path, monkeypatch):
    """A package of that name, and weights whose bias is the answer."""
    (tmp_path / "mist_statinf.py").write_text(MIST, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def weights(bias=0.5, taus=0, less=()):
        state = {
            "rho.weight": torch.ones(1, 6), "rho.bias": torch.tensor([bias]),
            "head.weight": torch.ones(1, 1 + taus), "head.bias": torch.ones(1),
        }  # fmt: skip
        torch.save({name: value for name, value in state.items() if name not in less}, tmp_path / "w.pt")
        return tmp_path / "w.pt"

    def call(path, x=X, y=Y, **options):
        return program("mist", sys.executable, 120.0, checkpoint=str(path), **options).estimate_with_info(
            x, y
        )

    return weights, call


def test_mist_answers_with_the_weights_of_the_path(mist):
    weights, call = mist
    found = call(weights(0.5))
    assert (found.nats, found.interval, found.reliable) == (0.5, None, None)
    found = call(weights(0.5, taus=1), loss="qr")
    assert found.interval == pytest.approx((0.5 - 0.975, 0.5 + 0.5 * 0.975))


def test_mist_is_doubted_where_it_was_not_trained(mist):
    weights, call = mist
    x, y = RNG.standard_normal((2, 501, 3))
    crossed = call(weights(-0.5, taus=1), x, y, loss="qr")
    assert (crossed.nats, crossed.interval, crossed.reliable) == (-0.5, None, False)
    assert crossed.details["doubts"] == ["501 rows: it was trained on 10 to 500", "its quantiles cross"]


@pytest.mark.parametrize(
    ("made", "sides", "message"),
    [
        (
            {"less": ("rho.bias",)},
            (X, Y),
            r"expected all weights of the network, 1 of them are missing, such as `rho\.bias`, where the package",
        ),
        (
            {"taus": 1},
            (X, Y),
            r"expected the weights of a network with loss=mse \(.*\)\. Give the loss and the",
        ),
        (
            {},
            (X, Y[:, :1]),
            "mist `2 and 1 columns`: expected as many in x as in y, because the network does not",
        ),
        (
            {},
            (np.tile(X, 2), np.tile(Y, 2)),
            "mist `8 columns`: expected at most 6 in all, because the package",
        ),
    ],
)
def test_mist_does_not_guess(mist, made, sides, message):
    weights, call = mist
    with pytest.raises(EstimatorError, match=message):
        call(weights(**made), *sides)


def test_infonet_answers_with_the_weights_of_the_path(tmp_path):
    (tmp_path / "infer.py").write_text(INFONET, encoding="utf-8")
    torch.save({"weight": torch.ones(1, 2), "bias": torch.tensor([0.5])}, tmp_path / "w.pt")
    paths = {"repository": str(tmp_path), "checkpoint": str(tmp_path / "w.pt")}
    found = program("infonet", sys.executable, 120.0, **paths, seed=7).estimate(X[:, 0], Y[:, 0])
    torch.manual_seed(7)
    assert found == pytest.approx(0.5 + torch.rand(1).item())
    with pytest.raises(
        EstimatorError, match="infonet `2 and 2 columns`: expected one a side, because of more the"
    ):
        program("infonet", sys.executable, 120.0, **paths).estimate(X, Y)
    torch.save({"bias": torch.tensor([0.5])}, tmp_path / "w.pt")
    with pytest.raises(
        EstimatorError, match=r"w\.pt`: expected the weights of the network of .*config\.yaml"
    ):
        program("infonet", sys.executable, 120.0, **paths).estimate(X[:, 0], Y[:, 0])


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    there = tmp_path / "w.pt"
    there.touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    nowhere = str(tmp_path / "none.pt")
    for name, options, message in (
        (
            "mist",
            {},
            "`checkpoint` `nothing`: expected the path of the weights, a .ckpt or .pt file, because",
        ),
        ("mist", {"checkpoint": nowhere}, f"`checkpoint` `{nowhere}`: expected the path of the weights"),
        (
            "infonet",
            {"checkpoint": str(there)},
            "`repository` `nothing`: expected the path of a copy of the rep",
        ),
        (
            "infonet",
            {"repository": str(tmp_path)},
            "`checkpoint` `nothing`: expected the path of the weights, a",
        ),
    ):
        with pytest.raises(EstimatorError, match=re.escape(message)):
            program(name, sys.executable, **options)
    (tmp_path / "mist_statinf.py").write_text("import a_package_that_is_not_there", encoding="utf-8")
    with pytest.raises(
        EstimatorError, match=r"expected the package mist_statinf\. Run: pip install mist-statinf"
    ):
        program("mist", sys.executable, 120.0, checkpoint=str(there)).estimate(X, Y)
    with pytest.raises(
        EstimatorError, match=r"^`infonet` `exit 1`: (.|\n)*expected infer.py of the repository"
    ):
        paths = {"repository": str(tmp_path), "checkpoint": str(there)}
        program("infonet", sys.executable, 120.0, **paths).estimate(X[:, 0], Y[:, 0])
