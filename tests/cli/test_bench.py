"""`infoloom bench`: runs, goes on, lists, ranks, and lets others in."""

from __future__ import annotations

import json
import sys

import pytest
from benchmark.estimators.estimator_rows import row
from typer.testing import CliRunner

from infoloom.benchmark.estimators.samples import FOLDER
from infoloom.benchmark.running.results import append, read_results
from infoloom.cli.main import app, main

EASY = "gaussian:dims=10v10,nats=2.0,pairs=5,hidden=rotated,turn=0"


@pytest.fixture
def invoke(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER, str(tmp_path / "samples"))  # so that what the command sets is taken back

    def call(*words, code=0):
        result = CliRunner().invoke(app, ["bench", *map(str, words)])
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    return call


def test_runs_a_part_of_a_suite_and_goes_on(tmp_path, invoke):
    out = tmp_path / "r.jsonl"
    words = ("estimators", "--suite", "quick", "--out", out, "--only", f"{EASY}*ksg")
    said = invoke(*words)
    assert f"{out}: 1 runs ok, 0 failed, 0 not done in time, 0 there before" in said
    assert "1 problems; right: within 0.1 nats or a tenth of the truth" in said
    (found,) = read_results(out)
    assert found["task"] == EASY
    assert "0 runs ok, 0 failed, 0 not done in time, 1 there before" in invoke(*words)


def test_json(tmp_path, invoke):
    said = invoke("estimators", "--out", tmp_path / "r.jsonl", "--only", f"{EASY}*oracle", "--json")
    told = json.loads(said)
    assert told["summary"]["ok"] == 1
    assert told["standings"] == []


def test_a_program_enters(tmp_path, invoke):
    script = tmp_path / "estimate.py"
    script.write_text("print('{\"nats\": 2.0}')")
    out = tmp_path / "r.jsonl"
    command = f"{sys.executable} {script}"
    invoke("estimators", "--out", out, "--command", command, "--label", "two", "--only", EASY)
    (found,) = read_results(out)
    assert (found["estimator"], found["estimate"]) == ("two", 2.0)


def test_named_estimators_enter(tmp_path, invoke):
    words = (
        "estimators",
        "--estimator",
        "ksg2",
        "--estimator",
        "gaussian",
        "--only",
        EASY,
        "--list",
        "--json",
    )
    assert [one["run"].split()[-1] for one in json.loads(invoke(*words))["runs"]] == ["ksg2", "gaussian"]


def test_lists_what_is_to_do(tmp_path, invoke):
    out = tmp_path / "r.jsonl"
    append(out, {**row("gaussian"), "run": f"{EASY} rows=1000 seed=101 gaussian"})
    said = invoke("estimators", "--list", "--only", EASY, "--out", out).splitlines()
    assert said[0] == f"ok       {EASY} rows=1000 seed=101 gaussian"
    assert said[1].startswith("to do    ")
    assert said[-1].endswith("runs, 1 done")


def test_leaderboard(tmp_path, invoke):
    out = tmp_path / "r.jsonl"
    for name in ("a", "b"):
        append(out, row(name, estimate=1.0 if name == "a" else 5.0))
    said = invoke("leaderboard", out).splitlines()
    assert said[1].split()[:2] == ["estimator", "right"]
    assert [line.split()[0] for line in said[2:]] == ["a", "b"]
    assert [one["estimator"] for one in json.loads(invoke("leaderboard", out, "--json"))["standings"]] == [
        "a",
        "b",
    ]
    assert invoke("leaderboard", out, "--markdown").startswith("| estimator | right |")


def test_a_results_file_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["infoloom", "bench", "estimators"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    expected = "infoloom: bench estimators: expected `--out RESULTS`, a file for the results. Name one.\n"
    assert capsys.readouterr().err == expected


def test_an_interrupt_says_how_to_go_on(tmp_path, monkeypatch, invoke, capfd):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("infoloom.benchmark.running.runner.execute", interrupted)
    out = tmp_path / "r.jsonl"
    said = invoke("estimators", "--out", out, code=130)
    assert f"infoloom: stopped; the same command goes on with {out}" in said + capfd.readouterr().err


def test_a_learner_meets_a_story(tmp_path, invoke):
    out = tmp_path / "ssl.jsonl"
    words = ("ssl", "--suite", "quick", "--only", "information nats=0.3*random*")
    said = invoke(*words, "--out", out)
    assert f"{out}: 1 runs ok, 0 failed, 0 not done in time, 0 there before" in said
    assert f"`infoloom report {out}`" in said
    (found,) = read_results(out)
    assert (found["bench"], found["objective"], found["experiment"]) == ("ssl", "random", "information")
    assert all(score["r_squared"] < 1.0 for score in found["scores"] if score["probe"] == "ridge")
    assert "ok       information nats=0.3" in invoke(*words, "--out", out, "--list")
    assert json.loads(invoke(*words, "--out", out, "--json"))["summary"]["skipped"] == 1
