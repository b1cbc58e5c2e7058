"""Suites: unique runs, stories with the information that was asked, and one run through the runner."""

from __future__ import annotations

import re
from collections import Counter
from itertools import takewhile
from pathlib import Path

import pytest

from infoloom import ssl
from infoloom.benchmark.learners.runs import Size, learn
from infoloom.benchmark.learners.scene_suites import RATES, TUNED
from infoloom.benchmark.learners.stories import EXPERIMENTS, make_story
from infoloom.benchmark.learners.suites import SUITES, jobs
from infoloom.benchmark.running.results import read_results
from infoloom.benchmark.running.runner import execute
from infoloom.errors import BenchmarkError

POINTS = {
    (grid.experiment, tuple(sorted({**params, **({"side": suite.side} if suite.side else {})}.items())))
    for suite in SUITES.values()
    for grid in suite.grids
    for params in grid.points
}


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_runs_are_unique_and_of_known_learners(suite):
    found = jobs(suite)
    assert len({job.run for job in found}) == len(found)
    for job in found:
        assert job.known["objective"] in ssl.names()
        assert job.known["experiment"] in EXPERIMENTS
        Size(**job.arguments["size"])
    seeds = [job.known["seed"] for job in found]
    if not SUITES[suite].whole:
        assert seeds == sorted(seeds)  # stopped early, every point has as many seeds as every other
    assert (9 in seeds) is (suite == "tuning")  # settings were chosen with it


def test_settings_are_chosen_on_a_story_that_is_not_reported():
    told = {suite: {job.known["experiment"] for job in jobs(suite)} for suite in ("tuning", "scenes", "real")}
    assert told["tuning"] == {"tuning"}
    assert "tuning" not in told["scenes"] | told["real"]
    tried = Counter(job.known["objective"] for job in jobs("tuning"))
    assert set(tried.values()) == {len(RATES)}  # the same search for all
    trained = {job.known["objective"] for suite in ("scenes", "real") for job in jobs(suite)}
    assert trained - {"random", "pixels"} <= set(tried)


def test_learning_rates_are_the_best_of_the_log():
    rows = read_results(Path(__file__).parents[3] / "benchmarks" / "results" / "ssl-tuning.jsonl")
    assert {row["run"] for row in rows} <= {job.run for job in jobs("tuning")}
    tries = {}
    for row in rows:
        score = next(
            s for s in row["scores"] if (s["probe"], s["inputs"], s["of"]) == ("ridge", "fused", "theta")
        )
        tries.setdefault(row["objective"], []).append((score["r_squared"], row["params"]["rate"]))
    assert all(
        len(one) == len(RATES) for one in tries.values()
    )  # the same search for all that are in the log
    assert {name: max(one)[1] for name, one in tries.items()} == dict(TUNED)


def test_reported_objectives_have_been_tuned():
    rows = read_results(Path(__file__).parents[3] / "benchmarks" / "results" / "ssl-scenes.jsonl")
    assert {row["objective"] for row in rows} <= {*TUNED, "random", "pixels"}


def test_the_suites_of_scenes_run_one_grid_after_the_other():
    found = [(job.known["experiment"], job.known["seed"]) for job in jobs("scenes")]
    seeds = [seed for _, seed in takewhile(lambda one: one[0] == "captions", found)]
    assert seeds == sorted(seeds)
    assert set(seeds) == {0, 1, 2}  # before the second experiment
    assert all("side" not in job.known["params"] for job in jobs("scenes"))
    rates = {job.known["objective"]: job.arguments["size"]["learning_rate"] for job in jobs("scenes")}
    assert {name: rates[name] for name in TUNED} == dict(TUNED)


@pytest.mark.parametrize(("experiment", "params"), sorted(POINTS, key=str), ids=str)
def test_stories_have_the_information_that_was_asked(experiment, params):
    story = make_story(experiment, **dict(params))
    told = dict(params)
    fixed = experiment in ("dropped", "preset") or told.get("kind") == "xor"  # weights as they are
    fixed |= experiment == "stories" and told["name"] != "digits"
    assert bool(story.spec.require) is not fixed
    for query, nats in story.spec.require.items():
        assert abs(story.information(query) - nats) < (1e-6 if story.captions else 1e-9)


