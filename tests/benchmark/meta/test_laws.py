"""Random laws against slow truths: dense determinants, tables, quadrature, and pointwise information of their rows."""

from __future__ import annotations

import numpy as np
import pytest
from random_laws import ORACLES

from infoloom.benchmark.meta.laws.named import FAMILIES
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


def test_truths_are_spread_over_the_range(tasks):
    values = np.array([task.mutual_information for task in tasks])
    assert ((values >= 0.0) & (values <= 6.0)).all()
    assert np.histogram(values, bins=6, range=(0.0, 6.0))[0].min() > 80
    assert 20 < (values == 0.0).sum() < 120
