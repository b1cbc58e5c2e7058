"""How the flows of the zoo are trained: network, path, schedule; a sensible default for any other data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from infoloom.errors import FlowError
from infoloom.foreign.trees import said
from infoloom.observations.training.data.reading import Reading

__all__ = ["RECIPES", "Recipe", "check_recipe", "recipe_for"]


@dataclass(frozen=True)
class Recipe:
    """Settings of one training.

    Args:
        network: Settings of the network.
        sigma: Width σ of the path at t = 1, in units of the data's scale: the noise a sample keeps.
        frequencies: The linear part of the velocity knows the deviation of the data at each frequency; see
            `VelocityField`.
        batch: Rows a step.
        learning_rate: Peak learning rate.
        averaging: Decay of the moving average of the weights.
        label_dropout: Share of rows trained without their class, for guidance.
        guidance: Strength w of the guidance folded into the network; the flow then behaves as one guided by 1 /
            (1 − w).
        guidance_from: Share of the budget after which guidance is folded in.
        augment: How rows are changed at random while training; see `AUGMENTATIONS`.
        weight_decay: Of the optimizer.
        minutes: Default budget on one CPU core.
        flow_steps: Steps of the finished flow.
        bend: Its grid; see `step_grid`.
        distilled_steps: Steps of the flow distilled from it; half as many when None.
        distilled_bend: The grid of that flow.
        reading: What to take of the source.
    """

    network: Mapping[str, Any] = field(default_factory=dict)
    sigma: float = 0.03
    frequencies: bool = False
    batch: int = 64
    learning_rate: float = 1.5e-3
    averaging: float = 0.999
    label_dropout: float = 0.0
    guidance: float = 0.0
    guidance_from: float = 0.6
    augment: str = "none"
    weight_decay: float = 0.01
    minutes: float = 20.0
    flow_steps: int = 16
    bend: float = 0.7
    distilled_steps: int | None = None
    distilled_bend: float = 0.9
    reading: Reading = field(default_factory=Reading)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the card."""
        return {**asdict(self), "reading": self.reading.to_dict()}

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Recipe:
        """From a card; settings that it does not say are the defaults.

        Raises:
            ValueError: Entries that are no recipe.
        """
        try:
            found = TypeAdapter(cls).validate_python(dict(entries))
        except ValidationError as error:
            raise ValueError(said(error)) from error
        check_recipe(found)
        return found


def check_recipe(recipe: Recipe) -> None:
    """Refuse settings that no training can have.

    Raises:
        FlowError: One of them; network, augmentation and grid are checked where they are used.
    """
    rules = (
        ("batch", recipe.batch >= 1, "1 or more"),
        ("learning_rate", 0.0 < recipe.learning_rate < math.inf, "a number above 0"),
        ("averaging", 0.0 <= recipe.averaging < 1.0, "a number from 0 to 1, without 1"),
        ("label_dropout", 0.0 <= recipe.label_dropout <= 1.0, "a share from 0 to 1"),
        ("guidance", 0.0 <= recipe.guidance < 1.0, "a number from 0 to 1, without 1"),
        ("weight_decay", 0.0 <= recipe.weight_decay < math.inf, "a number of 0 or more"),
        ("sigma", 0.0 < recipe.sigma < 1.0, "a number between 0 and 1"),
    )
    for name, holds, expected in rules:
        if not holds:
            raise FlowError(f"training, {name} {getattr(recipe, name)}: expected {expected}. Change it.")


def _signal(
    sigma: float, *, channels: int = 48, flow_steps: int = 12, bend: float = 0.7, **settings: Any
) -> Recipe:
    """For small sets of signals: weights decay, and the recipe says how rows may change."""
    network = {"name": "signal-unet", "channels": channels, "multipliers": [1, 2, 2], "width": 128}
    return Recipe(network, sigma=sigma, weight_decay=0.05, flow_steps=flow_steps, bend=bend, **settings)


