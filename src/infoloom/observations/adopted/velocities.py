"""What a stored graph gives a flow: the velocity of straight paths, whatever the model predicts."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from infoloom.observations.adopted.graphs.graph import StoredGraph
from infoloom.observations.adopted.schedules import NoiseSchedule

__all__ = ["PREDICTIONS", "DiffusionVelocity", "StoredVelocity"]

PREDICTIONS: Final = ("epsilon", "x0", "v")
_ABOVE: Final = 1e-4  # relative: a time rounded to float32 is still the same time


class StoredVelocity(nn.Module):
    """v(x, t, y) by a stored graph.

    Args:
        graph: Takes values (n, *shape), times (n,) and, with classes, whole numbers (n,).
        digest: Of graph and weights as they lie in the file.
    """

    def __init__(self, graph: StoredGraph, digest: str, device: str = "cpu") -> None:
        super().__init__()
        self.graph, self.digest = graph, digest
        # says precision and device where a graph has no weights
        self.anchor = nn.Parameter(torch.zeros(1, dtype=graph.dtype, device=device), requires_grad=False)

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(n, *shape), (n or 1,) times, (n or 1,) classes → velocities (n, *shape)."""
        return self.called(values, time, label)

    def called(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """What the graph itself gives."""
        rows = values.shape[0]
        inputs = [values, time.to(values.dtype).expand(rows)]
        if label is not None:
            inputs.append(label.expand(rows))
        found: Tensor = self.graph(*inputs)[0]
        return found


class DiffusionVelocity(StoredVelocity):
    """The velocity u(y, t) = E[x₁ − (1 − σ) ε | y_t = y] of straight paths from what a diffusion model predicts.

    ε-prediction gives u = (y − ε̂)/t, x₀- and v-prediction the other half of x₁ and ε first; below the time of the
    first timestep the path only scales the noise. An Euler step of u between two times is the DDIM step (η = 0)
    between their noise levels.

    Args:
        graph: Takes x_τ, timesteps and classes.
        digest: See `StoredVelocity`.
        schedule: The noise schedule.
        predicts: `epsilon`, `x0` or `v`.
        start: Time of the first timestep.

    Source: Song, Meng, Ermon, Denoising diffusion implicit models (2021), equation 12.
    """

    def __init__(
        self,
        graph: StoredGraph,
        digest: str,
        schedule: NoiseSchedule,
        predicts: str,
        start: float,
        device: str = "cpu",
    ) -> None:
        super().__init__(graph, digest, device)
        self.schedule, self.predicts, self.start = schedule, predicts, start

    def forward(self, values: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(n, *shape), (1,) times, (n or 1,) classes → velocities (n, *shape)."""
        at = time.double().flatten()[0]
        sigma = self.schedule.sigma
        if float(at) < self.start * (1.0 - _ABOVE):
            width = 1.0 - (1.0 - sigma) * self.start
            factor: float = ((self.start**2 + width**2) ** 0.5 - 1.0) / self.start
            return values * factor
        width_there = 1.0 - (1.0 - sigma) * at
        norm = (at**2 + width_there**2).sqrt()
        timestep = self.schedule.timestep_of(width_there / at)
        found = self.called(values / norm.to(values.dtype), timestep.reshape(1), label)
        data, noise = self._parts(values, found, at, width_there, norm)
        return data - (1.0 - sigma) * noise

    def _parts(
        self, values: Tensor, found: Tensor, at: Tensor, width: Tensor, norm: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Estimates of x₁ and ε with t x₁ + s ε = y."""
        kind = values.dtype
        if self.predicts == "epsilon":
            return (values - width.to(kind) * found) / at.to(kind), found
        if self.predicts == "x0":
            return found, (values - at.to(kind) * found) / width.to(kind)
        # v = a ε − b x₁ with a = t / norm, b = s / norm; then x₁ = a x − b v, ε = b x + a v, x = y / norm
        scaled = values / norm.to(kind)
        a, b = (at / norm).to(kind), (width / norm).to(kind)
        return a * scaled - b * found, b * scaled + a * found
