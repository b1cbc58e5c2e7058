"""What the pages say in numbers is what the committed results say."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import asdict, is_dataclass
from pathlib import Path

import pytest

from infoloom.benchmark.estimators.problem_sets import PUBLISHED, part_of, problem_set
from infoloom.benchmark.estimators.scoring.tuning import METHODS, best
from infoloom.benchmark.estimators.variants import PREPARATIONS, TUNED, VARIANTS, names, settings_of
from infoloom.benchmark.running.results import read_results
from infoloom.errors import BenchmarkError
from infoloom.estimators import build

ROOT = Path(__file__).resolve().parents[3]
TUNING = ROOT / "benchmarks" / "results" / "estimators-tuning.jsonl"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_benchmark", ROOT / "docs" / "make_benchmark.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(ROOT / "docs")  # for what the script imports from beside itself
        spec.loader.exec_module(module)
    return module


def test_every_number_of_the_page_is_that_of_the_results(maker):
    page = maker.PAGE.read_text(encoding="utf-8")
    assert maker.written(page) == page
    names = re.findall(r"<!-- numbers: ([a-z-]+) -->", page)
    assert len(names) == len(set(names)) == page.count("<!-- end -->") == 19


def test_the_quick_set_was_run_whole_within_twenty_processor_minutes(maker):
    rows = read_results(maker.RESULTS)
    assert {row["suite"] for row in rows} == {"v2/quick"}
    board = problem_set("v2/quick")
    asked = {
        (*key, name) for block, group in board.groups() for key in group.keys for name in block.estimators
    }
    run = {(row["task"], row["rows"], row["seed"], row["estimator"]) for row in rows}
    assert asked <= run
    assert {name for *_, name in run - asked} <= {"ksg@canonical"}
    assert sum(row["processor_seconds"] for row in rows) < 20 * 60


def test_what_of_the_core_set_was_run_is_its_first_seeds(maker):
    """Whoever met one problem of the part that the page shows met all of those that it was asked."""
    part = part_of(problem_set(maker.CORE), **maker.CORE_PART)
    rows = read_results(maker.CORE_RESULTS)
    assert {row["suite"] for row in rows} == {maker.CORE}
    met = {(row["task"], row["rows"], row["seed"], row["estimator"]) for row in rows}
    keys = [key for block, group in part.groups() if block.name != "flows" for key in group.keys]
    for name in (
        "gaussian",
        "gaussianised",
        "ksg",
        "ksg@canonical",
        "amortised",
        "infonce@gaussianise",
        "flow-based",
        "oracle",
    ):
        assert all((*key, name) in met for key in keys), name


def test_every_ranked_block_has_a_problem_that_somebody_gets_right(maker):
    rows = read_results(maker.RESULTS)
    board = problem_set("v2/quick")
    found = [one for one in maker.scores(board, rows) if one.role == "estimator"]
    for number, block in enumerate(board.blocks):
        assert block.kept or max(one.blocks[number].right for one in found) > 0, block.name


def test_preparations_are_those_that_did_best():
    found = best(read_results(TUNING))
    assert set(found) == set(METHODS) == set(TUNED)
    for method, values in found.items():
        assert values[TUNED[method]] == min(values.values()), method
        assert set(values) == {how for how in PREPARATIONS if names(method, how) in (method, *VARIANTS)}


def test_nothing_was_tuned_on_a_problem_of_a_set():
    tuned = {(row["task"], row["rows"], row["seed"]) for row in read_results(TUNING)}
    for name in PUBLISHED:
        assert not tuned & set(problem_set(name).truths)


def test_variants_are_estimators_with_settings():
    for name, (method, settings) in VARIANTS.items():
        assert settings_of(name) == (method, settings)
        told = build(method, **settings).parameters()
        for key, value in settings.items():
            assert told[key] == (asdict(value) if is_dataclass(value) else value)
    with pytest.raises(BenchmarkError, match=r"^variant `infonce@none`: expected one of infonce@whiten, "):
        settings_of("infonce@none")


def test_failures_count_as_wholly_wrong():
    rows = [
        {"estimator": "minde", "status": "ok", "error": 0.1, "truth": 0.1},
        {"estimator": "minde", "status": "ok", "error": -9.0, "truth": 1.0},
        {"estimator": "minde@whiten", "status": "failed"},
    ]
    assert best(rows)["minde"] == {"published": pytest.approx((0.4 + 1.0) / 2), "whiten": 1.0}
