"""The linear part of a velocity that knows the deviation of the data at each frequency."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.fft import dctn, idct

from infoloom.errors import FlowError
from infoloom.observations.build import build
from infoloom.observations.flows.checking.certificate import Effort
from infoloom.observations.flows.checkpoint import load_checkpoint
from infoloom.observations.flows.frequencies import CosineTransform, frequency_deviations
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.flows.velocity import VelocityField
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.packaging import certify_file, package_flow
from infoloom.observations.training.plan import TrainingPlan
from infoloom.observations.training.recipes import RECIPES, Recipe
from infoloom.observations.training.targets import flow_matching_target
from infoloom.observations.training.training import Trainer
from infoloom.observations.workflow import train_flow
from infoloom.spec.flows.flow import flow_header

NETWORK = {"name": "mlp", "hidden": 24, "blocks": 1, "width": 16}
RECIPE = Recipe(NETWORK, sigma=0.1, frequencies=True, batch=32, flow_steps=8, bend=0.7)
COLOURS = (2.0, 1.0, 0.5, 0.1, 0.05, 0.01)


def smooth(rows: int = 400) -> TrainingData:
    """Rows of two channels and three positions, whose cosine coefficients are normal with the deviations COLOURS."""
    normal = np.random.default_rng(0).standard_normal((rows, 2, 3)) * np.reshape(COLOURS, (2, 3))
    found = idct(normal, axis=2, norm="ortho").astype(np.float32)
    return TrainingData(found[40:], None, found[:40], None, None, "volt", 0.0, 1.0)


@pytest.mark.parametrize(
    ("shape", "axes"), [((7,), (1,)), ((2, 5), (2,)), ((3, 4, 6), (2, 3)), ((1, 2, 2), (2, 3))]
)
def test_the_transform_is_that_of_scipy_and_keeps_lengths(
    shape: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    transform, values = CosineTransform(shape), torch.randn(5, *shape, dtype=torch.float64)
    found = transform(values)
    assert np.allclose(found, dctn(values.numpy(), axes=axes, norm="ortho"), atol=1e-12)
    assert torch.allclose(found.square().sum(), values.square().sum())
    factors = torch.rand(shape, dtype=torch.float64) + 0.5
    changed = transform.multiplied(values, factors)
    assert torch.allclose(transform(changed), factors * found)
    assert torch.allclose(transform.multiplied(changed, 1.0 / factors), values)


def test_the_transform_computes_in_full_precision_within_autocast() -> None:
    transform, values = CosineTransform((64,)).float(), torch.randn(4, 64)
    plain = transform(values)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(transform(values), plain)


def test_deviations_are_root_mean_squares_of_coefficients() -> None:
    values = torch.randn(3000, 2, 5) + 0.3
    found = np.asarray(frequency_deviations(values, least=0.01))
    oracle = np.sqrt((dctn(values.double().numpy(), axes=(2,), norm="ortho") ** 2).mean(axis=0))
    assert np.allclose(found, oracle, rtol=1e-3)
    assert np.all(np.asarray(frequency_deviations(0.0 * values, least=0.01)) == 0.01)


def test_the_linear_part_is_the_best_one_for_data_of_any_colour() -> None:
    """For normal data the target is uncorrelated with the point and has unit variance, at every frequency."""
    field = VelocityField(NETWORK, (6,), 0, sigma=0.1, spread=COLOURS)
    rows, generator = 100_000, torch.Generator().manual_seed(0)
    colours = torch.tensor(COLOURS, dtype=torch.float64)
    transform = CosineTransform((6,))
    white, noise = (torch.randn((rows, 6), generator=generator, dtype=torch.float64) for _ in range(2))
    data = transform.multiplied(white, colours)
    for time in (0.0, 0.4, 0.95, 1.0):
        moment = torch.full((rows,), time, dtype=torch.float64)
        point, target = (transform(found) for found in flow_matching_target(field, data, noise, moment))
        assert np.allclose(target.square().mean(0), 1.0, atol=4.5 * (2.0 / rows) ** 0.5)
        assert np.allclose((point * target).mean(0) / point.std(0), 0.0, atol=4.5 / rows**0.5)


def test_with_no_data_at_a_frequency_an_untrained_flow_gives_the_noise_of_the_path_there() -> None:
    """The velocity there is −(1 − σ)x₀: Euler's steps are exact, however few."""
    field = VelocityField(NETWORK, (6,), 0, sigma=0.1, spread=(2.0, 1.0, 0.5, 1e-9, 1e-9, 1e-9)).double()
    grid, start = step_grid(4, 0.1, 0.5), torch.randn(8, 6, dtype=torch.float64)
    values = start
    for begin, end in pairwise(grid):
        values = values + (end - begin) * field(values, torch.tensor([begin]), None)
    transform = CosineTransform((6,))
    assert torch.allclose(transform(values)[:, 3:], 0.1 * transform(start)[:, 3:], atol=1e-7)


