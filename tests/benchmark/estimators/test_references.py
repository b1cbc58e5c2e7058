"""References: the oracle finds the truth wherever it hides, the floor sees what is linear."""

from __future__ import annotations

import numpy as np
import pytest

from infoloom.benchmark.estimators import references
from infoloom.benchmark.estimators.references import Oracle, PixelFloor
from infoloom.benchmark.tasks import BeyondNormalTask, GridTask, LadderTask, StoryTask, build, from_mi
from infoloom.errors import TaskError

SEEDS = range(8)
TASKS = [
    build("gaussian:dims=25v25,nats=2.0,pairs=5,hidden=bent"),
    build("gaussian:dims=10v10,nats=0.0,pairs=0,hidden=bent"),
    BeyondNormalTask("spiral-multinormal-sparse-3-3-2-2.0"),
    BeyondNormalTask("1v1-bimodal-0.75"),
    BeyondNormalTask("asinh-student-identity-2-2-1"),
    BeyondNormalTask("1v1-additive-0.1"),
    LadderTask("digits", "coupling"),
    GridTask(1.0, pairs=1, template="ones", law="laplace"),
    StoryTask("digits-pair", "three", "theta", "latent"),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_the_oracle_finds_the_truth(task):
    found = [Oracle(task).estimate(*task.sample(600, seed)) for seed in SEEDS]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - task.mutual_information) <= 4.0 * error


def test_the_oracle_takes_the_reading_that_fits():
    cases = [(TASKS[0], 600, "gaussian"), (TASKS[0], 60, "pointwise"), (TASKS[4], 600, "pointwise")]
    for task, rows, reading in cases:
        found = Oracle(task).estimate_with_info(*task.sample(rows, 0))
        assert found.details["reading"] == reading
        assert found.interval is not None
        assert found.interval[0] < found.nats < found.interval[1]


def test_intervals_of_the_pointwise_reading_cover():
    task = BeyondNormalTask("student-identity-2-2-1")
    ends = [Oracle(task).estimate_with_info(*task.sample(400, seed)).interval for seed in range(100)]
    covered = sum(low <= task.mutual_information <= high for low, high in ends)
    assert abs(covered - 95) <= 4.0 * np.sqrt(100 * 0.95 * 0.05)


def test_with_the_seed_nothing_but_a_few_rows_is_undone():
    task = LadderTask("digits", "coupling")
    x, y = task.sample(400, 3)
    known, undone = Oracle(task, seed=3).estimate(x, y), Oracle(task).estimate(x, y)
    assert known == pytest.approx(undone, abs=1e-3)
    with pytest.raises(
        TaskError, match=r"oracle `seed=4`: expected the rows that the task draws with this seed"
    ):
        Oracle(task, seed=4).estimate(x, y)


def test_the_floor_sees_what_is_linear():
    plain, bent = (from_mi(1.0, 4, hidden=hidden) for hidden in ("plain", "bent"))
    floors = [PixelFloor(task).estimate(*task.sample(5000, 0)) for task in (plain, bent)]
    assert abs(floors[0] - 1.0) < 0.1
    assert floors[1] < floors[0] - 0.1


def test_references_by_name():
    task = from_mi(1.0)
    assert references.NAMES == ("oracle", "pixel-floor")
    assert references.build("oracle", task, reading="pointwise").parameters() == {
        "reading": "pointwise",
        "seed": None,
    }
    assert references.build("pixel-floor", task).parameters() == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: references.build("best", from_mi(1.0)),
            r"reference `best`: expected one of oracle, pixel-floor\. Name one of them\.",
        ),
        (
            lambda: references.build("pixel-floor", from_mi(1.0), seed=1),
            r"settings of the reference `pixel-floor` `seed`: expected those that it has .* Leave them out\.",
        ),
        (
            lambda: Oracle(from_mi(1.0), "guess"),
            r"task setting `reading=guess`: expected one of auto, gaussian, pointwise\. Use auto\.",
        ),
        (
            lambda: Oracle(BeyondNormalTask("1v1-additive-0.1"), "gaussian"),
            r"task setting `reading=gaussian`: expected auto or pointwise for a law that is not Gaussian\.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(TaskError, match=message):
        make()
