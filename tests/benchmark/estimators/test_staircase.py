"""The Gaussian staircase of Lee and Rhee (2024): within 0.2 bit of the truth, and of their table."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

from infoloom.benchmark.tasks.vectors.gaussian import STAIRCASE
from infoloom.estimators import GaussianEstimator, Training, build


@pytest.mark.parametrize("task", STAIRCASE, ids=lambda task: f"{task.nats / math.log(2.0):.0f} bits")
def test_the_gaussian_estimator_climbs_all_of_it(task):
    found = GaussianEstimator().estimate_with_info(*task.sample(10_000, 0)).bits
    assert abs(found - task.nats / math.log(2.0)) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("level", [0, 1], ids=["2 bits", "4 bits"])
def test_a_joint_critic_climbs_its_lower_half(level):
    """As `benchmarks/estimators/staircase.py mine --critic joint --rows 100000`, which does not reach higher steps."""
    training = Training(batch=64, epochs=5, patience=5)
    found = build("mine", critic="joint", training=training).estimate_with_info(
        *STAIRCASE[level].sample(100_000, 0)
    )
    assert abs(found.bits - 2.0 * (level + 1)) < 0.2


#: Joint critics in their Gaussian column, bits at 2, 4, 6, 8 and 10.
PUBLISHED = {"infonce": [1.83, 3.42, 4.58, 5.31, 5.71], "mine": [1.93, 3.88, 5.82]}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), [("infonce", 1000), ("mine", 2000)])
def test_joint_critics_on_new_rows_reach_the_published_column(name, steps):
    """As `benchmarks/estimators/staircase.py --fresh`; beyond 6 bits a few batches decide what `mine` reads."""
    path = Path(__file__).parents[3] / "benchmarks" / "estimators" / "staircase.py"
    spec = importlib.util.spec_from_file_location("staircase", path)
    staircase = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(staircase)
    levels = [2 * (place + 1) for place in range(len(PUBLISHED[name]))]
    found = list(staircase.climb(name, levels, steps, seed=0))
    assert found == pytest.approx(PUBLISHED[name], abs=0.2)
