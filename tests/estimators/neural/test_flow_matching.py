"""The flow from independent to true pairs: its integral where the field is known, and what it finds."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from gaussian_tasks import canonical

from infoloom.errors import EstimatorError
from infoloom.estimators import FlowMatchingEstimator, Training
from infoloom.estimators.neural import flow_matching
from infoloom.estimators.neural.flow_matching import _Velocity

SHORT = Training(batch=128, learning_rate=2e-3, epochs=40, patience=10)


def test_the_exact_velocity_of_a_gaussian_pair_gives_its_information(monkeypatch):
    """z_t is Gaussian given x, so v is linear in z and known: only the times of reading are left to err."""
    rho = 0.8

    def known(self, z, time, x):
        variance = (1.0 - time) ** 2 + time**2 * (1.0 - rho**2)
        slope = (time * (1.0 - rho**2) - (1.0 - time)) / variance
        return (slope - flow_matching._drift(time))[:, None] * (z - rho * time[:, None] * x) + 0.0 * z

    monkeypatch.setattr(_Velocity, "_correction", known)
    estimator, field = FlowMatchingEstimator(), _Velocity(1, 1, (4,), torch.Generator().manual_seed(0))
    x = torch.zeros(5, 1)
    found = estimator._compression(field, x, torch.randn(5, 1), torch.Generator().manual_seed(0))
    np.testing.assert_allclose(found, -0.5 * math.log(1.0 - rho**2), atol=1e-5)


def test_before_training_nothing_is_found():
    field = _Velocity(3, 2, (4,), torch.Generator().manual_seed(0))
    x, y = torch.randn(50, 3), torch.randn(50, 2)
    found = FlowMatchingEstimator(times=8)._compression(field, x, y, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(found, 0.0, atol=1e-6)


def test_divergence_is_the_trace_of_the_jacobian():
    generator = torch.Generator().manual_seed(0)
    field = _Velocity(2, 3, (8,), generator).double()
    for weights in field.parameters():
        torch.nn.init.normal_(weights, std=0.5, generator=generator)
    z, x = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    time = torch.rand(4, dtype=torch.float64)
    slow = [
        torch.autograd.functional.jacobian(
            lambda row, i=i: field(row[None], time[i : i + 1], x[i : i + 1])[0], z[i]
        )
        for i in range(4)
    ]
    torch.testing.assert_close(field.divergence(z, time, x), torch.stack([j.trace() for j in slow]))


def test_a_known_value_and_none():
    """Two pairs of half a nat, three samples: within 4 standard errors of their mean; independent rows read about 0."""
    task = canonical(2, 2, nats=0.5)
    build = FlowMatchingEstimator(training=SHORT, hidden=(32, 32))
    found = [build.estimate_with_info(*task.sample(1000, seed)) for seed in range(3)]
    values = np.array([one.nats for one in found])
    assert abs(values.mean() - 1.0) < 4.0 * max(values.std(ddof=1) / math.sqrt(3.0), 0.03)
    assert all(one.interval is None for one in found)
    null = build.estimate(*canonical(2, 0).sample(1000, 0))
    assert abs(null) < 0.05
    assert FlowMatchingEstimator.null_safe


def test_the_narrower_side_is_moved():
    """Exchanging x and y changes nothing where their sizes differ."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    y = x[:, :1] + rng.standard_normal((200, 1))
    build = FlowMatchingEstimator(training=Training(epochs=2), hidden=(8,), times=4)
    assert build.estimate(x, y) == build.estimate(y, x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"times": 1}, "`times` `1`: expected 2 or more. Use 16."),
        ({"hidden": ()}, "`hidden` `()`: expected at least one width. Use (128, 128)."),
        ({"preparation": "none"}, "`preparation` `none`: expected"),
    ],
)
def test_settings(settings, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        FlowMatchingEstimator(**settings)
