"""The training loop: AdamW, warm-up and cosine, mixed precision, and a state file to go on from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infoloom.arrays import plain_array
from infoloom.errors import LearnerError
from infoloom.ssl.batches import Batches, Group, grouped
from infoloom.ssl.checks import by_name, check_arrays, expect, is_whole, refuse_coarse
from infoloom.ssl.encoding import tensors_of
from infoloom.ssl.learner import Learner
from infoloom.ssl.outputs import expect_learner, loss_by, needs_of, usable
from infoloom.ssl.plateau import Look, Plateau, standing
from infoloom.ssl.settings import Training
from infoloom.ssl.state import describe, digest_of, read_state, under, write_state

__all__ = ["History", "Progress", "train"]

#: Steps between two looks at the loss; reading it makes an accelerator wait.
_LOOK = 20


@dataclass(frozen=True)
class Progress:
    """What a training has reached: `step` of `steps`, the loss of that step, seconds since it was started."""

    step: int
    steps: int
    loss: float
    seconds: float


@dataclass(frozen=True)
class History:
    """What a training did.

    Args:
        steps: Number of steps, those before a resume included.
        losses: Loss of every step.
        seconds: Wall-clock time of this run, without what came before a resume.
        looks: Epoch and loss on held-out rows after it, where a plateau was watched for.
        best_epoch: The epoch whose weights the learner has; None where no plateau was watched for.
        plateau: Whether it was reached, and not the cap; None where it was not watched for.
    """

    steps: int
    losses: tuple[float, ...]
    seconds: float
    looks: tuple[Look, ...] = ()
    best_epoch: int | None = None
    plateau: bool | None = None


def train(
    learner: Learner,
    arrays: Any,
    settings: Training | None = None,
    *,
    held_out: Any = None,
    missing: Mapping[str, Any] | None = None,
    device: str | None = None,
    state: str | Path | None = None,
    save_every: int = 500,
    progress: Callable[[Progress], None] | None = None,
) -> History:
    """Train a learner in place and leave it ready to encode.

    Args:
        learner: From `build`; one without anything to learn is only fitted to the scale of the rows.
        arrays: Name → (n, *shape), arrays or tensors (memory maps too), or an opened dataset; everything in
            `learner.needs`.
        settings: How to train.
        held_out: Rows that are not trained on, by name as `arrays`, where `settings.stopping` watches for a plateau.
        missing: Name → which rows of `arrays` lack that modality, (n,) of true and false; what the arrays hold there is
            not read. Learners that are `partial` learn from such rows as well; others from complete rows alone.
        device: Where to compute, such as `cuda`; where the learner is if left out.
        state: File to go on from, and to write every `save_every` steps and at the end. On a processor a training that
            was interrupted and resumed gives the same weights, bit by bit, as one in one go; on an accelerator, as far
            as its kernels repeat.
        save_every: See `state`.
        progress: Called every 20 steps and at the end.

    Raises:
        LearnerError: No learner, arrays that do not fit or of which float32 keeps few digits, a state of another
            training, or a loss that is no longer a number.
    """
    chosen = Training() if settings is None else settings
    expect(
        isinstance(chosen, Training), "settings", chosen, "an `infoloom.ssl.Training`", "Write Training()."
    )
    expect(is_whole(save_every), "save_every", save_every, "a whole number above 0", "Use 500.")
    expect_learner(learner)
    shapes = needs_of(learner)
    needs = tuple(shapes)
    arrays = by_name(arrays, needs)
    if missing is not None:
        missing = {
            name: plain_array(mask, f"missing of {name}", LearnerError) for name, mask in missing.items()
        }
    rows = check_arrays(arrays, shapes, least=2, missing=missing)
    for name in needs:
        refuse_coarse(f"array {name}", _there(arrays[name], name, missing))
    if chosen.stopping is not None:
        if held_out is None:
            raise LearnerError(
                "`held_out` `None`: expected rows that are not trained on, because `stopping` looks at their loss. "
                "Give some, or leave out `stopping`."
            )
        held_out = by_name(held_out, needs)
        check_arrays(held_out, shapes, least=2)
    if device is not None:
        learner.to(usable(device))
    groups = grouped(needs, rows, missing, partial=learner.partial)
    run = _Run(learner, arrays, chosen, groups, held_out)
    path = None if state is None else Path(state)
    if path is not None:
        run.content = {
            "digest of the rows": digest_of(arrays, needs, missing),
            "digest of the held-out rows": digest_of(held_out, needs) if chosen.stopping else None,
        }
    if path is not None and path.exists():
        run.resume(path)
    else:
        learner.prepare({name: _there(values, name, missing) for name, values in arrays.items()})
    started = time.perf_counter()
    _finish(run, path, save_every, started, progress)
    learner.eval()
    watched = chosen.stopping is not None and run.steps > 0
    return History(
        run.step,
        tuple(run.losses),
        time.perf_counter() - started,
        tuple(run.looks),
        run.standing.best_epoch if watched else None,
        run.standing.reached if watched else None,
    )


def _finish(
    run: _Run, path: Path | None, save_every: int, started: float, progress: Callable[[Progress], None] | None
) -> None:
    """The steps that are left, until the last or a plateau."""
    while run.step < run.steps and not run.standing.reached:
        run.advance()
        run.judge()
        last = run.step == run.steps or run.standing.reached
        if run.step % _LOOK == 0 or last:
            loss = run.look()
            if progress is not None:
                progress(Progress(run.step, run.steps, loss, time.perf_counter() - started))
        if last:
            run.take_best()
        if path is not None and (run.step % save_every == 0 or last):
            run.save(path)


class _Run:
    """A training in progress: the one place of the package where something changes from step to step."""

    def __init__(
        self,
        learner: Learner,
        arrays: Mapping[str, Any],
        settings: Training,
        groups: Sequence[Group],
        held_out: Mapping[str, Any] | None,
    ) -> None:
        self.held_out = held_out
        self.learner, self.arrays, self.settings = learner, arrays, settings
        self.rows = sum(len(places) for _, places in groups)
        self.learned = [weight for weight in learner.parameters() if weight.requires_grad]
        self.batches = Batches(groups, settings.batch, settings.seed)
        self.steps = (settings.steps or settings.epochs * self.batches.per_epoch) if self.learned else 0
        self.device = next((tensor.device for tensor in learner.buffers()), torch.device("cpu"))
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        self.optimiser = _optimiser(self.learned, settings) if self.learned else None
        self.step = 0
        self.losses: list[float] = []
        self.pending: list[Tensor] = []
        self.looks: list[Look] = []
        self.standing = Plateau()
        self.best: dict[str, Tensor] = {}
        self.content: dict[str, str | None] = {}

    def advance(self) -> None:
        """One step."""
        self.learner.train()
        given = tensors_of(self.arrays, *self.batches(self.step), self.device)
        with _precision(self.settings, self.device):
            loss = loss_by(self.learner, given, self.generator)
        if self.optimiser is not None:
            rate = self.settings.learning_rate * self._share()
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.learned, self.settings.clip)
            self.optimiser.step()
        self.pending.append(loss.detach())
        self.step += 1

    def judge(self) -> None:
        """At the end of an epoch, look at the loss of held-out rows and keep the weights if it is the best."""
        rules, held_out = self.settings.stopping, self.held_out
        per_epoch = self.batches.per_epoch
        if rules is None or held_out is None or self.step % per_epoch:
            return
        look = (self.step // per_epoch, held_out_loss(self.learner, held_out, self.settings, self.device))
        self.looks.append(look)
        self.standing = self.standing.after(look, rules)
        if self.standing.best_epoch == look[0]:
            self.best = {name: value.detach().clone() for name, value in self.learner.state_dict().items()}

    def take_best(self) -> None:
        """Give the learner the weights of the best look.

        Raises:
            LearnerError: No look saw a finite loss.
        """
        if self.looks and not self.standing.best_epoch:
            raise LearnerError(
                f"`loss` `{self.looks[-1][1]}` of `{self.learner.objective}` on held-out rows at all {len(self.looks)} "
                "looks: expected a number, because the best look is kept. Look at these rows, or lower `learning_rate`."
            )
        if self.best:
            self.learner.load_state_dict(self.best)

    def look(self) -> float:
        """Read the losses of the latest steps and refuse those that are not numbers; the last one."""
        values = torch.stack(self.pending).tolist() if self.pending else []
        self.pending.clear()
        for number, value in enumerate(values, len(self.losses)):
            if not math.isfinite(value):
                raise LearnerError(
                    f"`loss` `{value}` of `{self.learner.objective}` at step {number + 1}: expected a number, because "
                    f"a diverged network learns nothing more. Lower `learning_rate`, now "
                    f"{self.settings.learning_rate:g}, or `clip`, now {self.settings.clip:g}."
                )
        self.losses += values
        return self.losses[-1]

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on."""
        self.look()
        parts: dict[str, Mapping[str, Tensor]] = {
            "learner": self.learner.state_dict(),
            "run": {
                "generator": self.generator.get_state(),
                "losses": torch.tensor(self.losses, dtype=torch.float64),
                "looks": torch.tensor([loss for _, loss in self.looks], dtype=torch.float64),
            },
            "best": self.best,
        }
        moments = self.optimiser.state_dict()["state"] if self.optimiser else {}
        parts |= {f"optimiser.{number}": values for number, values in moments.items()}
        write_state(path, parts, self._about() | {"step": self.step})

    def resume(self, path: Path) -> None:
        """Take up a saved state.

        Raises:
            LearnerError: If it is that of another learner, of other settings, or of other rows.
        """
        tensors, about = read_state(path)
        for name, mine in self._about().items():
            if about.get(name) != mine:
                raise LearnerError(
                    f"`state` `{path}`: expected {name} {mine}, got {about.get(name)}. Remove the file to start "
                    "afresh, or train with the settings and rows it has."
                )
        self.learner.load_state_dict(under(tensors, "learner"))
        if self.optimiser is not None:
            kept = self.optimiser.state_dict()
            numbers = range(len(self.learned))
            kept["state"] = {number: under(tensors, f"optimiser.{number}") for number in numbers}
            self.optimiser.load_state_dict(kept)
        self.generator.set_state(tensors["run.generator"])
        self.losses = tensors["run.losses"].tolist()
        self.looks = list(enumerate(tensors["run.looks"].tolist(), 1))
        self.best = under(tensors, "best")
        if self.settings.stopping is not None:
            self.standing = standing(self.looks, self.settings.stopping)
        self.step = about["step"]

    def _share(self) -> float:
        """Share of the highest rate in the next step."""
        rules, warmup = self.settings.stopping, self.settings.warmup
        if rules is None:
            return schedule(self.step, self.steps, warmup)
        rising = warmup * rules.floor * self.batches.per_epoch
        return min(1.0, (self.step + 1) / max(rising, 1.0)) * rules.factor**self.standing.drops

    def _about(self) -> dict[str, Any]:
        return {
            "learner": describe(self.learner),
            "training": asdict(self.settings),
            "rows": self.rows,
            "missing": self.batches.digest(),
            **self.content,
        }


