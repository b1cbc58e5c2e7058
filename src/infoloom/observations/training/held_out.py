"""Early stopping: the averaged weights with the smallest loss on held-out rows are kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from infoloom.observations.flows.velocity import VelocityField

__all__ = ["Best", "HeldOut"]

_ROWS, _COPIES, _PART = 256, 4, 128
FlowTarget = Callable[[VelocityField, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


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
        seed: Seed of noise and times.
    """

    def __init__(self, rows: Tensor, labels: Tensor | None, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(rows), generator=generator)[:_ROWS].repeat(_COPIES)
        self.rows, self.labels = rows[chosen], None if labels is None else labels[chosen]
        self.noise = torch.randn(self.rows.shape, generator=generator)
        even = (torch.arange(len(chosen)) + 0.5) / max(len(chosen), 1)
        self.moments = even[torch.randperm(len(chosen), generator=generator)]

    def __len__(self) -> int:
        return len(self.rows)

    @torch.no_grad()
    def loss(self, field: VelocityField, target: FlowTarget) -> float:
        """Mean squared error of a field's residual.

        Args:
            field: The velocity field.
            target: `flow_matching_target`.
        """
        total = 0.0
        for start in range(0, len(self.rows), _PART):
            part = slice(start, start + _PART)
            rows, noise, moments = (
                one[part].to(_device(field)) for one in (self.rows, self.noise, self.moments)
            )
            point, wanted = target(field, rows, noise, moments)
            label = None if self.labels is None else self.labels[part].to(rows.device)
            total += float((field.residual(point, moments, label) - wanted).square().mean()) * len(rows)
        return total / len(self.rows)


def _device(field: VelocityField) -> torch.device:
    return next(field.parameters()).device
