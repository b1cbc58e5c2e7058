"""`infoloom bench`: runs, goes on, lists, ranks, and lets others in."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace

import pytest
from benchmark.estimators.estimator_rows import row
from typer.testing import CliRunner

from infoloom.benchmark.estimators.problem_sets import Group, ProblemSet, SetBlock, SetProblem, write_set
from infoloom.benchmark.estimators.samples import FOLDER
from infoloom.benchmark.running.results import append, read_results
from infoloom.benchmark.tasks import GaussianTask
from infoloom.cli.main import app, main
from infoloom.errors import BenchmarkError

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
    assert f"{out}: 1 run ok, 0 failed, 0 not done in time, 0 there before" in said
    assert "1 problems; right: within 0.1 nats or a tenth of the truth" in said
    (found,) = read_results(out)
    assert found["task"] == EASY
    assert "0 runs ok, 0 failed, 0 not done in time, 1 there before" in invoke(*words)


def test_json(tmp_path, invoke):
    out = tmp_path / "r.jsonl"
    said = invoke("estimators", "--suite", "quick", "--out", out, "--only", f"{EASY}*oracle", "--json")
    told = json.loads(said)
    assert told["summary"]["ok"] == 1
    assert told["standings"] == []


def test_a_program_enters(tmp_path, invoke):
    script = tmp_path / "estimate.py"
    script.write_text("print('{\"nats\": 2.0}')")
    out = tmp_path / "r.jsonl"
    command = f"{sys.executable} {script}"
    quick = ("estimators", "--suite", "quick", "--only", EASY)
    invoke(*quick, "--out", out, "--command", command, "--label", "two")
    (found,) = read_results(out)
    assert (found["estimator"], found["estimate"]) == ("two", 2.0)
    assert found["program"][str(script)] == hashlib.sha256(script.read_bytes()).hexdigest()[:16]
    script.write_text("print('{\"nats\": 1.0}')")
    words = ["bench", *quick, "--out", str(out), "--command", command, "--label", "two"]
    with pytest.raises(
        BenchmarkError, match=r"^label `two`: expected results of `.*estimate\.py` as it is now, "
    ):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert len(read_results(out)) == 1


def test_reasons_of_failures_are_printed(tmp_path, invoke):
    script = tmp_path / "estimate.py"
    script.write_text("import nosuchmodule")
    out = tmp_path / "r.jsonl"
    command = f"{sys.executable} {script}"
    said = invoke(
        "estimators",
        "--suite",
        "quick",
        "--only",
        EASY,
        "--out",
        out,
        "--command",
        command,
        "--label",
        "broken",
    ).splitlines()
    assert said[0].startswith(f"{out}: 0 runs ok, 1 failed, ")
    assert said[1] == (
        f"  1 run: `{command}` `exit 1`: expected exit 0. Run it by hand on an npz file. … ModuleNotFoundError: No "
        "module named 'nosuchmodule'"
    )
    assert said[2] == f"  whole messages: `message` of the rows in {out}, or `infoloom report {out}`"


def test_named_estimators_enter(tmp_path, invoke):
    words = (
        "estimators",
        "--suite",
        "quick",
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
    append(out, {**row("ksg"), "run": f"{EASY} rows=1000 seed=101 ksg", "suite": "mine/1"})
    said = invoke("estimators", "--suite", "quick", "--list", "--only", EASY, "--out", out).splitlines()
    assert said[0] == f"ok        {EASY} rows=1000 seed=101 gaussian"
    assert said[1].startswith("to do     ")
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


def test_an_entrant_is_tried_before_it_enters(tmp_path, invoke):
    script = tmp_path / "estimate.py"
    script.write_text('import sys\nprint(\'{"nats": 1.0, "interval": [0.5, 1.5], "reliable": true}\')')
    said = invoke("check", "--", sys.executable, script).splitlines()
    assert said[0] == "two columns that depend on each other: 500 rows, x (1) numbers, y (1) numbers"
    assert said[1].startswith("  read as 1 nats, interval 0.5 to 1.5, calls itself reliable; ")
    assert said[2] == "  the truth is 1: right"
    assert said[3] == "pictures that share nothing: 300 rows, x (1, 8, 8) numbers, y (1, 8, 8) numbers"
    assert said[5] == "  the truth is 0: not right"
    assert said[6] == "numbers and words: 500 rows, x (64) numbers, y (2) whole numbers"
    assert said[-1] == "3 of 3 answers can be read"
    script.write_text('print(\'{"nats": 1.0, "reliable": "yes"}\')')
    said = invoke("check", "--", sys.executable, script, code=1)
    assert "expected `reliable` to be true or false" in said
    assert said.splitlines()[-1] == "0 of 3 answers can be read"
    said = invoke("check", "--limit", "100", "ksg").splitlines()
    assert said[-1] == "2 of 2 answers can be read"
    assert said[-2].startswith(
        "  not taken: `KSGEstimator` `x of real numbers, y of whole numbers`: expected real numbers"
    )
    script.write_text("import time; time.sleep(60)")
    said = invoke("check", "--limit", "0.5", "--", sys.executable, script, code=1)
    assert "`ran 0.5 s`: expected an answer within the limit." in said
    assert said.count("not tried, because those before it took all the time. Raise `--limit`.") == 2


def test_a_set_of_ones_own_is_run_and_scored_by_the_same_commands(tmp_path, invoke):
    board, out = tmp_path / "mine.json", tmp_path / "r.jsonl"
    task = GaussianTask("1v1", 0.5, 1)
    problems = [SetProblem(task=replace(task, nats=nats).id, truth=nats, columns=2) for nats in (0.5, 2.0)]
    group = Group(label="pairs", rows=1000, seed=5, problems=problems)
    block = SetBlock(name="easy", question="?", kind="linear", estimators=["gaussian", "ksg"], groups=[group])
    write_set(ProblemSet(format=1, name="mine/1", purpose="-", limit=30.0, blocks=[block]), board)
    said = invoke("estimators", "--suite", board, "--out", out)
    assert "mine/1, 2 problems in 1 block;" in said
    assert {row["suite"] for row in read_results(out)} == {"mine/1"}
    assert "gaussian" in invoke("leaderboard", out, "--set", board)
    assert "easy" in invoke("leaderboard", out, "--set", board, "--blocks")
    assert "nearer on" in invoke("leaderboard", out, "--set", board, "--pairs")
    told = json.loads(invoke("leaderboard", out, "--set", board, "--json"))
    assert {one["estimator"]: one["right"] for one in told["sets"]["mine/1"]["scores"]}["gaussian"] == 2
    other = group.model_copy(update={"seed": 6})
    wide = block.model_copy(update={"groups": [group, other]})
    write_set(ProblemSet(format=1, name="mine/1", purpose="-", limit=30.0, blocks=[wide]), board)
    assert "8 runs" in invoke("estimators", "--suite", board, "--list")
    assert "4 runs" in invoke("estimators", "--suite", board, "--list", "--seeds", 1, "--columns", 2)
    assert "mine/1, 4 problems" in invoke("leaderboard", out, "--set", board)
    said = invoke("leaderboard", out, "--set", board, "--seeds", 1, "--columns", 2)
    assert "mine/1, 2 problems of 4, a part, in 1 block;" in said
    with pytest.raises(
        BenchmarkError, match=r"^results of `mine/1`: expected the problem set, because its truths"
    ):
        CliRunner().invoke(app, ["bench", "leaderboard", str(out)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--like", "v3/quick", "--name", "x"), r"^set `v3/quick`: expected one of v2/quick, v2/core, v2/full\. "),
        (("--name", "v2/core"), r"^set `v2/core`: expected a name that is not published\. Choose another one\.$"),
        (("--name", ""), r"^set ``: expected a name with a `/`, of at most 200 signs"),
        (("--name", "x/1", "--seed", "-7"), r"^seed `-7`: expected 0 or more\. Use 7\.$"),
        (("--name", "x/1", "-o", "none/x.json"), r"^file `none/x\.json`: expected a file in a folder that is there\."),
        (("--name", "x/1", "-o", "."), r"^file `\.`: expected a file in a folder that is there\. Choose another pl"),
    ],
)  # fmt: skip
def test_sets_that_cannot_be_drawn(tmp_path, words, message):
    given = ["bench", "draw", "--seed", "1", "-o", str(tmp_path / "x.json"), *words]
    with pytest.raises(BenchmarkError, match=message):
        CliRunner().invoke(app, given, catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--samples", "file"), r"^samples `.*/file`: expected a folder that can be written\. Name another one by"),
        (("--samples", "file/in"), r"^samples `.*/file/in`: expected a folder that can be written\. Name"),
        (("--limit", "-1"), r"^limit `-1`: expected seconds above 0\. Use 600\.$"),
        (("--limit", "nan"), r"^limit `nan`: expected seconds above 0\. Use 600\.$"),
        (("--out", "file/r.jsonl"), r"^results `file/r\.jsonl`: expected a file that can be written \(its folder is"),
    ],
)  # fmt: skip
def test_places_and_limits_are_refused_before_any_run(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER, str(tmp_path / "samples"))
    (tmp_path / "file").touch()
    given = ["bench", "estimators", "--suite", "quick", "--only", EASY, "--out", "r.jsonl", *words]
    with pytest.raises(BenchmarkError, match=message):
        CliRunner().invoke(app, given, catch_exceptions=False)
    assert {path.name for path in tmp_path.iterdir()} <= {"file", "samples"}


@pytest.mark.parametrize("limit", ["0", "-1", "nan"])
def test_a_trial_needs_time(limit):
    with pytest.raises(BenchmarkError, match=rf"^limit `{limit}`: expected seconds above 0\. Use 10\.$"):
        CliRunner().invoke(app, ["bench", "check", "--limit", limit, "ksg"], catch_exceptions=False)


def test_results_of_a_set_that_is_not_known_are_not_scored_as_a_suite(tmp_path):
    append(tmp_path / "r.jsonl", {**row("a"), "suite": "plain"})
    with pytest.raises(
        BenchmarkError, match=r"^results of `plain`: expected the problem set, because its truths"
    ):
        CliRunner().invoke(app, ["bench", "leaderboard", str(tmp_path / "r.jsonl")], catch_exceptions=False)


def test_what_an_entrant_says_spoils_nothing_for_the_others(tmp_path, invoke):
    script, out = tmp_path / "estimate.sh", tmp_path / "r.jsonl"
    script.write_text("sleep 60 & cat ANSWER\n".replace("ANSWER", str(tmp_path / "answer")))
    only = ("estimators", "--suite", "quick", "--only", EASY, "--out", out, "--command", f"sh {script}")
    answers = {
        "good": '{"nats": 2.0}',
        "large": '{"nats": 1e12}',
        "wide": '{"nats": 0.5, "standard_error": 1e308}',
        "odd": '{"nats": 0.5, "details": {"ceiling": "none"}}',
        "half": '{"nats": 0.5, "details": {"a": "\\ud800"}}',
        "deep": '{"nats": 0.5, "details": {"a": ' + "[" * 40 + "]" * 40 + "}}",
    }
    for label, answer in answers.items():
        (tmp_path / "answer").write_text(answer)
        invoke(*only, "--label", label, "--limit", 30)
    assert {row["estimator"]: row["status"] for row in read_results(out)} == {
        label: "ok" if label == "good" else "failed" for label in answers
    }
    assert "good" in invoke("leaderboard", out)


def test_labels_that_are_taken_are_named_before_any_run(tmp_path):
    out = tmp_path / "r.jsonl"
    given = ["bench", "estimators", "--out", str(out), "--command", "sh x.sh", "--label", "mine"]
    with pytest.raises(BenchmarkError, match=r"an estimator of infoloom has it\. Use `mine-2`\.$"):
        CliRunner().invoke(app, given, catch_exceptions=False)
    assert not out.exists()


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
    assert f"{out}: 1 run ok, 0 failed, 0 not done in time, 0 there before" in said
    assert f"`infoloom report {out}`" in said
    (found,) = read_results(out)
    assert (found["bench"], found["objective"], found["experiment"]) == ("ssl", "random", "information")
    assert all(score["r_squared"] < 1.0 for score in found["scores"] if score["probe"] == "ridge")
    assert "ok        information nats=0.3" in invoke(*words, "--out", out, "--list")
    assert json.loads(invoke(*words, "--out", out, "--json"))["summary"]["skipped"] == 1
