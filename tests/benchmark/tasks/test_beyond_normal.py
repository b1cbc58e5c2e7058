"""The forty tasks: their truths, their ids, their rows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from infoloom.benchmark.tasks import BeyondNormalTask
from infoloom.benchmark.tasks.beyond_normal import BEYOND_NORMAL
from infoloom.errors import TaskError

#: Truths as that benchmark states them, to three digits.
STATED = {
    "1v1-normal-0.75": 0.413,
    "1v1-additive-0.1": 1.709,
    "1v1-additive-0.75": 0.333,
    "1v1-bimodal-0.75": 0.413,
    "student-identity-1-1-1": 0.224,
    "asinh-student-identity-1-1-1": 0.224,
    "swissroll_x-normal_cdf-1v1-normal-0.75": 0.413,
    "multinormal-dense-25-25-0.5": 1.292,
    "multinormal-dense-50-50-0.5": 1.624,
    "multinormal-sparse-25-25-2-2.0": 1.022,
    "half_cube-multinormal-sparse-25-25-2-2.0": 1.022,
    "spiral-multinormal-sparse-3-3-2-2.0": 1.022,
    "student-identity-2-2-1": 0.432,
    "asinh-student-identity-5-5-2": 0.448,
}


def test_there_are_forty():
    assert len(set(BEYOND_NORMAL)) == len(BEYOND_NORMAL) == 40


@pytest.mark.parametrize(("label", "truth"), STATED.items())
def test_truths_are_the_stated_ones(label, truth):
    assert BeyondNormalTask(label).mutual_information == pytest.approx(truth, abs=5e-4)


@pytest.mark.parametrize("label", BEYOND_NORMAL)
def test_rows_hold_the_truth(label):
    task = BeyondNormalTask(label)
    x, y = task.sample(3000, 2)
    assert x.shape == (3000, task.dim_x)
    assert y.shape == (3000, task.dim_y)
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    found = task.pmi(x, y)
    error = found.std() / math.sqrt(len(found))
    assert abs(found.mean() - task.mutual_information) <= 4.0 * error


@pytest.mark.parametrize("label", BEYOND_NORMAL)
def test_what_hides_the_law_can_be_undone(label):
    task = BeyondNormalTask(label)
    drawn = task.law.draw(200, 0)
    for found, wanted in zip(task.unveil(*task.sample(200, 0)), drawn, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8)


def test_names_and_settings_speak_of_maps_and_laws():
    task = BeyondNormalTask("spiral-normal_cdf-multinormal-sparse-3-3-2-2.0")
    assert task.name == "Spiral @ Normal CDF @ Multinormal 3 × 3 (2-pair)"
    assert task.params == {"law": "multinormal-sparse", "numbers": "3 3 2 2", "maps": "normal_cdf spiral"}
    assert len({BeyondNormalTask(label).name for label in BEYOND_NORMAL}) == 40


def test_the_swiss_roll_has_two_columns():
    task = BeyondNormalTask("swissroll_x-normal_cdf-1v1-normal-0.75")
    assert (task.name, task.dim_x, task.dim_y) == ("Swiss roll 2 × 1", 2, 1)


def test_the_documentation_lists_all_of_them():
    page = (Path(__file__).resolve().parents[3] / "docs" / "tasks.md").read_text(encoding="utf-8")
    for label in BEYOND_NORMAL:
        task = BeyondNormalTask(label)
        assert (
            f"| `{label}` | {task.name} | {task.dim_x}, {task.dim_y} | {task.mutual_information:.4f} |"
            in page
        )


def test_there_is_no_forty_first():
    with pytest.raises(
        TaskError, match=r"task setting `label=1v1-normal-0\.5`: expected one of the forty\. Use"
    ):
        BeyondNormalTask("1v1-normal-0.5")
