"""Stepped flows: the map written out, its inverse, its refusals."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
import torch
from observations.small import description, small_file, small_flow, small_velocity

from infoloom.errors import FlowError
from infoloom.observations import build, load_flow
from infoloom.observations.flows.checking.certificate import Effort
from infoloom.observations.flows.checkpoint import FlowDescription, load_checkpoint, save_checkpoint
from infoloom.observations.flows.stepped import SteppedFlow, flow_digest
from infoloom.observations.training.packaging import certify_file
from infoloom.spec.flows.flow import flow_header

FEW = Effort(eigen_rows=32, trip_rows=32, wide_rows=32)


def normal(rows: int, size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn((rows, size), generator=torch.Generator().manual_seed(0), dtype=dtype)


def test_forward_is_the_written_out_recursion() -> None:
    flow, z = small_flow(), normal(3, 6)
    y, grid = z, flow.description.grid
    for start, stop in itertools.pairwise(grid):
        y = y + (stop - start) * flow.velocity(
            y, torch.tensor([start], dtype=torch.float64), torch.tensor([1])
        )
    assert torch.allclose(flow.forward(z), 2.0 + 3.0 * y, atol=1e-12)


@pytest.mark.parametrize("solver", ["euler", "midpoint"])
def test_the_inverse_solves_the_steps(solver: str) -> None:
    flow, z = small_flow(solver=solver), normal(50, 6)
    found = flow.invert(flow.forward(z))
    assert float((found.latents - z).abs().max()) < 1e-11
    assert len(found.errors) == len(found.evaluations) == flow.step_count
    assert max(found.errors) < 1e-12


def test_an_inverse_started_from_single_precision_is_the_same_with_less_work() -> None:
    flow, z = small_flow(0.3), normal(20, 6)
    x = flow.forward(z)
    alone, helped = flow.invert(x), flow.invert(x, small_flow(0.3, dtype=torch.float32))
    assert torch.allclose(alone.latents, helped.latents, atol=1e-11)
    assert max(helped.errors) < 1e-12
    assert sum(helped.evaluations) < sum(alone.evaluations)


def test_rows_that_no_step_was_solved_for_are_refused() -> None:
    """Where steps are not injective there are rows without a latent; a row with a missing number has none either."""
    flow, wild = small_flow(), small_flow(6.0)
    lost = flow.forward(normal(3, 6))
    lost.view(3, -1)[1, 2] = torch.nan
    for one, rows in ((flow, lost), (wild, wild.forward(normal(3, 6)) + 50.0)):
        with pytest.raises(
            FlowError, match="expected observations that it can give, but a step of the inverse"
        ):
            one.inverse(rows)
    assert flow.inverse(lost[:0]).shape == (0, 6)


def test_integrating_backwards_is_another_map() -> None:
    flow, z = small_flow(0.3), normal(20, 6)
    y = flow.states(z)[-1]
    for step in reversed(range(flow.step_count)):
        width = flow.times[step + 1] - flow.times[step]
        y = y - width * flow.velocity(y, flow.times[step + 1][None], flow.label)
    assert float((y - z).abs().max()) > 1e-3
    assert float((flow.inverse(flow.forward(z)) - z).abs().max()) < 1e-10


def test_states_back_are_the_states() -> None:
    flow, z = small_flow(), normal(4, 6)
    for ours, theirs in zip(flow.states(z), flow.states_back(flow.forward(z)), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [0, 1, 7, 31, 32, 33, 64, 100, 256])
def test_the_network_sees_one_size_of_batch(rows: int, dtype: torch.dtype) -> None:
    """This is why a row is the same to the bit in any company: no routine may order its sums by the batch."""
    flow, seen = small_flow(dtype=dtype), []
    flow.velocity.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    assert len(flow.forward(normal(rows, 6, dtype))) == rows
    assert set(seen) == {flow.batch}


def test_classes_differ() -> None:
    z = normal(4, 6)
    velocity = small_velocity(0.3).double()
    first, second = (SteppedFlow(description(), velocity, label).forward(z) for label in (0, 1))
    assert float((first - second).abs().max()) > 1e-3


def test_rows_of_another_precision_are_refused() -> None:
    with pytest.raises(
        FlowError,
        match=r"flow `small` in torch.float64: got rows of torch.float32\. Build it with that dtype",
    ):
        small_flow().forward(normal(2, 6, torch.float32))


def test_a_file_keeps_the_flow(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    flow = load_flow(str(path), "b", torch.float64)
    z = normal(5, 6)
    assert torch.equal(flow.forward(z), small_flow().forward(z))
    assert flow_digest(flow) == flow_digest(small_flow())
    assert FlowDescription.from_header(flow_header(path), path) == flow.description


def test_an_uncertified_flow_is_refused_unless_forced(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    message = "because a map that is not injective loses information; never certified"
    with pytest.raises(FlowError, match=message):
        build(f"{path}[a]")
    forced = build(f"{path}[a]", allow_uncertified=True)
    assert not forced.lossless
    assert certify_file(path, None, effort=FEW)["passes"]
    assert build(f"{path}[a]").lossless


def test_a_certificate_of_other_weights_does_not_count(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    certificate = certify_file(path, None, effort=FEW)
    other = small_file(tmp_path / "other.safetensors", strength=0.2, card={"certificate": certificate})
    with pytest.raises(FlowError, match="the certificate belongs to other weights or another grid"):
        build(f"{other}[a]")


def test_the_digest_sees_every_digit() -> None:
    """Weights are written in half precision; a file with more digits holds another map."""
    rounded, wide = small_flow(dtype=torch.float32), small_flow()
    for value in rounded.velocity.state_dict().values():
        value.copy_(value.half())
    exact = flow_digest(rounded)
    wide.velocity.load_state_dict(rounded.velocity.state_dict())
    assert flow_digest(wide) == exact
    next(rounded.velocity.parameters()).data.view(-1)[0] += 1e-6
    assert flow_digest(rounded) != exact


def test_a_map_that_is_not_injective_is_refused(tmp_path: Path) -> None:
    path = small_file(tmp_path / "wild.safetensors", strength=6.0)
    certificate = certify_file(path, None, effort=FEW)
    assert not certificate["passes"]
    assert certificate["margin"] < 0.0
    with pytest.raises(FlowError, match=r"smallest eigenvalue -.* below 0\.05"):
        build(f"{path}[a]")


def test_files_that_are_no_flows_are_named(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=re.escape("flow `nothing.safetensors`: unknown; expected one of ")):
        load_flow("nothing.safetensors")
    path = small_file(tmp_path / "small.safetensors")
    header = flow_header(path)
    with pytest.raises(FlowError, match=r"expected format 1, got 7\. Update infoloom or train again\."):
        FlowDescription.from_header({**header, "format": 7}, path)
    for broken in ({"grid": [0.0, 2.0]}, {"solver": "heun"}, {"sigma": "x"}):
        with pytest.raises(FlowError, match="expected a complete description"):
            FlowDescription.from_header({**header, **broken}, path)
    del header["card"]
    with pytest.raises(FlowError, match="expected a complete description"):
        FlowDescription.from_header(header, path)
    assert json.loads(description().to_json())["format"] == 1


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    weights = small_velocity(0.1).state_dict()
    save_checkpoint(tmp_path / "short.safetensors", description(), dict(list(weights.items())[1:]))
    with pytest.raises(FlowError, match="expected weights that fit its network"):
        load_checkpoint(tmp_path / "short.safetensors")
    huge = {name: value * 1e9 for name, value in weights.items()}
    with pytest.raises(FlowError, match=r"do not fit half precision\. Train with a lower rate\."):
        save_checkpoint(tmp_path / "huge.safetensors", description(), huge)


def test_classes_are_asked_for_by_name_or_number(tmp_path: Path) -> None:
    path = small_file(tmp_path / "small.safetensors")
    z = normal(2, 6, torch.float32)
    assert torch.equal(load_flow(str(path), "b").forward(z), load_flow(str(path), "1").forward(z))
    with pytest.raises(FlowError, match=r"expected a class, one of a, b\."):
        load_flow(str(path), "c")
    with pytest.raises(FlowError, match="expected a class"):
        build(str(path))


def test_no_rows_have_no_log_determinants() -> None:
    assert small_flow().log_det(torch.zeros((0, 6), dtype=torch.float64)).shape == (0,)
