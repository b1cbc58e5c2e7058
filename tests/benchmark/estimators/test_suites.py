"""Suites: what is asked of whom, in which order, and that nothing is asked twice."""

from __future__ import annotations

import pytest

from infoloom.benchmark import tasks
from infoloom.benchmark.estimators.entering.entrants import Entrant, check_entrants
from infoloom.benchmark.estimators.estimation import takes
from infoloom.benchmark.estimators.suites import SUITES, jobs
from infoloom.errors import BenchmarkError


@pytest.fixture(
    scope="module", params=["quick", "paper", "mixed", pytest.param("full", marks=pytest.mark.slow)]
)
def suite(request):
    return request.param


def test_every_task_and_estimator_of_a_suite_exists(suite):
    for block in SUITES[suite].blocks():
        for problem in block.problems:
            assert tasks.build(problem.task).id == problem.task
        check_entrants([Entrant(name) for name in block.estimators])


def test_estimators_were_not_tuned_on_the_seeds_of_a_suite(suite):
    assert min(job.arguments["seed"] for job in jobs(suite)) > 100


def test_runs_are_named_apart_and_know_what_they_are(suite):
    made = jobs(suite)
    assert len({job.run for job in made}) == len(made)
    for job in made:
        asked = {name: job.arguments[name] for name in ("task", "rows", "seed", "estimator")}
        assert asked.items() <= job.known.items()
        assert {"block", "title", "vary", "label"} <= job.known.keys()
        assert job.prepares


def test_labels_tell_the_problems_of_a_block_apart(suite):
    for block in SUITES[suite].blocks():
        told = {(problem.label, problem.seed): (problem.task, problem.rows) for problem in block.problems}
        assert len(told) == len({(p.task, p.rows, p.seed) for p in block.problems})


def test_an_entrant_meets_every_problem_in_place_of_the_suites_own():
    made = jobs("quick", [Entrant("mine-own", "sh estimate.sh")])
    problems = {
        (job.arguments["task"], job.arguments["rows"], job.arguments["seed"]) for job in jobs("quick")
    }
    assert len(made) == len(problems)
    assert {job.arguments["command"] for job in made} == {"sh estimate.sh"}
    assert {job.arguments["estimator"] for job in made} == {"mine-own"}


def test_limits_and_patterns():
    assert {job.limit for job in jobs("quick")} == {SUITES["quick"].limit}
    assert {job.limit for job in jobs("quick", limit=5.0)} == {5.0}
    assert all("ksg" in job.run for job in jobs("quick", only="ksg"))
    assert {job.arguments["estimator"] for job in jobs("quick", only="*gaussian")} == {"gaussian"}


def test_wrong_names_are_refused():
    with pytest.raises(
        BenchmarkError,
        match=r"^suite `quik`: expected one of v2/quick, .*, full, or the file of another set\. Choose",
    ):
        jobs("quik")
    with pytest.raises(BenchmarkError, match=r"^pattern `zzz`: expected a part of some run's name\. "):
        jobs("quick", only="zzz")
    with pytest.raises(BenchmarkError, match=r"^estimator `nothing`: expected one of "):
        jobs("quick", [Entrant("nothing")])


def test_every_estimator_of_the_mixed_suite_takes_its_problems():
    made = jobs("mixed")
    assert {job.arguments["task"] for job in made} == {
        name for group in ("mixed", "mixed-null", "words", "words-null") for name in tasks.names(group)
    }
    assert all(takes(job.arguments["estimator"], job.arguments["task"]) for job in made)


def test_an_entrant_is_spared_what_it_does_not_take():
    kinds = {tasks.build(job.arguments["task"]).kind for job in jobs("mixed", [Entrant("ross")])}
    assert kinds == {"mixed"}
    everything = jobs("mixed", [Entrant("entrant", "python mine.py")])
    assert {tasks.build(job.arguments["task"]).kind for job in everything} == {
        "continuous",
        "mixed",
        "discrete",
    }