def test_one_number_and_as_many_equal_ones_are_the_same_velocity() -> None:
    one = VelocityField(NETWORK, (2, 3), 2, sigma=0.1, spread=0.7)
    many = VelocityField(NETWORK, (2, 3), 2, sigma=0.1, spread=((0.7,) * 3,) * 2)
    for name, value in one.named_parameters():
        torch.nn.init.normal_(value, std=0.1)
        many.get_parameter(name).data.copy_(value)
    values, time, label = torch.randn(4, 2, 3).double(), torch.rand(4).double(), torch.tensor([0, 1, 1, 0])
    assert torch.allclose(one.double()(values, time, label), many.double()(values, time, label))


def test_a_trained_flow_knows_its_frequencies_and_inverts(tmp_path: Path) -> None:
    data, path = smooth(), tmp_path / "smooth.safetensors"
    trainer = Trainer(data, RECIPE, precision="float32")
    assert np.allclose(trainer.field.spread, np.reshape(COLOURS, (2, 3)), rtol=0.2)
    trainer.run(steps=60)
    package_flow(path, trainer, data)
    assert certify_file(path, data, effort=Effort(16, 64, 16))["passes"]
    wide = build(str(path), dtype=torch.float64)
    assert isinstance(wide, SteppedFlow)
    z = torch.randn((4, 6), dtype=torch.float64)
    assert torch.allclose(wide.inverse(wide.forward(z)), z, atol=1e-9)
    jacobian = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda row: wide.forward(row[None])[0].flatten(), row)
            for row in z
        ]
    )
    assert torch.allclose(wide.log_det(z), torch.linalg.slogdet(jacobian)[1], atol=1e-8)
    narrow = build(str(path)).forward(z.float())
    assert torch.allclose(narrow.double(), wide.forward(z), atol=1e-4)


def test_what_goes_on_and_what_is_distilled_keep_the_deviations(tmp_path: Path) -> None:
    data, source, path = smooth(), tmp_path / "rows.npy", tmp_path / "smooth.safetensors"
    np.save(source, np.concatenate([data.values, data.held_out]))
    plan = TrainingPlan("smooth", str(source), path, steps=2, network=NETWORK, quick=True)
    trainer = Trainer(data, RECIPE, precision="float32")
    trainer.run(steps=2)
    package_flow(path, trainer, data, card={"data": "rows.npy", "licence": "CC0"})
    spread = flow_header(path)["spread"]
    other = tmp_path / "other.safetensors"
    train_flow(replace(plan, network=None, output=other, teacher=str(path)))
    assert flow_header(other)["spread"] == spread
    assert flow_header(other)["card"]["recipe"]["frequencies"] is True
    with pytest.raises(
        FlowError, match="expected the frequencies that its card says, True, because it goes on; got F"
    ):
        train_flow(replace(plan, network=None, continued=True, frequencies=False))
    train_flow(replace(plan, network=None, continued=True))
    assert flow_header(path)["spread"] == spread


def test_the_option_sets_what_the_recipe_says(tmp_path: Path) -> None:
    plan = TrainingPlan("mine", "rows.npy", tmp_path / "mine.safetensors")
    assert not plan.recipe((2, 128)).frequencies
    assert replace(plan, frequencies=True).recipe((2, 128)).frequencies
    assert RECIPES["rr-lyrae"].frequencies
    assert not replace(plan, name="rr-lyrae", frequencies=False).recipe((4, 128)).frequencies


def test_too_many_positions_are_refused() -> None:
    with pytest.raises(FlowError, match=r"cosine transform of shape \(2, 4096\): expected at most 2048"):
        CosineTransform((2, 4096))
    CosineTransform((4096, 8))


def test_deviations_that_do_not_fit_are_named(tmp_path: Path) -> None:
    data, path = smooth(), tmp_path / "smooth.safetensors"
    trainer = Trainer(data, RECIPE, precision="float32")
    trainer.field.scale_by((1.0, 2.0))
    package_flow(path, trainer, data)
    with pytest.raises(FlowError, match=r"spread `\(1.0, 2.0\)`|spread `\[1.0, 2.0\]`"):
        load_checkpoint(path)
