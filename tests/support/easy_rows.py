"""Rows of modalities that share causes, small enough to learn from in seconds, and what is reachable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["EasyRows", "ridge_errors"]


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


def ridge_errors(train, test, theta, theta_test, penalty=10.0):
    """Squared errors of ridge regression on held-out rows, over the variance of θ: R² is 1 minus their mean."""
    center, scale = train.mean(0), train.std(0) + 1e-12
    a, b = ((rows - center) / scale for rows in (train.astype(np.float64), test.astype(np.float64)))
    weights = np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ (theta - theta.mean()))
    return (theta_test - theta.mean() - b @ weights) ** 2 / theta_test.var(dtype=np.float64)
