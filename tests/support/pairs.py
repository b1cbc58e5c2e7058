"""Pairs of every kind with a dependence that each estimator of the kind finds."""

from __future__ import annotations

import numpy as np
from gaussian_tasks import canonical


def pairs(kind, rows, seed):
    """x and y (rows, ·): a Gaussian pair, with x cut into 4 classes for `mixed`, and y too for `discrete`."""
    x, y = canonical(1, 1, nats=0.7).sample(rows, seed)
    classes = [np.digitize(side, [-0.7, 0.0, 0.7]).astype(np.int64) for side in (x, y)]
    return {"continuous": (x, y), "mixed": (classes[0], y), "discrete": tuple(classes)}[kind]
