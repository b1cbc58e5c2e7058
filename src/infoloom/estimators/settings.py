"""Settings of a training, without importing what trains."""

from __future__ import annotations

from dataclasses import dataclass

from infoloom.estimators.inputs import expect

__all__ = ["Training"]


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Args:
        batch: Rows a step.
        learning_rate: Of Adam.
        weight_decay: Weight of the squared weights in the loss.
        epochs: Most passes over the training rows.
        patience: Epochs without a better validation loss after which training stops.
        seconds: Wall-clock limit of one training, or None; a limit makes results depend on the machine.
    """

    batch: int = 256
    learning_rate: float = 5e-4
    weight_decay: float = 0.0
    epochs: int = 200
    patience: int = 10
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("batch", "epochs", "patience"):
            value = getattr(self, name)
            least = 2 if name == "batch" else 1
            expect(value >= least, name, value, f"{least} or more", f"Use {getattr(type(self), name)}.")
        expect(self.learning_rate > 0.0, "learning_rate", self.learning_rate, "above 0", "Use 5e-4.")
        expect(self.weight_decay >= 0.0, "weight_decay", self.weight_decay, "0 or more", "Use 0.")
        expect(self.seconds is None or self.seconds > 0.0, "seconds", self.seconds, "above 0", "Use None.")
