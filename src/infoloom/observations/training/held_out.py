"""Early stopping: the averaged weights with the smallest loss on held-out rows are kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from infoloom.observations.flows.velocity import VelocityField
from infoloom.observations.training.targets import Target

__all__ = ["Best", "HeldOut"]

_ROWS, _COPIES, _PART = 256, 4, 128


@dataclass
class Best:
    """The smallest held-out loss so far.

    Attributes:
        loss: Mean squared error of the residual on held-out rows; 1 is an untrained network.
        step: When.
        weights: The averaged weights then.
    """

    loss: float = math.inf
    step: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)


class HeldOut:
    """Points of the path to held-out rows, the same at every look, so that looks can be compared.

    Args:
        rows: Held-out rows in the units of training, (m, *shape).
        labels: Their class numbers, (m,), or None.
        target: What is learnt.
        seed: Seed of noise and times.
    """

    def __init__(self, rows: Tensor, labels: Tensor | None, target: Target, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(rows), generator=generator)[:_ROWS].repeat(_COPIES)
        self.rows, self.labels = rows[chosen], None if labels is None else labels[chosen]
        self.noise = torch.randn(self.rows.shape, generator=generator)
        even = (torch.arange(len(chosen)) + 0.5) / max(len(chosen), 1)
        self.target = target
        self.moments = target.held_out_moments(even[torch.randperm(len(chosen), generator=generator)])
        self._parts: list[_Part] = []

    def __len__(self) -> int:
        return len(self.rows)

    @torch.no_grad()
    def loss(self, field: VelocityField) -> float:
        """Mean squared error of a field's residual. What it should be is computed at the first call."""
        self._parts = self._parts or [
            self._part(field, slice(start, start + _PART)) for start in range(0, len(self.rows), _PART)
        ]
        total = sum(
            float((field.residual(part.point, part.moment, part.label) - part.wanted).square().sum())
            for part in self._parts
        )
        return total / self.rows.numel()

    def _part(self, field: VelocityField, part: slice) -> _Part:
        device = _device(field)
        rows, noise, moments = (one[part].to(device) for one in (self.rows, self.noise, self.moments))
        label = None if self.labels is None else self.labels[part].to(device)
        return _Part(*self.target(field, rows, noise, moments, label), moments, label)


@dataclass(frozen=True)
class _Part:
    """Some points of the paths, what the network should say there, times and classes."""

    point: Tensor
    wanted: Tensor
    moment: Tensor
    label: Tensor | None


def _device(field: VelocityField) -> torch.device:
    return next(field.parameters()).device
