"""Own learners and encoders, real observations, rows that all runs share, and trainings to a plateau."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from infoloom.benchmark.learners import shared_rows
from infoloom.benchmark.learners.learning import observe
from infoloom.benchmark.learners.own import label, make_learner, maker, own_encoders
from infoloom.benchmark.learners.runs import learn
from infoloom.benchmark.learners.shared_rows import observed_rows
from infoloom.benchmark.learners.stories import FLOWS, make_story
from infoloom.benchmark.learners.suites import WHOLE, real_jobs, sizes_of
from infoloom.benchmark.running.results import read_results
from infoloom.cli.main import app
from infoloom.errors import BenchmarkError
from infoloom.ssl import Training, build, names, train

FLOW = "identity(1, 8, 8) | half_cube"
TINY = {"rows": 256, "epochs": 3, "probe": [256, 256, 256], "settings": {"features": 8}, "rows_seed": 0}
MINE = """
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from infoloom.ssl.learner import Learner, with_fused
from infoloom.ssl.models.encoders import first_weights
from infoloom.ssl.settings import LearnerSettings


@dataclass
class Found:
    features: int = 4


class Mine(Learner):
    def __init__(self, shapes, seed):
        super().__init__("mine", shapes, LearnerSettings(features=Found().features, seed=seed))
        with first_weights(seed):
            self.encoders = nn.ModuleList(nn.Sequential(nn.Flatten(), nn.LazyLinear(4)) for _ in shapes)
        self.encode({name: torch.zeros(1, *shape) for name, shape in shapes.items()})

    def loss(self, batch, generator):
        a, b = (values for name, values in self.encode(batch).items() if name != "fused")
        return (a - b).square().mean() + (a.std(0) - 1.0).square().mean()

    def encode(self, batch):
        return with_fused({n: e(x) for e, (n, x) in zip(self.encoders, self.scaled(batch).items())})


def make(shapes, seed):
    return Mine(shapes, seed)


def other(shapes, seed):
    return Mine({"z": (3,)}, seed)


def wrong(shapes, seed):
    return object()


def encoder(shape, features):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], features))


def narrow(shape, features):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], 3))


def none(shape, features):
    return None


def function(shape, features):
    return lambda rows: rows


def two(shape, features):
    return nn.Linear(2, 2)


def listed(shape, features):
    class Listed(nn.Module):
        def forward(self, rows):
            return [rows]

    return Listed()


def broken(shapes, seed):
    raise ValueError("no")


value = 3
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


def test_real_observations_have_the_information_that_was_asked():
    for flow in (*FLOWS, "vector(20)", "identity(1, 4, 4) ; vector(9)"):
        story = make_story("observed", flow=flow, nats=0.4)
        assert story.information("I(x1; theta)") == pytest.approx(0.4, abs=1e-9)
        assert story.information("I(x2; theta)") == pytest.approx(0.4, abs=1e-9)
    assert make_story("observed", flow="mnist").flow("x2") == "mnist[8]"
    with pytest.raises(BenchmarkError, match=r"^flow `a;b;c`: expected one or two\. Name fewer\.$"):
        make_story("observed", flow="a;b;c")


def test_a_learner_and_an_encoder_of_ones_own(mine):
    params = {"flow": FLOW, "nats": 0.7}
    found = learn("observed", params, "mine:make", 1, TINY, learner_file=f"{mine}:make")
    assert found["objective"] == "mine:make"
    assert found["settings"]["learner"]["features"] == 4
    assert {s["inputs"] for s in found["scores"] if s["of"] == "theta"} == {"x1", "x2", "fused"}
    own, usual = (
        learn("observed", params, "clip", 1, TINY, encoder_file=file) for file in (f"{mine}:encoder", None)
    )
    assert own["details"]["parameters"] != usual["details"]["parameters"]
    again = learn("observed", params, "clip", 1, TINY, encoder_file=f"{mine}:encoder")
    assert own["scores"] == again["scores"]
    assert (own["objective"], usual["objective"]) == (f"clip with {label(f'{mine}:encoder')}", "clip")


