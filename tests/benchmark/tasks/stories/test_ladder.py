"""Observation maps of increasing difficulty: one truth and one set of latents to the bit on every rung."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infoloom.benchmark.tasks import LadderTask
from infoloom.benchmark.tasks.stories.ladder import FLOWS, MAPS, ladder
from infoloom.errors import TaskError


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("nats", [0.0, 2.0])
def test_latents_and_truth_are_the_same_to_the_bit(flow, nats):
    rungs = list(ladder(flow, nats))
    assert [task.skin for task in rungs] == list(MAPS)
    first = rungs[0].latents(3, 1)
    for task in rungs:
        assert task.mutual_information == rungs[0].mutual_information == pytest.approx(nats, abs=1e-9)
        found = task.latents(3, 1)
        assert set(found) == set(first)
        for name in first:
            np.testing.assert_array_equal(found[name], first[name])
        assert task.shape_x == rungs[0].shape_x


@pytest.mark.parametrize("skin", [skin for skin in MAPS if skin != "flow"])
def test_maps_leave_every_row_its_information(skin):
    task, plain = LadderTask("digits", skin), LadderTask("digits", "plain")
    x, y = task.sample(512, 0)
    latents = task.latents(512, 0)
    for found, name in zip(task.unveil(x, y), ("x1", "x2"), strict=True):
        np.testing.assert_allclose(found, latents[name], atol=2e-4)
    found = task.pmi(x, y)
    np.testing.assert_allclose(found, plain.pmi(*plain.sample(512, 0)), atol=5e-3)
    assert abs(found.mean() - 2.0) <= 4.0 * found.std() / math.sqrt(len(found))


@pytest.mark.slow
def test_the_trained_flow_leaves_every_row_its_information():
    task = LadderTask("heartbeat", "flow")
    x, y = task.sample(2, 0)
    assert x.shape == (2, 2, 128)
    latents = task.latents(2, 0)
    for found, name in zip(task.unveil(x, y), ("x1", "x2"), strict=True):
        np.testing.assert_allclose(found, latents[name], atol=1e-3)


def test_each_rung_adds_a_step():
    shown = [task.compiled.flow("x1") for task in ladder("mnist")]
    assert shown == [
        "identity(1, 28, 28)",
        "identity(1, 28, 28) | rotation(seed=1)",
        "identity(1, 28, 28) | rotation(seed=1) | power(exponent=1.5)",
        "identity(1, 28, 28) | rotation(seed=1) | power(exponent=1.5) | coupling(seed=1)",
        "mnist[3]",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ("emnist", "plain"),
            r"task setting `flow=emnist`: expected one of digits, heartbeat.*\. Use digits\.",
        ),
        (
            ("digits", "fur"),
            r"task setting `skin=fur`: expected one of plain, rotation, warps, coupling, flow\.",
        ),
        (("digits", "plain", math.nan), r"task setting `nats=nan`: expected a number from 0 to"),
        (("digits", "plain", 1.0, 65), r"task setting `pairs=65`: expected a whole number from 1 to 64\."),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(TaskError, match=message):
        LadderTask(*settings)
