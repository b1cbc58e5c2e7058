"""Grids: the design holds the information, one thing varies, rows hold the truth."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from infoloom.benchmark.tasks import GridTask
from infoloom.benchmark.tasks.stories.designed import hold, shared_causes
from infoloom.benchmark.tasks.stories.grids import GRIDS, grid
from infoloom.errors import TaskError

TASKS = [task for name in GRIDS for task in grid(name)]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_the_design_holds_the_information(task):
    assert task.mutual_information == pytest.approx(task.nats, abs=1e-9)
    assert task.truth.error <= 1e-6


@pytest.mark.parametrize("name", GRIDS)
def test_one_thing_varies_in_a_grid(name):
    settings = [asdict(task) for task in grid(name)]
    varied = {key for key in settings[0] if len({one[key] for one in settings}) > 1}
    assert len(varied) == 1
    assert len({task.id for task in grid(name)}) == len(settings)


@pytest.mark.parametrize(
    "task",
    [
        GridTask(0.0),
        GridTask(10.0),
        GridTask(2.0, modalities=5),
        GridTask(2.0, dim=3072),
        *grid("law"),
        *(task for task in grid("template") if task.template in ("sparse", "ring")),
    ],
    ids=lambda task: task.id,
)
def test_rows_hold_the_truth(task):
    x, y = task.sample(512, 4)
    assert x.shape == (512, *task.shape_x)
    assert y.shape == (512, *task.shape_y)
    found = task.pmi(x, y)
    error = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - task.mutual_information) <= 4.0 * error


def test_modalities_of_normal_causes_are_standard_normal():
    task, rows = GridTask(5.0, dim=4, pairs=2), 20_000
    x, _ = task.sample(rows, 0)
    error = np.sqrt((np.ones((4, 4)) + np.eye(4)) / rows)  # of a covariance of standard normal columns
    assert np.all(np.abs(np.cov(x.reshape(rows, 4), rowvar=False) - np.eye(4)) <= 4.0 * error)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 0}, r"task setting `dim=0`: expected a whole number of 1 or more\. Use 1\."),
        ({"modalities": 1}, r"task setting `modalities=1`: expected a whole number of 2 or more\."),
        ({"nats": -0.1}, r"task setting `nats=-0\.1`: expected a number from 0 to 48, 12 a pair"),
        ({"template": "star"}, r"task setting `template=star`: expected one of ones, random"),
        (
            {"law": "cauchy"},
            r"task setting `law=cauchy`: expected one of normal, laplace, student, uniform\.",
        ),
        (
            {"dim": 10, "template": "disk", "pairs": 1},
            r"task setting `dim=10`: expected a square number for a planar",
        ),
        (
            {"template": "ones"},
            r"task setting `pairs=4`: expected at most 1 with this template and dim\. Use 1\.",
        ),
        (
            {"law": "laplace"},
            r"task setting `law=laplace`: expected normal where there is more than one pair",
        ),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(TaskError, match=message):
        GridTask(**settings)


def test_more_than_any_weight_gives_is_refused():
    flows = {"x": "vector(1)", "y": "vector(1)"}
    spec = shared_causes("bounded", flows, [lambda modality: "ones"], "uniform")
    spec["modalities"]["y"]["latent"] = "0.5*c0 + noise"
    with pytest.raises(
        TaskError, match=r"task setting `nats=3\.0`: expected less, because no weight gives as much\."
    ):
        hold(spec, "I(x; y)", 3.0)
