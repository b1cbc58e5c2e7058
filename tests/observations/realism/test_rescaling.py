"""A factor and a shift after a flow: moments of training rows, the same network, its own certificate."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from observations.adopted.models import Called
from observations.small import small_file
from PIL import Image
from typer.testing import CliRunner

from infoloom.cli.main import app
from infoloom.errors import FlowError
from infoloom.observations import adopt
from infoloom.observations.flows.checkpoint import rewrite_description
from infoloom.observations.realism.pictures import sample_picture
from infoloom.observations.realism.rescaling import rescaled
from infoloom.observations.realism.sides import real_with_noise, sampled
from infoloom.observations.training.data.rows import BRIGHTNESS
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.packaging import all_classes, update_card
from infoloom.spec.flows.flow import flow_header

ROWS = 400


def rows_of(count: int, seed: int = 0) -> np.ndarray:
    return (7.0 + 2.5 * np.random.default_rng(seed).standard_normal((count, 6))).astype(np.float32)


def data_with(held_out: np.ndarray) -> TrainingData:
    labels = np.arange(ROWS) % 2
    return TrainingData(
        rows_of(ROWS), labels, held_out, np.arange(len(held_out)) % 2, ("a", "b"), "metre", 2.0, 3.0
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return small_file(
        tmp_path / "small.safetensors", 0.3, card={"certificate": {"passes": True}, "data": "made"}
    )


def moments(rows: np.ndarray) -> tuple[float, float]:
    return float(rows.mean(dtype=np.float64)), float(rows.std(dtype=np.float64))


def test_samples_have_the_mean_and_deviation_of_training_rows(path: Path) -> None:
    flow, data = all_classes(str(path)), data_with(rows_of(50, seed=1))
    new = rescaled(flow, data, rows=ROWS)
    rewrite_description(path, new)
    real, labels = real_with_noise(data, flow, ROWS, 0, held_out=False)
    made = sampled(all_classes(str(path)), None, ROWS, 0, labels)
    assert moments(made) == pytest.approx(moments(real), rel=1e-5)
    assert moments(sampled(flow, None, ROWS, 0, labels)) != pytest.approx(moments(real), rel=0.05)


def test_it_is_a_factor_and_a_shift_with_its_jacobian_and_inverse(path: Path) -> None:
    old = all_classes(str(path), torch.float64)
    new = rescaled(all_classes(str(path)), data_with(rows_of(50)), rows=ROWS)
    rewrite_description(path, new)
    after = all_classes(str(path), torch.float64)
    changed = new.card["rescaled"]
    latents = torch.randn(
        (old.batch, old.dim), generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    there = after.forward(latents)
    assert torch.allclose(
        there, changed["factor"] * old.forward(latents) + changed["shift"], rtol=1e-12, atol=1e-12
    )
    assert torch.allclose(after.inverse(there), latents, rtol=1e-9, atol=1e-9)
    one = latents[:1].expand_as(latents)
    dense = [
        torch.autograd.functional.jacobian(
            lambda row, of=of: of.forward(row.expand_as(one))[0].reshape(-1), latents[:1]
        ).reshape(old.dim, old.dim)
        for of in (old, after)
    ]
    volumes = [float(torch.linalg.slogdet(matrix)[1]) for matrix in dense]
    assert volumes[1] - volumes[0] == pytest.approx(old.dim * math.log(changed["factor"]), abs=1e-9)


def test_held_out_rows_are_not_looked_at(path: Path) -> None:
    flow = all_classes(str(path))
    first, other = (rescaled(flow, data_with(held), rows=ROWS) for held in (rows_of(50), 99.0 + rows_of(50)))
    assert first == other
    assert rescaled(flow, replace(data_with(rows_of(50)), values=9.0 + rows_of(ROWS)), rows=ROWS) != first


def test_numbers_of_components_stay_so(path: Path) -> None:
    flow = all_classes(str(path))
    flow.description = replace(flow.description, scale=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    new = rescaled(flow, data_with(rows_of(50)), rows=ROWS)
    factor = new.card["rescaled"]["factor"]
    assert new.scale == pytest.approx([factor * size for size in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)])


def test_an_adopted_flow_is_rescaled_alike(tmp_path: Path) -> None:
    path = adopt(Called(lambda x, t: 0.1 * torch.sin(x)), (6,), grid=4, effort=None).save(
        tmp_path / "own.safetensors"
    )
    flow = all_classes(str(path))
    data = TrainingData(rows_of(ROWS), None, rows_of(50), None, None, "metre")
    rewrite_description(path, rescaled(flow, data, rows=ROWS))
    real, _ = real_with_noise(data, flow, ROWS, 0, held_out=False)
    assert moments(sampled(all_classes(str(path)), None, ROWS, 0, None)) == pytest.approx(
        moments(real), rel=1e-5
    )


def test_the_command_writes_and_certifies_another_flow(path: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "rows.npz", tmp_path / "new.safetensors"
    np.savez(source, values=rows_of(ROWS), label=np.array(["a", "b"] * (ROWS // 2)))
    words = ["flow", "rescale", str(path), "--data", str(source), "-o", str(out), "--rows", "200"]
    quick = CliRunner().invoke(app, [*words, "--quick"], catch_exceptions=False)
    assert quick.exit_code == 0
    assert f"{out}: samples times " in quick.output
    assert "Not certified; run `infoloom flow check " in quick.output
    assert "certificate" not in flow_header(out)["card"]
    whole = CliRunner().invoke(app, words, catch_exceptions=False)
    assert whole.exit_code == 0
    assert ": certified" in whole.output
    card = flow_header(out)["card"]
    assert card["certificate"]["passes"]
    assert card["data"] == "made"
    assert card["rescaled"]["rows"] == 200
    with pytest.raises(FlowError) as caught:
        CliRunner().invoke(app, [*words[:6], str(path)], catch_exceptions=False)
    assert (
        str(caught.value) == f"file `{path}`: expected another file than the flow's own. Choose another name."
    )


def test_a_rescaled_flow_of_pictures_is_drawn_from_black_to_white(tmp_path: Path) -> None:
    """The unit says what is black and white, not the scale: a value beyond white does not make the others grey."""
    drawn = []
    for unit in (BRIGHTNESS, "volt"):
        model = Called(lambda x, t: 0.0 * x)
        path = adopt(model, (1, 4, 4), grid=1, scale=1.2, effort=None).save(tmp_path / "own.safetensors")
        update_card(path, unit=unit)
        sample_picture(str(path), tmp_path / "a.png", rows=2)
        with Image.open(tmp_path / "a.png") as picture:
            drawn.append(np.asarray(picture.convert("L")))
    black, spread = [(one == 0).mean() for one in drawn]
    assert black > 0.15  # P(1.2 z < -1) is 0.20
    assert spread < 0.05
