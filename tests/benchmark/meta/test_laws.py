"""Random laws against slow truths: dense determinants, tables, quadrature, and pointwise information of their rows."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from random_laws import ORACLES, faint_information

from infoloom.benchmark.meta.laws.base import LEAST, MISS, Frame, excess
from infoloom.benchmark.meta.laws.named import FAMILIES
from infoloom.benchmark.meta.laws.story import STORY, StoryLaw
from infoloom.benchmark.meta.stream import stream
from infoloom.information.quantity import QUADRATURE

MANY = 1000


@pytest.fixture(scope="module")
def tasks():
    """1,000 tasks of all families, the last of which wants more than eight nats."""
    found = stream(11, dims=(1, 16), rows=(100, 400))
    return [next(found) for _ in range(MANY)]


def test_every_truth_is_that_of_a_slow_oracle(tasks):
    assert {task.family for task in tasks} == set(FAMILIES)
    for task in tasks:
        slow = ORACLES[task.family].truth(task.recipe.law)
        allowed = 1e-8 + (task.truth.tolerance if task.truth.method == QUADRATURE else 0.0)
        assert abs(task.mutual_information - slow) < allowed, (task.index, task.family)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_mean_pointwise_information_of_the_rows_is_the_truth(tasks, family):
    """Each task within 5 computed standard errors, and their scores within 4 of mean 0."""
    scores = []
    for task in tasks:
        if task.family != family or task.mutual_information == 0.0:
            continue
        first, second = (side.astype(np.float64) for side in task.recipe.latents())
        pointwise = ORACLES[family].pmi(task.recipe.law, first, second)
        error = pointwise.std(ddof=1) / np.sqrt(len(pointwise))
        scores.append((pointwise.mean() - task.mutual_information) / error)
    assert len(scores) > 80
    assert abs(np.median(scores)) < 4.0 * 1.2533 / np.sqrt(len(scores))


@pytest.mark.parametrize("family", ["gaussian", "additive", "student"])
def test_maps_in_float32_keep_the_information(family):
    """What rows lose by their digits, as pointwise information of the undone rows: little, heavy tails or not."""
    lost = []
    for task in islice(stream(5, families=[family], rows=(300, 300)), 200):
        law = task.recipe.law
        undone = task.recipe.unveil(task.x.astype(np.float64), task.y.astype(np.float64))
        before, after = (ORACLES[family].pmi(law, *rows) for rows in (task.recipe.latents(), undone))
        lost.append(float(np.mean(before - after)))
    mean, worst = (1e-3, 0.05) if family == "additive" else (1e-5, 1e-3)
    assert abs(np.mean(lost)) < mean
    assert np.abs(lost).max() < worst


CORNERS = [((1, 1), 64), ((2, 2), 64), ((1, 5), 64), ((128, 128), 8)]


@pytest.mark.parametrize("family", FAMILIES)
def test_tasks_have_the_nats_that_they_were_to_have(family):
    """By default, and in the corners: one column, as many as there may be, next to nothing, and all that fits."""
    asked = [(256, {})]
    for dims, count in CORNERS:
        most = FAMILIES[family].capacity(dims[0])
        asked += [(count, {"dims": dims, "nats": (n, n)}) for n in (LEAST, 1e-3, 0.2, most)]
    for count, options in asked:
        tasks = stream(0, rows=(20, 30), families=[family], **options)
        for task in (next(tasks) for _ in range(count)):
            wanted = task.recipe.law.frame.nats
            assert wanted == options.get("nats", (wanted,))[0]
            assert abs(task.mutual_information - wanted) <= MISS * wanted, (options, task.index)
            assert np.isfinite(task.x).all()
            assert np.isfinite(task.y).all()


@pytest.mark.parametrize("family", ["story", "mixture", "discrete", "mixed"])
def test_little_information_is_half_the_squared_change_of_density(family):
    for nats in (LEAST, 1e-9):
        tasks = stream(0, dims=(1, 4), families=[family], nats=(nats, nats))
        for task in (next(tasks) for _ in range(30)):
            assert faint_information(family, task.recipe.law) == pytest.approx(nats, rel=1e-3)


def test_the_excess_keeps_its_digits():
    """Against ½ t² − ⅙ t³ + … far below the rounding of (1 + t) log(1 + t), and that itself above."""
    small = np.array([-1e-3, 1e-3, -1e-6, 1e-9])
    np.testing.assert_allclose(excess(small), small**2 * (0.5 - small / 6 + small**2 / 12), rtol=1e-9)
    large = np.array([-1.0, -0.5, 0.5, 20.0])
    np.testing.assert_allclose(excess(large), [1.0, *((1 + large[1:]) * np.log(1 + large[1:]) - large[1:])])


def test_a_story_whose_templates_are_alike_gets_others():
    """Two causes that enter by one template hold what one holds; and a common field in as many columns as causes."""
    frame, same = Frame(2, 2, 8.0), np.ones((2, 2))
    crowded = StoryLaw(
        frame, np.array([[1.0, 0.2], [0.1, 1.0]]), np.array([[0.5, 1.0], [1.0, 0.1]]), 0.5, 0.5
    )
    found = STORY.settle([StoryLaw(frame, same, same), crowded])
    assert [law.truth.value for law in found] == pytest.approx([8.0, 8.0], rel=1e-9)
    assert found[1].field_x == found[1].field_y == 0.0


def test_truths_are_spread_over_the_range(tasks):
    values = np.array([task.mutual_information for task in tasks])
    assert ((values >= 0.0) & (values <= 6.0)).all()
    assert np.histogram(values, bins=6, range=(0.0, 6.0))[0].min() > 80
    assert 20 < (values == 0.0).sum() < 120
