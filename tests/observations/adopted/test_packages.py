"""How packages call their models: diffusers and zuko themselves, the others by modules that are called alike."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
import zuko
from diffusers import DDIMScheduler, DDPMScheduler, FlowMatchEulerDiscreteScheduler, UNet2DModel
from observations.adopted.models import Affine, SmallVelocity

from infoloom.errors import FlowError
from infoloom.observations import (
    Effort,
    from_diffusers,
    from_flow_matching,
    from_freia,
    from_nflows,
    from_normflows,
    from_torchcfm,
    from_zuko,
)
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.adopted.exact_certificate import certify_exact
from infoloom.observations.adopted.packages import _Zuko
from infoloom.observations.flows.checkpoint import FlowDescription

FEW = Effort(eigen_rows=2, trip_rows=32, wide_rows=8, rounds=4, singular_rows=0)


def unet(classes=None, channels=1):
    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=4, in_channels=1, out_channels=channels, block_out_channels=(8, 8), layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4, num_class_embeds=classes, attention_head_dim=8,
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def pictures():
    """A conditional U-Net of diffusers that predicts the noise, and its variance."""
    model = unet(classes=2, channels=2)
    return model, from_diffusers(model, DDPMScheduler(), grid=8, effort=None)


def test_diffusers_flow_is_ddim_of_the_unet(pictures):
    model, made = pictures
    assert made.description.shape == (1, 4, 4)
    assert made.description.classes == ("0", "1")
    scheduler = DDIMScheduler.from_config(
        DDPMScheduler().config, clip_sample=False, set_alpha_to_one=False, timestep_spacing="trailing"
    )
    scheduler.set_timesteps(8)
    x = z = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for step in scheduler.timesteps:
            noise = model(x, step, torch.ones(2, dtype=torch.int64)).sample[:, :1]
            x = scheduler.step(noise, step, x).prev_sample
        found = made.flow("1").forward(z.flatten(1)) / (1.0 + made.description.sigma**2) ** 0.5
    assert float((found - x).norm() / x.norm()) < 1e-4


@pytest.mark.slow
def test_ddim_in_more_steps_is_certified():
    made = from_diffusers(unet(), DDPMScheduler(), grid=20, effort=FEW)
    assert made.certificate["passes"], made.certificate


@pytest.mark.slow
def test_diffusers_velocity_runs_from_data_to_noise():
    model = unet()
    made = from_diffusers(model, FlowMatchEulerDiscreteScheduler(), grid=2, effort=None)
    z = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = z - 0.5 * model(z, torch.tensor(1000.0)).sample
        y = y - 0.5 * model(y, torch.tensor(500.0)).sample
        found = made.flow().forward(z.flatten(1))
    assert torch.allclose(found, y, atol=1e-4)


def test_diffusers_needs_a_known_schedule():
    scheduler = SimpleNamespace(config={"prediction_type": "flow"}, alphas_cumprod=torch.tensor([0.9, 0.1]))
    with pytest.raises(FlowError, match=r"scheduler `SimpleNamespace`: expected one with `alphas_cumprod`"):
        from_diffusers(unet(), scheduler)


def test_zuko_spline_is_certified_for_every_class():
    torch.manual_seed(0)
    flow = zuko.flows.NSF(2, context=2, transforms=1, hidden_features=(8,))
    made = from_zuko(flow, classes=["left", "right"], effort=FEW)
    assert made.certificate["passes"], made.certificate
    assert made.certificate["round_trip"]["float64"]["worst"] < 1e-12
    z = torch.randn(3, 2)
    context = torch.tensor([0.0, 1.0]).expand(3, 2)
    with torch.no_grad():
        wanted = flow(context).transform.inv(z)
        assert torch.allclose(made.flow("right").forward(z), wanted, atol=1e-5)
        density = flow(context).log_prob(wanted)
        ours = -0.5 * (z**2).sum(1) - torch.log(torch.tensor(2 * torch.pi)) - made.flow("right").log_det(z)
    assert torch.allclose(density, ours, atol=1e-4)


def test_inverse_by_bisection_fails_in_float64():
    torch.manual_seed(0)
    flow = zuko.flows.NAF(2, transforms=1, hidden_features=(8,))
    description = FlowDescription(
        (2,), None, "bijection", (0.0, 1.0), {"name": "graph", "batch": 8}, 0.0, 1.0
    )
    parts = []
    for dtype in (torch.float32, torch.float64):
        model = _Zuko(copy.deepcopy(flow).to(dtype), (2,), None)
        parts.append(ExactFlow(description, model.forward_and_log_det, model.inverse, "", dtype))
    found = certify_exact(*parts, effort=Effort(eigen_rows=1, trip_rows=8, wide_rows=8))
    assert not found["passes"]
    assert "round trip in float64 too coarse" in found["reason"]


def test_base_must_be_normal():
    with pytest.raises(FlowError, match=r"base distribution `.*`: expected a standard normal"):
        from_zuko(zuko.flows.NCSF(2, transforms=1))


def test_context_needs_one_row_a_class():
    flow = zuko.flows.NSF(2, context=1, transforms=1)
    with pytest.raises(FlowError, match=r"context of 3 rows: expected one row a class, 2 classes are named"):
        from_zuko(flow, classes=["a", "b"], context=torch.zeros(3, 1))


class TimeFirst(SmallVelocity):
    """Called as torchcfm's U-Net."""

    def forward(self, t, x, y=None):
        return super().forward(x, t, y)


