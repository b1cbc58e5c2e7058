"""The program as a whole: its version, its help texts, its progress."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import infoloom
from infoloom.cli.main import app
from infoloom.cli.terminal import progress
from infoloom.cli.terminal.help_texts import without_types
from infoloom.spec.flows.flow import zoo_names


def leaves(command, path=()):
    for name, child in getattr(command, "commands", {}).items():
        yield from leaves(child, (*path, name))
    if path and not hasattr(command, "commands"):
        yield path


ALL = list(leaves(typer.main.get_command(app)))


def test_the_version_is_said():
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"infoloom {infoloom.__version__}\n")


def test_the_package_is_the_program():
    done = subprocess.run(
        [sys.executable, "-m", "infoloom", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"infoloom {infoloom.__version__}\n"


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_texts_speak_of_no_types(words):
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    assert re.findall(r"<[^>]*>|\b(?:INTEGER|FLOAT|PATH|list\[|str|int)\b", done.output) == []


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("--rows <int>", "--rows N"),
        ("--port <int range>", "--port N"),
        ("--batch INTEGER RANGE", "--batch N"),
        ("--minutes FLOAT", "--minutes X"),
        ("-o, --output <path>", "-o, --output FILE"),
        ("--pmi <list[str]>", "--pmi TEXT"),
        ("--from-arguments FILE", "--from-arguments FILE"),
        ("OUT|RESULTS... <list[Path]>", "OUT|RESULTS..."),
        ("[SPEC] <str>", "[SPEC]"),
        ("SPEC", "SPEC"),
        ("--json", "--json"),
        ("--latents / --no-latents", "--latents / --no-latents"),
    ],
)
def test_types_become_words(record, expected):
    assert without_types(record) == expected


def test_a_flow_that_is_not_there_is_told_with_those_that_are():
    done = CliRunner().invoke(app, ["flow", "check", "nosuch"])
    assert str(done.exception) == (
        f"flow `nosuch`: unknown; expected one of {', '.join(zoo_names())} or a path to a .safetensors file."
    )


@pytest.fixture
def clock(monkeypatch):
    """Ten seconds pass whenever the time is asked for."""
    now = iter(range(0, 10_000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))


def test_off_the_terminal_every_kind_of_work_says_the_same_a_minute(clock, capsys):
    with progress.counted("digits-pair", "shards") as told:
        for done in range(1, 11):
            told(done, 10, "")
    with progress.shared() as told:
        for done in range(1, 11):
            told("step 3 of 9", done / 10)
    with progress.named("opening") as told:
        for _ in range(10):
            told("checking files")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "  1 min   60%  digits-pair: 6 of 10 shards",
        "  1 min   60%  step 3 of 9",
        "  1 min        checking files",
    ]


def test_a_remark_and_an_unknown_number_are_told(clock, capsys):
    with progress.counted("estimators", "runs") as told:
        for done in range(7):
            told(done, None, "2 not ok")
    assert capsys.readouterr().err == "  1 min    0%  estimators: 5 runs, 2 not ok\n"


def test_json_is_told_nothing(clock, capsys):
    with progress.shared(quiet=True) as told:
        for done in range(20):
            told("training: 3", done / 20)
    assert capsys.readouterr().err == ""
