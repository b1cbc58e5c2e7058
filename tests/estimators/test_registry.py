"""One contract for every registered estimator."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from pairs import pairs

import infoloom.estimators as package
from infoloom.errors import EstimatorError
from infoloom.estimators import REGISTRY, Estimate, Estimator, KSGEstimator, Training, accepted, build

#: Settings that make an estimator quick; the contract is about form, not accuracy.
SHORT = {"training": Training(epochs=2), "hidden": (8,)}
QUICK: dict[str, dict[str, object]] = {
    "classifier": SHORT,
    **dict.fromkeys(("mine", "dv", "nwj", "js", "smile", "infonce", "difference-of-entropies"), SHORT),
    **dict.fromkeys(("infonce-anchor", "gan-dime", "hd-dime"), SHORT),
    "fmmi": {**SHORT, "times": 4},
    "flow-based": {"training": Training(epochs=2), "hidden": 8},
    "minde": {**SHORT, "levels": 4},
    "latent": {**SHORT, "dimensions": 2},
    "held-out": {"estimator": KSGEstimator()},
}


@pytest.fixture(params=sorted(REGISTRY))
def estimator(request):
    return build(request.param, **QUICK.get(request.param, {}))


@pytest.fixture
def rows(request, estimator):
    """Rows of the first kind that the estimator takes."""
    return pairs(estimator.kinds()[0], 240, 0)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_registry_says_what_an_estimator_takes(name):
    assert build(name).kinds() == accepted(name)


def test_contract(estimator, rows):
    """The protocol, a finite answer, the same again with the same seed, and settings that JSON writes."""
    assert isinstance(estimator, Estimator)
    found = estimator.estimate_with_info(*rows)
    assert isinstance(found, Estimate)
    assert np.isfinite(found.nats)
    assert found.seconds > 0.0
    assert found.interval is None or found.interval[0] <= found.nats <= found.interval[1]
    json.dumps([estimator.parameters(), dict(found.details)], allow_nan=False)
    assert estimator.estimate(*rows) == found.nats == estimator(*rows)


def test_settings_rebuild_the_estimator(estimator):
    assert type(estimator)(**estimator.get_params(deep=False)) == estimator
    assert set(estimator.parameters()) == {field.name for field in dataclasses.fields(estimator)}
    assert estimator.source


def test_bad_rows_are_refused(estimator, rows):
    x, y = rows
    for bad in ((x, y[:-1]), (x[:1], y[:1]), (x * np.nan, y), (x, y * 0)):
        with pytest.raises(EstimatorError):
            estimator.estimate(*bad)


def test_unknown_names_and_settings():
    with pytest.raises(EstimatorError, match=re.escape("`estimator` `kgs`: expected one of")) as error:
        build("kgs")
    assert "Did you mean `ksg`?" in str(error.value)
    with pytest.raises(EstimatorError, match=r"Choose one of them\."):
        build("?")
    with pytest.raises(EstimatorError, match=re.escape("`ksg` `k`: expected settings of this estimator")):
        build("ksg", k=3)


def test_public_names_resolve():
    assert list(package.__all__) == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_importing_is_light():
    code = (
        "import sys, infoloom.estimators as package; package.build('gaussian'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
