"""Gaussian tasks: truths, what they hide behind, refused settings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.benchmark.tasks import GaussianTask, from_mi
from infoloom.benchmark.tasks.vectors.gaussian import HARD, HIDDEN, STAIRCASE
from infoloom.errors import TaskError


@pytest.mark.parametrize("hidden", HIDDEN)
def test_one_seed_draws_the_same_pairs_behind_everything(hidden):
    task = GaussianTask("6v4", 1.0, 2, hidden)
    for found, wanted in zip(task.unveil(*task.sample(300, 1)), task.law.draw(300, 1), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("nats", [0.0, 0.5, 10.0])
def test_rows_hold_the_truth(hidden, nats):
    task = from_mi(nats, (6, 4), pairs=3, hidden=hidden)
    found = task.pmi(*task.sample(5000, 2))
    assert abs(found.mean() - nats) <= 4.0 * found.std() / math.sqrt(len(found))


@pytest.mark.parametrize("name", HARD)
def test_columns_of_hidden_tasks_have_mean_0_and_variance_1(name):
    task = HARD[name][0]
    for side in task.sample(20_000, 0):
        error = side.std(axis=0) / math.sqrt(len(side))
        spread = (side**2).std(axis=0) / math.sqrt(len(side))
        assert np.all(
            np.abs(side.mean(axis=0)) <= 5.0 * error
        )  # 64 columns: 4 errors would be passed by chance
        assert np.all(np.abs((side**2).mean(axis=0) - 1.0) <= 5.0 * spread)


def test_a_sample_begins_with_a_smaller_one():
    task = HARD["bent"][0]
    for large, small in zip(task.sample(300, 0), task.sample(100, 0), strict=True):
        np.testing.assert_allclose(large[:100], small, rtol=1e-12, atol=1e-12)


def test_the_staircase_in_bits():
    assert [round(task.mutual_information / math.log(2.0), 12) for task in STAIRCASE] == [2, 4, 6, 8, 10]


def test_the_turn_is_of_the_task_and_the_seed_of_the_sample():
    one, other = (GaussianTask("3v3", 1.0, 1, "rotated", turn) for turn in (0, 1))
    assert not np.allclose(one.sample(5, 0)[0], other.sample(5, 0)[0])
    np.testing.assert_array_equal(one.rvs(5, random_state=3)[0], one.sample(5, 3)[0])
    assert not np.array_equal(one.rvs(5)[0], one.rvs(5)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ("2x2", 1.0, 1),
            r"task setting `dims=2x2`: expected columns of x and of y, such as 25v25\. Write them so\.",
        ),
        (("2v2", 1.0, 3), r"task setting `pairs=3`: expected a whole number from 1 to 2\. Use fewer pairs"),
        (("2v2", 1.0, 0), r"task setting `pairs=0`: expected a whole number from 1 to 2\."),
        (
            ("2v2", -1.0, 1),
            r"task setting `nats=-1\.0`: expected a number from 0 to 20, 20 a pair, which .* Use 1\.0, or",
        ),
        (("2v2", 41.0, 2), r"task setting `nats=41\.0`: expected a number from 0 to 40"),
        (
            ("5000v1", 1.0, 1, "rotated"),
            r"expected at most 4,096 columns where they are turned\. Use plain\.",
        ),
        (("2v2", math.inf, 1), r"task setting `nats=inf`: expected a number from 0 to 20"),
        (("2v2", 1.0, 1, "bended"), r"task setting `hidden=bended`: expected one of plain, rotated, bent\."),
        (("2v2", 1.0, 1, "bent", -1), r"task setting `turn=-1`: expected a whole number of 0 or more\."),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(TaskError, match=message):
        GaussianTask(*settings)


@pytest.mark.parametrize(
    ("rows", "seed", "message"),
    [
        (0, 0, r"task setting `n_samples=0`: expected a whole number of 1 or more\. Ask for rows\."),
        (2.5, 0, r"task setting `n_samples=2\.5`: expected a whole number"),
        (5, -1, r"task setting `seed=-1`: expected a whole number of 0 or more\. Use 0\."),
    ],
)
def test_rows_and_seeds_that_do_not_fit(rows, seed, message):
    with pytest.raises(TaskError, match=message):
        from_mi(1.0).sample(rows, seed)
