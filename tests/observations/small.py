"""A small flow with random weights that is invertible by construction, and one that is not."""

from __future__ import annotations

from pathlib import Path

import torch

from infoloom.observations.flows.checkpoint import FlowDescription, save_checkpoint
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.flows.velocity import VelocityField

NETWORK = {"name": "mlp", "hidden": 24, "blocks": 1, "width": 16}


def small_velocity(strength: float, classes: int = 2, seed: int = 0) -> VelocityField:
    """An MLP whose last layer is random with the given strength."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        velocity = VelocityField(NETWORK, (6,), classes, sigma=0.1, spread=1.0)
        for name, value in velocity.named_parameters():
            if "leave" in name or "condition" in name or "second" in name:  # those that start at zero
                torch.nn.init.normal_(value, std=strength)
    with torch.no_grad():
        for value in velocity.state_dict().values():
            value.copy_(value.half().float())  # what a checkpoint keeps
    return velocity.eval().requires_grad_(False)


def description(
    solver: str = "euler", steps: int = 8, card: dict[str, object] | None = None
) -> FlowDescription:
    return FlowDescription(
        (6,), ("a", "b"), solver, step_grid(steps, 0.1), NETWORK, 0.1, 1.0, 2.0, 3.0, card or {}
    )


def small_flow(
    strength: float = 0.1, solver: str = "euler", dtype: torch.dtype = torch.float64
) -> SteppedFlow:
    return SteppedFlow(description(solver), small_velocity(strength).to(dtype), 1, "small")


def small_file(path: Path, strength: float = 0.1, card: dict[str, object] | None = None) -> Path:
    save_checkpoint(path, description(card=card), small_velocity(strength).state_dict())
    return path
