"""Real rows with a path's noise, and samples of a flow with the same classes: what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.flows.scaling import as_array
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.realism.two_sample import two_sample_test
from infoloom.observations.training.augment import AUGMENTATIONS, augment
from infoloom.observations.training.data.own_scale import standardised
from infoloom.observations.training.data.training_data import TrainingData

__all__ = ["STRONG_PASSES", "Sides", "real_with_noise", "sampled", "strongly_told", "trained_change"]

Rows = NDArray[np.float32]
_STRONG_ROWS: Final = 5000
STRONG_PASSES: Final = 40


@dataclass(frozen=True)
class Sides:
    """Real rows that samples are compared with.

    Attributes:
        held: Held-out rows.
        again: Training rows, as many, for the floor.
        wanted: Classes of the samples, as often as in the held-out rows; None without classes.
        real: Rows of the two-sample test, which needs many: held-out rows, then training rows.
        of_real: Their classes.
        enough: Whether the held-out rows are as many as the samples.
    """

    held: Rows
    again: Rows
    wanted: NDArray[np.int64] | None
    real: Rows
    of_real: NDArray[np.int64] | None
    enough: bool

    @classmethod
    def of(
        cls, flow: SteppedFlow | ExactFlow, data: TrainingData, rows: int, seed: int, change: str = "none"
    ) -> Sides:
        """Up to so many rows of each kind; `change` is a name of `AUGMENTATIONS`."""
        held, labels = real_with_noise(data, flow, rows, seed, held_out=True, change=change)
        again, of_again = real_with_noise(data, flow, rows, seed + 1, held_out=False, change=change)
        enough = len(held) >= rows
        return cls(
            held,
            again,
            None if labels is None else np.resize(labels, rows),
            held if enough else np.concatenate([held, again])[:rows],
            None if labels is None or of_again is None else np.concatenate([labels, of_again])[:rows],
            enough,
        )

    def told_apart(
        self, flow: SteppedFlow | ExactFlow, made: Rows | None, latents: torch.Tensor | None, seed: int
    ) -> dict[str, object]:
        """The two-sample test, with the same classes on both sides: the difference would be told by them.

        Args:
            flow: The flow.
            made: Samples with the classes `wanted`; drawn again where these are not those of the rows, or are None.
            latents: What the samples are made of; N(0, I) when None.
            seed: Of latents and of the test.
        """
        if made is None or not self.enough:
            some = None if latents is None else latents[: len(self.real)]
            made = sampled(flow, some, len(self.real), seed, self.of_real)
        return two_sample_test(self.real, made, seed=seed).to_dict()


def trained_change(flow: SteppedFlow | ExactFlow) -> str:
    """How rows were changed at random while the flow was trained: a name of `AUGMENTATIONS`."""
    recipe = flow.description.card.get("recipe")
    name = recipe.get("augment") if isinstance(recipe, dict) else None
    return name if isinstance(name, str) and name in AUGMENTATIONS else "none"


def strongly_told(flow: SteppedFlow | ExactFlow, data: TrainingData, seed: int) -> dict[str, object]:
    """As many held-out rows as there are, then training rows, up to 5,000, against samples of the same classes."""
    parts = [real_with_noise(data, flow, _STRONG_ROWS, seed, held_out=held_out) for held_out in (True, False)]
    real = np.concatenate([rows for rows, _ in parts])[:_STRONG_ROWS]
    labels = [of for _, of in parts if of is not None]
    of_real = np.concatenate(labels)[:_STRONG_ROWS] if len(labels) == len(parts) else None
    made = sampled(flow, None, len(real), seed + 1, of_real)
    return two_sample_test(
        real, made, sizes=(32, 64, 128), strong=True, epochs=STRONG_PASSES, seed=seed
    ).to_dict()


def sampled(
    flow: SteppedFlow | ExactFlow,
    latents: torch.Tensor | None,
    rows: int,
    seed: int,
    labels: NDArray[np.int64] | None,
) -> Rows:
    """Rows of the flow, with these classes."""
    generator = torch.Generator().manual_seed(seed + 2)
    chosen = torch.randn((rows, flow.dim), generator=generator) if latents is None else latents
    size, made = flow.batch, []
    with torch.no_grad():
        for start in range(0, len(chosen), size):
            part = chosen[start : start + size]
            missing = size - len(part)
            if labels is not None:
                of = torch.from_numpy(np.resize(labels[start : start + size], size))
                flow = flow.with_label(of)
            padded = torch.cat([part, part.new_zeros((missing, flow.dim))]) if missing else part
            made.append(flow.forward(padded)[: len(part)])
    return np.asarray(torch.cat(made).numpy())


def real_with_noise(
    data: TrainingData,
    flow: SteppedFlow | ExactFlow,
    count: int,
    seed: int,
    *,
    held_out: bool,
    change: str = "none",
) -> tuple[Rows, NDArray[np.int64] | None]:
    """Real rows in random order, changed at random, with the noise of the flow's path, and their classes."""
    values = data.held_out if held_out else data.values
    labels = data.held_out_labels if held_out else data.labels
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(values))[:count]
    noise = generator.standard_normal((len(chosen), *values.shape[1:]), dtype=np.float32)
    center, scale = (as_array(value) for value in (flow.description.center, flow.description.scale))
    rows: NDArray[np.floating] = values[chosen]
    if change != "none":
        standard = torch.from_numpy(standardised(rows, flow.description.center, flow.description.scale))
        rows = augment(change, standard, torch.Generator().manual_seed(seed)).numpy() * scale + center
    noisy = np.asarray(rows + flow.description.sigma * scale * noise, np.float32)
    return noisy, None if labels is None else labels[chosen]
