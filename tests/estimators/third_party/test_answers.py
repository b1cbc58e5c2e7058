"""Answers of strangers: every form that is read, and every one that is refused, with its message."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from infoloom.errors import EstimatorError
from infoloom.estimators import Estimate
from infoloom.estimators.third_party.answers import read_answer

HALF = 1.96 * 0.1


@pytest.mark.parametrize(
    ("answer", "nats", "interval", "reliable"),
    [
        (0.5, 0.5, None, None),
        (2, 2.0, None, None),
        (np.float32(0.5), 0.5, None, None),
        (np.array(0.5), 0.5, None, None),
        ((0.5, 0.1), 0.5, (0.5 - HALF, 0.5 + HALF), None),
        ((0.5, 0.4, 0.7), 0.5, (0.4, 0.7), None),
        ({"nats": 0.5}, 0.5, None, None),
        ({"nats": 0.5, "standard_error": 0.1, "reliable": False}, 0.5, (0.5 - HALF, 0.5 + HALF), False),
        ({"nats": 0.5, "interval": [0.4, 0.7], "reliable": np.True_}, 0.5, (0.4, 0.7), True),
        ({"nats": 0.5, "interval": None, "reliable": None, "details": {"k": 1}}, 0.5, None, None),
        (Estimate(0.5, (0.4, 0.7), True), 0.5, (0.4, 0.7), True),
    ],
)  # fmt: skip
def test_answers_that_are_read(answer, nats, interval, reliable):
    found = read_answer(answer, "nats", "mine")
    assert found.nats == nats
    assert found.interval == (None if interval is None else pytest.approx(interval))
    assert found.reliable is reliable


def test_units():
    assert read_answer((1.0, 0.5, 2.0), "bits", "mine").interval == (0.5 * math.log(2), 2 * math.log(2))
    found = read_answer({"bits": 1.0, "standard_error": 0.1}, "nats", "mine")
    assert found.nats == math.log(2)
    assert found.interval[1] - found.nats == pytest.approx(HALF * math.log(2))


A_NUMBER = "expected a number as `{}`, a tuple of it with its standard error or its interval, or a dict. Give 0.5, (0.5"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, f"`mine` `None`: {A_NUMBER.format('answer')}"),
        (True, f"`mine` `True`: {A_NUMBER.format('answer')}"),
        ("0.5", A_NUMBER.format("answer")),
        ([0.1], f"`mine` `[0.1]`: {A_NUMBER.format('answer')}"),
        (np.array([0.1]), A_NUMBER.format("answer")),
        ({"nats": True}, A_NUMBER.format("nats")),
        ({"nats": None}, A_NUMBER.format("nats")),
        (math.nan, "`mine` `nan`: expected a finite `answer`. Raise an error where there is no estimate."),
        ({"nats": math.inf}, "expected a finite `nats`."),
        ((0.1,), "expected two numbers, the estimate and its standard error, or three, the estimate and its interval."),
        ((0.1, None), A_NUMBER.format("standard_error")),
        ((0.1, -0.1), "expected a `standard_error` of 0 or more. Give its absolute value."),
        ((0.1, 0.3, 0.2), "expected an `interval` whose first number is the lower one. Swap them."),
        (
            {"nats": 0.4, "interval": [math.nan, 1.0]},
            "`mine` `{'nats': 0.4, 'interval': [nan, 1.0]}`: expected a finite `interval`.",
        ),
        ({"nats": 0.4, "interval": [1.0, 0.1]}, "expected an `interval` whose first number is the lower one."),
        ({"nats": 0.4, "interval": 0.1}, "expected an `interval` of two numbers. Give both ends, or leave it out."),
        ({"nats": 0.4, "interval": [0.1, True]}, A_NUMBER.format("interval")),
        (
            {"nats": 0.4, "reliable": "false"},
            "expected `reliable` to be true or false, and no text or number. Leave it out where there is none.",
        ),
        ({"nats": 0.4, "reliable": 1}, "expected `reliable` to be true or false"),
        ({"nats": 0.4, "details": 3}, "expected `details` to be an object. Give its parts names."),
        (
            {"nats": 0.4, "relable": True},
            "expected the keys nats, bits, standard_error, interval, reliable, details, got `relable`. "
            "Did you mean `reliable`?",
        ),
        ({"nats": 0.4, "xyz": True}, "got `xyz`. Put anything else into `details`."),
        ({"nats": 0.4, "bits": 0.4}, "expected a number as `nats` or as `bits`, one of them."),
        ({}, "expected a number as `nats` or as `bits`, one of them."),
        (Estimate(0.5, (0.7, 0.4)), "expected an `interval` whose first number is the lower one."),
        (np.ma.masked, A_NUMBER.format("answer")),
        (10**400, "expected a finite `answer`."),
        pytest.param(10**5000, "`mine` `a int`: expected a finite `answer`.", id="digits"),
        (1e12, "`mine` `1000000000000.0`: expected `answer` within ±1e+09 nats. Raise an error where there is no"),
        ({"bits": 1.5e9}, "expected `bits` within ±1e+09 nats."),
        ((0.5, 1e308), "expected `standard_error` within ±1e+09 nats."),
        ({"nats": 0.5, "standard_error": 1e300}, "expected `standard_error` within ±1e+09 nats."),
        ({"nats": 0.5, "interval": [-1e10, 1e10]}, "expected `interval` within ±1e+09 nats."),
        ({"nats": 0.5, "details": []}, "expected `details` to be an object."),
        ({"nats": 0.5, "details": 0}, "expected `details` to be an object."),
        (Estimate(0.5, details=5), "expected `details` to be an object."),
        (Estimate(0.5, seconds="x"), A_NUMBER.format("seconds")),
        (Estimate(0.5, seconds=-1.0), "expected `seconds` of 0 or more. Leave them out: they are measured."),
        (Estimate(1e12), "expected `nats` within ±1e+09 nats."),
        (Estimate(True), A_NUMBER.format("nats")),
        (Estimate(0.5, reliable="no"), "expected `reliable` to be true or false"),
    ],
)  # fmt: skip
def test_answers_that_are_refused(answer, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        read_answer(answer, "nats", "mine")


def deep(levels):
    return {"a": deep(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"ceiling": "none"}, "`ceiling`: expected a valid number, got 'none'"),
        ({"ceiling": 1e12}, "`ceiling`: expected less than or equal to 1000000000, got 1000000000000.0"),
        ({"folds": 3}, "`folds`: expected a valid list, got 3"),
        ({"a": math.nan}, "`NaN` is no number of JSON"),
        ({"a": np.array([1.0, np.inf])}, "`Infinity` is no number of JSON"),
        ({"a": 2**63}, "number 9223372036854775808… does not fit 64 bits"),
        ({"a": "\ud800"}, "half a character (a lone surrogate)"),
        (deep(40), "nested deeper than 32 levels"),
        ({"a": "x" * 2**20}, "1,048,598 signs of JSON, at most 1,048,576"),
    ],
)
def test_details_that_no_file_holds(details, reason):
    message = f"expected `details` that a results file can hold ({reason}). Leave that part out."
    for answer in ({"nats": 0.5, "details": details}, Estimate(0.5, details=details)):
        with pytest.raises(EstimatorError, match=re.escape(message)):
            read_answer(answer, "nats", "mine")


def test_details_that_are_read():
    details = {"ceiling": 1.0, "folds": [{"ceiling": None}], 3: np.arange(2), "set": {1}}
    found = read_answer({"nats": 0.5, "details": details}, "nats", "mine").details
    assert list(found) == ["ceiling", "folds", "3", "set"]


def test_a_refusal_shows_the_line():
    with pytest.raises(EstimatorError, match=re.escape('`python e.py` `{"nats": true}`: expected a number')):
        read_answer({"nats": True}, "nats", "python e.py", '{"nats": true}')


def test_an_interval_of_a_bootstrap_need_not_hold_the_estimate():
    assert read_answer((0.5, 0.52, 0.7), "nats", "mine").interval == (0.52, 0.7)
