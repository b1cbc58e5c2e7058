"""Fewer steps by distillation: what is taught, what it brings, what the card says, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from observations.arcs import arcs, write_arcs
from typer.testing import CliRunner

from infoloom.cli.main import app
from infoloom.errors import FlowError
from infoloom.observations import build
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.flows.velocity import VelocityField
from infoloom.observations.training.continuing import Finished
from infoloom.observations.training.distilling import Distillation, distilling_recipe
from infoloom.observations.training.held_out import HeldOut
from infoloom.observations.training.packaging import package_flow
from infoloom.observations.training.plan import TrainingPlan
from infoloom.observations.training.recipes import RECIPES, Recipe
from infoloom.observations.training.training import Trainer
from infoloom.observations.workflow import train_flow
from infoloom.spec.flows.flow import flow_header

RECIPE = Recipe({"name": "mlp", "hidden": 48, "blocks": 2, "width": 32}, sigma=0.1, batch=128, flow_steps=32)
GRID = step_grid(4, 0.1, 0.9)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained flow of 32 steps."""
    trainer = Trainer(arcs(), RECIPE, precision="float32")
    trainer.run(steps=400)
    path = tmp_path_factory.mktemp("teacher") / "arcs.safetensors"
    package_flow(
        path, trainer, arcs(), card={"name": "arcs", "data": "arcs.npz", "licence": "CC0", "unit": "m"}
    )
    return path


def test_a_linear_teacher_is_followed_exactly() -> None:
    """An untrained field has the velocity v′/(2v) x, so that x grows as √v(t)."""
    field = VelocityField(RECIPE.network, (2,), 2, sigma=0.1, spread=0.7)
    taught = Distillation(field, GRID, parts=200)
    moment = taught.moments(8, torch.Generator().manual_seed(0))
    data, noise = torch.randn(8, 2), torch.randn(8, 2)
    point, target = taught(field, data, noise, moment, torch.zeros(8, dtype=torch.long))
    end = taught.grid[(taught.grid[:-1] - moment[:, None]).abs().argmin(1) + 1]
    width = lambda time: (time**2 * 0.49 + (1.0 - 0.9 * time) ** 2).sqrt()  # noqa: E731
    skip, gain, _ = field.coefficients(moment)
    landed = point + (end - moment)[:, None] * (skip * point + gain * target)
    assert torch.allclose(landed, point * (width(end) / width(moment))[:, None], atol=1e-4)


def test_a_trained_teacher_is_followed_as_many_small_steps_do(teacher: Path) -> None:
    flow = build(f"{teacher}[high]", dtype=torch.float64, allow_uncertified=True)
    assert isinstance(flow, SteppedFlow)
    field = flow.velocity
    data, noise = (torch.randn(6, 2, dtype=torch.float64) for _ in range(2))
    label = torch.tensor([0, 1, 0, 1, 2, 2])
    taught = Distillation(field, GRID, parts=40)  # type: ignore[arg-type]
    taught.grid = taught.grid.double()
    moment = taught.grid[torch.tensor([0, 1, 2, 3, 0, 2])]
    point, target = taught(field, data, noise, moment, label)  # type: ignore[arg-type]
    values, end = point.clone(), taught.grid[torch.tensor([1, 2, 3, 4, 1, 3])]
    for part in range(1000):
        time = moment + (end - moment) * part / 1000
        values = values + ((end - moment) / 1000)[:, None] * field(values, time, label)
    skip, gain, _ = field.coefficients(moment)  # type: ignore[operator]
    landed = point + (end - moment)[:, None] * (skip * point + gain * target)
    assert torch.allclose(landed, values, atol=5e-3)


def test_every_step_is_taught_as_often_and_held_out_points_lie_at_steps() -> None:
    taught = Distillation(VelocityField(RECIPE.network, (2,), 0, sigma=0.1, spread=0.7), GRID)
    moments = taught.moments(64, torch.Generator().manual_seed(3))
    assert [int((moments == start).sum()) for start in taught.grid[:-1]] == [16] * 4
    held = HeldOut(torch.zeros(50, 2), None, taught)
    assert set(held.moments.tolist()) == set(taught.grid[:-1].tolist())


def test_a_distilled_flow_lands_nearer_to_the_teachers_many_steps(teacher: Path, tmp_path: Path) -> None:
    """The teacher's weights on the same four steps are the alternative."""
    path = tmp_path / "four.safetensors"
    write_arcs(tmp_path / "arcs.npz")
    plan = TrainingPlan(
        "arcs", str(tmp_path / "arcs.npz"), path, steps=400, flow_steps=4, teacher=str(teacher), quick=True
    )
    train_flow(plan)
    long, four = (build(f"{one}[high]", allow_uncertified=True) for one in (teacher, path))
    assert isinstance(long, SteppedFlow)
    assert isinstance(four, SteppedFlow)
    grid = replace(long.description, grid=four.description.grid)
    coarse = SteppedFlow(grid, long.velocity).with_label(long.label)
    z = torch.randn((500, 2), generator=torch.Generator().manual_seed(0))
    goal = (
        SteppedFlow(replace(grid, grid=step_grid(200, 0.1, 0.5)), long.velocity)
        .with_label(long.label)
        .forward(z)
    )
    errors = [float((flow.forward(z) - goal).square().mean().sqrt()) for flow in (coarse, four)]
    assert errors[1] < 0.5 * errors[0]


