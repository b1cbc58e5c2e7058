"""What one call of `infoloom flow train` asks for, and what of it cannot be done, said before the training."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from infoloom.errors import FlowError
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.training.continuing import Finished
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.training_data import TrainingData, load_training_data
from infoloom.observations.training.distilling import distilling_recipe
from infoloom.observations.training.packaging import all_classes, package_flow
from infoloom.observations.training.precision import Precision
from infoloom.observations.training.recipes import RECIPES, Recipe, check_recipe, recipe_for
from infoloom.observations.training.state import as_json
from infoloom.observations.training.training import Trainer
from infoloom.spec.flows.flow import flow_header, flow_path, parse_flow

__all__ = ["TrainingPlan", "check_files", "check_output", "check_picture", "reading_of", "rehearse"]

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".pdf", ".webp")


@dataclass(frozen=True)
class TrainingPlan:
    """One call of `infoloom flow train`.

    Args:
        name: Name of the flow; a zoo name brings its recipe.
        source: Where the data are; see `load_training_data`.
        output: The `.safetensors` file to write; the training's state lies beside it until the flow is done.
        minutes: Budget of working time; the recipe's when neither budget is given.
        steps: Budget of training steps.
        network: Settings of the network, or the recipe's.
        sigma: Width of the path at t = 1, or the recipe's.
        batch: Rows a training step, or the recipe's.
        flow_steps: Steps of the finished flow, or the recipe's.
        bend: Its grid, or the recipe's; see `step_grid`.
        solver: Its solver, `euler` or `midpoint`; that of the flow that goes on, else `euler`, when left out.
        unconditional: Leave the classes out.
        group: Array or column that says which rows are held out together, or the recipe's.
        array: Array or column with the rows, or the recipe's.
        size: Height and width to which pictures are brought, or the recipe's.
        classes: New class names and those that they join, or the recipe's.
        frequencies: Whether the linear part of the velocity knows the deviation of each frequency, or the recipe's.
        augment: How rows are changed while training, or the recipe's.
        licence: Licence of the data, for the card.
        seed: Seed.
        device: Where to compute.
        compiled: Compile the network first.
        samples: Picture of samples to write, at every tenth of the budget and at the end.
        precision: Of the training; measured when left out.
        continued: Go on with the finished flow in `output` as its card says it was trained; the budget is what is
            added.
        quick: Leave the certificate out; the flow is then marked as not certified.
        teacher: Distil this flow, one of the zoo or a path, into one with fewer steps.
    """

    name: str
    source: str
    output: Path
    minutes: float | None = None
    steps: int | None = None
    network: Mapping[str, Any] | None = None
    sigma: float | None = None
    batch: int | None = None
    flow_steps: int | None = None
    bend: float | None = None
    solver: str | None = None
    unconditional: bool = False
    group: str | None = None
    array: str | None = None
    size: int | None = None
    classes: Mapping[str, tuple[str, ...]] | None = None
    frequencies: bool | None = None
    augment: str | None = None
    licence: str = "not stated"
    seed: int = 0
    device: str = "cpu"
    compiled: bool = False
    samples: Path | None = None
    precision: Precision | None = None
    continued: bool = False
    quick: bool = False
    teacher: str | None = None

    def data(self) -> TrainingData:
        """Read and check the data; in the units of the flow that goes on, if one does.

        Raises:
            FlowError: Data that cannot be used.
        """
        finished = self.finished()
        data = load_training_data(self.source, self.reading())
        return data if finished is None else finished.data(data)

    def description(self) -> list[str]:
        """What a dry run says of the data, a line each.

        Raises:
            FlowError: Data that cannot be used, or from which nothing can be learned; settings that no training takes.
        """
        check_files(self)
        data = self.data()
        rehearse(self, Trainer(data, self.recipe(data.shape, self.finished()), seed=self.seed), data)
        return data.description()

    def finished(self) -> Finished | None:
        """The flow from which this plan goes on, if it does.

        Raises:
            FlowError: No such flow, or settings that it cannot change.
        """
        if self.teacher is not None:
            teacher = flow_path(self.teacher)
            if self.output.exists() and self.output.samefile(teacher):
                raise FlowError(
                    f"output `{self.output}`: expected another file than that of the flow itself."
                )
            return Finished(teacher)
        if not self.continued:
            return None
        finished = Finished(self.output)
        own = {**vars(reading_of(str(self.output))), **vars(finished.recipe)}
        for name in (
            "network",
            "sigma",
            "batch",
            "frequencies",
            "augment",
            "array",
            "group",
            "size",
            "classes",
            "unconditional",
        ):
            asked = getattr(self, name)
            ignored = asked is None or (asked is False and name == "unconditional")
            if not ignored and as_json(asked) != as_json(own[name]):
                raise FlowError(
                    f"flow `{self.output}`: expected the {name} that its card says, {own[name]}, because it goes on; "
                    f"got {asked}. Leave it out, or train another flow."
                )
        return finished

    def reading(self) -> Reading:
        """How to read them: the recipe's way with this plan's changes, or as the data of the flow that goes on."""
        if self.teacher is not None or self.continued:
            return reading_of(self.teacher or str(self.output))
        changes = {name: getattr(self, name) for name in ("array", "group", "size", "classes")}
        given = {key: value for key, value in changes.items() if value is not None}
        own = RECIPES[self.name].reading if self.name in RECIPES else Reading()
        return replace(own, unconditional=self.unconditional, **given)

    def recipe(self, shape: tuple[int, ...], finished: Finished | None = None) -> Recipe:
        """The recipe of that name, or that of a finished flow, with this plan's changes.

        Raises:
            FlowError: Settings that no training can have.
        """
        changes: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("network", "sigma", "batch", "flow_steps", "bend", "frequencies", "augment")
        }
        given = {key: value for key, value in changes.items() if value is not None}
        own = recipe_for(self.name, shape) if finished is None else finished.recipe
        if finished is not None and self.teacher is not None:
            own = distilling_recipe(own, len(finished.description.grid) - 1)
        made = replace(own, reading=self.reading(), **given)
        check_recipe(made)
        return made

    def package(self, trainer: Trainer, data: TrainingData, path: Path) -> None:
        """Write the flow as it is, not certified."""
        card: dict[str, Any] = {
            "name": self.name,
            "data": self.source,
            "licence": self.licence,
            "seed": self.seed,
        }
        finished, solver = self.finished(), self.solver or "euler"
        if finished is not None:
            card = finished.card(card)
            if self.teacher is not None:
                card["distilled"] = finished.origin()
            elif self.solver is None:
                solver = finished.description.solver
        package_flow(path, trainer, data, solver=solver, card=card)


def check_files(plan: TrainingPlan) -> None:
    """Refuse files that could not be written, or that no spec could name.

    Raises:
        FlowError: One of them.
    """
    check_output(plan.output)
    if plan.solver not in (None, "euler", "midpoint"):
        raise FlowError(f"solver `{plan.solver}`: expected euler or midpoint.")
    check_picture(plan.samples)
    if plan.samples is not None:
        _check_place(plan.samples)


def check_output(path: Path) -> None:
    """Refuse a flow's file that could not be written, or that no spec could name.

    Raises:
        FlowError: One of them.
    """
    text = str(path)
    if path.suffix != ".safetensors":
        raise FlowError(f"file `{text}`: expected a name ending in `.safetensors`.")
    try:
        named = parse_flow(text)[0].name == text
    except FlowError:
        named = False
    if not named:
        raise FlowError(
            f"file `{text}`: expected a name that a spec can say, of letters, digits and `_ . / ~ -`, beginning with "
            "no digit. Choose another name."
        )
    _check_place(path)


def _check_place(path: Path) -> None:
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise FlowError(f"file `{path}`: expected a place in a folder that is there. Choose another one.")


def check_picture(path: Path | None) -> None:
    """Refuse a picture's file by its ending.

    Raises:
        FlowError: An ending of no kind of picture.
    """
    if path is not None and path.suffix.lower() not in _PICTURES:
        raise FlowError(f"file `{path}`: expected a picture's name, ending in {', '.join(_PICTURES)}.")


def rehearse(plan: TrainingPlan, trainer: Trainer, data: TrainingData) -> None:
    """Package and read the flow before it is trained, so that nothing of it is refused only after the training.

    Raises:
        FlowError: A grid, classes or a network that no file of a flow can have.
    """
    step_grid(trainer.recipe.flow_steps, trainer.recipe.sigma, trainer.recipe.bend)
    with tempfile.TemporaryDirectory(prefix="infoloom-flow-") as folder:
        path = Path(folder) / "rehearsal.safetensors"
        plan.package(trainer, data, path)
        all_classes(str(path))


def reading_of(name: str) -> Reading:
    """How the data of a flow were read.

    Args:
        name: One of the zoo, or a path.

    Raises:
        FlowError: No such flow, or a card that does not say it.
    """
    path = flow_path(name)
    header = flow_header(path)
    recipe = header["card"].get("recipe")
    try:
        kept = Reading.from_dict((recipe or {}).get("reading") or {})
    except (AttributeError, TypeError, ValueError) as error:
        raise FlowError(
            f"flow `{path}`: expected a card that says how its data were read ({error}). Train the flow again."
        ) from error
    return replace(kept, unconditional=not header["classes"])
