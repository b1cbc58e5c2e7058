"""What the page on learners says in numbers is what the committed results say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from infoloom.benchmark.learners.suites import SUITES, jobs
from infoloom.benchmark.running.results import read_results
from infoloom.benchmark.running.trees import require_rows

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def maker():
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(ROOT / "docs")  # for what the script imports from beside itself
        return loaded()


def loaded():
    spec = importlib.util.spec_from_file_location("make_ssl", ROOT / "docs" / "make_ssl.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_number_of_the_page_is_that_of_the_results(maker):
    page = maker.PAGE.read_text(encoding="utf-8")
    assert maker.written(page) == page
    names = re.findall(r"<!-- numbers: ([a-z-]+) -->", page)
    assert len(names) == len(set(names)) == page.count("<!-- end -->") >= 6
    blocks = [match[0] for match in maker.BLOCK.finditer(page)]
    assert all(len(block.splitlines()) > 2 for block in blocks)  # none is empty


def test_the_results_are_runs_of_the_suites():
    for suite in ("scenes", "tuning", "real"):
        rows = read_results(RESULTS / f"ssl-{suite}.jsonl")
        assert {row["suite"] for row in rows} == {suite}
        assert {row["run"] for row in rows} <= {job.run for job in jobs(suite)}


@pytest.mark.parametrize("suite", ["paper", "scenes", "tuning", "real"])
def test_every_committed_run_can_be_reported(suite):
    """Scores without a ceiling too, and fractions of a truth that is nearly 0."""
    require_rows(read_results(RESULTS / f"ssl-{suite}.jsonl"), "ssl")


def test_what_the_page_shows_has_all_seeds(maker):
    """Every point with results has them of three seeds."""
    seeds = {}
    for row in [*maker.rows_of("scenes"), *maker.rows_of("real")]:
        key = (row["experiment"], str(row["params"]), row["objective"])
        seeds.setdefault(key, set()).add(row["seed"])
    assert set(map(frozenset, seeds.values())) == {frozenset(SUITES["scenes"].seeds)}


def test_no_score_lies_above_its_ceiling_by_more_than_chance(maker):
    """Four standard errors over the held-out rows, of many thousand scores."""
    beyond = 0
    for row in [*maker.rows_of("scenes"), *maker.rows_of("real")]:
        for score in row["scores"]:
            ceiling = score.get("ceiling_r_squared")
            if ceiling is not None and score["r_squared"] > ceiling + 4.0 * score["standard_error"] + 1e-9:
                beyond += 1
    assert beyond == 0
