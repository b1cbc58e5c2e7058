"""Plug-ins: the example package installed and used, what a dataset says of it, and the contract tests."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import infoloom as loom
from infoloom import plugins, testing
from infoloom.cli.main import app
from infoloom.datasets.exports import export
from infoloom.errors import DatasetError, FlowError, PluginError, SpecError
from infoloom.estimators import build as build_estimator
from infoloom.law.sources.distributions import make_distribution
from infoloom.observations import Bijection, build
from infoloom.ssl.objectives.baselines import random_encoder

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "plugin"
SPEC = {
    "name": "plugged",
    "causes": {"mass": "logistic"},
    "targets": {"theta": "mass + noise"},
    "modalities": {"curve": {"flow": "vector(8) | sinh(0.5)", "latent": "0.5*mass@ramp(2.0) + noise"}},
}


def install(site: Path, name: str = "infoloom-sinh") -> Path:
    """What pip does with a package of one module: the module, its metadata and its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site.mkdir(exist_ok=True)
    shutil.copy(EXAMPLE / "infoloom_sinh.py", site)
    info = site / f"{name.replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {project['version']}\n")
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return site


@pytest.fixture
def installed(tmp_path, monkeypatch):
    site = install(tmp_path / "site")
    monkeypatch.syspath_prepend(site)
    plugins.forget()
    yield site
    sys.modules.pop("infoloom_sinh", None)
    monkeypatch.undo()
    plugins.forget()


def test_listed(installed):
    done = CliRunner().invoke(app, ["plugins", "--json"])
    found = {(one["kind"], one["name"]): one for one in json.loads(done.output)}
    assert found["observations", "sinh"] == {
        "kind": "observations", "name": "sinh", "package": "infoloom-sinh", "version": "0.1.0",
    }  # fmt: skip
    assert {("templates", "ramp"), ("distributions", "logistic"), ("exports", "sizes")} <= set(found)
    assert "sinh                 infoloom-sinh 0.1.0" in CliRunner().invoke(app, ["plugins"]).output


def test_dataset_with_plug_ins_and_without(installed, tmp_path, monkeypatch):
    story = loom.load(SPEC)
    assert story.information("I(curve; theta)") > 0.0
    root = tmp_path / "out"
    loom.generate(story, root, rows=48, seed=0)
    assert loom.verify(root).passed
    data = loom.open(root)
    assert [(one.kind, one.name) for one in data.manifest.plugins] == [
        ("distributions", "logistic"),
        ("observations", "sinh"),
        ("templates", "ramp"),
    ]
    card = (root / "README.md").read_text()
    assert "Made with plug-ins: `logistic` (distributions) of infoloom-sinh 0.1.0" in card
    written = export(data, tmp_path / "sizes.json", "sizes")
    assert json.loads(written.read_text())["curve"] == [48, 8]
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(installed)])
    plugins.forget()
    again = loom.open(root)
    assert len(again) == 48
    assert again.manifest.truth == data.manifest.truth
    with pytest.raises(
        DatasetError, match=r"not installed: `logistic` of infoloom-sinh 0.1.0 \(distributions\)"
    ):
        assert again.story
    with pytest.raises(FlowError, match=r"unknown step `sinh`"):
        build("vector(8) | sinh(0.5)")
    with pytest.raises(SpecError, match=r"unknown distribution `logistic`"):
        loom.load(SPEC)


def test_a_distribution_of_a_plug_in_integrates_to_one(installed):
    made = make_distribution("logistic")
    values, mass = made.nodes()
    assert mass @ values == pytest.approx(0.0, abs=1e-12)
    assert mass @ values**2 == pytest.approx(1.0, abs=1e-9)
    # excess kurtosis of the logistic: 6/5
    assert mass @ values**4 == pytest.approx(4.2, abs=1e-8)


def test_contracts_of_the_example(installed):
    import infoloom_sinh

    testing.check_observation(infoloom_sinh.Sinh, (2, 3), 0.5)
    testing.check_template(infoloom_sinh.ramp, (3, 4, 4), 2.0)
    testing.check_distribution(infoloom_sinh.logistic)
    testing.check_export(infoloom_sinh.write_sizes)


