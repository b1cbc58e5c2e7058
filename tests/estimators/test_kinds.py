"""Whole numbers are discrete, real numbers continuous, and an estimator refuses by name what it does not take."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from pairs import pairs

from infoloom.errors import EstimatorError
from infoloom.estimators import (
    REGISTRY,
    HeldOutProtocol,
    PackageEstimator,
    Training,
    accepted,
    as_estimator,
    build,
    takers,
)
from infoloom.estimators.kinds import KINDS, kind_of

REFUSED = [(name, kind) for name in sorted(REGISTRY) for kind in KINDS if kind not in accepted(name)]
SCRIPT = """
import json, sys
import numpy as np
rows = np.load(sys.argv[1], allow_pickle=False)
print(json.dumps({"nats": 0.5, "details": {"types": [str(rows[side].dtype) for side in "xy"]}}))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_by_type(kind):
    x, y = pairs(kind, 20, 0)
    assert kind_of(x, y) == kind_of(y, x) == kind
    assert kind_of(x > 0, y) == {"continuous": "mixed"}.get(kind, kind)


@pytest.mark.parametrize(("name", "kind"), REFUSED)
def test_other_kinds_are_refused_by_name(name, kind):
    estimator = build(name)
    with pytest.raises(EstimatorError) as error:
        estimator.estimate(*pairs(kind, 200, 0))
    assert str(error.value).startswith(f"`{type(estimator).__name__}` `x of ")
    assert f"For this pair take one of {', '.join(takers(kind))}; where the " in str(error.value)


@pytest.mark.parametrize(
    ("name", "kind", "advice"),
    [
        ("ksg", "mixed", "expected real numbers on both sides."),
        ("ksg", "mixed", "; where the numbers of x are quantities, give them as .astype(float)."),
        ("ksg", "discrete", "; where the numbers of x and y are quantities, give them as .astype(float)."),
        ("ross", "discrete", "; where the numbers of one side are quantities, give them as .astype(float)."),
        ("ross", "continuous", "; where the values of x or y are categories, give them as whole numbers."),
        ("plug-in", "mixed", "; where the values of y are categories, give them as whole numbers."),
        (
            "classifier",
            "continuous",
            "expected whole numbers on one side and real numbers on the other, or whole",
        ),
    ],
)
def test_a_refusal_says_what_to_do(name, kind, advice):
    with pytest.raises(EstimatorError, match=re.escape(advice)):
        build(name).estimate(*pairs(kind, 200, 0))


def test_whole_numbers_as_quantities():
    x, y = pairs("discrete", 300, 0)
    assert np.isfinite(build("gaussian").estimate(x.astype(float), y.astype(float)))


def test_estimators_of_others_get_whole_numbers_as_they_are(tmp_path):
    path = tmp_path / "estimate.py"
    path.write_text(SCRIPT, encoding="utf-8")
    x, y = pairs("mixed", 50, 0)
    seen = []
    assert as_estimator(lambda x, y: seen.extend([x.dtype, y.dtype]) or 0.5).estimate(x, y) == 0.5
    assert seen == [np.int64, np.float64]
    found = as_estimator([sys.executable, str(path)]).estimate_with_info(x, y)
    assert found.details["types"] == ["int64", "float64"]
    with pytest.raises(EstimatorError, match=r"`PackageEstimator` `x of whole numbers"):
        PackageEstimator("infomeasure").estimate(x, y)


def test_the_protocol_takes_what_the_estimator_inside_takes():
    assert HeldOutProtocol("ksg").kinds() == ("continuous",)
    assert HeldOutProtocol("ross").kinds() == ("mixed",)
    assert HeldOutProtocol(lambda x, y: 0.0).kinds() == tuple(KINDS)
    assert HeldOutProtocol(StrangerWithoutKinds()).kinds() == tuple(KINDS)
    found = HeldOutProtocol("miller-madow").estimate_with_info(*pairs("discrete", 2000, 0))
    assert found.reliable, found.details["doubts"]


@pytest.mark.parametrize("kind", ["mixed", "discrete"])
def test_whole_numbers_have_no_normal_scores(kind):
    """Indicators are whitened where real numbers are gaussianised; scores of a few points would have no bounds."""
    settings = {"preparation": "gaussianise", "training": Training(epochs=12, learning_rate=2e-3)}
    x, y = pairs(kind, 1500, 0)
    critic = build("infonce", **settings, start="canonical", folds=2)
    assert 0.1 < critic.estimate(x, y) < 0.8
    assert 0.1 < build("classifier", **settings).estimate(x, y) < 0.8


class StrangerWithoutKinds:
    def estimate(self, x, y):
        return 0.0


def test_names_of_the_unknown_are_refused():
    with pytest.raises(EstimatorError, match="`estimator` `kgs`: expected one of"):
        accepted("kgs")