def test_the_card_of_a_distilled_flow(teacher: Path, tmp_path: Path) -> None:
    write_arcs(tmp_path / "arcs.npz")
    path = tmp_path / "half.safetensors"
    plan = TrainingPlan("arcs", str(tmp_path / "arcs.npz"), path, steps=2, teacher=str(teacher), quick=True)
    train_flow(plan)
    header = flow_header(path)
    card, own = header["card"], flow_header(teacher)
    assert card["data"] == f"arcs.npz; then {tmp_path / 'arcs.npz'}"
    assert (card["licence"], card["unit"]) == ("CC0", "m")
    assert card["trained"]["steps"] == 2
    assert card["distilled"]["steps"] == 32
    assert card["distilled"]["trained"] == own["card"]["trained"]
    assert header["grid"] == pytest.approx(step_grid(16, 0.1, 0.9))
    assert header["center"] == own["center"]
    assert header["spread"] == own["spread"]
    message = "expected a flow trained by flow matching, got a distilled one. Go on with the flow that it was distilled"
    with pytest.raises(FlowError, match=message):
        train_flow(replace(plan, teacher=str(path), output=tmp_path / "other.safetensors"))
    with pytest.raises(FlowError, match=message):
        train_flow(replace(plan, teacher=None, continued=True))


def test_a_stopped_distillation_goes_on_with_the_same_one_only(teacher: Path, tmp_path: Path) -> None:
    """Another grid, another teacher, and flow matching are other trainings; the scaling is the teacher's."""
    own, other = Finished(teacher), Trainer(arcs(), RECIPE, seed=5)
    state = tmp_path / "state.safetensors"
    stopped = Trainer(arcs(), RECIPE, precision="float32", target=own.taught(GRID, "cpu"))
    own.load(stopped, afresh=True)
    stopped.run(steps=2)
    stopped.save(state)
    same = Trainer(arcs(), RECIPE, precision="float32", target=own.taught(GRID, "cpu"))
    same.resume(state)
    straight, resumed = (trainer.run(steps=4) and trainer.weights() for trainer in (stopped, same))
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    finer = own.taught(step_grid(5, 0.1, 0.9), "cpu")
    for target in (finer, Distillation(other.field, GRID), None):
        with pytest.raises(FlowError, match=r"training state .*: expected .*, but the training began with "):
            Trainer(arcs(), RECIPE, target=target).resume(state)


def test_what_goes_on_has_the_scaling_of_the_finished_flow(teacher: Path, tmp_path: Path) -> None:
    """Also where it was stopped between, and where the data at hand have another deviation."""
    write_arcs(tmp_path / "half.npz", size=0.5)
    output = tmp_path / "four.safetensors"
    plan = TrainingPlan("arcs", str(tmp_path / "half.npz"), output, steps=1, teacher=str(teacher), quick=True)
    train_flow(plan)
    assert flow_header(output)["spread"] == flow_header(teacher)["spread"]
    own = Finished(teacher)
    recipe = distilling_recipe(plan.recipe((2,), own), 32)
    taught = own.taught(step_grid(recipe.flow_steps, recipe.sigma, recipe.bend), "cpu")
    stopped = Trainer(own.data(plan.data()), recipe, target=taught, precision="float32")
    own.load(stopped, afresh=True)
    stopped.save(output.with_suffix(".training.safetensors"))
    train_flow(replace(plan, precision="float32"))
    assert flow_header(output)["spread"] == flow_header(teacher)["spread"]


def test_outputs_that_cannot_be_are_named(teacher: Path, tmp_path: Path) -> None:
    write_arcs(tmp_path / "arcs.npz")
    plan = TrainingPlan("arcs", str(tmp_path / "arcs.npz"), teacher, steps=1, teacher=str(teacher))
    with pytest.raises(FlowError, match=r"output .*: expected another file than that of the flow itself"):
        train_flow(plan)
    with pytest.raises(FlowError, match=r"file .*: expected a name ending in `\.safetensors`\."):
        train_flow(replace(plan, output=tmp_path / "arcs.txt"))


def test_the_command(teacher: Path, tmp_path: Path) -> None:
    write_arcs(tmp_path / "arcs.npz")
    source, output = str(tmp_path / "arcs.npz"), str(tmp_path / "four.safetensors")
    call = [
        "flow",
        "distill",
        str(teacher),
        "--data",
        source,
        "-o",
        output,
        "--flow-steps",
        "6",
        "--steps",
        "30",
    ]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert "arcs: certified" in done.output
    assert f"Wrote {output}" in done.output
    assert len(flow_header(Path(output))["grid"]) == 7


def test_a_recipe_for_distilling() -> None:
    recipe = distilling_recipe(replace(RECIPE, guidance=0.3), 9)
    assert (recipe.flow_steps, recipe.guidance) == (5, 0.0)
    said = replace(RECIPE, distilled_steps=4, distilled_bend=0.5)
    assert (distilling_recipe(said, 9).flow_steps, distilling_recipe(said, 9).bend) == (4, 0.5)
    more = {
        name for name, one in RECIPES.items() if one.distilled_steps and one.distilled_steps > one.flow_steps
    }
    assert more == {"star"}  # with twelve steps its first one is too long to be injective
