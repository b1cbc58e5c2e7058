"""Going on with a training that was finished: from the flow's own file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from infoloom.errors import FlowError
from infoloom.observations.flows.checkpoint import FlowDescription, load_checkpoint
from infoloom.observations.training.recipes import Recipe
from infoloom.observations.training.training import Trainer
from infoloom.observations.training.training_data import TrainingData

__all__ = ["Finished"]


class Finished:
    """A finished flow whose training goes on: its averaged weights, with the optimiser begun afresh.

    Args:
        path: The flow's file.

    Raises:
        FlowError: No such flow, or an adopted one, which was not trained here.

    Attributes:
        steps: How many steps it was trained.
        minutes: How long.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FlowError(f"flow `{path}`: expected a finished flow to go on with. Leave `--continue` out.")
        self.path = path
        self.description, self.velocity = load_checkpoint(path)
        trained = self.description.card.get("trained", {})
        self.steps, self.minutes = int(trained.get("steps", 0)), float(trained.get("minutes", 0.0))

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

    def recipe(self, recipe: Recipe) -> Recipe:
        """The recipe with the flow's own network and width."""
        return replace(recipe, network=dict(self.description.network), sigma=self.description.sigma)

    def load(self, trainer: Trainer) -> None:
        """Put the flow's weights into a new training."""
        weights = {name: value.to(trainer.device) for name, value in self.velocity.state_dict().items()}
        trainer.field.load_state_dict(weights)
        trainer.field.spread = self.description.spread
        trainer.average = {name: value.clone() for name, value in weights.items()}
        trainer.step, trainer.seconds = self.steps, 60.0 * self.minutes
