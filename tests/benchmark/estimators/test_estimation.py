"""One run: the rows of the task, the seed of the estimator, the truth beside the estimate."""

from __future__ import annotations

import json
import math
import sys

import pytest

from infoloom.benchmark import tasks
from infoloom.benchmark.estimators import samples
from infoloom.benchmark.estimators.entering.entrants import known_names
from infoloom.benchmark.estimators.estimation import method_of, run, takes
from infoloom.benchmark.tasks import GaussianTask
from infoloom.errors import EstimatorError, KindError
from infoloom.estimators import Estimate, build

TASK = GaussianTask("2v3", 0.5, 1, "bent")


def test_a_run_joins_estimate_and_truth():
    fields = run(TASK.id, 300, 101, "gaussian")
    x, y = TASK.sample(300, 101)
    assert fields["estimate"] == build("gaussian", seed=101).estimate(x, y)
    assert fields["truth"] == TASK.mutual_information
    assert fields["error"] == fields["estimate"] - fields["truth"]
    assert (fields["dim_x"], fields["dim_y"], fields["family"]) == (2, 3, "gaussian")
    assert fields["task_params"] == dict(TASK.params)
    assert fields["settings"]["seed"] == 101
    assert json.loads(json.dumps(fields)) == fields


def test_settings_reach_the_estimator():
    fields = run(TASK.id, 100, 101, "ksg", settings={"neighbors": 3})
    assert fields["settings"]["neighbors"] == 3


@pytest.mark.parametrize("reference", ["oracle", "pixel-floor"])
def test_references_know_the_task(reference):
    fields = run(TASK.id, 2000, 101, reference)
    if reference == "oracle":
        assert abs(fields["error"]) < 0.1
    assert fields["estimate"] > 0.2


def test_a_program_is_an_estimator(tmp_path):
    script = tmp_path / "estimate.py"
    script.write_text(
        "import json, sys, numpy as np\nrows = np.load(sys.argv[-1])\nprint(json.dumps({'nats': rows['y'].shape[1]}))\n"
    )
    fields = run(TASK.id, 50, 101, "mine-own", command=f"{sys.executable} '{script}'")
    assert fields["estimate"] == 3.0


def test_rows_through_a_trained_flow_are_drawn_once(tmp_path, monkeypatch):
    drawn = []
    plain = samples.drawn
    monkeypatch.setenv(samples.FOLDER, str(tmp_path / "kept"))
    monkeypatch.setattr(samples, "drawn", lambda *given: drawn.append(given[1:]) or plain(*given))
    first, second = (run(TASK.id, 60, 101, "gaussian") for _ in range(2))
    assert first["estimate"] == second["estimate"]
    assert drawn == [(60, 101)] * 2


def test_only_rows_that_went_through_a_flow_leave_files(tmp_path, monkeypatch):
    monkeypatch.setenv(samples.FOLDER, str(tmp_path / "kept"))
    run(TASK.id, 60, 101, "gaussian")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Estimate(1e12), r"^`gaussian` `1000000000000\.0`: expected an estimate that a results file can hold \(`est"),
        (Estimate(0.5, (0.0, 1e12)), r"can hold \(`interval\.1`: expected less than or equal to 1000000000"),
        (Estimate(0.5, details={"ceiling": math.nan}), r"\(`details\.ceiling`: expected a valid number, got 'nan'\)"),
    ],
)  # fmt: skip
def test_estimates_that_no_file_holds_are_refused(found, message, monkeypatch):
    method = type("Method", (), {"estimate_with_info": lambda *_: found, "parameters": lambda _: {}})
    monkeypatch.setattr("infoloom.benchmark.estimators.estimation.method_of", lambda *_: method())
    with pytest.raises(EstimatorError, match=message):
        run(TASK.id, 50, 101, "gaussian")


def test_details_are_short():
    details = run(TASK.id, 300, 101, "gaussian")["details"]
    assert all(value == float(f"{value:.6g}") for value in details["canonical_correlations"])


def test_variants_have_their_settings():
    pytest.importorskip("torch")
    method = method_of("infonce@whiten", TASK, 7).parameters()
    assert (method["preparation"], method["start"], method["seed"]) == ("whiten", "canonical", 7)


def test_a_program_is_told_what_is_discrete_and_has_no_limit_of_its_own():
    task = tasks.build("caption:x=xray-spectrum,nats=0.5")
    method = method_of("mine-own", task, 0, command="sh x.sh")
    assert (method.discrete_y, any(method.discrete_x), method.limit) == ((True, True), False, math.inf)
    assert method_of("mine-own", task, 0, command="sh x.sh", limit=3.0).limit == 3.0


@pytest.mark.parametrize("estimator", ["ksg", "minde@whiten", "pixel-floor", "ross"])
def test_kinds_that_an_estimator_does_not_take_are_refused_before_rows_are_drawn(estimator, monkeypatch):
    monkeypatch.setattr(samples, "drawn", lambda *_: pytest.fail("drawn"))
    task = "channel:symbols=2,error=0.11"
    kind = "mixed" if estimator == "ross" else "continuous"
    with pytest.raises(
        KindError, match=rf"^`{estimator}` `discrete variables`: expected {kind} ones\. Other"
    ):
        run(task, 50, 101, estimator)


def test_who_takes_words():
    words, numbers = "caption:x=xray-spectrum,nats=0.5", TASK.id
    taken = {name: (takes(name, words), takes(name, numbers)) for name in known_names()}
    assert taken["oracle"] == taken["gao"] == taken["infonce@whiten"] == (True, True)
    assert taken["ksg"] == taken["minde@whiten"] == taken["pixel-floor"] == (False, True)
    assert taken["ross"] == (True, False)


def test_processor_seconds_are_those_of_a_programs_children_too(tmp_path):
    inner = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    script = tmp_path / "estimate.py"
    script.write_text(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {inner!r}])\nprint('{{\"nats\": 1.0}}')"
    )
    fields = run(TASK.id, 50, 101, "mine-own", command=f"{sys.executable} '{script}'")
    assert fields["estimator_processor_seconds"] >= 0.5
    assert fields["command"] == f"{sys.executable} '{script}'"


def test_a_task_that_does_not_exist_says_so():
    with pytest.raises(Exception, match="expected an id such as"):
        run("nothing", 10, 101, "gaussian")
    assert tasks.build(TASK.id) == TASK