@pytest.mark.parametrize("objective", [name for name in names() if name not in WHOLE])
def test_every_objective_with_an_encoder_a_modality_takes_ones_own(mine, objective):
    """It is trained where the objective trains its own, and the slow copies of `jepa` are copies of it."""
    shapes = {"a": (1, 4, 4), "b": (1, 4, 4)}
    learner = own_encoders(build(objective, shapes, features=4), f"{mine}:encoder")
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    assert all(len(encoder) == 2 for encoder in learner.encoders)
    if objective == "jepa":
        for name, weight in learner.encoders.named_parameters():
            assert torch.equal(weight, before["slow_" + name.replace(".", "_")])
        assert sum(name.startswith("slow_") for name in before) == 4
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(size=(32, *shape)).astype(np.float32) for name, shape in shapes.items()}
    rows["theta"] = rng.normal(size=32).astype(np.float32)
    history = train(learner, rows, Training(batch=16, epochs=2))
    moved = any(
        not torch.equal(before[name], value)
        for name, value in learner.state_dict().items()
        if name.startswith("encoders.")
    )
    assert moved is (objective != "random")
    assert history.steps == (0 if objective == "random" else 4)


@pytest.mark.parametrize("objective", WHOLE)
def test_learners_whose_encoder_is_not_one_a_modality_are_known(mine, objective):
    with pytest.raises(BenchmarkError, match="expected an objective with an encoder a modality"):
        own_encoders(build(objective, {"a": (1, 16, 16), "b": (1, 16, 16)}), f"{mine}:encoder")
    jobs = real_jobs(None, encoder=f"{mine}:encoder")
    assert objective not in {job.arguments["objective"] for job in jobs}


@pytest.mark.parametrize(
    ("name", "objective", "message"),
    [
        (
            "narrow",
            "clip",
            "expected features of shape (rows, 8) of `x1`, got (2, 3). Change the last layer.",
        ),
        (
            "narrow",
            "mvae",
            "expected features of shape (rows, 16) of `x1`, got (2, 3). Change the last layer.",
        ),
        (
            "encoder",
            "pixels",
            "expected an objective with an encoder a modality, got `pixels`. Choose another, or give your learner",
        ),
        ("none", "clip", "expected a `torch.nn.Module`, got `NoneType` for `x1`. Return one."),
        ("function", "clip", "expected a `torch.nn.Module`, got `function` for `x1`. Return one."),
        (
            "listed",
            "clip",
            "expected features of shape (rows, 8) of `x1`, got `list`. Change the last layer.",
        ),
        ("two", "clip", "expected code that runs, got RuntimeError: "),
    ],
)
def test_encoders_that_do_not_fit_are_refused(mine, name, objective, message):
    with pytest.raises(BenchmarkError, match=re.escape(message)):
        learn("observed", {"flow": FLOW}, objective, 0, TINY, encoder_file=f"{mine}:{name}")


def test_files_that_do_not_fit_are_refused(mine, tmp_path):
    for where in ("nothing.py:make", "mine.py", f"{tmp_path}:make"):
        for call in (maker, label):
            with pytest.raises(
                BenchmarkError,
                match=r"expected FILE\.py:NAME, a file that exists and a function in it\. Name one\.$",
            ):
                call(where)
    for name in ("value", "nothing"):
        with pytest.raises(BenchmarkError, match=re.escape(f"expected a function `{name}` in")):
            maker(f"{mine}:{name}")
    with pytest.raises(
        BenchmarkError, match=r"expected an `infoloom\.ssl\.Learner`, got `object`\. Subclass it:"
    ):
        make_learner(f"{mine}:wrong", {"a": (3,)}, 0)
    line = 1 + MINE.splitlines().index('    raise ValueError("no")')
    message = f"`{mine}:broken`: expected code that runs, got ValueError in line {line}: no. Repair it."
    with pytest.raises(BenchmarkError, match=re.escape(message)):
        make_learner(f"{mine}:broken", {"a": (3,)}, 0)
    message = "expected a learner of {'a': (3,)}, got {'z': (3,)}. Use the shapes it is given."
    with pytest.raises(BenchmarkError, match=re.escape(message)):
        make_learner(f"{mine}:other", {"a": (3,)}, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [("import nosuchmodule", "ModuleNotFoundError in line 1: No module"), ("def f(:", "SyntaxError: ")],
)
def test_a_file_that_does_not_run_leaves_nothing_behind(tmp_path, text, message):
    path = tmp_path / "bad.py"
    path.write_text(text, encoding="utf-8")
    before = set(sys.modules)
    with pytest.raises(BenchmarkError, match=re.escape(f"expected code that runs, got {message}")):
        maker(f"{path}:make")
    assert not {name for name in set(sys.modules) - before if name.startswith("_own_")}


