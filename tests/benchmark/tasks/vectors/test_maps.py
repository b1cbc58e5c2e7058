"""Maps: round trips, and that they are what their names say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from infoloom.benchmark.tasks.vectors import maps

NORMAL = np.random.default_rng(0).standard_normal((400, 3))
UNIFORM = np.random.default_rng(1).uniform(size=(400, 1))
CASES = {
    "identity": (maps.IDENTITY, NORMAL),
    "turned": (maps.turned(3, 2), NORMAL),
    "spiral": (maps.spiral(3, 1), 2.0 * NORMAL),
    "cubic": (maps.bent_cubic(), 2.0 * NORMAL),
    "asinh 3": (maps.bent_asinh(), 2.0 * NORMAL),
    "normal CDF": (maps.NORMAL_CDF, NORMAL),
    "half-cube": (maps.HALF_CUBE, NORMAL),
    "asinh": (maps.ASINH, 100.0 * NORMAL),
    "wiggly x": (maps.WIGGLY_X, 3.0 * NORMAL),
    "wiggly y": (maps.WIGGLY_Y, 3.0 * NORMAL),
    "bimodal x": (maps.BIMODAL_X, 2.0 * NORMAL),
    "bimodal y": (maps.BIMODAL_Y, 2.0 * NORMAL),
    "swiss roll": (maps.SWISS_ROLL, UNIFORM),
    "chain": (maps.chain(maps.NORMAL_CDF, maps.spiral(3, 0)), NORMAL),
}


@pytest.mark.parametrize("name", CASES)
def test_round_trip(name):
    made, rows = CASES[name]
    seen = made.forward(rows)
    assert seen.shape == (len(rows), rows.shape[1] + made.added)
    np.testing.assert_allclose(made.inverse(seen), rows, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "name", ["half-cube", "asinh", "wiggly x", "wiggly y", "bimodal x", "bimodal y", "cubic"]
)
def test_elementwise_maps_rise_strictly(name):
    grid = np.linspace(-6.0, 6.0, 4001)[:, None]
    assert np.all(np.diff(CASES[name][0].forward(grid), axis=0) > 0.0)


@pytest.mark.parametrize("make", [maps.bent_cubic, maps.bent_asinh])
def test_bends_keep_the_variance_of_a_normal_component(make):
    grid, step = np.linspace(-12.0, 12.0, 48_001, retstep=True)
    second = step * (make().forward(grid[:, None])[:, 0] ** 2 * stats.norm.pdf(grid)).sum()
    assert second == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "weight", "centres"), [("bimodal x", 0.3, (0.0, 5.0)), ("bimodal y", 0.5, (-1.0, 3.0))]
)
def test_bimodal_maps_make_mixtures(name, weight, centres):
    v = np.linspace(-5.0, 5.0, 101)
    x = CASES[name][0].forward(v[:, None])[:, 0]
    mixture = weight * stats.norm.cdf(x - centres[0]) + (1.0 - weight) * stats.norm.cdf(x - centres[1])
    np.testing.assert_allclose(mixture, stats.norm.cdf(v), rtol=1e-9, atol=0.0)


def test_a_spiral_turns_two_columns_by_the_squared_length():
    rows = np.array([[0.0, math.sqrt(math.pi), 0.0]])
    np.testing.assert_allclose(
        maps.spiral(3, 1).forward(rows)[0, 1:], math.sqrt(math.pi) * np.array([0.5, 3**0.5 / 2])
    )


def test_rotations_are_orthogonal_and_differ_by_seed():
    turn = maps.rotation(6, 1)
    np.testing.assert_allclose(turn @ turn.T, np.eye(6), atol=1e-12)
    assert not np.allclose(turn, maps.rotation(6, 2))
