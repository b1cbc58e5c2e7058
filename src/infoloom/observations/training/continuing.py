"""Going on from a finished flow: training it longer, or distilling it into fewer steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from infoloom.errors import FlowError
from infoloom.observations.flows.checkpoint import GRAPH, FlowDescription, load_checkpoint
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.distilling import Distillation
from infoloom.observations.training.recipes import Recipe
from infoloom.observations.training.training import Trainer
from infoloom.spec.flows.flow import flow_header

__all__ = ["Finished"]

_OF_THESE_WEIGHTS = ("certificate", "quality", "rescaled", "trained", "recipe")
_THEN = "; then "


class Finished:
    """A finished flow whose training goes on: its averaged weights, with the optimiser begun afresh.

    Args:
        path: The flow's file.

    Raises:
        FlowError: No such flow, an adopted one, which was not trained here, or a distilled one, whose network is
            right at the times of its grid only.

    Attributes:
        steps: How many steps it was trained.
        minutes: How long.
        loss: Its running loss at the end.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FlowError(f"flow `{path}`: expected a finished flow to go on with. Leave `--continue` out.")
        self.path = path
        network = flow_header(path)["network"]
        if network.get("name") == GRAPH:
            raise FlowError(
                f"flow `{path}`: expected a flow that `infoloom flow train` made, got an adopted one, which cannot be "
                "distilled or trained further: its file holds a graph, not a network to train. Name a trained flow."
            )
        self.description, self.velocity = load_checkpoint(path)
        if "distilled" in self.description.card:
            raise FlowError(
                f"flow `{path}`: expected a flow trained by flow matching, got a distilled one. Go on with the "
                "flow that it was distilled from, or train one with `infoloom flow train`."
            )
        try:
            self._recipe = Recipe.from_dict(self.description.card["recipe"])
            trained = self.description.card["trained"]
            self.steps, self.minutes = int(trained["steps"]), float(trained["minutes"])
            self.loss = float(trained["loss"])
        except (KeyError, TypeError, ValueError, FlowError) as error:
            raise FlowError(
                f"flow `{path}`: expected a card that says how it was trained ({error}). Train another flow."
            ) from error

    def data(self, data: TrainingData) -> TrainingData:
        """The data in the units that the flow was trained in.

        Raises:
            FlowError: Data of another shape or with other classes.
        """
        own: FlowDescription = self.description
        if data.shape != own.shape or data.classes != own.classes:
            raise FlowError(
                f"flow `{self.path}`: expected data of shape {own.shape} with classes {own.classes} to go on with, got "
                f"{data.shape} with {data.classes}. Train another flow."
            )
        return replace(data, center=own.center, scale=own.scale)

    @property
    def recipe(self) -> Recipe:
        """How it was trained: its card's settings, with the network and width of the weights themselves.

        Cards of older flows do not say the number of steps: it is that of the flow.
        """
        own: dict[str, Any] = {"network": dict(self.description.network), "sigma": self.description.sigma}
        if "flow_steps" not in self.description.card["recipe"]:
            own["flow_steps"] = len(self.description.grid) - 1
        return replace(self._recipe, **own)

    def taught(self, grid: Sequence[float], device: str) -> Distillation:
        """The flow as the teacher of one on another grid."""
        return Distillation(deepcopy(self.velocity).to(device), grid)

    def card(self, new: Mapping[str, Any]) -> dict[str, Any]:
        """The card of a flow that goes on from this one: what was said about the data stays said.

        Args:
            new: Entries `data`, `licence` and others of the new training.
        """
        kept = {key: value for key, value in self.description.card.items() if key not in _OF_THESE_WEIGHTS}
        before, now = kept.get("data", new["data"]), new["data"]
        data = before if now in before.split(_THEN) else f"{before}{_THEN}{now}"
        licence = kept.get("licence", new["licence"]) if new["licence"] == "not stated" else new["licence"]
        return {**kept, **new, "data": data, "licence": licence}

    def origin(self) -> dict[str, Any]:
        """What the card of a flow distilled from this one says about it."""
        card = self.description.card
        return {
            "steps": len(self.description.grid) - 1,
            "trained": card.get("trained"),
            "recipe": card.get("recipe"),
        }

    def scaled_alike(self, trainer: Trainer) -> None:
        """Give a training's network the flow's own scaling, whatever the deviation of the data at hand."""
        trainer.field.scale_by(self.description.spread)
        trainer.field.to(trainer.device, torch.float32)

    def load(self, trainer: Trainer, *, afresh: bool = False) -> None:
        """Put the flow's weights into a new training.

        Args:
            trainer: The training.
            afresh: Count its steps from 0.
        """
        weights = {name: value.to(trainer.device) for name, value in self.velocity.state_dict().items()}
        trainer.field.load_state_dict(weights)
        trainer.average = {name: value.clone() for name, value in weights.items()}
        if not afresh:
            trainer.step, trainer.seconds, trainer.loss = self.steps, 60.0 * self.minutes, self.loss
