"""Answers of strangers: every form that is read, and every one that is refused, with its message."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from infoloom.errors import EstimatorError
from infoloom.estimators import Estimate
from infoloom.estimators.answers import read_answer

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
        (Estimate(True), A_NUMBER.format("nats")),
        (Estimate(0.5, reliable="no"), "expected `reliable` to be true or false"),
    ],
)  # fmt: skip
def test_answers_that_are_refused(answer, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        read_answer(answer, "nats", "mine")


def test_a_refusal_shows_the_line():
    with pytest.raises(EstimatorError, match=re.escape('`python e.py` `{"nats": true}`: expected a number')):
        read_answer({"nats": True}, "nats", "python e.py", '{"nats": true}')
