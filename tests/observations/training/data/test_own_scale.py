"""Columns of different size keep their own centre and scale, in training and in the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from infoloom.errors import FlowError
from infoloom.observations import load_flow
from infoloom.observations.training.data.own_scale import own_scale, standardised
from infoloom.observations.training.data.training_data import TrainingData, load_training_data
from infoloom.observations.training.plan import TrainingPlan
from infoloom.observations.workflow import train_flow
from infoloom.spec.flows.flow import flow_header

NETWORK = {"name": "mlp", "hidden": 16, "blocks": 1, "width": 16}


def table(rows: int = 2000) -> np.ndarray:
    draw = np.random.default_rng(0)
    columns = [draw.normal(45, 14, rows), draw.lognormal(10.2, 0.5, rows), draw.normal(0, 2, rows)]
    return np.stack(columns, axis=1).astype(np.float32)


def plan(folder: Path, **changes: object) -> TrainingPlan:
    np.save(folder / "table.npy", table())
    settings = {
        "steps": 30,
        "network": NETWORK,
        "flow_steps": 4,
        "precision": "float32",
        "quick": True,
        **changes,
    }
    return TrainingPlan("table", str(folder / "table.npy"), folder / "table.safetensors", **settings)  # type: ignore[arg-type]


def test_each_column_has_its_own_scale_where_they_differ() -> None:
    values = table()
    center, scale = own_scale(values)
    assert center == pytest.approx(tuple(values.astype(float).mean(0)))
    assert scale == pytest.approx(tuple(values.astype(float).std(0)))
    unit = standardised(values, center, scale)
    assert unit.dtype == np.float32
    assert unit.std(0) == pytest.approx([1.0, 1.0, 1.0], rel=1e-5)


def test_alike_columns_share_one_scale() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, (500, 4))
    assert own_scale(values) == (pytest.approx(values.mean()), pytest.approx(values.std()))


def test_columns_far_apart_are_centred_each() -> None:
    values = np.random.default_rng(0).normal([0.0, 50.0], 1.0, (500, 2))
    assert own_scale(values)[0] == pytest.approx((values[:, 0].mean(), values[:, 1].mean()))


def test_signals_and_pictures_are_scaled_by_channel() -> None:
    draw = np.random.default_rng(0)
    signals = draw.normal(size=(100, 2, 16)) * [[1.0], [100.0]]
    scale = own_scale(signals)[1]
    assert np.shape(scale) == (2, 1)
    assert np.ravel(scale) == pytest.approx([signals[:, 0].std(), signals[:, 1].std()])
    scale = own_scale(draw.normal(size=(10, 3, 4, 4)) * [[[1.0]], [[9.0]], [[99.0]]])[1]
    assert np.shape(scale) == (3, 1, 1)


def test_a_constant_column_has_scale_one() -> None:
    values = np.stack([np.arange(20.0), np.full(20, 7.0), 1000.0 * np.arange(20.0)], axis=1)
    assert own_scale(values)[1][1] == 1.0  # type: ignore[index]
    assert own_scale(np.full((20, 3), 7.0)) == (7.0, 1.0)


def test_center_and_scale_are_said() -> None:
    whole = TrainingData(
        np.arange(-999.0, 1.0, dtype=np.float32)[:, None], None, np.zeros((1, 1), np.float32), None, None, "counts",
        -497.692, 499.223,
    )  # fmt: skip
    assert "training rows: mean -499.5, standard deviation 288.675" in whole.description()
    assert "in training: -497.692 is subtracted, and the result is divided by 499.223" in whole.description()
    columns = replace(whole, center=(0.0, 10.0), scale=(1.0, 5.0))
    said = "in training: 0, 10 (column by column) is subtracted, and the result is divided by 1, 5 (column by column)"
    assert said in columns.description()


@pytest.mark.parametrize("columns", [[7.0, 7.0], [1.0, 2.0]])
def test_rows_that_are_all_alike_are_refused_in_a_dry_run_too(tmp_path: Path, columns: list[float]) -> None:
    np.save(tmp_path / "flat.npy", np.tile(columns, (40, 1)))
    asked = TrainingPlan("flat", str(tmp_path / "flat.npy"), tmp_path / "flat.safetensors", steps=1)
    for call in (asked.description, lambda: train_flow(asked)):
        with pytest.raises(FlowError, match=r"training data: expected rows that differ, got a constant"):
            call()


def test_samples_of_a_trained_table_have_each_columns_deviation(tmp_path: Path) -> None:
    lines: list[str] = []
    found = train_flow(plan(tmp_path, steps=200, flow_steps=24), lambda what, share: lines.append(what))
    assert found == {"passes": False, "reason": "never certified", "classes": None}
    assert any("(column by column) is subtracted" in line for line in lines)
    flow = load_flow(str(tmp_path / "table.safetensors"))
    with torch.no_grad():
        samples = (
            flow.forward(torch.randn(2000, 3, generator=torch.Generator().manual_seed(0))).double().numpy()
        )
    # a deviation of 2000 draws has a standard error of at most 5 % even for the lognormal column
    assert samples.std(0) == pytest.approx(table().std(0), rel=0.2)
    assert samples.mean(0)[:2] == pytest.approx(table().mean(0)[:2], rel=0.1)


def test_a_csv_table_is_one_variable_a_column(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "t.csv", table(100), delimiter=",", header="age,income,score", comments="")
    data = load_training_data(str(tmp_path / "t.csv"))
    assert data.shape == (3,)
    assert np.shape(data.scale) == (3,)
    assert "one variable a column: age, income, score" in data.notes


def test_a_finished_training_goes_on(tmp_path: Path) -> None:
    train_flow(plan(tmp_path))
    path = tmp_path / "table.safetensors"
    before = flow_header(path)
    assert before["card"]["trained"]["steps"] == 30
    train_flow(plan(tmp_path, continued=True, steps=20))
    after = flow_header(path)
    assert after["card"]["trained"]["steps"] == 50
    assert after["center"] == before["center"]
    assert after["spread"] == before["spread"]
    with pytest.raises(FlowError, match=r"expected a finished flow to go on with. Leave `--continue` out"):
        train_flow(replace(plan(tmp_path), continued=True, output=tmp_path / "none.safetensors"))
    np.save(tmp_path / "table.npy", table()[:, :2])
    with pytest.raises(
        FlowError, match=r"expected data of shape \(3,\) with classes None to go on with, got \(2,\)"
    ):
        train_flow(TrainingPlan("table", str(tmp_path / "table.npy"), path, steps=1, continued=True))
