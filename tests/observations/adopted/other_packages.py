"""Models of torchcfm, flow_matching, nflows, normflows and FrEIA, built with the real packages: `make test-adopt`."""

from __future__ import annotations

import copy
import sys
import types
from importlib import import_module

import numpy as np
import pytest
import torch
from observations.adopted.models import SmallVelocity

from infoloom.observations import (
    Effort,
    build,
    from_flow_matching,
    from_freia,
    from_nflows,
    from_normflows,
    from_torchcfm,
)
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.adopted.exact_certificate import certify_exact
from infoloom.observations.adopted.packages import _Normflows
from infoloom.observations.flows.checkpoint import FlowDescription
from infoloom.observations.realism.inception import InceptionFeatures

FEW = Effort(eigen_rows=2, trip_rows=32, wide_rows=8, rounds=6, singular_rows=0)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def randomised(model, strength=0.02):
    """Layers that start at zero get random weights, so that the test sees them."""
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.normal_(std=strength)
    return model


@pytest.mark.parametrize("classes", [None, ["cat", "dog"]])
def test_torchcfm_unet(tmp_path, classes):
    unet = import_module("torchcfm.models.unet.unet").UNetModelWrapper(
        dim=(1, 8, 8), num_channels=32, num_res_blocks=1, channel_mult=(1, 2), attention_resolutions="4", num_heads=2,
        class_cond=bool(classes), num_classes=2 if classes else None,
    )  # fmt: skip
    made = from_torchcfm(randomised(unet).eval(), (1, 8, 8), classes=classes, grid=4, effort=FEW)
    assert made.certificate["passes"], made.certificate
    path = made.save(tmp_path / "unet.safetensors")
    flow = build(f"{path}[dog]" if classes else str(path))
    z = torch.randn(2, 64)
    label = [torch.ones(2, dtype=torch.int64)] if classes else []
    y = z.reshape(2, 1, 8, 8)
    with torch.no_grad():
        for step in range(4):
            y = y + unet(torch.full((2,), step / 4), y, *label) / 4
        assert torch.allclose(flow.forward(z), y, atol=1e-4)


def test_torchcfm_mlp():
    network = import_module("torchcfm.models.models").MLP(dim=2, w=16, time_varying=True)
    made = from_torchcfm(network, (2,), grid=8, effort=FEW)
    assert made.certificate["passes"], made.certificate


def test_flow_matching_wrapper():
    wrapper = import_module("flow_matching.utils").ModelWrapper

    class Wrapped(wrapper):
        def forward(self, x, t, **extras):
            return self.model(x, t.expand(len(x)), extras.get("label"))

    model = Wrapped(SmallVelocity(classes=2))
    made = from_flow_matching(model, (4,), classes=["a", "b"], grid=4, effort=FEW)
    assert made.certificate["passes"], made.certificate
    sampler = import_module("flow_matching.solver").ODESolver(velocity_model=model.eval())
    z = torch.randn(3, 4)
    wanted = sampler.sample(x_init=z, method="euler", step_size=0.25, label=torch.ones(3, dtype=torch.int64))
    assert torch.allclose(made.flow("b").forward(z), wanted, atol=1e-5)


def test_nflows_splines():
    distributions, flows = import_module("nflows.distributions.normal"), import_module("nflows.flows.base")
    transforms, nets = import_module("nflows.transforms"), import_module("nflows.nn.nets")
    parts = []
    for place in range(2):
        mask = torch.tensor([place % 2, 1 - place % 2])
        parts.append(
            transforms.PiecewiseRationalQuadraticCouplingTransform(
                mask, lambda i, o: nets.ResidualNet(i, o, hidden_features=8, num_blocks=1), num_bins=4, tails="linear",
                tail_bound=4.0,
            )
        )  # fmt: skip
    flow = flows.Flow(transforms.CompositeTransform(parts), distributions.StandardNormal([2])).eval()
    adopted = from_nflows(flow, (2,), effort=FEW)
    assert adopted.certificate["passes"], adopted.certificate


