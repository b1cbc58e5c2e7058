"""The forty tasks: their truths, their ids, their rows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from infoloom.benchmark.tasks import BeyondNormalTask, build
from infoloom.benchmark.tasks.laws.beyond_normal import LAWS
from infoloom.benchmark.tasks.vectors.beyond_normal import BEYOND_NORMAL
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
    page = (Path(__file__).resolve().parents[4] / "docs" / "tasks.md").read_text(encoding="utf-8")
    for label in BEYOND_NORMAL:
        task = BeyondNormalTask(label)
        assert (
            f"| `{label}` | {task.name} | {task.dim_x}, {task.dim_y} | {task.mutual_information:.4f} |"
            in page
        )


def test_there_is_no_forty_first():
    with pytest.raises(
        TaskError,
        match=r"task setting `label=1v1-normal-0\.5`: expected one of the forty, or a family with parameters\. Use",
    ):
        BeyondNormalTask("1v1-normal-0.5")


#: Families with other parameters than the forty have, and truths computed otherwise.
FAMILIES = {
    "1v1-additive:epsilon=0.5": 0.5,
    "wiggly-1v1-normal:correlation=0.9": -0.5 * math.log(1 - 0.81),
    "swissroll_x-normal_cdf-1v1-normal:correlation=0.3": -0.5 * math.log(1 - 0.09),
    "1v1-bimodal:correlation=0.5": -0.5 * math.log(0.75),
    "spiral-multinormal-sparse:dim_x=4,dim_y=5,pairs=1,strength=1.0": -0.5 * math.log(1 - 0.25),
    "multinormal-dense:dim_x=1,dim_y=1,correlation=0.5": -0.5 * math.log(0.75),
    "student-identity:dim_x=1,dim_y=1,freedom=1": math.log(8 * math.pi) - 3,  # a Cauchy pair
}


@pytest.mark.parametrize(("label", "truth"), FAMILIES.items())
def test_families_take_any_parameter(label, truth):
    task = build(label)
    assert task.id == label
    assert task.mutual_information == pytest.approx(truth, abs=1e-12)
    pmi = task.pmi(*task.sample(3000, 2))
    assert abs(pmi.mean() - truth) <= 4.0 * pmi.std() / math.sqrt(len(pmi))


def test_a_student_law_may_have_pairs_too():
    """Against the normal law of the same pairs, which it nears as its degrees of freedom grow."""
    numbers = "dim_x=3,dim_y=3,pairs=2,strength=1.5"
    task = build(f"asinh-student-sparse:{numbers},freedom=3")
    pmi = task.pmi(*task.sample(20_000, 2))
    assert abs(pmi.mean() - task.mutual_information) <= 4.0 * pmi.std() / math.sqrt(len(pmi))
    normal, near = build(f"multinormal-sparse:{numbers}"), build(f"student-sparse:{numbers},freedom=1e6")
    assert near.mutual_information == pytest.approx(normal.mutual_information, abs=1e-6)


@pytest.mark.parametrize("label", ["1v1-normal-0.75", "student-identity-5-5-3", "multinormal-dense-5-5-0.5"])
def test_numbers_in_order_and_by_name_are_the_same_task(label):
    task = BeyondNormalTask(label)
    law, numbers = task.params["law"], task.params["numbers"].split()
    same = build(f"{law}:" + ",".join(f"{k}={v}" for k, v in zip(LAWS[law].names, numbers, strict=True)))
    for one, other in zip(task.sample(50, 1), same.sample(50, 1), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "label",
    [
        "wiggly-student-identity:dim_x=1,dim_y=1,freedom=1",
        "half_cube-student-identity:dim_x=2,dim_y=3,freedom=0.5",
        "spiral-asinh-student-identity:dim_x=2,dim_y=3,freedom=0.5",
        "normal_cdf-asinh-1v1-normal:correlation=0.999",
        "asinh-1v1-additive:epsilon=1e-6",
    ],
)
def test_maps_that_are_accepted_are_undone_in_the_tails_too(label):
    task = build(label)
    drawn, sides = task.behind(100_000, 0), task.sample(100_000, 0)
    for found, wanted in zip(task.unveil(*sides), drawn, strict=True):
        scale = np.maximum(1.0, np.abs(wanted).max(axis=1, keepdims=True))
        np.testing.assert_allclose(found / scale, wanted / scale, rtol=0.0, atol=1e-7)
    assert np.isfinite(task.pmi(*sides)).all()


@pytest.mark.parametrize(
    "label",
    [
        "normal_cdf-1v1-bimodal:correlation=0.75",
        "swissroll_x-normal_cdf-1v1-bimodal:correlation=0.75",
        "normal_cdf-half_cube-multinormal-sparse:dim_x=3,dim_y=3,pairs=2,strength=2.0",
        "spiral-student-identity:dim_x=2,dim_y=3,freedom=0.5",
        "normal_cdf-" * 30 + "1v1-normal:correlation=0.5",
    ],
)
def test_maps_that_floating_point_does_not_undo_are_refused(label):
    with pytest.raises(
        TaskError, match=r"expected maps that floating point undoes, .* Leave one out, or take"
    ):
        build(label)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            "1v1-additive:eps=0.5",
            r"^parameters of `1v1-additive` `eps=0\.5`: expected epsilon=…\. Write each once\.$",
        ),
        ("multinormal-dense:dim_x=2,dim_y=2", r"expected dim_x=…, dim_y=…, correlation=…\. Write each once\.$"),
        ("1v1-normal:correlation=0.5,correlation=0.6", r"expected correlation=…\. Write each once\.$"),
        ("1v1-normal:correlation=x", r"^task setting `correlation=x`: expected a number\. Write it in digits\.$"),
        ("1v1-normal:correlation=1.0", r"`correlation=1`: expected a number from 0 to 1 - 1e-9\. Change it\.$"),
        ("1v1-normal:0.5-junk", r"`0\.5-junk`: expected correlation=…\. Write each once\.$"),
        ("multinormal-sparse:3-3-2-2.0-9", r"expected dim_x=…, dim_y=…, pairs=…, strength=…\. Write"),
        ("student-identity:dim_x=1,dim_y=1,freedom=1e9", r"expected a number from 0\.1 to 1e6\. Change it\.$"),
        ("multinormal-sparse:dim_x=3,dim_y=3,pairs=2,strength=1e200", r"expected a number from 0 to 1e4"),
        (f"multinormal-dense:dim_x={10**400},dim_y=2,correlation=0.1", r"expected a whole number from 1"),
        ("1v1-additive:epsilon=0", r"`epsilon=0`: expected a number from 1e-9 to 1e6\. Change it\.$"),
        (
            "multinormal-dense:dim_x=2.5,dim_y=2,correlation=0.1",
            r"`dim_x=2\.5`: expected a whole number from 1\. Write it in digits\.$",
        ),
        (
            "multinormal-sparse:dim_x=2,dim_y=9,pairs=3,strength=1.0",
            r"`pairs=3`: expected a whole number, at most the columns of the narrower side\. Change it\.$",
        ),
        (
            "spiral-1v1-normal:correlation=0.5",
            r"`map=spiral`: expected 2 columns of x and 3 of y or more\. Leave the map out, or take another law\.$",
        ),
        ("normal_cdf-1v1-additive:epsilon=0.5", r"`map=normal_cdf`: expected a normal law, whose columns"),
        ("swissroll_x-1v1-normal:correlation=0.5", r"`map=swissroll_x`: expected one column of x between 0 and 1"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(label, message):
    with pytest.raises(TaskError, match=message):
        build(label)
