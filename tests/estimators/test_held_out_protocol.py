"""The protocol: extrapolation of a known line, a null, an interval that covers, and doubts by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest
from gaussian_tasks import canonical

from infoloom.benchmark.tasks.vectors.gaussian import HARD
from infoloom.errors import EstimatorError
from infoloom.estimators import (
    ArrayEstimator,
    Estimate,
    GaussianEstimator,
    HeldOutProtocol,
    KSGEstimator,
    build,
)
from infoloom.estimators.classical.gaussian import gaussian_information
from infoloom.estimators.held_out_protocol import default_estimator

ROWS = (np.random.default_rng(0).standard_normal((400, 2)),) * 2


@dataclass(frozen=True)
class Line(ArrayEstimator):
    """2 − slope · 100 / n and some noise where y is x, something else where the pairs are shuffled."""

    slope: float = 0.5
    bend: float = 0.0
    null: float = 0.0
    reliable: bool | None = None
    scatter: float = 0.01

    def measure(self, x, y):
        noise = self.scatter * np.random.default_rng(int(1e9 * abs(x[0, 0]))).standard_normal()
        inverse = 100.0 / len(x)
        value = 2.0 - self.slope * inverse - self.bend * inverse**3 + noise
        return Estimate(value if np.array_equal(x, y) else self.null, None, self.reliable)


@dataclass(frozen=True)
class PlugIn(ArrayEstimator):
    """The Gaussian formula without its correction: its bias is d² / (2n) to first order."""

    def measure(self, x, y):
        return Estimate(gaussian_information(x, y))


def test_a_line_is_followed_to_infinitely_many_rows():
    found = HeldOutProtocol(Line(slope=0.5)).estimate_with_info(*ROWS)
    assert found.nats == pytest.approx(2.0, abs=0.04)
    assert found.details["slope"] == pytest.approx(-0.5 * 100 / 400, abs=0.02)
    assert found.details["used"] == [1, 2, 3, 4]
    assert found.interval[0] < found.nats < found.interval[1]


def test_parts_that_bend_away_are_left_out_and_widen_the_interval():
    straight = HeldOutProtocol(Line(slope=0.0)).estimate_with_info(*ROWS)
    bent = HeldOutProtocol(Line(slope=0.0, bend=1.0)).estimate_with_info(*ROWS)
    assert straight.details["used"] == [1, 2, 3, 4]
    assert bent.details["used"] == [1, 2]
    assert bent.interval[1] - bent.interval[0] > straight.interval[1] - straight.interval[0]


def test_the_bias_of_a_plug_in_goes():
    task = canonical(4, 2)
    rows = [task.sample(400, seed) for seed in range(60)]
    plain = [PlugIn().estimate(x, y) - GaussianEstimator().estimate(x, y) for x, y in rows]
    led = [HeldOutProtocol(PlugIn()).estimate(x, y) - GaussianEstimator().estimate(x, y) for x, y in rows]
    error = np.std(led, ddof=1) / np.sqrt(len(led))
    assert abs(np.mean(led)) < 4 * error
    assert np.mean(plain) > 8 * np.std(plain, ddof=1) / np.sqrt(len(plain))


def test_intervals_hold_the_truth_at_least_as_often_as_they_say():
    """Parts share rows, which the interval does not count on, so it may be too wide but not too narrow."""
    task = canonical(2, 1)
    intervals = [
        HeldOutProtocol(GaussianEstimator()).estimate_with_info(*task.sample(400, seed)).interval
        for seed in range(100)
    ]
    covered = np.mean([low <= task.mutual_information <= high for low, high in intervals])
    assert covered > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 100)


@pytest.mark.parametrize(
    ("estimator", "doubt"),
    [
        (Line(slope=0.0, null=1.0), "information in shuffled pairs"),
        (Line(slope=2.8), "long extrapolation"),
        (Line(slope=0.0, scatter=3.0), "wide interval"),
        (Line(slope=0.0, reliable=False), "the estimator doubts itself"),
    ],
)
def test_doubts_have_names(estimator, doubt):
    found = HeldOutProtocol(estimator).estimate_with_info(*ROWS)
    assert found.reliable is False
    assert found.details["doubts"] == [doubt]


def test_a_good_estimate_has_no_doubts():
    found = HeldOutProtocol(KSGEstimator()).estimate_with_info(*canonical(1, 1).sample(800, 0))
    assert found.reliable is True
    assert found.details["doubts"] == []
    assert set(found.details["parts"]) == {"1", "2", "3", "4"}
    assert [len(group) for group in found.details["parts"].values()] == [1, 2, 3, 4]


def test_pictures_reach_the_estimator_as_pictures():
    @dataclass(frozen=True)
    class Shape(ArrayEstimator):
        keeps_shape = True

        def measure(self, x, y):
            return Estimate(
                float(np.prod(x.shape[1:]) + np.random.default_rng(len(x)).normal()) * (x.ndim == 4)
            )

    x = np.random.default_rng(0).standard_normal((100, 1, 3, 3))
    assert HeldOutProtocol(Shape()).estimate_with_info(x, x).details["parts"]["1"][0] > 5.0


def test_the_default_is_what_the_benchmark_found_best():
    inner = default_estimator(seed=3)
    assert (inner.objective, inner.critic, inner.preparation, inner.start) == (
        "infonce",
        "separable",
        "gaussianise",
        "canonical",
    )
    assert inner.seed == 3
    assert build("held-out").parameters() == {"estimator": None, "parts": [1, 2, 3, 4], "seed": 0}


def test_inner_settings_are_told():
    protocol = HeldOutProtocol(KSGEstimator(neighbors=3))
    assert protocol.parameters()["estimator"] == {
        "estimator": "KSGEstimator",
        "neighbors": 3,
        "form": 1,
        "standardise": True,
        "preparation": "none",
        "seed": 0,
    }
    assert protocol.get_params()["estimator__neighbors"] == 3


@pytest.mark.parametrize("parts", [(1,), (2, 1), (0, 1), (1, 1)], ids=str)
def test_settings(parts):
    with pytest.raises(
        EstimatorError, match=re.escape(f"`parts` `{parts}`: expected two or more increasing whole")
    ):
        HeldOutProtocol(parts=parts)


def test_rows_must_allow_two_parts():
    message = "`x` `100 rows`: expected at least 16 rows for 2 parts"

    @dataclass(frozen=True)
    class Demanding(KSGEstimator):
        least_rows = 60

    with pytest.raises(EstimatorError, match=re.escape(message.replace("16", "120"))):
        HeldOutProtocol(Demanding()).estimate(*canonical(1, 1).sample(100, 0))


@pytest.mark.slow
@pytest.mark.parametrize("name", HARD)
def test_the_hard_tasks(name):
    """Linear within 2 ± 0.1, bent within 2 ± 0.2, null within 0.03, over the interval's own error."""
    task, rows = HARD[name]
    found = HeldOutProtocol().estimate_with_info(*task.sample(rows, 0))
    allowed = {"linear": 0.1, "bent": 0.2, "null": 0.03}[name]
    assert abs(found.nats - task.mutual_information) < allowed
    assert found.reliable is True


def test_any_function_can_be_held_out():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(400)
    y = x + rng.standard_normal(400)
    found = HeldOutProtocol(
        estimator=lambda a, b: -0.5 * np.log1p(-(np.corrcoef(a[:, 0], b[:, 0])[0, 1] ** 2))
    )
    assert found.estimate(x, y) == pytest.approx(0.5 * np.log(2.0), abs=0.1)
    assert HeldOutProtocol(estimator="ksg").estimate(x, y) == pytest.approx(0.5 * np.log(2.0), abs=0.15)
