"""Which rows fit a probe, which choose its settings, and which are reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Split", "named_split", "random_split"]

_VALIDATION = ("validation", "valid", "val", "dev")


@dataclass(frozen=True)
class Split:
    """Disjoint row numbers: `train` fits, `validation` chooses settings, `test` is reported."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]

    @property
    def fit(self) -> NDArray[np.intp]:
        """Training and validation rows together: what a probe is refitted on once its settings are chosen."""
        return np.concatenate([self.train, self.validation])


def random_split(rows: int, seed: int = 0) -> Split:
    """Three fifths of the rows train, one validates, one tests, at random.

    Raises:
        ValueError: Fewer than 10 rows.
    """
    if rows < 10:
        raise ValueError(
            f"rows `{rows}`: expected at least 10, for training, validation and test. Give more."
        )
    order = np.random.default_rng(seed).permutation(rows)
    fifth = rows // 5
    return Split(order[2 * fifth :], order[:fifth], order[fifth : 2 * fifth])


def named_split(splits: Mapping[str, int]) -> Split | None:
    """The rows of splits that lie one after another, if there are three to train, to validate and to test.

    Args:
        splits: Name → number of rows, in their order.

    Example:
        >>> named_split({"train": 6, "validation": 2, "test": 2}).test
        array([8, 9])
    """
    ends = dict(zip(splits, np.cumsum(list(splits.values())).tolist(), strict=True))
    validation = next((name for name in _VALIDATION if name in splits), None)
    if validation is None or "train" not in splits or "test" not in splits:
        return None
    rows = [
        np.arange(ends[name] - splits[name], ends[name]).astype(np.intp)
        for name in ("train", validation, "test")
    ]
    return Split(*rows)
