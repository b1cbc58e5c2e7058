"""What float32 can hold, columns that are one number, and scales of parts that differ in size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch

from infoloom.errors import FlowError
from infoloom.observations import load_flow
from infoloom.observations.training.data.in_float32 import refuse_coarse, refuse_rounding
from infoloom.observations.training.data.own_scale import constant, own_scale
from infoloom.observations.training.data.training_data import TrainingData, load_training_data
from infoloom.observations.training.plan import TrainingPlan
from infoloom.observations.workflow import train_flow

RNG = np.random.default_rng(0)


def load(path: Path) -> TrainingData:
    return load_training_data(str(path))


@pytest.mark.parametrize("number", [0.1, -0.4242, 1e-30, 1e6 + 0.1])
def test_a_constant_column_of_float64_is_no_lost_offset(tmp_path: Path, number: float) -> None:
    column = np.full(400, number)
    column[::3] = np.nextafter(number, np.inf)  # as rounding leaves it
    assert np.std(column) > 0.0
    np.save(tmp_path / "c.npy", np.c_[100.0 * RNG.standard_normal((400, 3)), column])
    data = load(tmp_path / "c.npy")
    assert data.shape == (4,)
    np.testing.assert_allclose(data.values[:, 3], np.float32(number), rtol=1e-7)
    scale = own_scale(np.c_[RNG.standard_normal((400, 1)), 1e3 * RNG.standard_normal((400, 1)), column])[1]
    assert scale[2] == 1.0  # type: ignore[index]
    assert own_scale(np.full((400, 3), number))[1] == 1.0


def test_constant_is_decided_by_the_rounding_of_the_numbers() -> None:
    steps = 1.0 + np.array([[0.0, 0.0, 0.0], [0.0, 2e-16, 1e-13]])
    assert constant(steps, (0,)).tolist() == [[True, True, False]]
    assert constant(np.array([[2**60], [2**60 + 1]]), (0,)).tolist() == [[False]]
    assert constant(np.array([[1.0], [1.0 + 2**-23]], np.float32), (0,)).tolist() == [[False]]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize("base", [2**60, 2**62 + 1])
def test_small_steps_of_large_whole_numbers_are_refused(tmp_path: Path, dtype: type, base: int) -> None:
    steps = RNG.integers(0, 50, (400, 1))
    np.save(tmp_path / "x.npy", np.c_[steps + base, steps].astype(dtype))
    with pytest.raises(
        FlowError, match=r"component 0 lies around .*e\+18 with a deviation of 1[0-9.]+, .* offset"
    ):
        load(tmp_path / "x.npy")


def test_whole_numbers_of_both_signs_are_compared_exactly() -> None:
    refuse_coarse(np.array([[-(2**62)], [0], [2**62]]), "rows")
    with pytest.raises(FlowError, match=r"or set a column that differs by rounding only to one number"):
        refuse_coarse(np.array([[-(2**62)], [-(2**62) + 3]]), "rows")


def test_large_whole_numbers_beside_others_are_refused(tmp_path: Path) -> None:
    large = 2**60 + np.arange(64)
    message = r"expected whole numbers up to 2\^53 beside other kinds of numbers, got 1\.15292e\+18"
    parquet.write_table(pa.table({"a": large, "b": RNG.random(64)}), tmp_path / "t.parquet")
    with pytest.raises(FlowError, match=message):
        load(tmp_path / "t.parquet")
    np.save(tmp_path / "1.npy", large[:, None])
    np.save(tmp_path / "2.npy", RNG.random((64, 1)))
    with pytest.raises(FlowError, match=message):
        load_training_data(f"{tmp_path}/1.npy,{tmp_path}/2.npy")
    refuse_rounding([large, np.arange(3, dtype=np.int32)], "rows")  # int64 holds both
    refuse_rounding([np.array([2**53]), np.array([0.5])], "rows")


def test_channels_of_pictures_have_their_own_scale() -> None:
    size = np.array([1.0, 1000.0, 1e-2])
    values = RNG.standard_normal((600, 3, 4, 5)) * size[:, None, None]
    center, scale = own_scale(values)
    assert np.shape(center) == np.shape(scale) == (3, 1, 1)
    assert np.ravel(scale) == pytest.approx(values.std(axis=(0, 2, 3)))
    assert np.ravel(center) == pytest.approx(values.mean(axis=(0, 2, 3)))
    assert isinstance(own_scale(RNG.standard_normal((600, 3, 4, 5)))[1], float)
    assert isinstance(own_scale(RNG.standard_normal((600, 1, 4, 5)) * np.geomspace(1, 99, 5))[1], float)
    volumes = RNG.standard_normal((60, 2, 3, 4, 5)) * np.array([1.0, 9.0])[:, None, None, None]
    assert np.shape(own_scale(volumes)[1]) == (2, 1, 1, 1)


def test_columns_of_a_signal_of_one_channel_have_their_own_scale() -> None:
    values = RNG.standard_normal((600, 1, 16)) * np.geomspace(1, 1000, 16)
    center, scale = own_scale(values)
    assert np.shape(scale) == (1, 16)
    assert np.ravel(scale) == pytest.approx(values.std(axis=0).ravel())
    assert np.ravel(scale) == pytest.approx(np.ravel(own_scale(values[:, 0])[1]))
    assert np.ravel(center) == pytest.approx(np.ravel(own_scale(values[:, 0])[0]))


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 16)])
def test_a_flow_of_parts_of_different_size_keeps_their_sizes(tmp_path: Path, shape: tuple[int, ...]) -> None:
    size = np.array([1.0, 1000.0, 1e-2])[:, None, None] if len(shape) == 3 else np.geomspace(1, 1000, 16)
    values = (RNG.standard_normal((1000, *shape)) * size).astype(np.float32)
    np.save(tmp_path / "parts.npy", values)
    said: list[str] = []
    path = tmp_path / "parts.safetensors"
    plan = TrainingPlan(
        "parts", str(tmp_path / "parts.npy"), path, steps=20, flow_steps=6, precision="float32", quick=True,
        network={"name": "mlp", "hidden": 16, "blocks": 1, "width": 16},
    )  # fmt: skip
    train_flow(plan, lambda what, share: said.append(what))
    assert any(
        f"({'channel by channel' if len(shape) == 3 else 'column by column'}) is subtracted" in one
        for one in said
    )
    flow = load_flow(str(path))
    draws = torch.randn(1000, values[0].size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        samples = flow.forward(draws).double().numpy().reshape(-1, *shape)
        back = flow.inverse(torch.from_numpy(samples).float()).reshape(1000, -1)
    along = (0, 2, 3) if len(shape) == 3 else (0,)
    ratio = samples.std(axis=along) / values.std(axis=along)
    assert np.all((ratio > 0.3) & (ratio < 3.0))  # with one scale they were off by 500
    assert float((back - draws).abs().max()) < 0.05
