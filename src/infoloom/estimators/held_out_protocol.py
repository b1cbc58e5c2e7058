"""A protocol around any estimator: held-out values, extrapolation in the rows, a null, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.stats import t as student

from infoloom.estimators.base import ArrayEstimator
from infoloom.estimators.inputs import expect
from infoloom.estimators.protocol import Array, Estimate
from infoloom.estimators.registry import accepted, build
from infoloom.estimators.settings import Training
from infoloom.estimators.third_party.wrapping import as_estimator

__all__ = ["HeldOutProtocol", "default_estimator"]

_MOST_EXTRAPOLATION = 0.25
_MOST_SPREAD = (0.1, 0.5)  # half an interval in nats, or as a share of the value, whichever is more


@dataclass(frozen=True)
class HeldOutProtocol(ArrayEstimator):
    """One number with an interval and a verdict, from an estimator that reports held-out rows.

    The rows are divided at random into γ parts for each γ of `parts`; the mean of an estimate over the parts
    of one γ falls short by about a γ / n, so a line in γ leads to its value at γ = 0, infinitely many rows.
    Where the smallest parts bend away from the line they are left out, and the interval widens. The same on
    pairs shuffled within the smallest parts must find nothing. The verdict names what failed: information
    found in shuffled pairs, an extrapolation longer than a quarter of the value, an interval that reaches further
    than 0.1 nats and half the value, or an estimator that doubts itself.

    The interval covers the scatter of the parts and of the line. It does not cover what the estimator itself fails to
    find, so with few rows it holds the truth less often than 95 %
    (`python benchmarks/estimators/held_out_coverage.py`).

    Args:
        estimator: What estimates: an estimator, its name, or any function of (x, y). None takes InfoNCE with a
            separable critic of few outputs, started at the canonical directions of Gaussianised rows, three folds.
        parts: Numbers of parts γ, increasing; those whose parts would have too few rows are left out.
        seed: Seed of the division and of the shuffle.

    Source:
        Abdelaleem, Martini and Nemenman 2025 (arXiv:2506.00330); Holmes and Nemenman 2019.
    """

    estimator: Any = None
    parts: tuple[int, ...] = (1, 2, 3, 4)
    seed: int = 0

    source: ClassVar[str] = "Abdelaleem, Martini and Nemenman 2025; Holmes and Nemenman 2019"
    least_rows: ClassVar[int] = 80
    keeps_shape: ClassVar[bool] = True

    def __post_init__(self) -> None:
        increasing = all(low < high for low, high in zip(self.parts, self.parts[1:], strict=False))
        expect(
            len(self.parts) >= 2 and self.parts[0] >= 1 and increasing,
            "parts",
            self.parts,
            "two or more increasing whole numbers from 1, because a line needs two points",
            "Use (1, 2, 3, 4).",
        )

    def kinds(self) -> tuple[str, ...]:
        """Those of the estimator inside; every one where it does not say."""
        if self.estimator is None:
            return accepted("infonce")
        kinds = getattr(as_estimator(self.estimator), "kinds", None)
        return tuple(kinds()) if callable(kinds) else ("continuous", "mixed", "discrete")

    def measure(self, x: Array, y: Array) -> Estimate:
        """Estimate from rows (n, ...) and (n, ...)."""
        inner = default_estimator(self.seed) if self.estimator is None else as_estimator(self.estimator)
        least = getattr(inner, "least_rows", 8)
        parts = [part for part in self.parts if len(x) // part >= least]
        expect(
            len(parts) >= 2,
            "x",
            f"{len(x)} rows",
            f"at least {least * self.parts[1]} rows for {self.parts[1]} parts",
            "Draw more rows or use fewer parts.",
        )
        order = np.random.default_rng(self.seed).permutation(len(x))
        found = {part: [_on(inner, x, y, rows) for rows in np.array_split(order, part)] for part in parts}
        null = self._null(inner, x, y, np.array_split(order, parts[-1]))
        return _verdict(found, null)

    def _null(self, inner: Any, x: Array, y: Array, parts: Sequence[Any]) -> list[Estimate]:
        """The estimator on shuffled pairs within each part."""
        rng = np.random.default_rng([self.seed, 1])
        return [_on(inner, x, y, rows, rng.permutation(rows)) for rows in parts]


def default_estimator(seed: int = 0) -> ArrayEstimator:
    """The estimator that the protocol uses unless told otherwise; needs torch, and flattens pictures."""
    settings = {"preparation": "gaussianise", "start": "canonical", "embedding": 16, "folds": 3}
    made: ArrayEstimator = build("infonce", **settings, training=Training(patience=6), seed=seed)
    return made


def _on(inner: Any, x: Array, y: Array, rows: Any, others: Any = None) -> Estimate:
    found: Estimate = inner.estimate_with_info(x[rows], y[rows if others is None else others])
    return found


def _verdict(found: dict[int, list[Estimate]], null: list[Estimate]) -> Estimate:
    """The intercept of the line, its interval, and whether it may be relied on."""
    parts = np.array(list(found), dtype=np.float64)
    means = np.array([np.mean([estimate.nats for estimate in group]) for group in found.values()])
    error, freedom = _standard_error(found)
    used = _straight(parts, means, error)
    nats, slope, _ = _line(parts[:used], means[:used])
    reach = float(np.linalg.norm(_intercept_weights(parts[:used])))
    spread = float(student.ppf(0.975, freedom)) * error * reach
    shuffled = float(np.mean([estimate.nats for estimate in null]))
    doubts = {
        "information in shuffled pairs": shuffled > 3.0 * error,
        "long extrapolation": abs(nats - means[0]) > max(spread, _MOST_EXTRAPOLATION * abs(nats)),
        "wide interval": spread > max(_MOST_SPREAD[0], _MOST_SPREAD[1] * abs(nats)),
        "the estimator doubts itself": any(estimate.reliable is False for estimate in found[int(parts[0])]),
    }
    reasons = [doubt for doubt, holds in doubts.items() if holds]
    values = {str(part): [estimate.nats for estimate in group] for part, group in found.items()}
    details = {
        "parts": values,
        "used": [int(part) for part in parts[:used]],
        "slope": slope,
        "null": shuffled,
        "standard_error": error,
        "doubts": reasons,
    }
    return Estimate(nats, (nats - spread, nats + spread), not reasons, details=details)


def _straight(parts: Array, means: Array, error: float) -> int:
    """How many of the first parts lie on a line to within the standard error; the smallest bend away first."""
    used = len(parts)
    while used > 2 and _line(parts[:used], means[:used])[2] > error:
        used -= 1
    return used


def _line(parts: Array, means: Array) -> tuple[float, float, float]:
    """Least-squares intercept at 0, slope, and root mean square miss."""
    slope, nats = (float(value) for value in np.polyfit(parts, means, 1))
    return nats, slope, float(np.sqrt(np.mean((means - nats - slope * parts) ** 2)))


def _intercept_weights(parts: Array) -> Array:
    """Weights of the least-squares intercept at 0 as a linear function of the means."""
    design = np.stack([np.ones_like(parts), parts], axis=1)
    return np.asarray(np.linalg.pinv(design)[0], dtype=np.float64)


def _standard_error(found: dict[int, list[Estimate]]) -> tuple[float, float]:
    """Standard error of the mean over all rows: the larger of what the parts scatter and what they say.

    Returns:
        The error (nats) and its degrees of freedom.
    """
    groups = [[estimate.nats for estimate in group] for group in found.values() if len(group) > 1]
    freedom = sum(len(group) - 1 for group in groups)
    scatter = sum((len(group) - 1) * float(np.var(group, ddof=1)) / len(group) for group in groups) / freedom
    said = [
        [(estimate.interval[1] - estimate.interval[0]) / 3.92 for estimate in group if estimate.interval]
        for group in found.values()
    ]
    stated = max((math.hypot(*errors) / len(errors) for errors in said if errors), default=0.0)
    return max(math.sqrt(scatter), stated), math.inf if stated > math.sqrt(scatter) else float(freedom)
