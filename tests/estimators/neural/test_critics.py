"""Critics score every pair, start where they should, and never touch the global seed."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from gaussian_tasks import canonical

from infoloom.errors import EstimatorError
from infoloom.estimators.neural.critics import build_critic
from infoloom.estimators.neural.layers import convolutional, linear, perceptron
from infoloom.estimators.preparation import Whitening, shared_directions

SHAPES = {
    "vectors": ((3,), (5,)),
    "pictures": ((1, 8, 8), (3, 12, 16)),
    "signals": ((2, 40), (1, 16)),
    "mixed": ((1, 8, 8), (4,)),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(shape, count, seed=0):
    return torch.randn(count, *shape, generator=generator(seed))


@pytest.mark.parametrize("kind", ["separable", "joint"])
@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_scores_are_those_of_pairs_one_by_one(kind, shapes):
    critic = build_critic(kind, "auto", shapes, (16,), 4, generator())
    x, y = rows(shapes[0], 3, 1), rows(shapes[1], 5, 2)
    scores = critic(x, y).detach()
    assert scores.shape == (3, 5)
    alone = torch.stack(
        [torch.cat([critic(x[i : i + 1], y[j : j + 1])[0] for j in range(5)]) for i in range(3)]
    )
    assert torch.allclose(scores, alone, atol=1e-5)
    assert float(scores.std()) > 0.0


def test_pictures_and_signals_get_convolutions():
    for shapes in (SHAPES["pictures"], SHAPES["signals"]):
        kinds = {
            type(part).__name__
            for part in build_critic("separable", "auto", shapes, (8,), 2, generator()).modules()
        }
        assert kinds & {"Conv1d", "Conv2d"}
        kinds = {
            type(part).__name__
            for part in build_critic("separable", "mlp", shapes, (8,), 2, generator()).modules()
        }
        assert not kinds & {"Conv1d", "Conv2d"}


def test_a_canonical_start_is_the_density_ratio_of_a_gaussian():
    """Before training, scores are the log density ratio of the Gaussian with those directions."""
    task = canonical(4, 2)
    x, y = (Whitening.fit(side)(side) for side in task.sample(3000, 0))
    start = shared_directions(x, y, most=2)
    assert len(start[2]) == 2
    critic = build_critic("separable", "mlp", ((4,), (4,)), (16,), 2, generator(), start)
    scores = critic(*(torch.as_tensor(side[:20], dtype=torch.float32) for side in (x, y))).detach().numpy()
    cross = (start[0] * start[2]) @ start[1].T
    joint = np.block([[np.eye(4), cross], [cross.T, np.eye(4)]])
    excess = np.eye(8) - np.linalg.inv(joint)
    for i, j in ((0, 0), (3, 7), (19, 2)):
        both = np.concatenate([x[i], y[j]])
        expected = 0.5 * both @ excess @ both - 0.5 * np.linalg.slogdet(joint)[1]
        assert scores[i, j] == pytest.approx(expected, abs=1e-4)


def test_directions_of_independent_rows_stay_below_the_edge():
    """The edge is where the largest correlation of independent rows concentrates: few cross it."""
    counts = []
    for seed in range(10):
        x, y = (Whitening.fit(side)(side) for side in canonical(20, 0).sample(1000, seed))
        counts.append(len(shared_directions(x, y, most=20)[2]))
    assert np.mean(counts) < 1.0
    x, y = (Whitening.fit(side)(side) for side in canonical(20, 3).sample(1000, 0))
    assert len(shared_directions(x, y, most=20)[2]) == 3


def test_the_global_seed_is_neither_read_nor_moved():
    before = torch.random.get_rng_state()
    first = build_critic("separable", "auto", SHAPES["pictures"], (8,), 2, generator(3))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.randn(1)
    second = build_critic("separable", "auto", SHAPES["pictures"], (8,), 2, generator(3))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_layers():
    layer = linear(100, 50, generator())
    assert float(layer.weight.detach().abs().max()) <= 0.1
    assert not torch.equal(layer.weight[0], layer.weight[1])
    assert torch.count_nonzero(perceptron((4, 8, 3), generator(), zero=True)(rows((4,), 5))) == 0
    assert convolutional((1, 9, 33), (8,), 6, generator())(rows((1, 9, 33), 2)).shape == (2, 6)


@pytest.mark.parametrize(
    ("kind", "encoder", "message"),
    [
        ("bilinear", "auto", "`critic` `bilinear`: expected one of separable, joint."),
        ("joint", "cnn", "`encoder` `cnn`: expected one of auto, mlp, conv."),
        ("separable", "conv", "`encoder` `conv on rows (3,)`: expected rows (channels, length) or"),
    ],
)
def test_settings(kind, encoder, message):
    with pytest.raises(EstimatorError, match=re.escape(message)):
        build_critic(kind, encoder, ((3,), (3,)), (8,), 2, generator())
