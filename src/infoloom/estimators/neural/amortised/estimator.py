"""The estimator that has learned: one pass of a network over features of the rows, quantiles out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.neural.amortised.features import MAX_COLUMNS, OF_SAMPLE, features
from infoloom.estimators.neural.amortised.network import LEVELS, Quantiles
from infoloom.estimators.protocol import Array, Estimate
from infoloom.tensor_files import read_tensors

__all__ = ["AmortisedEstimator"]

WEIGHTS: Final = Path(__file__).with_name("weights.safetensors")
_ROWS: Final = 500  # most rows of a task that the network was trained on
_MOST_NATS: Final = 6.0
_PARTS: Final = 16


@dataclass(frozen=True)
class AmortisedEstimator(ArrayEstimator):
    """A network trained once on random tasks of known information answers in one pass: nothing is fitted to the rows.

    It sees normal scores, neighbours and correlations, so increasing functions of single columns change nothing. It was
    trained on 50 to 500 rows of 1 to 16 columns a side and 0 to 6 nats: more columns are refused, more rows are cut
    into parts whose quantiles are averaged (so more than about 500 rows narrow nothing), and rows whose features lie
    outside what training saw, or an estimate near 6 nats, are doubted. Its interval is a learned one: it covers tasks
    like those of the training and promises nothing for others. Not null-safe: its medians come from a prior of mostly
    dependent tasks, so on independent rows it reads somewhat above 0, the less the more rows there are for the columns.
    So it also reads pairs made at random from the same rows: an estimate that is not above all of theirs is doubted,
    on independent rows in 9 of 10 cases, and `details["shuffled"]` has what it reads there on average.
    `docs/make_amortised.py` trains it.

    Args:
        shuffles: Pairings at random that the estimate has to exceed; 0 for none, which leaves independent rows
            undoubted.
        seed: Seed of the order in which many rows are cut into parts, and of the pairings.

    Raises:
        EstimatorError: More than 16 columns a side, fewer than 50 rows, or fewer than 0 shuffles.

    Source:
        Gritsai et al. 2025, MIST (arXiv 2511.18945): estimation learned on simulated tasks, with quantiles; the
        features and the network are our own.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal(400)
        >>> y = x + rng.standard_normal(400)
        >>> round(AmortisedEstimator().estimate(x, y), 0)  # the truth is 0.35
        0.0
    """

    shuffles: int = 9
    seed: int = 0

    source: ClassVar[str] = "after Gritsai et al. 2025, MIST (arXiv 2511.18945)"
    least_rows: ClassVar[int] = 50
    null_safe: ClassVar[bool] = False

    def __post_init__(self) -> None:
        expect(self.shuffles >= 0, "shuffles", self.shuffles, "0 or more", "Use 9.")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        for name, side in (("x", x), ("y", y)):
            expect(
                side.shape[1] <= MAX_COLUMNS,
                name,
                f"{side.shape[1]} columns",
                f"at most {MAX_COLUMNS}, because the network was trained on no more",
                "Reduce them, such as by principal components, or use another estimator.",
            )
        parts = _parts(len(x), self.seed)
        quantiles, outside = _answers([features(x[part], y[part]) for part in parts])
        low, nats, high = (float(quantiles[LEVELS.index(level)]) for level in (0.025, 0.5, 0.975))
        found = Estimate(
            nats,
            (low, high),
            True,
            details={
                "levels": list(LEVELS),
                "quantiles": quantiles.tolist(),
                "parts": len(parts),
                "outside": outside,
            },
        )
        found = self._compared(found, x, y, parts)
        if outside:
            found = found.doubted(
                f"{outside} of {OF_SAMPLE} features of the rows lie outside what training saw"
            )
        if high > 0.95 * _MOST_NATS:
            found = found.doubted(
                f"the interval reaches {_MOST_NATS:g} nats, where training ended: it may be more"
            )
        return found

    def _compared(self, found: Estimate, x: Array, y: Array, parts: list[NDArray[np.int64]]) -> Estimate:
        """The estimate beside what the network reads where pairs are made at random within every part."""
        if self.shuffles == 0:
            return found
        rng = np.random.default_rng([self.seed, 1])
        read = []
        for _ in range(self.shuffles):
            mixed = [(part, rng.permutation(part)) for part in parts]
            quantiles, _ = _answers([features(x[part], y[other]) for part, other in mixed])
            read.append(float(quantiles[LEVELS.index(0.5)]))
        told = replace(found, details={**found.details, "shuffled": float(np.mean(read))})
        if found.nats > max(read):
            return told
        return told.doubted(
            f"pairs made at random read up to {max(read):.2g} nats: the rows do not differ from independent ones"
        )


def _parts(rows: int, seed: int) -> list[NDArray[np.int64]]:
    """Rows in parts of equal size, at most 500 each, sixteen at most; one part keeps every row in its order."""
    if rows <= _ROWS:
        return [np.arange(rows)]
    order = np.random.default_rng(seed).permutation(rows)
    return np.array_split(order, -(-rows // _ROWS))[:_PARTS]


def _answers(seen: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> tuple[NDArray[np.float64], int]:
    """Mean quantiles over parts, and the most features of one that lie outside what training saw."""
    network = _network()
    rows = torch.from_numpy(np.concatenate([of_rows for of_rows, _ in seen]))
    owner = torch.from_numpy(np.repeat(np.arange(len(seen)), [len(of_rows) for of_rows, _ in seen]))
    sample = torch.from_numpy(np.stack([of_sample for _, of_sample in seen]))
    with torch.no_grad():
        quantiles = network(rows, owner, sample).double().mean(dim=0).numpy()
        return quantiles, int(network.outside(sample).max())


@cache
def _network() -> Quantiles:
    """The trained network, read once."""
    network = Quantiles()
    network.load_state_dict(read_tensors(WEIGHTS)[0])
    return network.eval()