def test_normflows_real_nvp_and_residual():
    normflows = import_module("normflows")
    mask = torch.tensor([1.0, 0.0])
    coupled = [
        normflows.flows.MaskedAffineFlow(
            mask if place % 2 else 1 - mask, normflows.nets.MLP([2, 8, 2]), normflows.nets.MLP([2, 8, 2])
        )
        for place in range(4)
    ]
    model = normflows.NormalizingFlow(normflows.distributions.DiagGaussian(2), coupled)
    made = from_normflows(randomised(model, 0.3), (2,), effort=FEW)
    assert made.certificate["passes"], made.certificate
    network = normflows.nets.LipschitzMLP([2, 16, 16, 2], init_zeros=False, lipschitz_const=0.9)
    residual = normflows.NormalizingFlow(
        normflows.distributions.DiagGaussian(2), [normflows.flows.Residual(network, reduce_memory=False)]
    ).eval()
    maps = FlowDescription((2,), None, "bijection", (0.0, 1.0), {"name": "graph", "batch": 8}, 0.0, 1.0)
    flows = []
    for dtype in (torch.float32, torch.float64):
        wrapped = _Normflows(copy.deepcopy(residual).to(dtype), (2,))
        flows.append(ExactFlow(maps, wrapped.forward_and_log_det, wrapped.inverse, "", dtype))
    found = certify_exact(*flows, effort=Effort(eigen_rows=1, trip_rows=8, wide_rows=8))
    assert not found["passes"]
    assert "round trip in float64 too coarse" in found["reason"]


def test_freia_couplings():
    framework, modules = import_module("FrEIA.framework"), import_module("FrEIA.modules")

    def network(inputs, outputs):
        return torch.nn.Sequential(torch.nn.Linear(inputs, 8), torch.nn.Tanh(), torch.nn.Linear(8, outputs))

    model = framework.SequenceINN(4)
    for _ in range(2):
        model.append(modules.AllInOneBlock, subnet_constructor=network)
    made = from_freia(model.eval(), (4,), effort=FEW)
    assert made.certificate["passes"], made.certificate
    z = torch.randn(3, 4)
    with torch.no_grad():
        assert torch.allclose(made.flow().forward(z), model(z, rev=True)[0], atol=1e-5)


@pytest.fixture
def without_torchvision(monkeypatch):
    """The package imports torchvision for other networks; a wheel for CUDA does not load beside torch for CPUs."""
    for name in ("", ".datasets", ".transforms", ".transforms.functional", ".models"):
        module = types.ModuleType(f"torchvision{name}")
        module.__path__ = []
        if name not in ("", ".transforms"):
            module.__getattr__ = lambda name: type(name, (), {})
        monkeypatch.setitem(sys.modules, module.__name__, module)


def test_the_inception_network_takes_weights_of_a_users_own(tmp_path, without_torchvision):
    """Random weights of the real network, read without running code; a known picture gives the network's own values."""
    module = import_module("torch_fidelity.feature_extractor_inceptionv3")
    made = randomised_inception(module)
    path = tmp_path / "weights.pth"
    torch.save(made.state_dict(), path)
    rows = torch.rand((3, 3, 32, 32), generator=torch.Generator().manual_seed(1)).mul(2.0).sub(1.0)
    found = InceptionFeatures(path).embed(rows.numpy())
    assert found.shape == (3, 2048)
    grey = ((rows + 1.0) * 127.5).round().to(torch.uint8)
    with torch.no_grad():
        wanted = made(grey)[0].double().numpy()
    assert abs(wanted).max() > 0.0
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6 * abs(wanted).max())


def randomised_inception(module):
    """The network without its download."""
    kept = module.load_state_dict_from_url
    module.load_state_dict_from_url = lambda url, progress: {}
    load = module.FeatureExtractorInceptionV3.load_state_dict
    module.FeatureExtractorInceptionV3.load_state_dict = lambda self, state: None
    try:
        return module.FeatureExtractorInceptionV3("inception", ["2048"]).eval()
    finally:
        module.load_state_dict_from_url = kept
        module.FeatureExtractorInceptionV3.load_state_dict = load
