"""Rows of modalities that share causes, small enough to learn from in seconds, and what is reachable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["EasyRows", "ridge_r_squared"]


@dataclass(frozen=True)
class EasyRows:
    """x_m = Σ_k w t_mk u_k + ε over the components of each modality, and θ = ⟨η, u⟩.

    Args:
        shapes: Modality → shape of one row.
        causes: Number of shared causes.
        signal: w² ‖t‖² of each cause in each modality, against noise of variance 1.
    """

    shapes: dict[str, tuple[int, ...]]
    causes: int = 2
    signal: float = 4.0

    @property
    def target(self):
        """η, of length 1: θ has variance 1."""
        return np.linspace(1.0, 0.5, self.causes) / np.linalg.norm(np.linspace(1.0, 0.5, self.causes))

    def templates(self):
        """Modality → (causes, *shape), orthonormal directions at random, which stay what they are."""
        rng = np.random.default_rng(7)
        found = {}
        for name, shape in self.shapes.items():
            basis, _ = np.linalg.qr(rng.normal(size=(int(np.prod(shape)), self.causes)))
            found[name] = basis.T.reshape(self.causes, *shape)
        return found

    def sample(self, rows, seed):
        """Modalities (n, *shape) and `theta` (n,), float32."""
        rng = np.random.default_rng(seed)
        causes = rng.normal(size=(rows, self.causes))
        drawn = {
            name: np.sqrt(self.signal) * np.tensordot(causes, templates, axes=1)
            + rng.normal(size=(rows, *self.shapes[name]))
            for name, templates in self.templates().items()
        }
        drawn["theta"] = causes @ self.target
        return {name: values.astype(np.float32) for name, values in drawn.items()}

    def ceiling(self, modalities=1):
        """R² of θ from some modalities: orthonormal templates make each cause a scalar Gaussian channel."""
        return modalities * self.signal / (1.0 + modalities * self.signal)


def ridge_r_squared(train, test, theta, theta_test, penalty=10.0):
    """Held-out R² of ridge regression and its standard error over test rows.

    The error of R² = 1 − ⟨e²⟩/⟨(θ − mean)²⟩ is that of a ratio of means (delta method).
    """
    center, scale = train.mean(0), train.std(0) + 1e-12
    a, b = (train - center) / scale, (test - center) / scale
    mean = theta.mean()
    weights = np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ (theta - mean))
    errors = (theta_test - mean - b @ weights) ** 2
    spread = (theta_test - theta_test.mean()) ** 2
    ratio = errors.mean() / spread.mean()
    return 1.0 - ratio, float(np.std(errors - ratio * spread) / spread.mean() / np.sqrt(len(errors)))
