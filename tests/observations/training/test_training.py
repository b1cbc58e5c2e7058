"""Training: the path's algebra, learning, exact repeat and resume."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from observations.arcs import arcs

from infoloom.errors import FlowError
from infoloom.observations import build
from infoloom.observations.flows.checking.certificate import Effort
from infoloom.observations.flows.checkpoint import FlowDescription, rewrite_description
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.networks import build_network
from infoloom.observations.flows.velocity import VelocityField, flop_count
from infoloom.observations.training.continuing import Finished
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.distilling import distilling_recipe
from infoloom.observations.training.packaging import (
    all_classes,
    certify_file,
    package_flow,
    real_rows,
    update_card,
)
from infoloom.observations.training.plan import TrainingPlan
from infoloom.observations.training.recipes import RECIPES, Recipe, recipe_for
from infoloom.observations.training.targets import flow_matching_target
from infoloom.observations.training.training import Progress, Trainer
from infoloom.observations.workflow import check_flow, train_flow
from infoloom.spec.flows.flow import flow_header, flow_path

RECIPE = Recipe({"name": "mlp", "hidden": 48, "blocks": 2, "width": 32}, sigma=0.1, batch=128, flow_steps=8)

SHAPES = {
    "digits": (1, 8, 8),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "galaxy": (3, 32, 32),
    "heartbeat": (4, 128),
    "heartbeat-one": (2, 128),
    "rr-lyrae": (4, 128),
    "star": (512,),
    "supernova": (256,),
    "supernova-curve": (2, 64),
    "spoken": (1, 32, 32),
}


def test_the_target_is_the_velocity_of_the_path() -> None:
    field = VelocityField(RECIPE.network, (2,), 2, sigma=0.1, spread=0.7)
    data, noise, moment = torch.randn(5, 2), torch.randn(5, 2), torch.rand(5)
    point, target = flow_matching_target(field, data, noise, moment)
    wide = moment[:, None]
    assert torch.allclose(point, wide * data + (1.0 - 0.9 * wide) * noise)
    skip, gain, _ = field.coefficients(moment)
    assert torch.allclose(skip * point + gain * target, data - 0.9 * noise, atol=1e-5)


def test_the_linear_part_is_the_best_one_for_normal_data() -> None:
    """For normal data the target is uncorrelated with the point and has unit variance."""
    field = VelocityField(RECIPE.network, (1,), 0, sigma=0.1, spread=0.5)
    rows = 200_000
    generator = torch.Generator().manual_seed(0)
    data, noise = (torch.randn((rows, 1), generator=generator, dtype=torch.float64) for _ in range(2))
    for time in (0.0, 0.3, 0.9, 1.0):
        moment = torch.full((rows,), time, dtype=torch.float64)
        point, target = flow_matching_target(field, 0.5 * data, noise, moment)
        assert float(target.square().mean()) == pytest.approx(1.0, abs=4.0 * (2.0 / rows) ** 0.5)
        correlation = float((point * target).mean()) / float(point.std())
        assert correlation == pytest.approx(0.0, abs=4.0 / rows**0.5)


def test_a_trained_flow_beats_an_untrained_one_and_inverts(tmp_path: Path) -> None:
    data, path = arcs(), tmp_path / "ring.safetensors"
    trainer = Trainer(data, RECIPE)
    before = distance_to_ring(trainer, data, path)
    reached = trainer.run(steps=400)
    assert reached.loss < 0.9
    assert distance_to_ring(trainer, data, path) < 0.5 * before
    assert certify_file(path, data, effort=Effort(32, 64, 16))["passes"]
    flow = build(f"{path}[high]")
    x = flow.forward(torch.randn((200, 2), generator=torch.Generator().manual_seed(0)))
    assert float((x[:, 1] > -0.3).float().mean()) > 0.9
    back = flow.inverse(real_rows(data, flow)[::2])
    assert float(back.std()) == pytest.approx(1.0, abs=0.3)


def distance_to_ring(trainer: Trainer, data: TrainingData, path: Path) -> float:
    package_flow(path, trainer, data)
    flow = build(f"{path}[low]", allow_uncertified=True)
    x = flow.forward(torch.randn((200, 2), generator=torch.Generator().manual_seed(1)))
    return float((x.norm(dim=1) - 1.0).abs().mean())


def test_training_repeats_exactly() -> None:
    weights = [_trained(6).weights() for _ in range(2)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def _trained(steps: int) -> Trainer:
    trainer = Trainer(arcs(), replace(RECIPE, label_dropout=0.1, guidance=0.3, augment="amplitude"))
    trainer.run(steps=steps)
    return trainer


def test_a_resumed_training_is_the_same_training(tmp_path: Path) -> None:
    recipe = replace(RECIPE, label_dropout=0.1, guidance=0.3)
    straight, stopped, resumed = (Trainer(arcs(), recipe, precision="float32") for _ in range(3))
    stopped.run(steps=5)
    stopped.save(tmp_path / "state.safetensors")
    resumed.resume(tmp_path / "state.safetensors")
    assert resumed.step == 5
    straight.run(steps=5)
    straight.run(steps=9)
    resumed.run(steps=9)
    for name, value in straight.weights().items():
        assert torch.equal(value, resumed.weights()[name])


def test_resuming_another_training_is_refused(tmp_path: Path) -> None:
    state, rows = tmp_path / "state.safetensors", arcs()
    Trainer(rows, RECIPE).save(state)
    again = r"Give (that|those)\s+again, remove the file to start afresh, or give another output\."
    for other, message in (
        (
            Trainer(rows, replace(RECIPE, network={"name": "mlp", "hidden": 32})),
            "expected network .* began with",
        ),
        (Trainer(rows, replace(RECIPE, batch=64)), "expected batch 64, but the training began with 128"),
        (Trainer(rows, replace(RECIPE, augment="amplitude")), "expected augment amplitude, but .* none"),
        (Trainer(rows, RECIPE, seed=3), "expected seed 3, but the training began with 0"),
        (Trainer(replace(rows, values=rows.values + 1e-3), RECIPE), "expected the data at hand"),
        (Trainer(replace(rows, held_out=rows.held_out[::-1]), RECIPE), "expected the data at hand"),
        (Trainer(arcs(77), RECIPE), "expected the data at hand"),
    ):
        with pytest.raises(FlowError, match=f"training state `.*`: {message}.*{again}"):
            other.resume(state)
    Trainer(rows, replace(RECIPE, minutes=3.0, flow_steps=4, bend=0.1)).resume(
        state
    )  # of the finished flow only
    with pytest.raises(FlowError, match="expected the file that an interrupted training left"):
        Trainer(rows, RECIPE).resume(tmp_path / "nothing.safetensors")


def test_a_training_goes_on_as_its_card_says(tmp_path: Path) -> None:
    data, source, output = arcs(), tmp_path / "ring.npz", tmp_path / "mine.safetensors"
    people = np.arange(len(data.values)) // 4
    np.savez(source, x=data.values, y=data.labels, person=people)
    plan = TrainingPlan(
        "mine", str(source), output, steps=20, network=RECIPE.network, sigma=0.1, flow_steps=6, bend=0.3,
        solver="midpoint", batch=48, group="person", augment="amplitude", quick=True,
    )  # fmt: skip
    train_flow(plan)
    before = flow_header(output)
    more = TrainingPlan("mine", str(source), output, steps=20, continued=True, quick=True)
    assert np.array_equal(more.data().held_out, plan.data().held_out)
    np.savez(tmp_path / "wider.npz", x=3.0 * data.values + 1.0, y=data.labels, person=people)
    wider = replace(more, source=str(tmp_path / "wider.npz")).data()
    assert (wider.center, wider.scale) == (before["center"], before["scale"])
    assert f"in training: {before['center']:g} is subtracted, and the result is divided by" in "\n".join(
        wider.description()
    )
    train_flow(more)
    after = flow_header(output)
    assert after["card"]["trained"]["steps"] == 40
    assert after["card"]["recipe"] == before["card"]["recipe"]
    assert [after[key] for key in ("grid", "solver", "sigma")] == [
        before[key] for key in ("grid", "solver", "sigma")
    ]
    train_flow(
        replace(more, flow_steps=9, group="person", sigma=0.1, batch=48, augment="amplitude")
    )  # what the card says may be said again
    assert len(flow_header(output)["grid"]) == 10
    old = {key: value for key, value in before["card"]["recipe"].items() if key not in ("flow_steps", "bend")}
    update_card(output, recipe=old)
    assert Finished(output).recipe.flow_steps == 9  # older cards do not say it: that of the flow
    update_card(output, recipe=before["card"]["recipe"])
    for change, message in (
        ({"sigma": 0.2}, "expected the sigma that its card says, 0.1, because it goes on; got 0.2"),
        ({"batch": 64}, "expected the batch that its card says, 48, because it goes on; got 64"),
        (
            {"augment": "none"},
            "expected the augment that its card says, amplitude, because it goes on; got none",
        ),
        ({"group": "y"}, "expected the group that its card says, person, because it goes on; got y"),
        ({"network": {"name": "mlp"}}, "expected the network that its card says"),
        ({"unconditional": True}, "expected the unconditional that its card says, False"),
    ):
        with pytest.raises(FlowError, match=message):
            train_flow(replace(more, **change))


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"recipe": 3},
        {"recipe": {"batch": "many"}},
        {"recipe": {"batch": 0}},
        {"recipe": {"reading": {"size": []}}},
    ],
)
def test_a_card_of_a_stranger_is_read_with_care(tmp_path: Path, card: dict[str, object]) -> None:
    path, trainer = tmp_path / "mine.safetensors", Trainer(arcs(), RECIPE)
    package_flow(path, trainer, arcs())
    description = FlowDescription.from_header(flow_header(path), path)
    rewrite_description(path, replace(description, card={"trained": description.card["trained"], **card}))
    with pytest.raises(FlowError, match=r"expected a card that says how (it was trained|its data were read)"):
        train_flow(TrainingPlan("mine", "sklearn:digits", path, steps=1, continued=True))


def test_what_cannot_be_written_is_said_before_the_training(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", arcs().values)
    (tmp_path / "folder.safetensors").mkdir()
    plan = TrainingPlan(
        "mine", str(tmp_path / "rows.npy"), tmp_path / "mine.safetensors", steps=10**9, minutes=1e9
    )
    for change, message in (
        ({"output": tmp_path / "mine.npz"}, "expected a name ending in `.safetensors`"),
        ({"output": tmp_path / "my flow.safetensors"}, "expected a name that a spec can say"),
        ({"output": Path("2026.safetensors")}, "expected a name that a spec can say"),
        ({"output": tmp_path / "no" / "mine.safetensors"}, "expected a place in a folder that is there"),
        ({"output": tmp_path / "folder.safetensors"}, "expected a place in a folder that is there"),
        ({"samples": tmp_path / "no" / "mine.png"}, "expected a place in a folder that is there"),
        ({"samples": tmp_path / "mine.foo"}, "expected a picture's name, ending in .png"),
        ({"samples": tmp_path / "mine.svg"}, "expected a picture's name, ending in .png"),
        ({"solver": "rk4"}, "solver `rk4`: expected euler or midpoint"),
        ({"device": "gpu"}, "device `gpu`: expected cpu, or cuda where there is one"),
        ({"batch": -3}, "training, batch -3: expected 1 or more"),
        ({"sigma": 2.0}, "training, sigma 2.0: expected a number between 0 and 1"),
        ({"bend": 2.0}, "expected steps ≥ 1, sigma and bend within 0 to 1"),
        ({"network": {"name": "mlp", "hidden": 60000}}, "expected at most 300,000,000 weights, got 21,"),
    ):
        with pytest.raises(FlowError, match=message):
            train_flow(replace(plan, **change))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0.0),
        ("averaging", 1.0),
        ("label_dropout", 1.5),
        ("guidance", 1.0),
        ("weight_decay", -1.0),
    ],
)
def test_settings_that_no_training_can_have_are_named(name: str, value: float) -> None:
    with pytest.raises(FlowError, match=f"training, {name} {value}: expected a"):
        Trainer(arcs(), replace(RECIPE, **{name: value}))


def test_no_seed_is_set_behind_the_back() -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    Trainer(arcs(), RECIPE).run(steps=2)
    assert torch.equal(torch.get_rng_state(), state)


def test_trainings_that_cannot_start_are_named() -> None:
    for budget in ({"steps": 0}, {"steps": -1}, {"minutes": 0.0}, {"minutes": float("nan")}):
        with pytest.raises(FlowError, match="training: expected minutes above 0 and 1 step or more, got"):
            Trainer(arcs(), RECIPE).run(**budget)
    with pytest.raises(FlowError, match=r"training: expected a budget\. Give `minutes` or `steps`\."):
        Trainer(arcs(), RECIPE).run()
    constant = replace(
        arcs(), values=np.ones((100, 2), dtype=np.float32), labels=np.zeros(100, dtype=np.int64)
    )
    held_only = replace(arcs(), values=np.zeros((0, 2), dtype=np.float32), labels=np.zeros(0, dtype=np.int64))
    with pytest.raises(FlowError, match="expected rows to train on, got held-out rows only"):
        Trainer(held_only, RECIPE)
    with pytest.raises(FlowError, match="expected rows that differ, got a constant"):
        Trainer(constant, RECIPE)
    with pytest.raises(FlowError, match=r"training: the loss is .* Lower the learning rate and resume"):
        Trainer(arcs(), replace(RECIPE, learning_rate=1e30)).run(steps=20)


def test_progress_is_reported(tmp_path: Path) -> None:
    told: list[Progress] = []
    Trainer(arcs(), RECIPE).run(
        steps=6, report=told.append, report_every=2, save_to=tmp_path / "s.safetensors"
    )
    assert [at.step for at in told] == [2, 4, 6]
    assert (tmp_path / "s.safetensors").is_file()


def test_the_whole_workflow(tmp_path: Path) -> None:
    data = arcs()
    source, output = tmp_path / "ring.npz", tmp_path / "mine.safetensors"
    np.savez(source, x=data.values, y=data.labels)
    plan = TrainingPlan(
        "mine", str(source), output, steps=60, network=RECIPE.network, sigma=0.1, flow_steps=6
    )
    told: list[str] = []
    certificate = train_flow(plan, lambda what, share: told.append(what))
    assert certificate["passes"]
    said = next(what for what in told if what.startswith("training, step 50, loss"))
    assert re.search(r"held out \d\.\d+, \d+ rows/s, \d+ min left", said)
    assert list(tmp_path.glob("*.training.safetensors")) == []
    found = check_flow(str(output), str(source), rows=32, eigen_rows=32)
    assert found["passes"]
    assert found["digest"] == certificate["digest"]
    other = tmp_path / "other.npy"
    np.save(other, np.random.default_rng(0).standard_normal((40, 7)))
    with pytest.raises(FlowError, match=r"expected data of shape \(2,\) with classes .* Give the data"):
        check_flow(str(output), str(other))


@pytest.mark.parametrize(
    ("option", "looked", "fewer", "before"),
    [("eigen-rows", "eigen_rows", 4, 64), ("rows", "rows", 32, 1024), ("wide-rows", "wide_rows", 8, 1024)],
)
def test_a_certificate_is_not_replaced_by_one_of_fewer_rows(
    tmp_path: Path, option: str, looked: str, fewer: int, before: int
) -> None:
    path = tmp_path / "digits.safetensors"
    shutil.copy(flow_path("digits"), path)
    content = path.read_bytes()
    rows = {"rows": 1024, "eigen_rows": 64, "wide_rows": 1024} | {looked: fewer}
    problem = f"certificate of `{fewer}` rows: the one that is kept looked at {before}. Raise `--{option}`, or leave"
    with pytest.raises(FlowError, match=re.escape(problem)):
        check_flow(str(path), keep=True, **rows)  # type: ignore[arg-type]
    assert path.read_bytes() == content


def test_the_weights_with_the_smallest_held_out_loss_are_kept(tmp_path: Path) -> None:
    few = replace(
        arcs(300), values=arcs(300).values[:20], labels=np.zeros(20, int), held_out_labels=np.zeros(60, int)
    )
    trainer = Trainer(few, replace(RECIPE, batch=20, averaging=0.9))  # twenty rows are soon known by heart
    looks: list[tuple[float, int]] = []
    trainer.run(steps=400, looks=20, report=lambda at: looks.append((at.held_out, at.step)), report_every=20)
    seen = [one for one, _ in looks if not np.isnan(one)]
    assert trainer.best.loss <= min(seen)
    assert trainer.best.step < trainer.step
    kept = trainer.weights()
    assert all(torch.equal(kept[name], trainer.best.weights[name]) for name in kept)
    assert any(not torch.equal(kept[name], trainer.average[name]) for name in kept)
    trainer.save(tmp_path / "state.safetensors")
    again = Trainer(few, replace(RECIPE, batch=20, averaging=0.9))
    again.resume(tmp_path / "state.safetensors")
    assert (again.best.loss, again.best.step) == (trainer.best.loss, trainer.best.step)
    assert all(torch.equal(again.weights()[name], kept[name]) for name in kept)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_network_that_starts_linear(name: str) -> None:
    field = VelocityField(RECIPES[name].network, SHAPES[name], 3, sigma=0.1, spread=0.5)
    values, time = torch.randn(2, *SHAPES[name]), torch.tensor([0.5])
    assert torch.allclose(
        field(values, time, torch.tensor([1])), field.coefficients(time)[0] * values, atol=1e-6
    )
    assert flop_count(field, True) > 1_000_000


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_shipped_follows_its_recipe(name: str) -> None:
    flow, recipe = all_classes(name).description, RECIPES[name]
    assert ("distilled" in flow.card) == (recipe.distilled_steps is not None)
    if "distilled" in flow.card:
        assert flow.card["distilled"]["steps"] == recipe.flow_steps
        recipe = distilling_recipe(recipe, recipe.flow_steps)
    assert flow.grid == pytest.approx(step_grid(recipe.flow_steps, recipe.sigma, recipe.bend), abs=1e-12)
    assert dict(flow.network) == dict(recipe.network)
    assert flow.sigma == recipe.sigma


@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ((1, 28, 28), "unet"),
        ((3, 64, 64), "unet"),
        ((1, 8, 8), "unet"),
        ((2, 128), "signal-unet"),
        ((7,), "mlp"),
        ((3, 5, 5), "mlp"),
    ],
)
def test_other_data_get_a_network_that_takes_them(shape: tuple[int, ...], network: str) -> None:
    recipe = recipe_for("mine", shape)
    assert recipe.network["name"] == network
    assert tuple(
        VelocityField(recipe.network, shape, 0, sigma=0.1, spread=1.0)(
            torch.randn(2, *shape), torch.tensor([0.2]), None
        ).shape
    ) == (2, *shape)


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({"name": "resnet"}, (3,), "network `resnet`: expected one of mlp, signal-unet, unet"),
        ({"name": "unet"}, (3,), r"network `unet` for shape \(3,\): expected 3 axes"),
        ({"name": "mlp", "depth": 3}, (3,), "expected its own settings only"),
        ({"name": "unet"}, (1, 9, 8), "expected sizes divisible by 4"),
        (
            {"name": "mlp", "hidden": -4},
            (3,),
            "network `mlp`, hidden -4: expected whole numbers from 1 to 65536",
        ),
        ({"name": "mlp", "hidden": 2.5}, (3,), "network `mlp`, hidden 2.5: expected whole numbers"),
        ({"name": "mlp", "width": 3}, (3,), "network `mlp`, width 3: expected whole numbers from 4"),
        ({"name": "unet", "multipliers": []}, (1, 8, 8), r"multipliers \(\): expected whole numbers"),
        ({"name": "unet", "patch": [2]}, (1, 8, 8), "expected its own settings only"),
    ],
)
def test_networks_that_cannot_be_built_are_named(
    settings: dict[str, object], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(FlowError, match=message):
        build_network(settings, shape, 0)
