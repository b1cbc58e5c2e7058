"""What information obeys, every registered estimator does too: units, and pairs made at random."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gaussian_tasks import canonical

from infoloom.estimators import REGISTRY, KSGEstimator, Training, build

#: Enough of a training to find something, little enough for a test.
FEW = {"training": Training(epochs=10, patience=2), "hidden": (16,)}
QUICK: dict[str, dict[str, object]] = {
    **dict.fromkeys(("mine", "dv", "nwj", "js", "smile", "infonce", "difference-of-entropies"), FEW),
    **dict.fromkeys(("infonce-anchor", "gan-dime", "hd-dime"), FEW),
    "fmmi": {**FEW, "times": 4},
    "flow-based": {"training": Training(epochs=10, patience=2), "hidden": 16},
    "minde": {**FEW, "levels": 4},
    "latent": {**FEW, "dimensions": 2},
    "held-out": {"estimator": KSGEstimator()},
}
SHUFFLES = 8
#: Learned from a prior of mostly dependent tasks: what it reads on independent rows is in its own tests.
NOT_NULL_SAFE = {"amortised"}


@pytest.fixture(params=sorted(REGISTRY))
def estimator(request):
    return build(request.param, **QUICK.get(request.param, {}))


@pytest.fixture(params=sorted(REGISTRY.keys() - NOT_NULL_SAFE))
def null_safe(request):
    return build(request.param, **QUICK.get(request.param, {}))


@pytest.fixture(scope="module")
def rows():
    return canonical(1, 1, nats=0.7).sample(300, 0)


def test_units_of_the_columns_do_not_matter(estimator, rows):
    """Powers of two change no rounding, so every estimator that scales its columns gives the same number."""
    x, y = rows
    assert estimator.estimate(4.0 * x, y / 8.0) == pytest.approx(estimator.estimate(x, y), abs=1e-9)


def test_pairs_made_at_random_hold_nothing(null_safe, rows):
    """Bounds on held-out rows may fall below 0; nothing may be found."""
    x, y = rows
    orders = [np.random.default_rng(seed).permutation(len(x)) for seed in range(SHUFFLES)]
    found = [null_safe.estimate(x, y[order]) for order in orders]
    assert np.mean(found) <= 4 * np.std(found, ddof=1) / math.sqrt(SHUFFLES)