def test_templates_change_no_information():
    tables = [
        make_story("templates", template=t).truth_table() for t in ("ones", "frequency", "patch", "sparse")
    ]
    for table in tables[1:]:
        assert table == pytest.approx(tables[0], abs=1e-9)


def test_dominated_stories_are_dominated():
    for kind, name in (("redundant", "redundancy"), ("unique", "unique"), ("synergistic", "synergy")):
        story = make_story("parts", kind=kind)
        found = story.decompose("theta")
        parts = {
            "redundancy": found.redundancy,
            "unique": sum(found.unique.values()),
            "synergy": found.synergy,
        }
        assert max(parts, key=parts.__getitem__) == name
        assert parts[name] > 0.85
        assert found.total == pytest.approx(1.0, abs=1e-9)


def test_the_black_hole_turns_from_mass_to_spin():
    story = make_story("black-hole")
    assert story.targets == ("theta0", "theta25", "theta50", "theta75", "theta100")
    known = [story.information(f"I(x2; {target})") for target in story.targets]
    assert known == sorted(known, reverse=True)
    assert known[0] == pytest.approx(0.7, abs=1e-9)
    assert known[-1] == pytest.approx(0.0, abs=1e-12)


def test_refusals():
    with pytest.raises(
        BenchmarkError, match=r"^suite `all`: expected one of quick, paper, full, scenes, real, tuning\.$"
    ):
        jobs("all")
    with pytest.raises(BenchmarkError, match=r"^pattern `nothing`: expected to match a run of suite quick\."):
        jobs("quick", only="nothing")
    names = re.escape(", ".join(EXPERIMENTS))
    with pytest.raises(BenchmarkError, match=rf"^experiment `other`: expected one of {names}\.$"):
        make_story("other")
    with pytest.raises(
        BenchmarkError, match=r"^kind `x`: expected redundant, unique, synergistic or mixed\.$"
    ):
        make_story("parts", kind="x")


def test_a_run_through_the_runner(tmp_path):
    tiny = {"rows": 512, "epochs": 1, "probe": [256, 256, 256]}
    job = jobs("quick", only="black-hole*clip*", limit=300.0)[0]
    job = type(job)(job.run, job.function, {**job.arguments, "size": tiny}, job.limit, job.known)
    out = tmp_path / "ssl.jsonl"
    assert execute([job], out, bench="ssl", suite="quick").ok == 1
    row = read_results(out)[0]
    assert (row["bench"], row["suite"], row["run"]) == ("ssl", "quick", job.run)
    assert (row["experiment"], row["objective"], row["seed"]) == ("black-hole", "clip", 0)
    assert row["details"]["steps"] == 4
    first = row["scores"][0]
    assert {"inputs", "of", "ceiling_r_squared", "truth_nats", "reachable"} <= first.keys()
    assert {score["of"] for score in row["scores"]} >= {"theta0", "theta50", "theta100", "z_x1"}
    assert execute([job], out, bench="ssl", suite="quick").skipped == 1


@pytest.mark.parametrize(("objective", "differs"), [("mvae", True), ("masked", True), ("vicreg", False)])
def test_features_that_are_fused_otherwise_are_read_side_by_side_too(objective, differs):
    size = {"rows": 256, "epochs": 1, "probe": [256, 256, 256], "settings": {"features": 8}}
    scores = learn("parts", {"kind": "synergistic", "side": 16}, objective, 0, size)["scores"]
    ceilings = {
        s["inputs"]: s["ceiling_r_squared"] for s in scores if (s["probe"], s["of"]) == ("ridge", "theta")
    }
    assert ("x1,x2" in ceilings) is differs
    assert ceilings.get("x1,x2", ceilings["fused"]) == ceilings["fused"]


def test_a_run_is_a_function_of_its_seed():
    size = {"rows": 256, "epochs": 1, "probe": [256, 256, 256], "settings": {"features": 8}}
    found = [learn("parts", {"kind": "unique", "side": 8}, "supervised", 3, size)["scores"] for _ in range(2)]
    assert found[0] == found[1]