class Joined(torch.nn.Module):
    """Called as torchcfm's MLP."""

    time_varying = True

    def __init__(self):
        super().__init__()
        self.inner = SmallVelocity()

    def forward(self, joined):
        return self.inner(joined[:, :-1], joined[:, -1])


class Extras(SmallVelocity):
    """Called as flow_matching's wrapper."""

    def forward(self, x, t, **extras):
        return super().forward(x, t, extras.get("label"))


@pytest.mark.parametrize(
    ("adopt", "model", "classes"),
    [
        (from_torchcfm, TimeFirst(classes=2), ["a", "b"]),
        (from_torchcfm, Joined(), None),
        (from_flow_matching, Extras(classes=2), ["a", "b"]),
        (from_flow_matching, Extras(), None),
    ],
)
def test_velocities_are_called_in_their_order(adopt, model, classes):
    made = adopt(model, (4,), classes=classes, grid=1, effort=None)
    inner = SmallVelocity(classes=2 if classes else 0).eval()
    z = torch.randn(3, 4)
    label = [torch.ones(3, dtype=torch.int64)] if classes else []
    with torch.no_grad():
        wanted = z + inner(z, torch.zeros(3), *label)
        assert torch.allclose(made.flow("b" if classes else None).forward(z), wanted, atol=1e-5)


class Both(Affine):
    """An affine map called as a network of FrEIA, as a transform of nflows and as a flow of normflows."""

    def forward(self, x, c=None, rev=False, jac=True):
        if rev:
            return self.forward_and_log_det(x)
        return Affine.inverse(self, x), None


class Inverted(torch.nn.Module):
    """nflows: the transform goes from data to noise."""

    def __init__(self):
        super().__init__()
        self.map = Affine()

    def forward(self, x, context=None):
        return self.map.inverse(x), None

    def inverse(self, z, context=None):
        return self.map.forward_and_log_det(z)


class NflowsLike(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self._transform = Inverted()
        self._distribution = torch.nn.Module()
        self._distribution.log_prob = lambda x: torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)


class Layer(Affine):
    """normflows: a layer gives its log-determinant both ways."""

    def forward(self, z):
        return self.forward_and_log_det(z)

    def inverse(self, x):
        return super().inverse(x), None


class NormflowsLike(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.flows, self.q0 = torch.nn.ModuleList([Layer()]), torch.nn.Module()
        self.q0.loc = torch.nn.Parameter(torch.tensor([[1.0, 2.0, 3.0]]))
        self.q0.log_scale = torch.nn.Parameter(torch.tensor([[0.1, 0.2, 0.3]]))


@pytest.mark.parametrize(
    ("adopt", "model"), [(from_freia, Both()), (from_nflows, NflowsLike()), (from_normflows, NormflowsLike())]
)
def test_bijections_are_called_in_their_order(adopt, model):
    made = adopt(model, (3,), effort=FEW)
    assert made.certificate["passes"], made.certificate
    z = torch.randn(4, 3)
    inner = z if adopt is not from_normflows else model.q0.loc + model.q0.log_scale.exp() * z
    assert torch.allclose(made.flow().forward(z), Affine().forward_and_log_det(inner)[0], atol=1e-5)


def test_normflows_base_must_be_normal():
    model = NormflowsLike()
    model.q0 = torch.nn.Module()
    with pytest.raises(FlowError, match=r"base `Module`: expected `DiagGaussian`"):
        from_normflows(model, (3,))
