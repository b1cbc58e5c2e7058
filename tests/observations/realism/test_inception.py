"""Features of a user's Inception weights: what is read, what is refused. The real network runs in `make test-adopt`."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from infoloom.errors import FlowError
from infoloom.observations.realism.inception import InceptionFeatures

RNG = np.random.default_rng(0)


class MeanOfBytes(torch.nn.Module):
    """Stands for the package's network: the mean of each channel, times a weight."""

    def __init__(self, name: str, features: list[str], feature_extractor_weights_path: str) -> None:
        super().__init__()
        assert (name, features) == ("inception", ["2048"])
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.load_state_dict(torch.load(feature_extractor_weights_path, weights_only=True))

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor]:
        assert rows.dtype == torch.uint8
        return (self.weight * rows.float().mean(dim=(2, 3)),)


@pytest.fixture
def package(monkeypatch):
    module = types.ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = MeanOfBytes
    monkeypatch.setitem(sys.modules, "torch_fidelity", types.ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_pictures_become_bytes_and_features(tmp_path: Path, package, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    weights = {"weight": torch.tensor([2.0])}
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    rows = RNG.uniform(-1.5, 1.5, (70, 1, 4, 4)).astype(np.float32)
    found = InceptionFeatures(path).embed(rows)
    wanted = 2.0 * np.rint((rows.clip(-1, 1) + 1.0) * 127.5).mean(axis=(2, 3))
    np.testing.assert_allclose(found, np.repeat(wanted, 3, axis=1), rtol=1e-6)


def test_the_package_is_named_when_missing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(FlowError, match="pip install torch-fidelity"):
        InceptionFeatures(tmp_path / "weights.pth")


def test_weights_that_are_not_such_are_refused(tmp_path: Path, package) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(FlowError, match=r"expected a \.pth or \.safetensors file of tensors"):
        InceptionFeatures(path)
    torch.save(MeanOfBytes.forward, path)  # a pickle that names code
    with pytest.raises(FlowError, match="Nothing in it was run"):
        InceptionFeatures(path)
    torch.save([torch.zeros(1)], path)
    with pytest.raises(FlowError, match="expected named tensors, got list"):
        InceptionFeatures(path)
    torch.save({"other": torch.zeros(1)}, path)
    with pytest.raises(FlowError, match=r"expected the tensors of `weights-inception"):
        InceptionFeatures(path)


def test_rows_that_are_no_pictures_are_refused(tmp_path: Path, package) -> None:
    torch.save({"weight": torch.tensor([1.0])}, tmp_path / "weights.pth")
    with pytest.raises(FlowError, match=r"expected pictures of 1 or 3 channels, got rows of shape \(2, 64\)"):
        InceptionFeatures(tmp_path / "weights.pth").embed(np.zeros((3, 2, 64), np.float32))
