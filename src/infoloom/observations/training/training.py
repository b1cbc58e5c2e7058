"""Training a velocity field, with resume: by flow matching along straight paths, or towards another target."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.flows.frequencies import frequency_deviations
from infoloom.observations.flows.networks import build_network
from infoloom.observations.flows.velocity import VelocityField
from infoloom.observations.training.augment import augment, check_augmentation
from infoloom.observations.training.data.own_scale import standardised
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.held_out import Best, HeldOut
from infoloom.observations.training.precision import Precision, autocast, choose_precision
from infoloom.observations.training.recipes import Recipe, check_recipe
from infoloom.observations.training.state import data_digest, read_state, require_same, under
from infoloom.observations.training.targets import FlowMatching, Target
from infoloom.tensor_files import write_tensors

__all__ = ["Progress", "Trainer"]

_MOST_WEIGHTS: Final = 300_000_000
_LEAST: Final = 0.1  # of σ: the smallest deviation that a frequency of the data is taken to have


@dataclass(frozen=True)
class Progress:
    """What a training has reached.

    Attributes:
        step: Steps so far.
        minutes: Of work.
        loss: Running loss; 1 is an untrained network.
        share: Of the budget.
        held_out: The averaged weights' last loss on held-out rows; NaN before the first look.
        rows_per_second: Speed of this run.
        minutes_left: By this run so far; NaN before its second step.
    """

    step: int
    minutes: float
    loss: float
    share: float
    held_out: float = math.nan
    rows_per_second: float = math.nan
    minutes_left: float = math.nan


class Trainer:
    """One training that can be stopped and resumed.

    Args:
        data: Real rows.
        recipe: Settings.
        seed: Seed of weights, order, noise and times.
        device: Where to compute.
        compiled: Compile the network; worth a minute of waiting for long trainings.
        precision: `float32` or `bfloat16`; measured on a first step when left out.
        target: What to learn; flow matching when left out.
    """

    def __init__(
        self,
        data: TrainingData,
        recipe: Recipe,
        *,
        seed: int = 0,
        device: str = "cpu",
        compiled: bool = False,
        precision: Precision | None = None,
        target: Target | None = None,
    ) -> None:
        check_recipe(recipe)
        self.recipe, self.device, self.seed = recipe, _device(device), seed
        self.digest = data_digest(data)
        self.values = torch.from_numpy(standardised(data.values, data.center, data.scale)).to(self.device)
        self.labels = None if data.labels is None else torch.from_numpy(data.labels).to(self.device)
        self.class_count = len(data.classes or ())
        data.require_trainable()
        check_augmentation(recipe.augment, data.shape)
        spread = float(self.values.std())
        if not spread > 0.0:  # rows that differ by less than float32 holds in the units of training
            raise FlowError("training data: expected rows that differ, got a constant. Choose other data.")
        _check_size(recipe.network, data.shape, self.class_count)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.field = VelocityField(
                recipe.network, data.shape, self.class_count, sigma=recipe.sigma, spread=spread
            )
        if recipe.frequencies:
            self.field.scale_by(frequency_deviations(self.values, least=_LEAST * recipe.sigma))
        self.field.to(self.device, torch.float32)
        self.average = {name: value.detach().clone() for name, value in self.field.state_dict().items()}
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.optimizer = torch.optim.AdamW(
            self.field.parameters(),
            lr=recipe.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=recipe.weight_decay,
        )
        self.step, self.seconds, self.loss = 0, 0.0, 1.0
        held = torch.from_numpy(standardised(data.held_out, data.center, data.scale))
        of = None if data.held_out_labels is None else torch.from_numpy(data.held_out_labels)
        self.target: Target = target or FlowMatching()
        self.held_out, self.best, self.last_look = HeldOut(held, of, self.target), Best(), math.nan
        self._network = torch.compile(self.field.residual) if compiled else self.field.residual
        self.precision, self.reason = precision, f"{precision}, as asked for"

    def run(
        self,
        *,
        minutes: float | None = None,
        steps: int | None = None,
        save_to: Path | None = None,
        save_every: float = 60.0,
        report: Callable[[Progress], None] | None = None,
        report_every: int = 50,
        report_after: float = 10.0,
        looks: int = 50,
    ) -> Progress:
        """Train until the budget is used up, counting what was done before a resume.

        The averaged weights with the smallest loss on held-out rows are kept; `weights` gives them.

        Args:
            minutes: Budget of working time in minutes.
            steps: Budget of steps; a training bounded by steps alone repeats exactly.
            save_to: State file, written every `save_every` seconds and at the end.
            save_every: See `save_to`.
            report: Called every `report_every` steps, and whenever `report_after` seconds have passed.
            report_every, report_after: See `report`.
            looks: How often the budget is interrupted to compute the loss on held-out rows.

        Raises:
            FlowError: Neither budget given, or the loss is no longer a number.
        """
        if minutes is None and steps is None:
            raise FlowError("training: expected a budget. Give `minutes` or `steps`.")
        self.field.train()
        self.settle_precision()
        started, before, first = time.monotonic(), self.seconds, self.step
        saved = told = started
        if (minutes is not None and not 0.0 < minutes < math.inf) or (steps is not None and steps < 1):
            raise FlowError(
                f"training: expected minutes above 0 and 1 step or more, got {minutes} minutes and {steps} steps. "
                "Give a larger budget."
            )
        start = self._share(minutes, steps)
        looked = math.floor(looks * start)
        while (share := self._share(minutes, steps)) < 1.0:
            self._one_step(share)
            if looked < (looked := math.floor(looks * self._share(minutes, steps))):
                self._look()
            self.seconds = before + time.monotonic() - started
            due = self.step % report_every == 0 or time.monotonic() - told > report_after
            if report is not None and due:
                told = time.monotonic()
                passed = max(told - started, 1e-9)
                speed = (self.step - first) * self.recipe.batch / passed
                left = passed / 60 * (1.0 - share) / (share - start) if share > start else math.nan
                report(Progress(self.step, self.seconds / 60, self.loss, share, self.last_look, speed, left))
            if save_to is not None and time.monotonic() - saved > save_every:
                self.save(save_to)
                saved = time.monotonic()
        if save_to is not None:
            self.save(save_to)
        return Progress(self.step, self.seconds / 60, self.loss, 1.0, self.last_look)

    def settle_precision(self) -> str:
        """Choose the precision by a measured step, unless it was asked for or comes with a resumed state.

        Returns:
            Which, and why.
        """
        if self.precision is None:
            generator, self.generator = self.generator, torch.Generator(self.device).manual_seed(0)
            data, label = self._batch()
            moment = self.target.moments(len(data), self.generator)
            point, target = self.target(self.field, data, torch.zeros_like(data), moment, label)
            self.generator = generator

            def loss() -> Tensor:
                return (self.field.residual(point, moment, label).float() - target).square().mean()

            self.precision, self.reason = choose_precision(loss, self.device)
            self.optimizer.zero_grad(set_to_none=True)
        return self.reason

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights: those with the smallest held-out loss, or the last ones before any look."""
        kept = self.best.weights or self.average
        return {name: value.clone() for name, value in kept.items()}

    def save(self, path: Path) -> None:
        """Write the whole state, to go on from."""
        tensors = {f"field.{name}": value for name, value in self.field.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        tensors |= {f"best.{name}": value for name, value in self.best.weights.items()}
        for index, state in enumerate(self.optimizer.state_dict()["state"].values()):
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        tensors["generator"] = self.generator.get_state()
        meta = {
            "step": self.step,
            "seconds": self.seconds,
            "loss": self.loss,
            "recipe": self.recipe.to_dict(),
            "seed": self.seed,
            "data": self.digest,
            "precision": self.precision,
            "target": self.target.name,
            "best": [self.best.loss, self.best.step] if self.best.weights else None,
        }
        write_tensors(
            path,
            {name: value.cpu().contiguous() for name, value in tensors.items()},
            {"training": json.dumps(meta)},
        )

    def resume(self, path: Path) -> None:
        """Go on from a saved state.

        Raises:
            FlowError: The state belongs to a training of other data, with other settings, or towards something else.
        """
        said, tensors = read_state(path)
        require_same(path, said, self.recipe, self.seed, self.digest, self.target.name)
        self.field.load_state_dict(under(tensors, "field."))
        self.average = {name: value.to(self.device) for name, value in under(tensors, "average.").items()}
        state = self.optimizer.state_dict()
        for index in range(len(state["param_groups"][0]["params"])):
            kept = under(tensors, f"optimizer.{index}.")
            if kept:
                state["state"][index] = kept
        self.optimizer.load_state_dict(state)
        try:
            self.generator.set_state(tensors["generator"].cpu())
        except RuntimeError as error:
            raise FlowError(
                f"training state `{path}`: expected one of a training on {self.device.type}, whose random numbers "
                "are others than those of another device. Give the device that it began on."
            ) from error
        self.step, self.seconds, self.loss = said.step, said.seconds, float(said.loss)
        if said.best is not None:
            kept = {name: value.to(self.device) for name, value in under(tensors, "best.").items()}
            self.best = Best(float(said.best[0]), int(said.best[1]), kept)
        if self.precision is None and said.precision is not None:
            self.precision, self.reason = said.precision, f"{said.precision}, as the training began"

    def _share(self, minutes: float | None, steps: int | None) -> float:
        by_time = self.seconds / (60.0 * minutes) if minutes else 0.0
        return max(by_time, self.step / steps if steps else 0.0)

    def _one_step(self, share: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * min(1.0, (self.step + 1) / 200) * _cooled(share)
        data, label = self._batch()
        noise = torch.randn(data.shape, generator=self.generator, device=self.device)
        moment = self.target.moments(len(data), self.generator)
        with autocast(self.device, self.precision or "float32"):
            point, target = self.target(self.field, data, noise, moment, label)
            said = self._network(point, moment, label).float()
        if self.recipe.guidance > 0.0 and share >= self.recipe.guidance_from and label is not None:
            target = target + self._guidance(said.detach(), point, moment, label)
        loss = (said - target).square().mean()
        if not math.isfinite(value := float(loss.detach())):
            raise FlowError(
                f"training: the loss is {value} at step {self.step}. Lower the learning rate and resume."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.field.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.loss += (value - self.loss) * max(0.01, 1.0 / self.step)
        self._follow()

    def _batch(self) -> tuple[Tensor, Tensor | None]:
        size = min(self.recipe.batch, len(self.values))
        chosen = torch.randint(len(self.values), (size,), generator=self.generator, device=self.device)
        data = self.values[chosen]
        data = augment(self.recipe.augment, data, self.generator)
        if self.labels is None:
            return data, None
        dropped = torch.rand(size, generator=self.generator, device=self.device) < self.recipe.label_dropout
        return data, torch.where(dropped, self.class_count, self.labels[chosen])

    @torch.no_grad()
    def _guidance(self, said: Tensor, point: Tensor, moment: Tensor, label: Tensor) -> Tensor:
        """What folded guidance adds to the target, fading out towards the data.

        Source: Tang et al., Diffusion models without classifier-free guidance (2025), equation 11.
        """
        with autocast(self.device, self.precision or "float32"):
            anything = self._network(point, moment, torch.full_like(label, self.class_count)).float()
        fading = (4.0 * (1.0 - moment)).clamp(max=1.0) * (label < self.class_count)
        return self.recipe.guidance * fading.view(-1, *(1 for _ in self.field.shape)) * (said - anything)

    def _look(self) -> None:
        """Compute the averaged weights' loss on held-out rows, and keep them if it is the smallest so far."""
        if not len(self.held_out):
            return
        own = {name: value.clone() for name, value in self.field.state_dict().items()}
        self.field.load_state_dict(self.average)
        self.last_look = self.held_out.loss(self.field.eval())
        self.field.load_state_dict(own)
        self.field.train()
        if self.last_look < self.best.loss:
            self.best = Best(self.last_look, self.step, {n: v.clone() for n, v in self.average.items()})

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.recipe.averaging, (1 + self.step) / (10 + self.step))
        for name, value in self.field.state_dict().items():
            self.average[name].lerp_(value, 1.0 - decay)


def _cooled(share: float) -> float:
    """Constant rate for the first half, then down along a cosine."""
    return 1.0 if share < 0.5 else 0.5 + 0.5 * math.cos(math.pi * (2.0 * share - 1.0)) + 1e-3


def _check_size(network: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> None:
    """Refuse a network that no machine like ours could train, before its memory is set aside."""
    with torch.device("meta"):
        count = sum(weight.numel() for weight in build_network(network, shape, classes).parameters())
    if count > _MOST_WEIGHTS:
        raise FlowError(
            f"network {dict(network)}: expected at most {_MOST_WEIGHTS:,} weights, got {count:,}. Make it smaller."
        )


def _device(name: str) -> torch.device:
    """A device that is there.

    Raises:
        FlowError: Unknown, or not on this machine.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise FlowError(
            f"device `{name}`: expected cpu, or cuda where there is one ({str(error)[:100]})."
        ) from error
    return device
