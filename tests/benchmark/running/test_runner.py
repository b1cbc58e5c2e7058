"""The runner: nothing is lost, doubled or left behind, whatever a job does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infoloom.benchmark.running.results import read_results
from infoloom.benchmark.running.runner import Job, Summary, execute
from infoloom.errors import BenchmarkError

ROOT = Path(__file__).resolve().parents[3]


def job(name, function="double", limit=None, known=None, **arguments):
    return Job(name, f"benchmark.running.jobs:{function}", arguments, limit, known or {})


def run(jobs, out, **options):
    return execute(jobs, out, bench="estimators", suite="test", **options)


def by_run(out):
    return {row["run"]: row for row in read_results(out)}


def only_row(tmp_path, function, limit=30.0, **arguments):
    run([job("only", function, limit, **arguments)], tmp_path / "r.jsonl")
    return by_run(tmp_path / "r.jsonl")["only"]


def counts(summary: Summary):
    return summary.skipped, summary.ok, summary.failed, summary.timeout


def test_a_row_says_what_was_run_where_and_at_what_cost(tmp_path):
    out = tmp_path / "r.jsonl"
    assert counts(run([job("a", known={"task": "t"}, value=4)], out)) == (0, 1, 0, 0)
    row = by_run(out)["a"]
    given = {"format": 1, "bench": "estimators", "suite": "test", "run": "a", "status": "ok", "message": None}
    assert {name: row[name] for name in given} == given
    assert row["doubled"] == 8
    assert row["task"] == "t"
    assert set(row["versions"]) == {"infoloom", "python", "numpy", "scipy", "torch"}
    assert set(row["machine"]) == {"system", "processor", "cores"}
    assert row["seconds"] > 0.0
    assert row["processor_seconds"] >= 0.0
    assert row["started"].startswith("20")


def test_answers_become_json(tmp_path):
    row = only_row(tmp_path, "unanswerable")
    assert (row["nats"], row["ends"], row["rows"]) == (0.5, ["inf", "nan"], [0, 1])


def test_jobs_compute_with_one_thread(tmp_path):
    row = only_row(tmp_path, "threads")
    assert row["torch"] == 1
    assert row["environment"] == ["1", "1", "1"]


def test_runs_that_have_a_row_are_skipped(tmp_path):
    out, log = tmp_path / "r.jsonl", tmp_path / "log"
    jobs = [job(str(value), value=value, log=str(log)) for value in range(4)]
    run(jobs[:2], out)
    assert counts(run(jobs, out, workers=2)) == (2, 2, 0, 0)
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"]
    assert counts(run(jobs, out)) == (4, 0, 0, 0)


def test_retry_runs_what_is_not_ok_again_and_nothing_else(tmp_path):
    out, log = tmp_path / "r.jsonl", tmp_path / "log"
    run([job("a", value=1, log=str(log)), job("b", "fail", message="x"), job("c", "fail", message="y")], out)
    jobs = [job("a", value=1, log=str(log)), job("b", value=2, log=str(log))]
    assert counts(run(jobs, out)) == (2, 0, 0, 0)
    assert counts(run(jobs, out, retry=True)) == (1, 1, 0, 0)
    assert {name: row["status"] for name, row in by_run(out).items()} == {"a": "ok", "b": "ok", "c": "failed"}
    assert log.read_text().split() == ["1", "2"]


def test_a_run_of_the_other_benchmark_is_another_run(tmp_path):
    out = tmp_path / "r.jsonl"
    run([job("a", value=1)], out)
    assert counts(execute([job("a", value=1)], out, bench="ssl", suite="test")) == (0, 1, 0, 0)


def test_progress_is_told_of_every_row(tmp_path):
    out, told = tmp_path / "r.jsonl", []
    jobs = [job(str(value), value=value) for value in range(3)]
    run(jobs[:1], out)
    run(jobs, out, progress=lambda done, of, row: told.append((done, of, row and row["run"])))
    assert told == [(1, 3, None), (2, 3, "1"), (3, 3, "2")]


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("fail", {"message": "no luck"}, r"^ValueError: no luck$"),
        ("refuse", {"message": "`x` `3`: expected 4."}, r"^`x` `3`: expected 4\.$"),
        ("leave", {"status": 7}, r"^its process ended with status 7 and no result$"),
        ("leave", {"status": 0}, r"^its process ended with status 0 and no result$"),
        ("raise_signal", {"number": 9}, r"ended by signal 9 \(Killed\), most likely for want of memory$"),
        ("raise_signal", {"number": 11}, r"signal 11 \(Segmentation fault\): File .* in raise_signal"),
        ("say_and_leave", {"text": "out of luck"}, r"^its process ended with status 3 and no result: out of luck$"),
        ("absent", {}, r"^AttributeError: module 'benchmark\.running\.jobs' has no attribute 'absent'$"),
    ],
)  # fmt: skip
def test_a_crash_is_a_row_with_its_message(tmp_path, function, arguments, message):
    out = tmp_path / "r.jsonl"
    jobs = [job("bad", function, 30.0, {"task": "t"}, **arguments), job("good", value=1)]
    assert counts(run(jobs, out)) == (0, 1, 1, 0)
    rows = by_run(out)
    assert rows["bad"]["status"] == "failed"
    assert re.search(message, rows["bad"]["message"]), rows["bad"]["message"]
    assert rows["bad"]["task"] == "t"
    assert rows["good"]["doubled"] == 2


def test_a_kind_that_is_not_taken_is_no_failure_and_not_tried_again(tmp_path):
    out = tmp_path / "r.jsonl"
    found = run([job("words", "take_nothing")], out)
    assert (*counts(found), found.not_taken) == (0, 0, 0, 0, 1)
    assert by_run(out)["words"]["status"] == "not-taken"
    assert by_run(out)["words"]["message"] == "`ksg` `words`: expected numbers."
    assert counts(run([job("words", "take_nothing")], out, retry=True)) == (1, 0, 0, 0)


def test_a_time_limit_is_recorded_and_ends_all_that_the_job_started(tmp_path, gone):
    row = only_row(tmp_path, "start_program", limit=1.0, pids=str(tmp_path / "pids"))
    assert (row["status"], row["message"]) == ("timeout", "not done within its limit of 1 s")
    assert row["seconds"] >= 1.0
    assert row["peak_memory_mib"] > 1.0
    assert gone(*map(int, (tmp_path / "pids").read_text().split()))


def test_a_time_out_keeps_the_last_ten_lines(tmp_path):
    row = only_row(tmp_path, "say_and_wait", limit=1.0, lines=25)
    assert row["message"].splitlines() == [
        "not done within its limit of 1 s; the last that it said:",
        *(f"line {number}" for number in range(15, 25)),
    ]


def test_what_a_job_prepares_does_not_count(tmp_path):
    out = tmp_path / "r.jsonl"
    given = {"short": 0.0, "long": 60.0}
    jobs = [
        Job(name, "benchmark.running.jobs:prepare", {"seconds": 1.0, "then": then}, 0.5, prepares=True)
        for name, then in given.items()
    ]
    assert counts(run(jobs, out)) == (0, 1, 0, 1)
    assert by_run(out)["short"]["seconds"] > 1.0


def test_a_program_that_a_job_left_behind_is_ended(tmp_path, gone):
    assert only_row(tmp_path, "leave_program_behind", pids=str(tmp_path / "pids"))["status"] == "ok"
    assert gone(*map(int, (tmp_path / "pids").read_text().split()))


def test_a_death_is_seen_while_another_process_holds_the_answer_open(tmp_path, gone):
    row = only_row(tmp_path, "fork_and_die", limit=30.0, pids=str(tmp_path / "pids"))
    assert row["message"] == "its process was ended by signal 15 (Terminated)"
    assert gone(*map(int, (tmp_path / "pids").read_text().split()))


def test_peak_memory_is_that_of_the_run(tmp_path):
    out = tmp_path / "r.jsonl"
    sizes = {"small": 1, "large": 200, "after": 1}
    run([job(name, "hold", mebibytes=size) for name, size in sizes.items()], out)
    peak = {name: row["peak_memory_mib"] for name, row in by_run(out).items()}
    assert 190.0 < peak["large"] - peak["small"] < 210.0
    assert abs(peak["after"] - peak["small"]) < 10.0


def test_jobs_run_side_by_side(tmp_path):
    out = tmp_path / "r.jsonl"
    run(
        [job("slow", "pause", seconds=3.0), *(job(str(value), value=value) for value in range(3))],
        out,
        workers=2,
    )
    assert [row["run"] for row in read_results(out)] == ["0", "1", "2", "slow"]


def test_a_result_that_no_file_holds_is_a_failure_of_its_run_alone(tmp_path):
    out = tmp_path / "r.jsonl"
    bad = [
        job("deep", "nest", levels=40),
        job("long", "fail", message="x" * 10**7),
        job("half", "fail", message="\ud800"),
    ]
    assert counts(run([*bad, job("good", value=1)], out)) == (0, 1, 3, 0)
    message = {name: row["message"] for name, row in by_run(out).items()}
    assert message["deep"] == "a result that no file can hold (nested deeper than 32 levels)"
    assert message["half"] == "ValueError: ?"
    assert message["long"].startswith("ValueError: xxx")
    assert " … " in message["long"]
    assert len(message["long"]) < 10**5


def test_a_time_out_keeps_little_of_a_long_line(tmp_path):
    row = only_row(tmp_path, "say_much_and_wait", limit=1.0, size=10**7)
    assert row["message"] == f"not done within its limit of 1 s; the last that it said:\n{'x' * 500}"


def test_runs_of_another_suite_are_other_runs(tmp_path):
    out = tmp_path / "r.jsonl"
    for suite in ("mine/1", "mine/2"):
        assert counts(execute([job("a", value=1)], out, bench="estimators", suite=suite)) == (0, 1, 0, 0)
    assert counts(execute([job("a", value=1)], out, bench="estimators", suite="mine/1")) == (1, 0, 0, 0)
    assert [row["suite"] for row in read_results(out)] == ["mine/1", "mine/2"]


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_limits_are_checked(tmp_path, limit):
    with pytest.raises(BenchmarkError, match=rf"^limit `{limit:g}`: expected seconds above 0\. Use 600\.$"):
        run([job("a", value=1, limit=limit)], tmp_path / "r.jsonl")
    assert not (tmp_path / "r.jsonl").exists()


def test_names_and_workers_are_checked(tmp_path):
    with pytest.raises(
        BenchmarkError, match=r"^run `a{80}…`: expected a name of at most 4096 signs, got 5000\."
    ):
        run([job("a" * 5000, value=1)], tmp_path / "r.jsonl")
    with pytest.raises(
        BenchmarkError, match=r"^run `a`: expected once, got 2 jobs of this name\. Name them apart\.$"
    ):
        run([job("a", value=1), job("a", value=2)], tmp_path / "r.jsonl")
    with pytest.raises(BenchmarkError, match=r"^workers `0`: expected at least 1\.$"):
        run([], tmp_path / "r.jsonl", workers=0)


# A program of its own, to be interrupted or killed from outside.
PROGRAM = """
import signal
import sys
from infoloom.benchmark.running.runner import Job, execute

