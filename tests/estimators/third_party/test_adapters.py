"""Adapters call the packages as their documentation says, with stand-ins that answer in their units."""

from __future__ import annotations

import math
import re
import sys
import types

import numpy as np
import pytest

from infoloom.errors import EstimatorError
from infoloom.estimators.third_party.adapters import PACKAGES, PROGRAMS, PackageEstimator, program
from infoloom.estimators.third_party.pretrained import LEARNED

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 1))
Y = X + RNG.standard_normal((60, 1))


def stand_in(monkeypatch, name, **members):
    """A module of that name, and its parents, in place of the package."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
    for member, value in members.items():
        setattr(sys.modules[name], member, value)


def test_neural_mi_answers_in_bits(monkeypatch):
    asked = {}

    def run(x, y, **settings):
        asked.update(settings, shapes=(x.shape, y.shape))
        return types.SimpleNamespace(mi_estimate=2.0)

    stand_in(monkeypatch, "neural_mi", run=run, Split=lambda mode: ("split", mode))
    found = PackageEstimator("neural-mi", (("mode", "estimate"),), seed=7).estimate(X, Y)
    assert found == pytest.approx(2.0 * math.log(2))
    assert asked == {
        "mode": "estimate",
        "device": "cpu",
        "show_progress": False,
        "split": ("split", "random"),
        "seed": 7,
        "shapes": ((60, 1), (60, 1)),
    }


def test_mutinfo_answers_in_nats(monkeypatch):
    def nearest(k_neighbors):
        return lambda x, y: float(k_neighbors)

    stand_in(monkeypatch, "mutinfo.estimators.knn", KSG=nearest)
    assert PackageEstimator("mutinfo").estimate(X, Y) == 5.0
    assert PackageEstimator("mutinfo", (("k_neighbors", 3),)).estimate(X, Y) == 3.0


def test_infomeasure_answers_in_nats(monkeypatch):
    stand_in(
        monkeypatch,
        "infomeasure",
        mutual_information=lambda x, y, approach, k: k if approach == "metric" else 0,
    )
    assert PackageEstimator("infomeasure").estimate(X, Y) == 4.0


def test_gmm_mi_gives_a_standard_error(monkeypatch):
    class EstimateMI:
        def fit_estimate(self, rows):
            return float(rows.shape[1]), 0.5

    stand_in(monkeypatch, "gmm_mi.mi", EstimateMI=EstimateMI)
    found = PackageEstimator("gmm-mi").estimate_with_info(X, Y)
    assert (found.nats, found.interval) == (2.0, pytest.approx((1.02, 2.98)))
    with pytest.raises(
        EstimatorError, match=re.escape("`gmm-mi` `2 and 1 columns`: expected one column a side")
    ):
        PackageEstimator("gmm-mi").estimate(np.hstack([X, Y]), Y)


@pytest.mark.parametrize("name", PACKAGES)
def test_what_is_not_installed_says_how_to_install_it(monkeypatch, name):
    monkeypatch.setitem(sys.modules, PACKAGES[name].module.split(".")[0], None)
    with pytest.raises(EstimatorError, match=re.escape(f"Install it with: {PACKAGES[name].install}.")):
        PackageEstimator(name).estimate(X, Y)
    assert PACKAGES[name].licence


#: Packages as they look to a program, each answering with something that depends on what it was asked.
STAND_INS = {
    "bmi": (
        "bmi/__init__.py",
        "class estimators:\n"
        "    class KSGEnsembleFirstEstimator:\n"
        "        def __init__(self, neighborhoods=(5,)): self.k = neighborhoods[0]\n"
        "        def estimate(self, x, y): return self.k + x.shape[0] / 100\n",
        {"neighborhoods": [3]},
        3.6,
    ),
    "torch-mist": (
        "torch_mist/__init__.py",
        "def estimate_mi(data, test_data, estimator, hidden_dims, max_iterations, verbose):\n"
        "    assert estimator == 'smile' and hidden_dims == [128, 128] and not verbose\n"
        "    return len(data[0]) / 100 + len(test_data[1]) / 100 + max_iterations, None\n",
        {"max_iterations": 2, "seed": 1},
        2.6,
    ),
    "latentmi": (
        "latentmi/lmi.py",
        "import numpy as np\n"
        "def estimate(x, y, N_dims): return np.array([N_dims, np.nan, N_dims]), None, None\n",
        {"N_dims": 4},
        4.0 * math.log(2),
    ),
}


@pytest.mark.parametrize("name", STAND_INS)
def test_programs_call_the_package_of_the_other_environment(tmp_path, monkeypatch, name):
    path, text, options, expected = STAND_INS[name]
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert program(name, sys.executable, 120.0, **options).estimate(X, Y) == pytest.approx(expected)


def test_the_other_bmi_is_told_apart(tmp_path, monkeypatch):
    (tmp_path / "bmi.py").write_text("", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EstimatorError, match="this `bmi` is another package; pip install benchmark-mi"):
        program("bmi", sys.executable, 120.0).estimate(X, Y)


def test_settings():
    with pytest.raises(
        EstimatorError, match=re.escape("`package` `npeet`: expected one of neural-mi, mutinfo")
    ):
        PackageEstimator("npeet")
    with pytest.raises(
        EstimatorError,
        match=re.escape("`program` `npeet`: expected one of bmi, torch-mist, latentmi, mist, info"),
    ):
        program("npeet", sys.executable)
    assert {*STAND_INS, *LEARNED} == set(PROGRAMS)
