"""From a module to a certified flow in a file, and into a dataset."""

from __future__ import annotations

import json
import math

import pytest
import torch
from observations.adopted.models import Affine, SmallVelocity
from safetensors import safe_open
from safetensors.torch import save_file

import infoloom as loom
from infoloom.errors import FlowError
from infoloom.observations import Effort, GridSearch, adopt, build
from infoloom.observations.adopted.files import read_model
from infoloom.observations.training.packaging import all_classes, certify_file, update_card
from infoloom.observations.workflow import TrainingPlan, check_flow, train_flow

FEW = Effort(eigen_rows=4, trip_rows=32, wide_rows=8, rounds=4, singular_rows=1)


@pytest.fixture(scope="module")
def velocity(tmp_path_factory):
    """A conditional velocity with a scale for each component, adopted and saved."""
    made = adopt(
        SmallVelocity(classes=2), (4,), classes=["cat", "dog"], grid=6, effort=FEW, center=[0.0, 1.0, 2.0, 3.0],
        scale=[1.0, 10.0, 100.0, 1000.0], source="a test", licence="CC0", name="small",
    )  # fmt: skip
    return made, made.save(tmp_path_factory.mktemp("adopted") / "small.safetensors")


def test_stepped_flow_is_euler_of_the_model(velocity):
    made, path = velocity
    model = SmallVelocity(classes=2).eval().double()
    flow = build(f"{path}[dog]", dtype=torch.float64)
    z = torch.randn(3, 4, dtype=torch.float64)
    y = z
    with torch.no_grad():
        for step in range(6):
            y = (
                y
                + model(y, torch.full((3,), step / 6, dtype=torch.float64), torch.ones(3, dtype=torch.int64))
                / 6
            )
    scale = torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=torch.float64)
    x = torch.arange(4).double() + scale * y
    assert torch.allclose(flow.forward(z), x, rtol=1e-12)
    assert torch.allclose(flow.inverse(x), z, atol=1e-11)
    dense = torch.func.vmap(torch.func.jacrev(lambda one: flow.forward(one[None])[0]))(z)
    assert torch.allclose(flow.log_det(z), torch.linalg.slogdet(dense).logabsdet, atol=1e-10)
    change = torch.randn(3, 4, dtype=torch.float64) * scale
    moved = torch.linalg.solve(dense, change[:, :, None])[:, :, 0]
    assert torch.allclose(flow.pull_back(z, change), moved, atol=1e-9)
    assert made.certificate["passes"]


def test_file_carries_certificate_and_no_code(velocity):
    made, path = velocity
    certificate = build(f"{path}[cat]").certificate()
    assert certificate["passes"]
    assert certificate["digest"] == made.certificate["digest"]
    with safe_open(str(path), "pt") as file:
        metadata = file.metadata()
        assert set(metadata) == {"infoloom", "graph", "sha256"}
        assert json.loads(metadata["infoloom"])["card"]["adopted"]["class"].endswith("SmallVelocity")
        assert {file.get_tensor(name).dtype for name in file.keys()} <= {torch.float32, torch.int64}  # noqa: SIM118


