"""Pairs of known mutual information: canonical pairs, hidden by rotations and elementwise bends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CanonicalTask:
    """`pairs` canonical pairs of `nats` each among `dim` columns a side, rotated, bent or not, rotated again.

    Rotations and strictly increasing elementwise maps are bijections, so the information is pairs · nats.
    """

    dim: int
    pairs: int
    nats: float = 0.4
    bent: bool = False

    @property
    def mutual_information(self):
        return self.pairs * self.nats

    def sample(self, n_samples, seed):
        rng = np.random.default_rng(seed)
        correlation = np.sqrt(1.0 - np.exp(-2.0 * self.nats))
        x, noise = rng.standard_normal((2, n_samples, self.dim))
        y = noise.copy()
        shared = slice(0, self.pairs)
        y[:, shared] = correlation * x[:, shared] + np.sqrt(1.0 - correlation**2) * noise[:, shared]
        turns = [rotation(self.dim, rng) for _ in range(4)]
        x, y = x @ turns[0], y @ turns[1]
        if self.bent:
            x, y = (x + 0.3 * x**3) @ turns[2], np.arcsinh(3.0 * y) @ turns[3]
        return x / x.std(axis=0), y / y.std(axis=0)


def rotation(dim, rng):
    """A uniformly random orthogonal matrix."""
    basis, corner = np.linalg.qr(rng.standard_normal((dim, dim)))
    return basis * np.sign(np.diag(corner))


#: The tasks that most estimators fail: linear in 25 columns, bent in 64, and independent.
TASKS = {
    "linear": (CanonicalTask(25, 5), 5000),
    "bent": (CanonicalTask(64, 5, bent=True), 10000),
    "null": (CanonicalTask(25, 0), 5000),
}
