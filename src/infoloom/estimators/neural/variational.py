"""Neural lower bounds: train a critic, stop on validation rows, report held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.cells import indicators
from infoloom.estimators.inputs import expect
from infoloom.estimators.neural.critics import build_critic, check_critic
from infoloom.estimators.neural.objectives import Objective, RunningMean, objective
from infoloom.estimators.neural.training import fit, tensors
from infoloom.estimators.preparation import check_preparation, prepare_pair, shared_directions
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.settings import Training
from infoloom.estimators.splits import Split, held_out_estimate

__all__ = ["VariationalEstimator"]

_BLOCK = {"separable": 2048, "joint": 256}


@dataclass(frozen=True)
class VariationalEstimator(ArrayEstimator):
    """A critic trained on a variational objective and read on rows it has not seen.

    The bounds hold for any variables; whole numbers enter the networks as indicators of their values.

    Args:
        objective: `mine`, `dv`, `nwj`, `infonce`, `smile`, `js`; `infonce-anchor`, `gan-dime` or `hd-dime`, which
            report the mean log density ratio itself and are no bounds.
        critic: `separable` (an embedding of each side, every pair at the cost of a product) or `joint`.
        encoder: `mlp`, `conv`, or `auto`: convolutions where rows are signals or pictures.
        preparation: `standardise`, `whiten` or `gaussianise`, fitted on the training rows; the last two flatten.
        start: `random`, or `canonical`: a separable critic starts as the Gaussian log density ratio of the
            canonical directions above the noise, so that training adds what is not linear.
        embedding: Outputs of a separable critic on each side.
        hidden: Widths of the hidden layers.
        clip: τ of `smile`.
        folds: 1 reports a quarter of the rows; more report every row once.
        training: Batch, learning rate, epochs, patience, time limit.
        seed: Seed of splits, weights and batches.

    Source:
        Poole et al. 2019 (the bounds, separable and joint critics); see `objectives` for each.
    """

    objective: str = "infonce"
    critic: str = "separable"
    encoder: str = "auto"
    preparation: str = "standardise"
    start: str = "random"
    embedding: int = 16
    hidden: tuple[int, ...] = (128, 128)
    clip: float = 5.0
    folds: int = 1
    training: Training = field(default_factory=Training)
    seed: int = 0

    source: ClassVar[str] = (
        "Poole et al. 2019; Belghazi et al. 2018; van den Oord et al. 2018; Song and Ermon 2020; "
        "Letizia et al. 2024; Ryu et al. 2025"
    )
    accepts: ClassVar[tuple[str, ...]] = ("continuous", "mixed", "discrete")
    least_rows: ClassVar[int] = 40
    keeps_shape: ClassVar[bool] = True

    def __post_init__(self) -> None:
        objective(self.objective, self.clip)
        check_critic(self.critic, self.encoder)
        check_preparation(self.preparation)
        expect(self.embedding >= 1, "embedding", self.embedding, "1 or more", "Use 16.")
        expect(len(self.hidden) >= 1, "hidden", self.hidden, "at least one width", "Use (128, 128).")
        expect(
            self.start in ("random", "canonical"), "start", self.start, "random or canonical", "Choose one."
        )
        expect(
            self.start == "random" or (self.critic == "separable" and self.preparation != "standardise"),
            "start",
            f"canonical with {self.critic}, {self.preparation}",
            "a separable critic on whitened or gaussianised rows, because directions are read from a covariance",
            "Set preparation='whiten' or start='random'.",
        )

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, ...) and (n, ...)."""
        whole = x.dtype.kind == "i", y.dtype.kind == "i"
        x, y = indicators(x, "x"), indicators(y, "y")
        return held_out_estimate(len(x), self.folds, self.seed, lambda split: self._terms(x, y, split, whole))

    def _terms(
        self, x: Array, y: Array, split: Split, whole: tuple[bool, bool]
    ) -> tuple[Array, dict[str, Any]]:
        """Train on a split; one term for each row held out."""
        target = objective(self.objective, self.clip)
        x, y, lost = prepare_pair(self.preparation, x, y, split.train, split.seed, whole)
        critic = self._critic(x[split.train], y[split.train], split.seed)
        x32, y32 = tensors(x, y)
        memory, size = RunningMean(), _BLOCK[self.critic]

        def read(rows: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
            chosen = torch.as_tensor(rows)
            return _blocks(critic, target, x32[chosen], y32[chosen], size)

        report = fit(
            critic,
            lambda left, right: target.loss(critic(left, right), memory),
            lambda: read(split.validation)[0],
            (x32[split.train], y32[split.train]),
            self.training,
            split.seed,
        )
        with torch.no_grad():
            terms = np.asarray(read(split.test)[1], dtype=np.float64)
        ceiling = float(np.log(min(len(split.test), size)))
        near = target.bounded and terms.mean() > ceiling - 1.0
        details = {**lost, **report, "ceiling": ceiling if target.bounded else None}
        return terms, {**details, "reliable": False} if near else details

    def _critic(self, x: Array, y: Array, seed: int) -> nn.Module:
        start = shared_directions(x, y, self.embedding) if self.start == "canonical" else None
        shapes = x.shape[1:], y.shape[1:]
        generator = torch.Generator().manual_seed(seed)
        return build_critic(self.critic, self.encoder, shapes, self.hidden, self.embedding, generator, start)


def _blocks(
    critic: Callable[..., Any], target: Objective, x: Tensor, y: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """Loss averaged over blocks of rows, and the term of each row."""
    count = -(-len(x) // size)
    pairs = zip(torch.tensor_split(x, count), torch.tensor_split(y, count), strict=True)
    scores = [critic(left, right) for left, right in pairs]
    losses = torch.stack([target.loss(block, None) * len(block) for block in scores])
    return losses.sum() / len(x), torch.cat([target.terms(block) for block in scores])
