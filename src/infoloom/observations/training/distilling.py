"""Fewer steps: a network learns where a trained flow's path leads from one time of a coarse grid to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from infoloom.observations.flows.velocity import VelocityField, path_spread
from infoloom.observations.training.recipes import Recipe
from infoloom.observations.training.targets import path_point

__all__ = ["Distillation", "distilling_recipe"]

_PARTS: Final = 2  # midpoint steps of the teacher in one step of the grid
_RATE: Final = 5e-4
_AVERAGING: Final = 0.995
_MINUTES: Final = 20.0


class Distillation:
    """The mean velocity with which a trained field, the teacher, goes from a grid time to the next.

    A flow that takes one Euler step with this velocity lands where the teacher's differential equation lands.
    The steps begin at points of the straight paths to real rows.

    Args:
        teacher: The trained field.
        grid: Times t_0 = 0 < … < t_K = 1 of the finished flow.
        parts: Midpoint steps with which the teacher goes from one time to the next.

    Source:
        Salimans, Ho, Progressive distillation for fast sampling of diffusion models (2022), whose students learn
        two steps of the teacher in one; here the student learns all of its steps at once.
    """

    def __init__(self, teacher: VelocityField, grid: Sequence[float], *, parts: int = _PARTS) -> None:
        self.teacher = teacher.eval().requires_grad_(False)
        device = next(teacher.parameters()).device
        self.grid = torch.tensor(grid, dtype=torch.float32, device=device)
        self.parts = parts

    @property
    def name(self) -> str:
        """Grid and a digest of the teacher's weights."""
        digest = hashlib.sha256()
        for name, value in sorted(self.teacher.state_dict().items()):
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        times = ", ".join(f"{time:.4f}" for time in self.grid.tolist())
        return f"distillation of {digest.hexdigest()[:12]} to the times {times}"

    def moments(self, count: int, generator: torch.Generator) -> Tensor:
        """Starts of the grid's steps, each as often as the others, in random order."""
        steps = torch.arange(count, device=self.grid.device) % (len(self.grid) - 1)
        return self.grid[steps[torch.randperm(count, generator=generator, device=generator.device)]]

    def held_out_moments(self, even: Tensor) -> Tensor:
        """The start of the step in which each number lies, all steps taken as equally long."""
        steps = (even * (len(self.grid) - 1)).long().clamp(max=len(self.grid) - 2)
        return self.grid[steps.to(self.grid.device)].to(even.device)

    @torch.no_grad()
    def __call__(
        self, field: VelocityField, data: Tensor, noise: Tensor, moment: Tensor, label: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Points of the path at grid times, and the residual of the teacher's mean velocity to the next time."""
        point = path_point(field, data, noise, moment)
        step = (self.grid[:-1] - moment[:, None]).abs().argmin(dim=1)
        end = self.grid[step + 1]
        wide = (-1, *(1 for _ in field.shape))
        values, start = point, moment
        for part in range(1, self.parts + 1):
            stop = self._between(moment, end, part / self.parts)
            width = (stop - start).view(wide)
            half = values + 0.5 * width * self.teacher(values, start, label).float()
            values = values + width * self.teacher(half, 0.5 * (start + stop), label).float()
            start = stop
        return point, field.residual_of((values - point) / (end - moment).view(wide), point, moment)

    def _between(self, start: Tensor, end: Tensor, share: float) -> Tensor:
        """A time between two, halfway between even and geometric in the path's width."""
        sigma = self.teacher.sigma
        even = start + share * (end - start)
        first, last = path_spread(start, sigma), path_spread(end, sigma)
        return 0.5 * even + 0.5 * (1.0 - first ** (1.0 - share) * last**share) / (1.0 - sigma)


def distilling_recipe(recipe: Recipe, teacher_steps: int) -> Recipe:
    """The settings for distilling a flow that a recipe made: fewer steps, a smaller rate; the teacher has the guidance.

    Args:
        recipe: What made the teacher.
        teacher_steps: Steps of the teacher's flow; half as many are taken where the recipe does not say.
    """
    steps = recipe.distilled_steps or max(1, (teacher_steps + 1) // 2)
    return replace(
        recipe,
        flow_steps=steps,
        bend=recipe.distilled_bend,
        learning_rate=_RATE,
        averaging=_AVERAGING,
        guidance=0.0,
        minutes=_MINUTES,
    )
