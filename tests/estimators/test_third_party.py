"""Strangers: callables, objects, programs in their own environment, entry points."""

from __future__ import annotations

import math
import re
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import infoloom.estimators.registry as registry
from infoloom.errors import EstimatorError
from infoloom.estimators import CallableEstimator, Estimate, KSGEstimator, SubprocessEstimator, as_estimator
from infoloom.estimators.classical.gaussian import gaussian_information

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 2))
Y = X[:, :1] + RNG.standard_normal((50, 1))

SCRIPT = """
import json, sys
import numpy as np
rows = np.load(sys.argv[1], allow_pickle=False)
x, y = rows["x"], rows["y"]
print("progress goes to stdout too")
r = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
print(json.dumps({"bits": -0.5 * np.log2(1 - r**2), "standard_error": 0.1, "reliable": True}))
"""


def program(tmp_path, text):
    path = tmp_path / "estimate.py"
    path.write_text(text, encoding="utf-8")
    return SubprocessEstimator((sys.executable, str(path)), limit=60.0)


class Foreign:
    def estimate(self, x, y):
        return gaussian_information(x, y)


def test_callables_objects_names_and_commands():
    expected = gaussian_information(X, Y)
    assert as_estimator(gaussian_information).estimate(X, Y) == expected
    assert as_estimator(Foreign()).estimate(X, Y) == expected
    assert as_estimator(gaussian_information, units="bits").estimate(X, Y) == pytest.approx(
        expected * math.log(2)
    )
    assert as_estimator("ksg") == KSGEstimator()
    assert as_estimator(KSGEstimator(neighbors=3)).neighbors == 3
    assert as_estimator([sys.executable, "x.py"]) == SubprocessEstimator((sys.executable, "x.py"))


def test_a_pair_is_a_value_and_its_standard_error():
    found = CallableEstimator(lambda x, y: (1.0, 0.5), units="bits").estimate_with_info(X, Y)
    assert found.nats == pytest.approx(math.log(2))
    assert found.interval == pytest.approx((0.02 * math.log(2), 1.98 * math.log(2)))


def test_an_estimate_passes_through_with_its_time():
    found = CallableEstimator(lambda x, y: Estimate(0.5, (0.4, 0.6), True)).estimate_with_info(X, Y)
    assert (found.nats, found.interval, found.reliable) == (0.5, (0.4, 0.6), True)
    assert found.seconds > 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CallableEstimator(abs, units="hartley"), "`units` `hartley`: expected nats or bits."),
        (lambda: CallableEstimator(3.0), "`function` `3.0`: expected a function of x and y."),
        (lambda: as_estimator(3.0), "`estimator` `3.0`: expected a name, a function of x and y, an object"),
        (
            lambda: SubprocessEstimator("python x.py"),
            "`command` `python x.py`: expected a tuple of the program",
        ),
        (lambda: SubprocessEstimator(("x",), limit=0.0), "`limit` `0.0`: expected seconds above 0. Use 600."),
    ],
)
def test_settings(make, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        make()


@pytest.mark.parametrize("answer", ["high", [1.0, 2.0, 3.0]], ids=str)
def test_answers_that_are_not_numbers(answer):
    message = f"`callable` `{answer!r}`: expected a number, or a number and its standard error."
    with pytest.raises(EstimatorError, match=re.escape(message)):
        CallableEstimator(lambda x, y: answer).estimate(X, Y)


def test_answers_that_are_not_finite():
    with pytest.raises(
        EstimatorError, match=re.escape("`CallableEstimator` `nan`: expected a finite estimate.")
    ):
        CallableEstimator(lambda x, y: None).estimate(X, Y)


def test_programs_answer_in_their_units(tmp_path):
    found = program(tmp_path, SCRIPT).estimate_with_info(X, Y)
    assert found.nats == pytest.approx(gaussian_information(X[:, :1], Y))
    assert found.interval[1] - found.interval[0] == pytest.approx(2 * 0.196 * math.log(2))
    assert found.reliable is True


def test_programs_may_give_an_interval(tmp_path):
    text = 'print(\'{"nats": 1.0, "interval": [0.5, 1.5], "details": {"k": 3}}\')'
    found = program(tmp_path, text).estimate_with_info(X, Y)
    assert (found.interval, found.details) == ((0.5, 1.5), {"k": 3})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "raise SystemExit('no weights')",
            "`exit 1: no weights`: expected exit 0. Run it by hand on an npz file.",
        ),
        ("print('0.5')", "`0.5`: expected a last line of JSON with a number as `nats` or as `bits`."),
        ("print('{}')", "`{}`: expected a last line of JSON with a number"),
        ("pass", "``: expected a last line of JSON"),
    ],
)
def test_programs_that_fail(tmp_path, text, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        program(tmp_path, text).estimate(X, Y)


def test_programs_end_at_the_limit_and_must_exist(tmp_path):
    slow = SubprocessEstimator((sys.executable, "-c", "import time; time.sleep(60)"), limit=0.5)
    with pytest.raises(EstimatorError, match=re.escape("`ran 0.5 s`: expected an answer within the limit.")):
        slow.estimate(X, Y)
    with pytest.raises(EstimatorError, match="expected a program that starts"):
        SubprocessEstimator((str(tmp_path / "missing"),)).estimate(X, Y)


def test_entry_points_are_found(monkeypatch):
    point = EntryPoint(
        "theirs", "infoloom.estimators.classical.gaussian:GaussianEstimator", registry.ENTRY_POINTS
    )
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [point] if group == "infoloom.estimators" else []
    )
    assert "theirs" in registry.names()
    assert registry.build("theirs", shrinkage=0.1).shrinkage == 0.1