def test_the_learner_that_the_documentation_prints_runs_with_its_encoder(tmp_path):
    page = (Path(__file__).parents[3] / "docs" / "ssl.md").read_text(encoding="utf-8")
    (block,) = (one for one in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S) if "class Mine" in one)
    path = tmp_path / "mine.py"
    path.write_text(block, encoding="utf-8")
    files = {"learner_file": f"{path}:make", "encoder_file": f"{path}:encoder"}
    for given in (files, {"learner_file": f"{path}:make"}):
        scores = learn("observed", {"flow": FLOW, "nats": 0.7}, "mine", 1, TINY, **given)["scores"]
        assert {s["inputs"] for s in scores if s["of"] == "theta"} == {"x1", "x2", "fused"}


def test_a_label_says_which_file(mine, tmp_path):
    other = tmp_path / "other" / "mine.py"
    other.parent.mkdir()
    other.write_text(MINE, encoding="utf-8")
    assert re.fullmatch("mine:make@[0-9a-f]{8}", label(f"{mine}:make"))
    assert label(f"{other}:make") == label(f"{mine}:make")
    other.write_text(MINE.replace("features: int = 4", "features: int = 5"), encoding="utf-8")
    assert label(f"{other}:make") != label(f"{mine}:make")
    found = [make_learner(f"{path}:make", {"a": (3,), "b": (3,)}, 0) for path in (mine, other)]
    assert [one.settings.features for one in found] == [4, 5]


def test_rows_are_made_once_and_are_those_of_the_story(tmp_path, monkeypatch):
    story = make_story("observed", flow=FLOW)
    drawn = story.sample(700, seed=3, start=200)
    expected, made = observe(story, drawn), []
    monkeypatch.setattr(shared_rows, "observe", lambda *given: made.append(1) or observe(*given))
    for _ in range(2):
        rows, seen = observed_rows(story, 700, 3, 200, tmp_path)
        np.testing.assert_array_equal(rows["theta"], drawn["theta"])
        for name in story.modalities:
            np.testing.assert_array_equal(seen[name], expected[name])
    assert made == [1, 1]  # rows 0 to 512 and 512 to 1024
    observed_rows(story, 100, 3, 0, tmp_path)
    assert made == [1, 1]
    observed_rows(story, 100, 4, 0, tmp_path)
    monkeypatch.setenv(shared_rows.FOLDER, str(tmp_path))
    observed_rows(story, 100, 4, 0)
    assert made == [1, 1, 1]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "few", "other"])
def test_a_damaged_piece_is_named(tmp_path, damage):
    story = make_story("observed", flow=FLOW)
    observed_rows(story, 10, 3, 0, tmp_path)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    middle = len(content) // 3
    match damage:
        case "few":
            np.savez(path, **{name: np.zeros((5, 1, 8, 8), np.float32) for name in story.mapped})
        case "other":
            np.savez(path, y=np.zeros(3))
        case _:
            flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
            path.write_bytes({"cut": content[:-9], "flipped": flipped, "empty": b""}[damage])
    message = f"rows `{path}`: expected 512 rows of x1, x2 as they were kept, got a file that is damaged ("
    with pytest.raises(BenchmarkError, match=f"^{re.escape(message)}.*Remove it; the next run makes it anew"):
        observed_rows(story, 10, 3, 0, tmp_path)
    path.unlink()
    observed_rows(story, 10, 3, 0, tmp_path)


