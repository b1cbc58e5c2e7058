"""What a probe found: a value with its standard error, the ceiling beside it where one is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FUSED", "Score", "Table", "mean_score", "r_squared"]

Array = NDArray[np.float64]
FUSED: Final = "fused"
_ROUNDING: Final = 1e-9  # nats; what a closed form leaves where variables are independent
_NORMAL: Final = 1.959963984540054  # 95 % of a normal variable lies within


@dataclass(frozen=True)
class Score:
    """One value of one probe on held-out rows.

    Attributes:
        probe: Name of the probe, such as `ridge`.
        inputs: Whose features it saw: a modality, several joined by commas, or `fused`.
        of: What it was to tell: a target, a cause, a latent, or the other modality of a pair.
        measure: What `value` is: `r_squared`, `accuracy`, `retrieval`, `bound` (nats), …
        value: The value on held-out rows.
        standard_error: Of the value, over the held-out rows.
        ceiling: The best value that anything can reach, where it is known.
        truth: The information about `of` in the inputs, nats, where it is known.
    """

    probe: str
    inputs: str
    of: str
    measure: str
    value: float
    standard_error: float
    ceiling: float | None = None
    truth: float | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval over held-out rows; it says nothing of another training."""
        return self.value - _NORMAL * self.standard_error, self.value + _NORMAL * self.standard_error

    @property
    def nats(self) -> float | None:
        """Information that the probe proves to be in the features: −½ log(1 − R²), or a bound; None otherwise.

        For a Gaussian scalar, −½ log(1 − R²) ≤ I(h; θ) ≤ I(x; θ): squared error bounds the conditional entropy. R²
        below 0 gives a negative value, which is what it means: worse than the mean.
        """
        if self.measure == "bound":
            return self.value
        return -0.5 * math.log1p(-self.value) if self.measure == "r_squared" and self.value < 1.0 else None

    @property
    def reachable(self) -> float | None:
        """The fraction of the reachable information that the probe found; None where nothing is, or it is not known.

        Nats over the truth; of a contrastive bound over the bound that the best critic reaches in batches of that size,
        which may be far below the information.
        """
        most = self.ceiling if self.measure == "bound" and self.ceiling is not None else self.truth
        if self.nats is None or most is None or most <= _ROUNDING:
            return None
        return self.nats / most

    @property
    def excess(self) -> float | None:
        """How far the value lies above its ceiling in standard errors; above 4 something is wrong."""
        if self.ceiling is None or self.standard_error == 0.0:
            return None
        return (self.value - self.ceiling) / self.standard_error

    def to_json(self) -> dict[str, Any]:
        """As plain values, the value under the name of its measure."""
        plain = {
            "probe": self.probe,
            "inputs": self.inputs,
            "of": self.of,
            "measure": self.measure,
            self.measure: self.value,
            "standard_error": self.standard_error,
            f"ceiling_{self.measure}": self.ceiling,
            "nats": self.nats,
            "truth_nats": self.truth,
            "reachable": self.reachable,
        }
        return {key: value for key, value in plain.items() if value is not None}


@dataclass(frozen=True)
class Table:
    """Scores in the order they were found; prints as a table."""

    scores: tuple[Score, ...]

    def __iter__(self) -> Iterator[Score]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def select(self, **wanted: str) -> Table:
        """The scores whose attributes are as given, such as `select(probe="ridge", of="theta")`."""
        return Table(
            tuple(s for s in self.scores if all(getattr(s, name) == value for name, value in wanted.items()))
        )

    def best(self, inputs: str, of: str, measure: str = "r_squared") -> Score:
        """The largest value that any probe reached.

        Raises:
            ValueError: There is no such score.
        """
        found = self.select(inputs=inputs, of=of, measure=measure).scores
        if not found:
            raise ValueError(f"score of `{of}` from `{inputs}`: expected one among {len(self)} scores.")
        return max(found, key=lambda score: score.value)

    def to_json(self) -> list[dict[str, Any]]:
        """As plain values."""
        return [score.to_json() for score in self.scores]

    def __str__(self) -> str:
        head = ("probe", "inputs", "of", "measure", "value", "±", "ceiling", "nats", "truth", "reached")
        lines = [head, *(_cells(score) for score in self.scores)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i < 4 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )


def r_squared(truth: Array, predicted: Array, centre: Array) -> tuple[float, float]:
    """R² on held-out rows, 1 − Σ|y − ŷ|² / Σ|y − c|², and its standard error.

    Both sums run over all components, so for a vector it is the fraction of the total variance. The error is that
    of a ratio of means over rows (delta method).

    Args:
        truth: Shape (n,) or (n, d).
        predicted: The same shape.
        centre: What a prediction without inputs says: the mean of the training rows, () or (d,).
    """
    left = np.square(np.asarray(truth, np.float64) - predicted).reshape(len(truth), -1).sum(axis=1)
    whole = np.square(np.asarray(truth, np.float64) - centre).reshape(len(truth), -1).sum(axis=1)
    ratio = float(left.mean() / whole.mean())
    spread = float(np.std(left - ratio * whole, ddof=1)) / math.sqrt(len(truth)) / float(whole.mean())
    return 1.0 - ratio, spread


def mean_score(values: Array) -> tuple[float, float]:
    """A mean over rows or batches and its standard error."""
    return float(values.mean()), float(np.std(values, ddof=1)) / math.sqrt(len(values))


def _cells(score: Score) -> tuple[str, ...]:
    numbers = (score.value, score.standard_error, score.ceiling, score.nats, score.truth, score.reachable)
    shown = ("–" if number is None else f"{number:.3f}" for number in numbers)
    return (score.probe, score.inputs, score.of, score.measure, *shown)
