"""Mutual information of the frequencies of cells, with the correction of Miller and Madow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.cells import joint_cells
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["PlugInEstimator"]

_ROWS_A_CELL: Final = 5.0


@dataclass(frozen=True)
class PlugInEstimator(ArrayEstimator):
    """Information between discrete variables by counting; several columns of a side are one variable of joint cells.

    Σ p log(p / (px py)) over the cells that occur, less (Kxy − Kx − Ky + 1) / 2n, with K the cells that occur of the
    pair and of each side. Without the correction independent variables read about (Kx − 1)(Ky − 1) / 2n too high.

    The interval is the mean of log(p / (px py)) over rows ± 1.96 standard errors. It does not count cells that no row
    has met: with fewer than five rows a cell on average the estimate is not called reliable.

    Args:
        corrected: Whether the bias of Miller and Madow is subtracted.

    Source:
        Miller 1955; Roulston 1999, equation 28 (the correction of the information).

    Example:
        >>> x = np.arange(1000) % 4
        >>> round(PlugInEstimator(corrected=False).estimate(x, x // 2), 9)  # log 2
        0.693147181
    """

    corrected: bool = True

    source: ClassVar[str] = "Miller 1955; Roulston 1999"
    accepts: ClassVar[tuple[str, ...]] = ("discrete",)

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from whole numbers (n, dx) and (n, dy)."""
        cells = [joint_cells(x), joint_cells(y), joint_cells(x, y)]
        counts = [np.bincount(cell) for cell in cells]
        seen = [count[cell] for count, cell in zip(counts, cells, strict=True)]
        terms = np.log(len(x) * seen[2] / (seen[0] * seen[1]))
        excess = (len(counts[2]) - len(counts[0]) - len(counts[1]) + 1) / (2.0 * len(x))
        nats = float(terms.mean()) - (excess if self.corrected else 0.0)
        error = float(terms.std()) / float(np.sqrt(len(x)))
        details = {
            "cells": [len(count) for count in counts],
            "bias": excess,
            "standard_error": error,
            "null_safe": self.corrected,
        }
        found = Estimate(nats, (nats - 1.96 * error, nats + 1.96 * error), details=details)
        rows = len(x) / len(counts[2])
        return found.doubted(f"{rows:.1f} rows a joint cell") if rows < _ROWS_A_CELL else found
