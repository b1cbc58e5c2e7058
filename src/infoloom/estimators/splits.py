"""Which rows train, which choose the weights, and which are held out to be reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["Split", "held_out_estimate", "splits"]

_TEST, _VALIDATION = 0.25, 0.2


@dataclass(frozen=True)
class Split:
    """Disjoint row numbers: `train` fits, `validation` stops, `test` is reported; `seed` is its own."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]
    seed: int


def splits(rows: int, folds: int, seed: int) -> list[Split]:
    """Divide rows at random.

    Args:
        rows: Rows in all.
        folds: 1 holds out a quarter once; more hold out each fold in turn, so that every row is reported once.
        seed: Seed of the order.

    Returns:
        One split a fold; a fifth of the rows that are not held out validate.

    Raises:
        EstimatorError: If a part would be empty.
    """
    expect(folds >= 1, "folds", folds, "1 or more", "Use 1, or 2 to 5 to report on every row.")
    order = np.random.default_rng(seed).permutation(rows)
    tests = [order[: max(1, round(rows * _TEST))]] if folds == 1 else np.array_split(order, folds)
    expect(
        folds <= rows // 4,
        "folds",
        folds,
        f"at most a quarter of the rows, {rows}",
        "Lower it or draw more rows.",
    )
    found = []
    for number, test in enumerate(tests):
        rest = order[~np.isin(order, test)]
        cut = max(1, round(len(rest) * _VALIDATION))
        found.append(Split(rest[cut:], rest[:cut], np.asarray(test, dtype=np.intp), seed * 1009 + number))
    return found


def held_out_estimate(
    rows: int, folds: int, seed: int, terms: Callable[[Split], tuple[Array, Mapping[str, Any]]]
) -> Estimate:
    """Mean of the held-out terms of all folds, with the interval of that mean.

    Args:
        rows: Rows in all.
        folds: Number of splits.
        seed: Seed of the splits.
        terms: Fits on a split and returns one term for each row held out (nats), and what to say about it.

    Returns:
        The estimate; its interval is the mean ± 1.96 standard errors over rows, and says nothing of what the
        fit failed to find. `reliable` is False where a fold says so, and None otherwise.
    """
    answers = [terms(split) for split in splits(rows, folds, seed)]
    values = np.concatenate([value for value, _ in answers])
    nats = float(values.mean())
    spread = 1.96 * float(values.std()) / float(np.sqrt(len(values)))
    said = [dict(details) for _, details in answers]
    doubted = any(details.get("reliable") is False for details in said)
    details = {"held_out": len(values), "standard_error": spread / 1.96, "folds": said}
    return Estimate(nats, (nats - spread, nats + spread), False if doubted else None, details=details)