def test_certificate_belongs_to_graph_and_weights(velocity, tmp_path):
    path = velocity[1]
    with safe_open(str(path), "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del metadata["sha256"]  # a forger leaves it out
    name = next(name for name in tensors if name.endswith("leave.weight"))
    other = tmp_path / "other.safetensors"
    save_file({**tensors, name: tensors[name] * 1.001}, other, metadata)
    with pytest.raises(FlowError, match=r"the certificate belongs to other weights or another grid"):
        build(f"{other}[cat]")
    save_file(
        tensors, other, {**metadata, "graph": metadata["graph"].replace("tanh.default", "sigmoid.default")}
    )
    with pytest.raises(FlowError, match=r"the certificate belongs to other weights or another grid"):
        build(f"{other}[cat]")
    update_card(path, note="kept")
    assert build(f"{path}[cat]").certificate()["passes"]


def test_dataset_of_an_adopted_flow(velocity, tmp_path):
    story = loom.load(
        {
            "name": "adopted",
            "causes": {"mass": "normal"},
            "targets": {"theta": "mass"},
            "modalities": {"animal": {"flow": f"{velocity[1]}[cat]", "latent": "0.8*mass + noise"}},
        }
    )
    loom.generate(story, tmp_path / "out", rows=64, seed=0)
    report = loom.verify(tmp_path / "out")
    assert report.passed, report
    card = (tmp_path / "out" / "README.md").read_text()
    assert "certified invertible" in card
    assert "a test" in card
    assert [path.suffix for path in (tmp_path / "out" / "files").iterdir()] == [".safetensors"]


def test_bijection(tmp_path):
    made = adopt(Affine((1, 3)), (1, 3), kind="bijection", scale=2.0, center=1.0, effort=FEW)
    assert made.certificate["passes"], made.certificate
    assert made.certificate["kind"] == "by construction"
    path = made.save(tmp_path / "affine.safetensors")
    flow = build(str(path), dtype=torch.float64)
    model = Affine((1, 3)).double()
    z = torch.randn(5, 3, dtype=torch.float64)
    assert torch.allclose(flow.forward(z), 1.0 + 2.0 * model.forward_and_log_det(z)[0])
    assert torch.allclose(flow.inverse(flow.forward(z)), z)
    dense = torch.func.vmap(torch.func.jacrev(lambda one: flow.forward(one[None]).flatten()))(z)
    assert torch.allclose(flow.log_det(z), torch.linalg.slogdet(dense).logabsdet)
    change = torch.randn(5, 1, 3, dtype=torch.float64)
    moved = torch.linalg.solve(dense, change.flatten(1)[:, :, None])[:, :, 0]
    assert torch.allclose(flow.pull_back(z, change), moved)
    assert certify_file(path, None, effort=FEW, keep=True)["passes"]
    assert build(str(path)).certificate()["passes"]
    with pytest.raises(FlowError, match=r"in torch.float64: got rows of torch.float32"):
        flow.forward(z.float())


def test_wrong_log_determinant_is_found():
    made = adopt(Affine(wrong=0.01), (3,), kind="bijection", effort=FEW)
    assert not made.certificate["passes"]
    assert "log-determinant off by 1.0e-02 nats from that of the dense Jacobian" in made.certificate["reason"]


def test_half_precision_only_when_asked(tmp_path):
    model = SmallVelocity()
    made = adopt(model, (4,), grid=4, effort=FEW, half=True)
    path = made.save(tmp_path / "half.safetensors")
    kept = read_model(path)
    assert {one.dtype for one in kept.tensors.values() if one.is_floating_point()} == {torch.float16}
    assert build(str(path)).certificate()["passes"]
    with torch.no_grad():
        model.leave.bias.fill_(1e6)
    with pytest.raises(FlowError, match=r"weights `.*leave.bias` do not fit half precision"):
        adopt(model, (4,), grid=4, half=True)


class Contracting(torch.nn.Module):
    """v = −rate · x, whose Euler step of size h has eigenvalue 1 − rate h."""

    def __init__(self, rate):
        super().__init__()
        self.rate = torch.nn.Parameter(torch.tensor(float(rate)))

    def forward(self, x, t):
        return -self.rate * x


def test_grid_search_takes_the_fewest_steps_that_certify():
    made = adopt(Contracting(6.3), (3,), grid=GridSearch(rows=2), effort=FEW)
    assert (
        len(made.description.grid) == 9
    )  # 1 − 6.3 / 8 = 0.21, and 6 steps are too few: even ones give −0.05
    assert made.certificate["margin"] == pytest.approx(1.0 - 6.3 / 8, abs=1e-3)


def test_grid_search_says_what_limits_it():
    with pytest.raises(FlowError) as error:
        adopt(Contracting(20.0), (3,), grid=GridSearch(max_steps=12, rows=2))
    message = str(error.value)
    assert "grid of at most 12 steps: expected one whose smallest eigenvalue is at least 0.10" in message
    assert "the best of 12 steps has -0.667, because the velocity contracts by 20 per unit of time" in message
    assert "where a step must be shorter than 0.045" in message
    with pytest.raises(FlowError, match=r"grid: expected at least 1 step allowed, got max_steps 0"):
        adopt(Contracting(1.0), (3,), grid=GridSearch(max_steps=0))


def test_reverse_time():
    class Drift(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, x, t):
            return self.weight * t[:, None] * torch.ones_like(x)

    flow = adopt(Drift(), (2,), grid=2, reverse=True, effort=None).flow()
    # −v(x, 1 − t) at t = 0 and 1/2: −1/2 · (1 + 1/2)
    assert torch.allclose(flow.forward(torch.zeros(1, 2)), torch.full((1, 2), -0.75))


class Onto(torch.nn.Module):
    """Sigmoid, onto (0, 1)."""

    def forward_and_log_det(self, z):
        return z.sigmoid(), (z.sigmoid() * (1.0 - z.sigmoid())).log().sum(dim=1)

    def inverse(self, x):
        return x.log() - (1.0 - x).log()


@pytest.mark.parametrize(("known", "named"), [(1, 2), (2, 3), (3, 5), (33, 40)])
def test_more_names_than_the_model_has_classes_are_refused(known, named):
    message = rf"at most as many names as the model has classes, got {named}; it cannot compute class {named - 1} \(Ind"
    with pytest.raises(FlowError, match=message):
        adopt(SmallVelocity(classes=known), (4,), classes=[f"c{number}" for number in range(named)], grid=2)


REFUSED = [
    (lambda: adopt(lambda x, t: x, (3,)), "model of type `function`: expected a torch module"),
    (lambda: adopt(SmallVelocity(), (4,), kind="score"), "kind `score`: expected one of velocity, epsilon"),
    (lambda: adopt(SmallVelocity(), (0,)), "shape `(0,)`: expected positive whole sizes"),
    (lambda: adopt(SmallVelocity(), (4.5,)), "shape `(4.5,)`: expected positive whole sizes. Give a tuple"),
    (lambda: adopt(SmallVelocity(), 4), "shape `4`: expected positive whole sizes. Give a tuple"),
    (lambda: adopt(SmallVelocity(), ()), "shape `()`: expected positive whole sizes. Give a tuple"),
    (lambda: adopt(SmallVelocity(), (4,), sigma=math.nan), "sigma `nan`: expected a number from 0 to 1e+06"),
    (lambda: adopt(SmallVelocity(), (4,), sigma=-0.1), "sigma `-0.1`: expected a number from 0 to 1e+06"),
    (lambda: adopt(SmallVelocity(), (4,), sigma="wide"), "sigma `wide`: expected a number from 0 to 1e+06"),
    (lambda: adopt(SmallVelocity(), (4,), spread=-1), "spread `-1`: expected a number from 1e-12 to 1e+12"),
    (lambda: adopt(SmallVelocity(), (4,), spread=math.inf), "spread `inf`: expected a number from 1e-12 to 1e+12"),
    (lambda: adopt(SmallVelocity(), (4,), batch=0, grid=2), "expected a batch of 1, 2, 4, 8, 16 or 32 rows"),
    (lambda: adopt(SmallVelocity(classes=3), (4,), classes=["a", "a", "b"]), "got `a` twice or more. Rename one"),
    (lambda: adopt(SmallVelocity(classes=3), (4,), classes="abc"), "classes `abc`: expected names in the order"),
    (lambda: adopt(SmallVelocity(classes=3), (4,), classes=3), "classes `3`: expected names in the order"),
    (lambda: adopt(SmallVelocity(classes=2), (4,), classes=["a", ""]), "classes `['a', '']`: expected names"),
    (lambda: adopt(SmallVelocity(), (4,), grid=[0.0, math.nan, 1.0]), "grid `(0.0, nan, 1.0)`: expected times that"),
    (lambda: adopt(SmallVelocity(), (4,), grid=True), "expected times that rise from 0 to 1"),
    (lambda: adopt(Onto(), (3,), kind="bijection"), "inverse: expected finite values of normal noise, got others. A"),
    (lambda: adopt(SmallVelocity(), (4,), solver="heun"), "solver `heun`: expected euler or midpoint"),
    (lambda: adopt(SmallVelocity(), (4,), kind="epsilon"), "kind `epsilon`: expected a noise schedule"),
    (lambda: adopt(SmallVelocity(), (4,), schedule=[0.9, 0.1]), "kind `velocity`: expected no noise schedule"),
    (lambda: adopt(SmallVelocity(), (4,), grid=1.5), "grid `1.5`: expected a number of steps, or times that rise"),
    (lambda: adopt(SmallVelocity(), (4,), grid="a"), "grid `a`: expected a number of steps, or times that rise"),
    (lambda: adopt(SmallVelocity(), (4,), grid=[0.0, 0.5]), "grid `(0.0, 0.5)`: expected times that rise from 0 to 1"),
    (lambda: adopt(SmallVelocity(), (4,), grid=0), "grid `0`: expected at least 1 step"),
    (lambda: adopt(SmallVelocity(), (4,), kind="bijection"), "expected methods `forward_and_log_det` and `inverse`"),
    (lambda: adopt(SmallVelocity(), (4,), scale=[1.0, 2.0], grid=2), "scale `[1.0, 2.0]`: expected positive finite"),
    (lambda: adopt(SmallVelocity(), (4,), scale=0.0, grid=2), "scale `0.0`: expected positive finite numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_refuses(call, message):
    with pytest.raises(FlowError) as error:
        call()
    assert message in str(error.value)


def test_an_adopted_flow_is_not_trained_further(velocity, tmp_path):
    """Neither distilled nor continued."""
    plan = TrainingPlan("x", "none.npy", tmp_path / "x.safetensors", teacher=str(velocity[1]))
    for asked in (plan, TrainingPlan("x", "none.npy", velocity[1], continued=True)):
        with pytest.raises(
            FlowError, match=r"got an adopted one, which cannot be distilled or trained further"
        ):
            train_flow(asked)


def test_a_picture_of_no_kind_is_refused_before_the_certificate(velocity, tmp_path):
    with pytest.raises(FlowError, match=r"a.pngg`: expected a picture's name, ending in .png"):
        check_flow(str(velocity[1]), picture=tmp_path / "a.pngg")


def test_save_and_classes_are_checked(velocity, tmp_path):
    with pytest.raises(FlowError, match=r"expected a name ending in `.safetensors`"):
        velocity[0].save(tmp_path / "x.pt")
    with pytest.raises(FlowError, match=r"class `cow`: expected one of cat, dog"):
        velocity[0].flow("cow")
    assert all_classes(str(velocity[1])).label.tolist() == [0, 1] * 16


def hostile(path, tmp_path, change):
    """A copy of a flow's file with changed metadata and tensors."""
    with safe_open(str(path), "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header, trees = json.loads(metadata["infoloom"]), json.loads(metadata["graph"])
    change(header, trees, tensors)
    other = tmp_path / "hostile.safetensors"
    save_file(tensors, other, {"infoloom": json.dumps(header), "graph": json.dumps(trees)})
    return other


def with_classes(path, target, classes, forget=False):
    """A copy of a flow's file that has other classes in its description."""
    with safe_open(str(path), "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header = json.loads(metadata["infoloom"])
    del metadata["sha256"]  # a forger leaves it out
    header["classes"] = classes
    if forget:
        del header["card"]["certificate"]["class_names"]
    save_file(tensors, target, {**metadata, "infoloom": json.dumps(header)})
    return target


@pytest.mark.parametrize("classes", [["dog", "cat"], ["cat"], ["cat", "dog", "cow"], ["cat", "god"]])
def test_certificate_belongs_to_the_classes(velocity, tmp_path, classes):
    other = with_classes(velocity[1], tmp_path / "other.safetensors", classes)
    with pytest.raises(FlowError, match=r"the certificate belongs to other classes"):
        build(f"{other}[cat]")


def test_certificate_that_names_no_classes_is_of_none(velocity, tmp_path):
    """An older one may have looked at the first class only; to certify again is enough."""
    old = with_classes(velocity[1], tmp_path / "old.safetensors", ["cat", "dog"], forget=True)
    with pytest.raises(
        FlowError, match=r"the certificate does not say for which classes; `infoloom flow check"
    ):
        build(f"{old}[cat]")
    assert certify_file(old, None, effort=FEW)["class_names"] == ["cat", "dog"]
    assert build(f"{old}[cat]").certificate()["passes"]


HOSTILE = [
    (lambda h, g, t: h["network"].update(batch=33), "expected a batch of 1, 2, 4, 8, 16 or 32 rows"),
    (lambda h, g, t: h["network"].update(kind="score"), "expected a kind, one of velocity"),
    (lambda h, g, t: h.update(solver="bijection"), "expected a kind, one of velocity"),
    (lambda h, g, t: h["network"].update(kind="epsilon"), "expected a noise schedule"),
    (lambda h, g, t: h.update(shape=[5], center=0.0, scale=1.0), "expected operators that fit together"),
    (lambda h, g, t: h.update(scale=-1.0), "expected greater than 0"),
    (lambda h, g, t: g.clear(), "expected graphs for velocity"),
    (lambda h, g, t: g["velocity"]["outputs"].append({"$": 0}), "expected floating-point results of shapes"),
    (lambda h, g, t: g["velocity"].update(outputs=[{"$": 2}]), "expected floating-point results of shapes"),
    (lambda h, g, t: g["velocity"]["nodes"].append(["rand.default", [[2]], {}]), "operator `rand.default`"),
    (lambda h, g, t: g["velocity"]["nodes"].append(["ones.default", [[2**50]], {}]), "would hold"),
    (lambda h, g, t: t.update(odd=torch.zeros(2, dtype=torch.complex64)), "tensor `odd` of type C64"),
]


@pytest.mark.parametrize(("change", "message"), HOSTILE, ids=[message[:40] for _, message in HOSTILE])
def test_hostile_files_are_refused(velocity, tmp_path, change, message):
    other = hostile(velocity[1], tmp_path, change)
    with pytest.raises(FlowError) as error:
        read_model(other)
    assert message in str(error.value)
    assert str(other) in str(error.value)


class Edge(torch.nn.Module):
    """log(3 − z): no number where a component of the latent is above 3, one row in four hundred."""

    def forward_and_log_det(self, z):
        return torch.log(3.0 - z), -torch.log(3.0 - z).sum(dim=1)

    def inverse(self, x):
        return 3.0 - torch.exp(x)


def test_a_small_map_is_looked_at_on_a_thousand_rows():
    """What is wrong in one row of a few hundred is seen without asking for more."""
    made = adopt(Edge(), (2,), kind="bijection")
    assert not made.certificate["passes"]
    assert made.certificate["round_trip"]["float32"]["sampled"]["rows"] == 1024