if __name__ == "__main__":
    # a shell that starts tests in the background lets them ignore the keyboard
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out, folder = sys.argv[1:]
    jobs = [
        Job(str(value), "benchmark.running.jobs:pause", {"seconds": 0.2, "value": value, "log": folder + "/log"})
        for value in range(12)
    ]
    program = Job("program", "benchmark.running.jobs:start_program", {"pids": folder + "/pids"})
    execute([program, *jobs], out, bench="estimators", suite="test", workers=2)
"""


def start(tmp_path, out):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return subprocess.Popen(
        [sys.executable, script, out, tmp_path],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def wait_for_row(out, seconds=30.0):
    end = time.monotonic() + seconds
    while not (out.exists() and out.stat().st_size):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
    ids=lambda number: number.name,
)
def test_a_run_that_is_stopped_leaves_no_process_and_goes_on(tmp_path, gone, wait_for_file, number):
    out, log = tmp_path / "r.jsonl", tmp_path / "log"
    program = start(tmp_path, out)
    pids = [int(pid) for pid in wait_for_file(tmp_path / "pids").split()]
    wait_for_row(out)
    # The keyboard interrupts the whole group.
    (os.killpg if number == signal.SIGINT else os.kill)(program.pid, number)
    _, said = program.communicate(timeout=30)
    assert gone(*pids)
    assert program.returncode == -number, said
    assert ("KeyboardInterrupt" in said) == (number == signal.SIGINT)
    done = {row["run"] for row in read_results(out)}
    assert 0 < len(done) < 12
    with out.open("a") as file:
        file.write('{"format": 1, "run": "torn')
    jobs = [job(str(value), "pause", seconds=0.0, value=value, log=str(log)) for value in range(12)]
    assert counts(run(jobs, out)) == (len(done), 12 - len(done), 0, 0)
    rows = read_results(out)
    assert sorted(row["run"] for row in rows) == sorted(map(str, range(12)))
    assert {row["status"] for row in rows} == {"ok"}
    finished = log.read_text().split()
    # A job may end before its row is written when the program is killed: then it runs twice, and has one row.
    assert len(set(finished)) == 12
    assert len(finished) <= 13


def test_the_rows_of_a_file_are_lines_of_json(tmp_path):
    out = tmp_path / "r.jsonl"
    run([job(str(value), value=value) for value in range(2)], out)
    assert [json.loads(line)["doubled"] for line in out.read_text().splitlines()] == [0, 2]
