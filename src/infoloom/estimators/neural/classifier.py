"""A lower bound from a classifier: the entropy of the classes less a held-out cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor, nn

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.cells import indicators, joint_cells, plug_in_entropy
from infoloom.estimators.inputs import expect, flat
from infoloom.estimators.neural.critics import check_critic, encode
from infoloom.estimators.neural.training import fit, tensors
from infoloom.estimators.preparation import check_preparation, for_whole, prepare
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.settings import Training
from infoloom.estimators.splits import Split, held_out_estimate

__all__ = ["ClassifierEstimator"]

_MOST_CLASSES: Final = 4096
_ROWS_A_CLASS: Final = 10.0
_SHARPEST: Final = 2.0  # largest inverse temperature: a temperature is there to take promises back
_BLOCK: Final = 4096


@dataclass(frozen=True)
class ClassifierEstimator(ArrayEstimator):
    """I(W; x) ≥ H(W) − ⟨−log q(W | x)⟩, a network q read on rows it has not seen; a lower bound up to sampling error.

    W is the side of whole numbers, of two such sides y; several columns are one variable of joint cells. With the
    frequencies p of the training rows, q ∝ p exp(s / T): the network gives the scores s and starts at s = 0, where the
    bound is 0. Of the validation rows one half stops the training and the other one chooses the temperature T, so that
    scores which promise too much do not count against the bound. H(W) is the entropy of the frequencies of all rows
    with the correction of Miller and Madow.

    The interval is that of a mean over held-out rows. It says nothing of what the network failed to find; it may
    reach above the truth, and so may the estimate, within the scatter of the rows.

    Args:
        hidden: Widths of the hidden layers; none makes a linear classifier.
        encoder: `mlp`, `conv`, or `auto`: convolutions where rows are signals or pictures.
        preparation: `standardise`, `whiten` or `gaussianise`, fitted on the training rows; the last two flatten.
        folds: 1 reports a quarter of the rows; more report every row once.
        training: Batch, learning rate, epochs, patience, time limit.
        seed: Seed of splits, weights and batches.

    Source:
        Barber and Agakov 2003 (the bound); Guo et al. 2017 (the temperature).
    """

    hidden: tuple[int, ...] = (128, 128)
    encoder: str = "auto"
    preparation: str = "standardise"
    folds: int = 1
    training: Training = field(default_factory=Training)
    seed: int = 0

    source: ClassVar[str] = "Barber and Agakov 2003; Guo et al. 2017"
    accepts: ClassVar[tuple[str, ...]] = ("mixed", "discrete")
    least_rows: ClassVar[int] = 80
    keeps_shape: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_critic("separable", self.encoder)
        check_preparation(self.preparation)

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, ...) and (n, ...), whole numbers on one side at least."""
        classes, inputs = (y, x) if y.dtype.kind == "i" else (x, y)
        cells = joint_cells(classes)
        count = int(cells.max()) + 1
        expect(
            count <= min(_MOST_CLASSES, len(cells) // 2),
            "x, y",
            f"{count} classes in {len(cells)} rows",
            f"at most {_MOST_CLASSES} classes and two rows for each",
            "Use fewer columns or more rows, or .astype(float) where the numbers are quantities.",
        )
        preparation = for_whole(self.preparation) if inputs.dtype.kind == "i" else self.preparation
        inputs = indicators(inputs, "x")
        entropy, excess = plug_in_entropy(cells)
        surprise = excess - np.log(np.bincount(cells) / len(cells))[cells]
        found = held_out_estimate(
            len(cells),
            self.folds,
            self.seed,
            lambda split: self._terms(inputs, cells, surprise, split, preparation),
        )
        details = {**found.details, "classes": count, "entropy": entropy + excess}
        found = Estimate(found.nats, found.interval, found.reliable, details=details)
        rows = len(cells) / count
        return found.doubted(f"{rows:.1f} rows a class") if rows < _ROWS_A_CLASS else found

    def _terms(
        self, inputs: Array, cells: NDArray[np.intp], surprise: Array, split: Split, preparation: str
    ) -> tuple[Array, dict[str, Any]]:
        """Train on a split; log q(W | x) − log p(W) of each row held out."""
        count = int(cells.max()) + 1
        prepared = prepare(preparation, flat(inputs)[split.train], split.seed)(flat(inputs))
        rows = prepared.reshape(inputs.shape) if preparation == "standardise" else prepared
        prior = np.log((np.bincount(cells[split.train], minlength=count) + 1.0) / (len(split.train) + count))
        network = self._network(rows.shape[1:], count, split.seed)
        (seen,), wanted = tensors(rows), torch.as_tensor(cells)
        stop, calibrate = np.array_split(split.validation, 2)
        base = torch.as_tensor(prior, dtype=torch.float32)

        def loss(part: Tensor, classes: Tensor) -> Tensor:
            return nn.functional.cross_entropy(network(part) + base, classes)

        chosen = torch.as_tensor(stop)
        report = fit(
            network,
            loss,
            lambda: nn.functional.cross_entropy(_scores(network, seen[chosen]) + base, wanted[chosen]),
            (seen[split.train], wanted[split.train]),
            self.training,
            split.seed,
        )
        with torch.no_grad():
            scores = _scores(network, seen[torch.as_tensor(np.concatenate([calibrate, split.test]))])
        known, held = np.split(scores.numpy().astype(np.float64), [len(calibrate)])
        sharpness = _sharpness(known, prior, cells[calibrate])
        raw, calibrated = (_log_q(held, prior, cells[split.test], factor) for factor in (1.0, sharpness))
        lost = {} if prepared.shape[1] == flat(inputs).shape[1] else {"reliable": False}
        details = {
            **report,
            **lost,
            "inverse_temperature": sharpness,
            "cross_entropy": -float(calibrated.mean()),
            "uncalibrated": -float(raw.mean()),
        }
        return surprise[split.test] + calibrated, details

    def _network(self, shape: tuple[int, ...], classes: int, seed: int) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        return encode(self.encoder, shape, self.hidden, classes, generator, True)


def _scores(network: nn.Module, rows: Tensor) -> Tensor:
    return torch.cat([network(part) for part in torch.split(rows, _BLOCK)])


def _log_q(scores: Array, prior: Array, cells: NDArray[np.intp], sharpness: float) -> Array:
    """log q of the class of every row, (n,), nats."""
    logs = log_softmax(prior + sharpness * scores, axis=1)
    return np.asarray(logs[np.arange(len(cells)), cells], dtype=np.float64)


def _sharpness(scores: Array, prior: Array, cells: NDArray[np.intp]) -> float:
    """The inverse temperature 1 / T with the least cross-entropy on rows, which is convex in it."""
    found = minimize_scalar(
        lambda factor: -float(_log_q(scores, prior, cells, factor).mean()),
        bounds=(0.0, _SHARPEST),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(found.x)