def test_contract_of_a_learner():
    testing.check_learner(random_encoder, {"features": 8})


class Doubled(Bijection):
    def __init__(self, shape, log_det=True, inverse=True, checked=True):
        self.shape_in = self.shape_out = tuple(shape)
        self.right, self.inverts, self.checked = log_det, inverse, checked

    def forward(self, z):
        return 2.0 * (self.check_input(z) if self.checked else z)

    def inverse(self, x):
        return x / (2.0 if self.inverts else 2.1)

    def log_det(self, z):
        return torch.full((len(z),), self.dim * np.log(2.0) if self.right else 0.0, dtype=z.dtype)


def test_contracts_find_what_is_wrong():
    testing.check_observation(Doubled, (3,))
    for options, message in (
        ({"log_det": False}, "expected the log-determinant of its Jacobian"),
        ({"inverse": False}, "expected the inverse to undo it"),
        ({"checked": False}, "expected `check_input` to refuse rows of another shape"),
    ):
        with pytest.raises(PluginError, match=message):
            testing.check_observation(Doubled, (3,), **options)
    with pytest.raises(PluginError, match=r"expected finite numbers, not all 0"):
        testing.check_template(lambda place: np.zeros(place.shape), (4,))
    with pytest.raises(PluginError, match=r"expected a pattern that spreads over \(4,\)"):
        testing.check_template(lambda place: np.ones(3), (4,))
    with pytest.raises(PluginError, match=r"expected something at the path"):
        testing.check_export(lambda data, path: None)
    with pytest.raises(PluginError, match=r"expected about 0.5 nats, got 3.000"):
        testing.check_estimator(type("Three", (), {"estimate": lambda self, x, y: 3.0})())


@pytest.mark.parametrize("name", ["ksg", "ross", "plug-in", "miller-madow", "gao", "classifier"])
def test_estimators_of_every_kind_keep_the_contract(name):
    testing.check_estimator(build_estimator(name))


class Wide:
    usage = "wide"
    fits = staticmethod(lambda args: True)
    centres = staticmethod(lambda args: (0.0,))
    width = moments = staticmethod(lambda args: 1.0)
    from_normal = staticmethod(lambda values, args: args[0] * values)
    density = staticmethod(
        lambda values, args: np.exp(-0.5 * (values / args[1]) ** 2) / np.sqrt(2 * np.pi) / args[1]
    )


def test_contract_of_a_distribution_finds_what_is_wrong():
    testing.check_distribution(Wide(), 1.0, 1.0)
    with pytest.raises(PluginError, match=r"expected variance 1, got 4"):
        testing.check_distribution(Wide(), 2.0, 2.0)
    with pytest.raises(PluginError, match=r"expected the density of its draws"):
        testing.check_distribution(Wide(), 1.0, 1.1)
    with pytest.raises(PluginError, match=r"expected `from_normal` to rise"):
        testing.check_distribution(Wide(), -1.0, 1.0)
    with pytest.raises(PluginError, match=r"distribution `object`: expected usage, fits"):
        testing.check_distribution(object())


def test_two_packages_may_not_offer_one_name(installed):
    install(installed, "other-sinh")
    plugins.forget()
    with pytest.raises(
        PluginError, match=r"plug-in `\w+`: expected one package to offer it, got .*sinh and .*sinh"
    ):
        plugins.plugins()


def test_errors_name_the_plug_in(installed):
    with pytest.raises(PluginError, match=r"plug-in `none`: expected one of sinh"):
        plugins.load("observations", "none")
    with pytest.raises(PluginError, match=r"kind `colours`: expected one of observations, templates"):
        plugins.offered("colours")
    (installed / "infoloom_sinh.py").write_text("raise ValueError('broken')")
    with pytest.raises(
        PluginError, match=r"plug-in `sinh` of infoloom-sinh 0.1.0: cannot be imported \(ValueError: broken"
    ):
        plugins.load("observations", "sinh")
    (installed / "infoloom_sinh.py").write_text("def Sinh(shape): return 3\n")
    with pytest.raises(
        PluginError, match=r"flow step `sinh`: expected a `Bijection` that keeps the shape \(2,\)"
    ):
        build("vector(2) | sinh")
