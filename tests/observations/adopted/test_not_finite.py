"""What is no number fails a certificate, with a reason and without a traceback."""

from __future__ import annotations

import json
import math

import pytest
import torch
from observations.adopted.models import Called

from infoloom.cli.flow.commands import print_verdict
from infoloom.errors import FlowError
from infoloom.observations import Effort, GridSearch, adopt, build
from infoloom.observations.flows.checking.certificate import whole_map
from infoloom.observations.flows.checking.extremes import (
    in_words,
    largest,
    relative_errors,
    singular_values,
    smallest,
)
from infoloom.observations.flows.checking.lanczos import smallest_eigenvalue
from infoloom.observations.training.packaging import all_classes, certify_file
from infoloom.spec.flows.flow import flow_header
from infoloom.spec.flows.norms import lost_if_smaller

FEW = Effort(eigen_rows=8, trip_rows=64, wide_rows=64, rounds=6, singular_rows=0)


def outside(x, t):
    """No number for rows of more than √3 times the usual norm."""
    return 0.1 * x * (3.0 - x.square().mean(dim=1, keepdim=True)).sqrt()


def inside(x, t):
    """No number for rows of less than 0.63 times the usual norm."""
    return 0.1 * x * (x.square().mean(dim=1, keepdim=True) - 0.4).sqrt()


def edge(x, t):
    """No number where a component is below −2.5, one row of 16 in ten."""
    return 0.1 * (x + 2.5).sqrt()


def saw(x, t):
    """x ↦ x − ⌊x / 1e-4⌉ · 0.5e-4 has two x for most values, 0.5e-4 apart."""
    return -(x / 1e-4).round() * 0.5e-4


def test_real_rows_that_come_back_as_no_number_fail_a_certificate():
    made = adopt(Called(outside), (128,), grid=1, effort=None)
    rows = torch.randn(64, 128, generator=torch.Generator().manual_seed(5))
    assert made.certify(real=rows, effort=FEW).certificate["passes"]
    rows[40] *= 3.0
    found = made.certify(real=rows, effort=FEW).certificate
    assert not found["passes"]
    assert found["reason"] == "round trip in float32 too coarse; round trip in float64 too coarse"
    assert (
        found["round_trip"]["float64"]["worst"] == found["round_trip"]["float64"]["real"]["worst"] == math.inf
    )
    said = json.dumps(in_words(found), allow_nan=False)
    assert json.loads(said)["round_trip"]["float32"]["worst"] == "Infinity"


def test_smaller_latents_that_come_back_as_no_number_are_lost(tmp_path):
    made = adopt(Called(inside), (128,), grid=4)
    found = made.certificate
    assert found["passes"]
    assert found["smaller_latents"]["worst"] == math.inf
    assert "inf worst error (over 0.0001: for whitened latents only)" in print_verdict("inside", found)
    path = made.save(tmp_path / "inside.safetensors")
    assert flow_header(path)["card"]["certificate"]["smaller_latents"]["worst"] == "Infinity"
    assert lost_if_smaller(str(path)) == {str(path): math.inf}
    assert build(str(path)).certificate()["passes"]
    with pytest.raises(FlowError, match=r"expected whitened latents, because .* come back only to inf"):
        build(str(path), whitened=False)


@pytest.mark.parametrize("effort", [Effort(8, 32, 8, 6, 0), Effort(64, 32, 8, 6, 1)])
def test_no_number_in_an_eigenvalue_is_a_reason(effort):
    found = adopt(Called(edge), (16,), grid=2, effort=None).certify(effort=effort).certificate
    assert not found["passes"]
    assert found["reason"].startswith("smallest eigenvalue not finite; round trip in float32 too coarse")
    assert found["margin"] == -math.inf


def test_no_number_in_the_whole_jacobian_is_a_reason():
    made = adopt(Called(lambda x, t: 0.1 * (x.abs() - x.abs().detach()).sqrt()), (8,), grid=1, effort=None)
    found = whole_map(made.flow(), 1)
    assert found["singular_values"] == [-math.inf, math.inf]
    assert "Jacobian of the whole map not finite" in made.certify(effort=FEW_SINGULAR).certificate["reason"]


FEW_SINGULAR = Effort(2, 32, 8, 4, 1)


class NoSlope(torch.nn.Module):
    """The identity whose derivative is no number: √0 has none."""

    def forward_and_log_det(self, z):
        return z + (z - z).abs().sqrt(), torch.zeros_like(z[:, 0])

    def inverse(self, x):
        return x + 0.0


def test_no_number_in_the_jacobian_of_a_bijection_is_a_reason():
    found = adopt(NoSlope(), (3,), kind="bijection", effort=FEW).certificate
    assert not found["passes"]
    assert "Jacobian not finite" in found["reason"]


def test_a_velocity_that_is_no_number_has_no_grid():
    message = (
        r"expected a velocity that is finite along sampled rows, got other values in the step from t = 0.000"
    )
    with pytest.raises(FlowError, match=message):
        adopt(Called(edge), (16,), grid=GridSearch(max_steps=8, rows=8))


@pytest.mark.parametrize("kind", ["velocity", "bijection"])
def test_what_float64_did_not_see_has_no_certificate(kind, tmp_path):
    """float32 alone takes a saw-tooth of 1e-4 for rounding."""

    class Saw(torch.nn.Module):
        def forward_and_log_det(self, z):
            return z + saw(z, None), torch.zeros_like(z[:, 0])

        def inverse(self, x):
            return 2.0 * x

    model = Called(saw) if kind == "velocity" else Saw()
    made = adopt(model, (1500,), kind=kind, grid=1, effort=None)
    with_wide = made.certify(effort=Effort(4, 32, 8, 4, 0)).certificate
    assert "round trip in float64 too coarse" in with_wide["reason"]
    without = made.certify(effort=Effort(4, 32, 0, 4, 0)).certificate
    assert not without["passes"]
    assert without["reason"].endswith("float64 not checked")
    path = made.save(tmp_path / "saw.safetensors")
    with pytest.raises(
        FlowError, match=r"certificate of `0` rows in float64: expected 1 or more where it is kept"
    ):
        certify_file(path, None, effort=Effort(4, 32, 0, 4, 0))
    assert "certificate" not in all_classes(str(path)).description.card
    assert not certify_file(path, None, effort=Effort(4, 32, 0, 4, 0), keep=False)["passes"]


def test_extremes_do_not_pass_over_what_is_no_number():
    nan = math.nan
    assert largest([0.0, nan]) == largest([nan, 0.0]) == math.inf
    assert smallest([0.0, nan]) == smallest([nan, 0.0]) == -math.inf
    wanted = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, 0.0], [nan, 0.0]])
    found = torch.tensor([[3.0, 4.5], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert relative_errors(found, wanted).tolist() == [pytest.approx(0.1), 0.0, math.inf, math.inf]
    matrices = torch.stack([2.0 * torch.eye(2), torch.full((2, 2), nan)])
    assert singular_values(matrices)[0].tolist() == [2.0, 2.0]
    assert bool(singular_values(matrices)[1].isnan().all())


def test_one_row_that_is_no_number_leaves_the_eigenvalues_of_the_others():
    points = torch.tensor([[1.0, 2.0], [math.nan, 0.0]], dtype=torch.float64)
    found = smallest_eigenvalue(lambda y: -0.5 * y + 0.0 * y.square(), points)
    assert float(found.value[0]) == pytest.approx(0.5)
    assert math.isnan(float(found.value[1]))
