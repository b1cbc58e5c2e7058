"""Settings of encoders and of trainings, without importing what trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infoloom.ssl.checks import expect, expect_numbers, expect_positive, expect_seed, is_whole

__all__ = ["CosineSettings", "EncoderSettings", "LearnerSettings", "Stopping", "Training"]


@dataclass(frozen=True)
class LearnerSettings:
    """What every learner can be told.

    Args:
        features: Features a modality.
        seed: Of the first weights.
        vocabularies: Modality → number of token ids, of those modalities whose rows (length,) are words, not values:
            the tokens of a caption, 0 where a sentence has ended.
    """

    features: int = 64
    seed: int = 0
    vocabularies: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expect_numbers(self)
        expect_positive(self, "features")
        words = self.vocabularies
        expect(isinstance(words, Mapping), "vocabularies", words, "modality → number of ids", "Give a dict.")
        for name, size in words.items():
            expect(
                is_whole(size, 2),
                f"vocabulary of {name}",
                size,
                "2 ids or more",
                "Count the ids, 0 included.",
            )
        expect_seed(self.seed)


@dataclass(frozen=True)
class EncoderSettings(LearnerSettings):
    """How convolutions and perceptrons make features of a modality.

    Args:
        channels: Channels of the first convolution; each of the next has twice as many, up to eight times.
        hidden: Width of the hidden layers of a perceptron.
    """

    channels: int = 16
    hidden: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "channels", "hidden")


@dataclass(frozen=True)
class CosineSettings(EncoderSettings):
    """How embeddings of length 1 are made and compared.

    Args:
        embedding: Values of an embedding.
        temperature: First temperature; it is learned.
    """

    embedding: int = 64
    temperature: float = 0.07

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "embedding", "temperature")


@dataclass(frozen=True)
class Stopping:
    """When a training ends by itself: once the objective's own loss on held-out rows is on a plateau.

    That loss is looked at after every epoch. Where it has not improved for a while the learning rate drops; where drops
    do not help any more, the training ends, with the weights of the best look. `Training.epochs` is the cap.

    Args:
        floor: Epochs before which nothing is concluded.
        patience: Epochs without an improvement after which the rate drops.
        drops: Times that the rate drops before the training ends.
        factor: Of the rate at a drop.
        tolerance: Share of the loss by which it must fall to have improved.
    """

    floor: int = 10
    patience: int = 5
    drops: int = 2
    factor: float = 0.3
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        expect_numbers(self)
        expect_positive(self, "floor", "patience")
        expect(self.drops >= 0, "drops", self.drops, "0 or more", "Use 2.")
        expect(0.0 < self.factor < 1.0, "factor", self.factor, "a share between 0 and 1", "Use 0.3.")
        expect(0.0 <= self.tolerance < 1.0, "tolerance", self.tolerance, "a share below 1", "Use 1e-4.")


@dataclass(frozen=True)
class Training:
    """How a learner is trained.

    Args:
        batch: Rows a step; contrastive objectives compare each row with the others of its batch.
        learning_rate: Highest rate of AdamW, reached after the warm-up and left along a cosine.
        weight_decay: Of AdamW, on weight matrices only.
        epochs: Passes over the rows, at most so many where `stopping` is given; in each a row comes once, but for the
            remainder that fills no batch.
        steps: Number of steps in place of `epochs`.
        warmup: Share of the steps in which the rate rises; with `stopping`, of those of its floor.
        clip: Largest norm of a gradient.
        precision: `float32`, `bfloat16` (of activations), or `auto`: bfloat16 on an accelerator only.
        seed: Of the order of rows and of everything drawn in the objective.
        stopping: When to end before the last epoch; the rate then drops at plateaus, not along a cosine.
    """

    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    epochs: int = 20
    steps: int | None = None
    warmup: float = 0.05
    clip: float = 5.0
    precision: str = "auto"
    seed: int = 0
    stopping: Stopping | None = None

    def __post_init__(self) -> None:
        expect_numbers(self)
        expect(self.batch >= 2, "batch", self.batch, "2 or more", "Use 256.")
        expect_positive(self, "learning_rate", "epochs", "clip")
        expect(
            self.steps is None or is_whole(self.steps),
            "steps",
            self.steps,
            "a whole number above 0",
            "Use epochs.",
        )
        expect(
            self.stopping is None or isinstance(self.stopping, Stopping),
            "stopping",
            self.stopping,
            "an `infoloom.ssl.Stopping`",
            "Write Stopping(floor=10), or leave it out.",
        )
        expect(
            self.stopping is None or (self.steps is None and self.stopping.floor <= self.epochs),
            "stopping",
            f"floor {self.stopping.floor}" if self.stopping else None,
            f"at most {self.epochs} epochs, and no `steps`, because the cap is in epochs",
            "Raise `epochs`, and leave out `steps`.",
        )
        expect(self.weight_decay >= 0.0, "weight_decay", self.weight_decay, "0 or more", "Use 1e-4.")
        expect(0.0 <= self.warmup < 1.0, "warmup", self.warmup, "a share of the steps, below 1", "Use 0.05.")
        known = ("auto", "float32", "bfloat16")
        expect(
            self.precision in known, "precision", self.precision, f"one of {', '.join(known)}", "Use auto."
        )
        expect_seed(self.seed)