RECIPES: dict[str, Recipe] = {
    "digits": Recipe(
        {"name": "unet", "channels": 40, "multipliers": [1, 2], "patch": [1, 1], "width": 128},
        sigma=0.05,
        minutes=10.0,
    ),
    "mnist": Recipe(
        {"name": "unet", "channels": 40, "multipliers": [1, 2]},
        sigma=0.03,
        minutes=70.0,
        distilled_steps=8,
        distilled_bend=0.6,
    ),
    "cifar10": Recipe(
        {"name": "unet", "channels": 64, "multipliers": [1, 2, 3], "attention": [1, 2], "width": 256},
        sigma=0.03,
        learning_rate=1e-3,
        averaging=0.9993,
        label_dropout=0.1,
        guidance=0.35,
        augment="mirror",
        minutes=163.0,
        flow_steps=24,
        bend=0.4,
        distilled_steps=12,
    ),
    "galaxy": Recipe(
        {"name": "unet", "channels": 48, "multipliers": [1, 2, 4], "attention": [2], "width": 192},
        sigma=0.03,
        averaging=0.9993,
        augment="dihedral",
        minutes=90.0,
        flow_steps=16,
        bend=0.5,
        distilled_steps=8,
        reading=Reading(
            size=32,
            classes={
                "elliptical": ("elliptical",),
                "spiral": ("spiral_clockwise", "spiral_anticlockwise", "gz2_spiral"),
                "edge-on": ("edge_on",),
            },
        ),
    ),
    "heartbeat": _signal(
        0.05,
        minutes=30.0,
        augment="amplitude",
        flow_steps=24,
        bend=0.4,
        distilled_steps=8,
        reading=Reading(group="patient"),
    ),
    "heartbeat-one": Recipe(
        {"name": "signal-unet", "channels": 64, "multipliers": [1, 2, 2], "width": 128},
        sigma=0.05,
        minutes=10.0,
        flow_steps=12,
        distilled_steps=12,
    ),
    "rr-lyrae": _signal(
        0.15,
        minutes=9.0,
        frequencies=True,
        augment="amplitude",
        channels=32,
        flow_steps=24,
        distilled_steps=12,
    ),
    "star": _signal(
        0.05,
        minutes=36.0,
        channels=40,
        frequencies=True,
        distilled_steps=18,
        distilled_bend=0.4,
        reading=Reading(
            classes={"OB": ("O", "B"), **{name: (name,) for name in ("A", "F", "G", "K", "M")}},
        ),
    ),
    "supernova": _signal(
        0.05,
        minutes=30.0,
        flow_steps=24,
        bend=0.4,
        distilled_steps=8,
        reading=Reading(array="flux", group="object"),
    ),
    "supernova-curve": _signal(0.05, minutes=15.0, channels=32, augment="amplitude", distilled_steps=6),
    "spoken": Recipe(
        {"name": "unet", "channels": 48, "multipliers": [1, 2, 2], "attention": [2]},
        sigma=0.05,
        minutes=40.0,
        distilled_steps=12,
    ),
}


def recipe_for(name: str, shape: tuple[int, ...]) -> Recipe:
    """The zoo's recipe of that name, or one that suits the shape."""
    return RECIPES[name] if name in RECIPES else Recipe(_network_for(shape))


def _network_for(shape: tuple[int, ...]) -> dict[str, Any]:
    if len(shape) == 3 and all(size % 4 == 0 for size in shape[1:]) and min(shape[1:]) >= 16:
        deep = all(size % 8 == 0 for size in shape[1:])
        return {"name": "unet", "channels": 48, "multipliers": [1, 2, 2] if deep else [1, 2]}
    if len(shape) == 3 and all(size % 2 == 0 for size in shape[1:]):
        return {"name": "unet", "channels": 40, "multipliers": [1, 2], "patch": [1, 1]}
    if len(shape) == 2 and shape[1] % 16 == 0:
        return {"name": "signal-unet", "channels": 48, "multipliers": [1, 2, 2]}
    return {"name": "mlp", "hidden": 256, "blocks": 3}
