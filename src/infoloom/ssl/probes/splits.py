"""Which rows fit a probe, which choose its settings, and which are reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import ProbeError

__all__ = ["Split", "named_split", "random_split"]

_PARTS = ("train", "validation", "test")
_VALIDATION = ("validation", "valid", "val", "dev")


@dataclass(frozen=True)
class Split:
    """Disjoint row numbers: `train` fits, `validation` chooses settings, `test` is reported.

    Raises:
        ProbeError: Something else than row numbers, fewer than two of them, or rows that are in two parts.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]

    def __post_init__(self) -> None:
        for name in _PARTS:
            rows = np.asarray(getattr(self, name))
            if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) < 2 or rows.min() < 0:
                raise ProbeError(
                    f"split `{name}` of {rows.dtype} and shape {rows.shape}: expected row numbers from 0, two or more. "
                    "Give some, such as by `numpy.arange`."
                )
            object.__setattr__(self, name, rows.astype(np.intp))
        for a, b in combinations(_PARTS, 2):
            shared = len(np.intersect1d(getattr(self, a), getattr(self, b)))
            if shared:
                raise ProbeError(
                    f"split `{a}` and `{b}`: expected disjoint rows, got {shared} rows in both, because rows that a "
                    "probe was fitted on say nothing of others. Take them out of one."
                )

    def within(self, rows: int) -> Split:
        """The same, of arrays with so many rows.

        Raises:
            ProbeError: A row number beyond them.
        """
        last = max(int(getattr(self, name).max()) for name in _PARTS)
        if last >= rows:
            raise ProbeError(
                f"split with row `{last}`: expected row numbers below {rows}, the number of rows. Split these rows."
            )
        return self

    @property
    def fit(self) -> NDArray[np.intp]:
        """Training and validation rows together: what a probe is refitted on once its settings are chosen."""
        return np.concatenate([self.train, self.validation])


def random_split(rows: int, seed: int = 0) -> Split:
    """Three fifths of the rows train, one validates, one tests, at random.

    Raises:
        ProbeError: Fewer than 10 rows.
    """
    if rows < 10:
        raise ProbeError(
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
