"""Kernel density ratio, leave one out: a baseline for a few columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import logsumexp

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate

__all__ = ["KernelEstimator"]

_BLOCK = 256


@dataclass(frozen=True)
class KernelEstimator(ArrayEstimator):
    """⟨log p(x, y) − log p(x) − log p(y)⟩ with Gaussian kernel densities that leave the row itself out.

    One bandwidth, in standard deviations, serves the joint and the marginals. Density estimates fail beyond
    a few columns: on 25 and 25 columns this reads an order of magnitude high.

    Args:
        bandwidth: Width of the kernel in standard deviations; None takes Silverman's
            (4 / (d + 2))^(1/(d+4)) n^(−1/(d+4)), d = dx + dy.

    Source:
        Moon, Rajagopalan and Lall 1995; Silverman 1986, equation 4.14.
    """

    bandwidth: float | None = None

    source: ClassVar[str] = "Moon, Rajagopalan and Lall 1995; Silverman 1986"

    def __post_init__(self) -> None:
        expect(
            self.bandwidth is None or self.bandwidth > 0.0,
            "bandwidth",
            self.bandwidth,
            "a positive number, or None",
            "Leave it out to have it chosen.",
        )

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, dx) and (n, dy)."""
        columns = x.shape[1] + y.shape[1]
        silverman = (4.0 / (columns + 2.0)) ** (1.0 / (columns + 4.0)) * len(x) ** (-1.0 / (columns + 4.0))
        width = self.bandwidth or silverman
        x, y = ((rows - rows.mean(axis=0)) / (rows.std(axis=0) * width) for rows in (x, y))
        blocks = range(0, len(x), _BLOCK)
        terms = np.concatenate([_log_ratios(x, y, start) for start in blocks])
        return Estimate(float(terms.mean()), details={"bandwidth": width})


def _log_ratios(x: Array, y: Array, start: int) -> Array:
    """log p(x, y) − log p(x) − log p(y) for a block of rows; the normalisations cancel up to log(n − 1)."""
    near_x, near_y = (_log_kernels(rows, start) for rows in (x, y))
    joint = logsumexp(near_x + near_y, axis=1)
    marginals = logsumexp(near_x, axis=1) + logsumexp(near_y, axis=1)
    return np.asarray(joint - marginals + np.log(len(x) - 1.0), dtype=np.float64)


def _log_kernels(rows: Array, start: int) -> Array:
    """−½ ‖row − other‖² of a block of rows, −∞ for the row itself."""
    block = rows[start : start + _BLOCK]
    squares = (block**2).sum(axis=1)[:, None] + (rows**2).sum(axis=1) - 2.0 * block @ rows.T
    kernels = -0.5 * squares
    kernels[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
    return np.asarray(kernels, dtype=np.float64)
