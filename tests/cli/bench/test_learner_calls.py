"""`infoloom bench ssl`: a call that cannot go well is refused before any run, with what to leave out or to write."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from infoloom.cli.main import app
from infoloom.errors import InfoloomError

FLOW = ("--flow", "identity(1, 8, 8) | half_cube")
FILE = """
def encoder(shape, features):
    return None


def make(shapes, seed):
    return None
"""


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--suite", "scenes", "--size", "rows=10"),
            "suite `scenes`: expected no `--size` beside it, because a suite says what is run. Leave out",
        ),
        (("--suite", "paper", "--learner", "mine.py:make"), "suite `paper`: expected no `--learner` beside it"),
        (("--suite", "quick", "--flow", "mnist"), "suite `quick`: expected no `--flow` beside it"),
        (
            ("--learner", "mine.py:make", "--objective", "clip"),
            "objective `clip`: expected none beside learners of your own, because they stand in its place. Leave out",
        ),
        (("--flow", ""), "modalities.x1.flow: flow ``: cannot read the step ``; expected `name`"),
        (("--flow", "mnsit"), "modalities.x1.flow: flow `mnsit`: expected a first step that fixes the shape"),
        (("--objective", "clpi"), "`objective` `clpi`: expected one of barlow, "),
        (
            (*FLOW, "--objective", "clip", "--objective", "clip"),
            "run `observed nats=0.7 flow=identity(1, 8, 8) | half_cube clip seed=0`: expected once, got 2. Name each",
        ),
        (("--learner", "nofile.py:make"), "`nofile.py:make`: expected FILE.py:NAME, a file that exists"),
        (("--learner", "mine.py:nofun"), "`mine.py:nofun`: expected a function `nofun` in `mine.py`. Define it"),
        (("--learner", "mine.py:make"), "`mine.py:make`: expected an `infoloom.ssl.Learner`, got `NoneType`."),
        (("--encoder", "mine.py"), "`mine.py`: expected FILE.py:NAME, a file that exists and a function"),
        (("--encoder", "mine.py:encoder"), "`mine.py:encoder`: expected a `torch.nn.Module`, got `NoneType` for `x1`."),
        (("--size", "rows=-5"), "size `rows=-5`: expected 2 or more. Raise it."),
        (("--size", "held_out=0"), "size `held_out=0`: expected 2 or more. Raise it."),
        (("--size", "rows_seed=-1"), "size `rows_seed=-1`: expected 0 or more. Raise it."),
        (("--size", "batch=0"), "`batch` `0`: expected 2 or more. Use 256."),
        (("--size", "epochs=0"), "`epochs` `0`: expected a number above 0. Use 20."),
        (("--size", "learning_rate=nan"), "`learning_rate` `nan`: expected a finite number. Use 0.001."),
        (("--limit", "-1"), "limit `-1`: expected seconds above 0. Use 600."),
        (("--limit", "nan"), "limit `nan`: expected seconds above 0."),
    ],
)  # fmt: skip
def test_wrong_calls(tmp_path, monkeypatch, words, message, listed):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FILE, encoding="utf-8")
    given = ["bench", "ssl", *words, *(["--list"] if listed else ["--out", "r.jsonl"])]
    with pytest.raises(InfoloomError, match=f"^{re.escape(message)}"):
        CliRunner().invoke(app, given, catch_exceptions=False)
    assert not (tmp_path / "r.jsonl").exists()


def test_few_epochs_lower_the_floor(tmp_path):
    out = tmp_path / "r.jsonl"
    words = ("--size", "rows=64", "--size", "epochs=1", "--objective", "random", "--only", "*seed=0")
    given = ["bench", "ssl", *FLOW, *words, "--out", str(out)]
    assert "1 run ok" in CliRunner().invoke(app, given, catch_exceptions=False).output
    other = CliRunner().invoke(
        app, [*given[:4], *(word.replace("=64", "=65") for word in words), *given[-2:]]
    )
    assert "1 run ok, 0 failed, 0 not done in time, 0 there before" in other.output
