"""The protocols are satisfied by strangers that import nothing of infoloom's."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

import infoloom.estimators.protocol as protocol
from infoloom.estimators import Estimate, Estimator, GaussianEstimator, Task


class Pair:
    """One canonical pair of correlation 0.6, with every member of a task."""

    id, name, dim_x, dim_y = "pair-0.6", "One pair", 1, 1
    mutual_information = -0.5 * math.log(1 - 0.36)

    def __init__(self):
        self.params = {"correlation": 0.6}
        self.metadata = {"id": self.id, **self.params}

    def sample(self, n_samples, seed):
        x, noise = np.random.default_rng(seed).standard_normal((2, n_samples, 1))
        return x, 0.6 * x + 0.8 * noise

    def rvs(self, size, random_state=None):
        return self.sample(size, random_state)

    def sample_all(self, n, seed):
        return dict(zip("xy", self.sample(n, seed), strict=True))

    def pmi(self, x, y):
        square = 0.36 * (x**2 + y**2) - 1.2 * x * y
        return self.mutual_information - (square / (2 * 0.64))[:, 0]


def test_a_strangers_task_and_estimator_fit():
    task = Pair()
    assert isinstance(task, Task)
    assert not isinstance(object(), Task)
    assert isinstance(GaussianEstimator(), Estimator)
    x, y = task.sample(4000, 0)
    pointwise = task.pmi(x, y)
    error = pointwise.std() / math.sqrt(4000)
    assert abs(pointwise.mean() - task.mutual_information) < 4 * error
    assert abs(GaussianEstimator().estimate(x, y) - task.mutual_information) < 4 * error


def test_estimates_are_in_nats_and_can_be_read_in_bits():
    found = Estimate(2.0 * math.log(2.0))
    assert found.bits == pytest.approx(2.0)
    assert (found.interval, found.reliable, found.details) == (None, None, {})


def test_the_protocol_is_a_leaf():
    tree = ast.parse(Path(protocol.__file__).read_text(encoding="utf-8"))
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not [name for name in imported if name.startswith("infoloom")]
