"""Neural bounds on easy truths, null, pictures, and with a seed."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from gaussian_tasks import canonical

from infoloom.errors import EstimatorError
from infoloom.estimators import REGISTRY, Training, VariationalEstimator, build
from infoloom.estimators.neural.objectives import OBJECTIVES

SEEDS = range(4)
#: ρ² of a pair of 0.4 nats, the variance of its pointwise information.
VARIANCE = 1.0 - math.exp(-0.8)


def standard_error(task, rows):
    """Of the mean pointwise information over rows: its variance is Σ ρ²."""
    return math.sqrt(task.pairs * VARIANCE / rows)


@pytest.mark.parametrize("objective", [name for name in OBJECTIVES if name != "mine"])
def test_easy_truths(objective):
    """Every row is held out once; critics start at the canonical directions and stop when validation does."""
    task = canonical(2, 2)
    settings = {"preparation": "whiten", "start": "canonical", "embedding": 4, "hidden": (16,), "folds": 2}
    found = [
        VariationalEstimator(objective, seed=seed, training=Training(patience=3), **settings).estimate(
            *task.sample(1500, seed)
        )
        for seed in SEEDS
    ]
    assert abs(np.mean(found) - task.mutual_information) < 4 * standard_error(task, 1500 * len(found))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mine", "nwj", "js", "smile", "infonce"])
def test_easy_truths_from_a_random_start(name):
    """Critics as in the papers; what training does not find in 2000 rows is allowed for as a tenth."""
    task = canonical(1, 1)
    found = [build(name, seed=seed, folds=2).estimate(*task.sample(2000, seed)) for seed in SEEDS]
    error = standard_error(task, 2000 * len(found))
    assert 0.9 * task.mutual_information - 4 * error < np.mean(found) < task.mutual_information + 4 * error


@pytest.mark.parametrize("critic", ["separable", "joint"])
def test_what_is_not_linear_is_learned(critic):
    """y = |x| + noise has no linear information; the reference is the exact integral."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 1))
    y = np.abs(x) + 0.5 * rng.standard_normal((1500, 1))
    settings = {
        "hidden": (32, 32),
        "training": Training(batch=128, learning_rate=5e-3, epochs=25, patience=8),
    }
    found = VariationalEstimator("infonce", critic, **settings).estimate_with_info(x, y)
    truth = absolute_value_information()
    error = found.details["standard_error"]
    assert truth - 0.25 * truth - 4 * error < found.nats < truth + 4 * error
    assert found.nats > 10 * error


def absolute_value_information():
    """h(y) − h(y | x) of y = |x| + 0.5 noise, by quadrature."""
    grid = np.linspace(-4.0, 8.0, 6001)
    steps = np.linspace(0.0, 8.0, 4001)
    half_normal = 2.0 * np.exp(-0.5 * steps**2) / math.sqrt(2.0 * math.pi)
    kernels = np.exp(-2.0 * (grid[:, None] - steps[None, ::10]) ** 2) / math.sqrt(0.5 * math.pi)
    density = np.trapezoid(kernels * half_normal[::10], steps[::10], axis=1)
    entropy = -np.trapezoid(density * np.log(np.maximum(density, 1e-300)), grid)
    return entropy - 0.5 * math.log(2.0 * math.pi * math.e * 0.25)


@pytest.mark.parametrize("start", ["random", "canonical"])
def test_independent_rows_hold_nothing(start):
    task = canonical(5, 0)
    settings = {"preparation": "whiten", "start": start, "hidden": (16,), "training": Training(patience=2)}
    found = [VariationalEstimator(seed=seed, **settings).estimate(*task.sample(800, seed)) for seed in SEEDS]
    assert all(abs(value) < 0.03 for value in found)


def test_pictures_keep_their_shape_for_convolutions():
    rng = np.random.default_rng(0)
    level = rng.standard_normal((600, 1, 1, 1))
    x = level + 0.3 * rng.standard_normal((600, 1, 8, 8))
    y = level[:, :, :, 0] + 0.3 * rng.standard_normal((600, 1, 16))
    settings = {
        "hidden": (16,),
        "embedding": 2,
        "training": Training(batch=64, learning_rate=3e-3, epochs=15),
    }
    found = VariationalEstimator(**settings).estimate_with_info(x, y)
    truth = 0.5 * math.log((1 + 0.09 / 64) * (1 + 0.09 / 16) / ((1 + 0.09 / 64) * (1 + 0.09 / 16) - 1))
    assert 0.5 * truth < found.nats < truth + 4 * found.details["standard_error"]


def test_seeds_decide_and_nothing_else():
    rows = canonical(2, 1).sample(200, 0)
    settings = {"hidden": (8,), "training": Training(epochs=3)}
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = VariationalEstimator(**settings).estimate(*rows)
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert VariationalEstimator(**settings).estimate(*rows) == first
    assert VariationalEstimator(**settings, seed=1).estimate(*rows) != first


def test_near_the_ceiling_is_not_reliable():
    """With 20 rows held out InfoNCE cannot exceed log 20, and says so before it gets there."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((80, 3))
    y = x + 0.01 * rng.standard_normal((80, 3))
    settings = {"preparation": "whiten", "start": "canonical", "training": Training(epochs=1)}
    found = VariationalEstimator(**settings).estimate_with_info(x, y)
    assert found.reliable is False
    assert found.nats <= found.details["folds"][0]["ceiling"] == pytest.approx(math.log(20))


def test_directions_that_are_lost_are_not_reliable():
    x, y = canonical(30, 1).sample(200, 0)
    settings = {"preparation": "whiten", "hidden": (4,), "training": Training(epochs=1)}
    found = VariationalEstimator(**settings).estimate_with_info(x, y)
    assert found.details["folds"][0]["directions"] == [15, 15]
    assert found.reliable is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "club"}, "`objective` `club`: expected one of"),
        ({"embedding": 0}, "`embedding` `0`: expected 1 or more. Use 16."),
        ({"hidden": ()}, "`hidden` `()`: expected at least one width. Use (128, 128)."),
        ({"start": "cca"}, "`start` `cca`: expected random or canonical. Choose one."),
        (
            {"start": "canonical"},
            "`start` `canonical with separable, standardise`: expected a separable critic",
        ),
        ({"preparation": "pca"}, "`preparation` `pca`: expected one of standardise, whiten, gaussianise."),
        ({"critic": "bilinear"}, "`critic` `bilinear`: expected one of separable, joint. Choose one."),
        ({"encoder": "cnn"}, "`encoder` `cnn`: expected one of auto, mlp, conv. Choose one."),
        ({"clip": -1.0}, "`clip` `-1.0`: expected a positive number"),
    ],
)
def test_settings(settings, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        VariationalEstimator(**settings)


def test_without_torch_the_message_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "infoloom.estimators.neural.variational")
    monkeypatch.delitem(sys.modules, "infoloom.estimators.neural.critics", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EstimatorError, match=re.escape("pip install 'infoloom[torch]'")):
        REGISTRY["infonce"]()