@torch.no_grad()
def held_out_loss(
    learner: Learner, arrays: Mapping[str, Any], settings: Training, device: torch.device
) -> float:
    """The objective on held-out rows: the mean over batches of the training's size, with the same draws at every look.

    Args:
        learner: Left in the mode in which it was.
        arrays: Everything that its loss reads, by name.
        settings: Batch, precision and seed.
        device: Where the learner is.
    """
    rows = len(next(iter(arrays.values())))
    batch = min(settings.batch, rows)
    generator = torch.Generator(device).manual_seed(settings.seed)
    was_training = learner.training
    learner.eval()
    found = []
    for first in range(0, rows - batch + 1, batch):
        given = tensors_of(arrays, tuple(needs_of(learner)), slice(first, first + batch), device)
        with _precision(settings, device):
            found.append(loss_by(learner, given, generator).float())
    learner.train(was_training)
    return float(torch.stack(found).mean())


def schedule(step: int, steps: int, warmup: float) -> float:
    """Share of the highest rate: up along a line, then down along a cosine.

    Args:
        step: Number of the step, from 0.
        steps: Of the whole training.
        warmup: Share of the steps that go up.

    Example:
        >>> [round(schedule(step, 8, 0.25), 3) for step in range(8)]
        [0.5, 1.0, 1.0, 0.933, 0.75, 0.5, 0.25, 0.067]
    """
    rising = warmup * steps
    if step + 1 <= rising:
        return (step + 1) / rising
    return 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))


def _there(values: Any, name: str, missing: Mapping[str, Any] | None) -> Any:
    """The rows that have a modality."""
    return values if missing is None or name not in missing else values[~np.asarray(missing[name])]


def _optimiser(learned: Iterable[nn.Parameter], settings: Training) -> torch.optim.AdamW:
    """AdamW that decays matrices and leaves biases, scales and temperatures alone."""
    groups = [
        {"params": [weight for weight in learned if (weight.ndim >= 2) == matrix], "weight_decay": decay}
        for matrix, decay in ((True, settings.weight_decay), (False, 0.0))
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _precision(settings: Training, device: torch.device) -> AbstractContextManager[Any]:
    """Autocast to bfloat16 where the settings want it."""
    wanted = settings.precision == "bfloat16" or (settings.precision == "auto" and device.type != "cpu")
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()
