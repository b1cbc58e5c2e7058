"""Ceilings and classes of targets in stories that are not Gaussian, by Monte Carlo over what is seen."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy.special

from infoloom.errors import SpecError
from infoloom.information.beyond_gaussian.averages.boxes import LEVELS, prior_nodes
from infoloom.information.beyond_gaussian.averages.importance import sobol
from infoloom.information.beyond_gaussian.effort import DEFAULT, Effort
from infoloom.information.beyond_gaussian.posterior import Posterior
from infoloom.information.beyond_gaussian.scalar import Scalar
from infoloom.information.quantity import MONTE_CARLO, Quantity
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features

__all__ = ["Reached", "quantile_bounds", "quantiles", "reached", "reached_classes"]

REPLICATES: Final = 16
_ROWS: Final = 64
_MOST_ROWS: Final = 2**16
_SEED: Final = 20_251_018
_NODES: Final = 400_000
_DRAWN: Final = 2**17
_ATOMS: Final = 1e-9


@dataclass(frozen=True)
class Reached:
    """The smallest mean squared error, and the largest R² that belongs to it."""

    mmse: Quantity
    r_squared: Quantity


def reached(posterior: Posterior, variance: float, rows: int = _ROWS) -> Reached:
    """E Var(θ | seen) over rows of the story.

    Args:
        posterior: Of the target.
        variance: Of the target.
        rows: In each of 16 replicates.
    """
    found = [posterior.moments(y)[1].mean() for y in _seen(posterior, rows)]
    mmse = _mean(found)
    error = (mmse.standard_error or 0.0) / variance
    return Reached(mmse, Quantity(1.0 - mmse.value / variance, error, MONTE_CARLO))


def reached_classes(
    posterior: Posterior, bounds: Array, entropy: Quantity, effort: Effort = DEFAULT
) -> tuple[Quantity, Quantity]:
    """I(class; seen) in nats, and the largest probability of naming the right class.

    Args:
        posterior: Of the target.
        bounds: Where one class ends and the next begins.
        entropy: H(class): log K only where no intervention has changed how likely the classes are.
        effort: Rows are doubled until the standard error is small enough, or the budget is spent.

    Returns:
        Both with their standard errors over rows; the tolerance is what coarser sums over the causes would change.
    """
    purse, rows, seed = effort.purse(), _ROWS, REPLICATES * effort.seed
    while True:
        began = time.perf_counter()
        doubt, right = _doubts(posterior, bounds, _seen(posterior, rows, seed))
        error = math.hypot(doubt.standard_error or 0.0, entropy.standard_error or 0.0)
        told = Quantity(entropy.value - doubt.value, error, MONTE_CARLO, entropy.tolerance + doubt.tolerance)
        work = REPLICATES * rows * posterior.work(bounds)
        purse.spend(work, time.perf_counter() - began)
        if error <= effort.wanted(told.value) or rows >= _MOST_ROWS or not purse.affords(2.0 * work):
            return told, right
        rows *= 2


def _doubts(posterior: Posterior, bounds: Array, seen: Sequence[Array]) -> tuple[Quantity, Quantity]:
    """E H(class | seen) in nats, and the mean probability of the likeliest class, over replicates.

    With sampled points the means of their halves tell the bias, which falls as one over their number.
    """
    found = np.empty((2, 2, len(seen)))  # doubt and best guess, of all points and of fewer, by replicate
    for i, y in enumerate(seen):
        odds, fewer = posterior.classes(y, bounds)
        for j, tables in enumerate(((odds,), fewer)):
            found[0, j, i] = np.mean([scipy.special.entr(table).sum(axis=1).mean() for table in tables])
            found[1, j, i] = np.mean([table.max(axis=1).mean() for table in tables])
        if len(fewer) > 1:
            found[:, 0, i] = 2.0 * found[:, 0, i] - found[:, 1, i]
    means = [_mean(list(values[0])) for values in found]
    apart = np.abs((found[:, 0] - found[:, 1]).mean(axis=1))
    doubt, right = (replace(mean, tolerance=float(off)) for mean, off in zip(means, apart, strict=True))
    return doubt, right


def _seen(posterior: Posterior, rows: int, seed: int = _SEED) -> list[Array]:
    """Whitened coordinates of what is seen, by replicate, each of shape (rows, k)."""
    features = posterior.law.features
    causes, k = features.distributions, len(posterior.channel.weights)
    found = []
    for replicate in range(REPLICATES):
        normals = sobol(len(causes) + k, rows, seed + replicate)
        s = {c: d.from_normal(normals[:, i]) for i, (c, d) in enumerate(causes.items())}
        found.append(features.values(s) @ posterior.channel.weights.T + normals[:, len(causes) :])
    return found


def _mean(values: list[float]) -> Quantity:
    array = np.array(values)
    return Quantity(float(array.mean()), float(array.std(ddof=1) / math.sqrt(len(array))), MONTE_CARLO)


def quantile_bounds(covariance: StructuredCovariance, target: str, classes: int) -> Array:
    """Where a target is cut into equally likely classes, shape (classes − 1,).

    Raises:
        SpecError: It has too few values for classes that are equally likely.
    """
    return quantiles(covariance, target, np.arange(1, classes) / classes)


def quantiles(covariance: StructuredCovariance, target: str, wanted: Array) -> Array:
    """Where a scalar variable of a story that is not Gaussian is below with given probabilities, shape (k,).

    Raises:
        SpecError: It has values of their own probability there.
    """
    scalar = Scalar.of(covariance, target)
    constant, slope, width, features = scalar.constant, scalar.slope, scalar.width, scalar.features
    if not features.features:
        return np.asarray(constant + width * scipy.special.ndtri(wanted))
    if width > 0.0:
        return constant + _of_mixture(features, slope, width, wanted)
    if scalar.one_cause:
        (only,) = features.distributions.values()
        values = float(slope[0]) * only.from_normal(np.asarray(scipy.special.ndtri(wanted)))
        return np.sort(constant + values)
    return constant + _of_values(features, slope, wanted, target)


def _of_mixture(features: Features, slope: Array, width: float, wanted: Array) -> Array:
    """Quantiles of slope · f(s) + N(0, width²), by bisection."""
    smooth = sum(not d.discrete for d in features.distributions.values())
    values: Array
    mass: Array
    nodes = prior_nodes(features, slope[None] / width, LEVELS[2], _NODES) if smooth <= 3 else None
    if nodes is None:
        values = np.asarray(features.values(_drawn(features)) @ slope)
        mass = np.asarray(np.full(len(values), 1.0 / len(values)), dtype=np.float64)
    else:
        values, mass = np.asarray(features.values(nodes.causes) @ slope), np.asarray(nodes.mass)
    low, high = (np.full(len(wanted), end) for end in (values.min() - 9 * width, values.max() + 9 * width))
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = np.array([float(mass @ scipy.special.ndtr((m - values) / width)) for m in middle]) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high))


def _of_values(features: Features, slope: Array, wanted: Array, target: str) -> Array:
    """Quantiles of slope · f(s) itself; a target with few values is cut between them."""
    discrete = all(d.discrete for d in features.distributions.values())
    values: Array
    mass: Array
    nodes = prior_nodes(features, slope[None], LEVELS[0], _NODES) if discrete else None
    if nodes is None:
        values = np.asarray(features.values(_drawn(features)) @ slope)
        mass = np.asarray(np.full(len(values), 1.0 / len(values)), dtype=np.float64)
    else:
        values, mass = np.asarray(features.values(nodes.causes) @ slope), np.asarray(nodes.mass)
    distinct, which = np.unique(np.round(values, 12), return_inverse=True)
    odds = np.bincount(which, mass)
    if odds.max() < 1e-3:
        return np.asarray(np.quantile(values, wanted))
    reached_at = np.cumsum(odds)
    at = np.array([int(np.argmin(np.abs(reached_at - one))) for one in wanted])
    if np.abs(reached_at[at] - wanted).max() > _ATOMS:
        raise SpecError(
            [
                f"`{target}` cannot be cut into {len(wanted) + 1} equally likely classes, because it takes some values "
                "with a probability of their own. Add noise to it, or use as many classes as it has values."
            ]
        )
    return np.asarray(0.5 * (distinct[at] + distinct[at + 1]))


def _drawn(features: Features) -> dict[str, Array]:
    normals = sobol(len(features.distributions), _DRAWN, _SEED)
    return {c: d.from_normal(normals[:, i]) for i, (c, d) in enumerate(features.distributions.items())}
