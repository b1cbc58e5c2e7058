"""The Gaussian staircase of Lee and Rhee (2024): estimates within 0.2 bit of the truth."""

from __future__ import annotations

import math

import pytest

from infoloom.benchmark.tasks.gaussian import STAIRCASE
from infoloom.estimators import GaussianEstimator, Training, build


@pytest.mark.parametrize("task", STAIRCASE, ids=lambda task: f"{task.nats / math.log(2.0):.0f} bits")
def test_the_gaussian_estimator_climbs_all_of_it(task):
    found = GaussianEstimator().estimate_with_info(*task.sample(10_000, 0)).bits
    assert abs(found - task.nats / math.log(2.0)) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("level", [0, 1], ids=["2 bits", "4 bits"])
def test_a_joint_critic_climbs_its_lower_half(level):
    """As `benchmarks/staircase.py mine --critic joint --rows 100000`, whose higher steps it does not reach."""
    training = Training(batch=64, epochs=5, patience=5)
    found = build("mine", critic="joint", training=training).estimate_with_info(
        *STAIRCASE[level].sample(100_000, 0)
    )
    assert abs(found.bits - 2.0 * (level + 1)) < 0.2