def test_a_run_says_whether_it_reached_its_plateau():
    size = {**TINY, "epochs": 40, "stopping": {"floor": 2, "patience": 1, "drops": 0}, "held_out": 256}
    details = learn("observed", {"flow": FLOW}, "clip", 0, size)["details"]
    losses = details["held_out_losses"]
    assert details["plateau"] is True
    assert 3 <= len(losses) < 40
    assert losses[details["best_epoch"] - 1] == min(losses)
    assert learn("observed", {"flow": FLOW}, "clip", 0, TINY)["details"]["plateau"] is None


def test_jobs(mine):
    found = real_jobs("mnist", objectives=("clip", "masked"), seeds=(0, 1))
    assert [job.run for job in found[:2]] == [
        "observed nats=0.7 flow=mnist clip seed=0",
        "observed nats=0.7 flow=mnist masked seed=0",
    ]
    assert {job.arguments["size"]["rows_seed"] for job in found} == {0}
    (one,) = real_jobs("digits", learners=(f"{mine}:make",), encoder=f"{mine}:encoder", seeds=(2,))
    assert one.run == (
        f"observed nats=0.7 flow=digits {label(f'{mine}:make')} seed=2 encoder={label(f'{mine}:encoder')}"
    )
    assert one.known["objective"] == f"{label(f'{mine}:make')} with {label(f'{mine}:encoder')}"
    assert one.arguments["learner_file"] == f"{mine}:make"
    assert real_jobs(None)[0].run == "information nats=0.7 side=16 clip seed=0"
    sized = real_jobs(None, size={"rows": 256, "epochs": 3, "batch": 128, "held_out": 1024})[0]
    assert sized.run == "information nats=0.7 side=16 batch=128 epochs=3 rows=256 clip seed=0"
    assert sized.arguments["size"]["stopping"] == {"floor": 3, "patience": 3}
    with pytest.raises(
        BenchmarkError, match=r"^pattern `zzz`: expected to match a run\. List them with --list\.$"
    ):
        real_jobs("mnist", only="zzz")
    for text in ("rows", "rows=many", "width=3"):
        with pytest.raises(
            BenchmarkError, match=f"^size `{text}`: expected NAME=NUMBER, the name one of rows, epochs"
        ):
            sizes_of([text])
    with pytest.raises(
        BenchmarkError, match=r"^size `rows=5`: expected `rows` once\. Leave one of them out\.$"
    ):
        sizes_of(["rows=4", "rows=5"])


def test_the_command_lists_its_runs():
    listed = CliRunner().invoke(app, ["bench", "ssl", "--flow", "galaxy", "--objective", "gram", "--list"])
    assert [line.split(None, 2)[2] for line in listed.stdout.splitlines()[:-1]] == [
        f"observed nats=0.7 flow=galaxy gram seed={seed}" for seed in range(3)
    ]


@pytest.mark.slow
def test_the_command(mine, tmp_path):
    out = tmp_path / "own.jsonl"
    given = ["--flow", FLOW, "--learner", f"{mine}:make", "--only", "*seed=0", "--out", str(out), "--json"]
    small = ["--size", "rows=256", "--size", "epochs=2", "--size", "held_out=256"]
    done = CliRunner().invoke(app, ["bench", "ssl", *given, *small])
    assert json.loads(done.stdout)["summary"]["ok"] == 1
    (row,) = read_results(out)
    assert (row["suite"], row["objective"]) == ("own", label(f"{mine}:make"))
    assert row["details"]["plateau"] is False
    mine.write_text(f"{MINE}\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["bench", "ssl", *given, *small])
    assert json.loads(done.stdout)["summary"] == {**json.loads(done.stdout)["summary"], "ok": 1, "skipped": 0}
    assert list((tmp_path / "own.jsonl.rows").glob("*.npz"))
