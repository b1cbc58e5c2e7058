"""J of one component by quadrature: in one direction of features on a line, in two or three on a grid."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from infoloom.information.beyond_gaussian.averages.boxes import LEVELS
from infoloom.information.beyond_gaussian.averages.inner import Points
from infoloom.information.beyond_gaussian.averages.reduced import reduce
from infoloom.information.beyond_gaussian.channel import Component, direction
from infoloom.information.beyond_gaussian.effort import Purse
from infoloom.information.beyond_gaussian.line import (
    TOLERANCE,
    Resolution,
    feature_mixture,
    linear_information,
    mixture_information,
)
from infoloom.information.beyond_gaussian.plane import MAX_DIMENSIONS, plane_information, plane_work
from infoloom.information.quantity import CLOSED_FORM, QUADRATURE, Quantity
from infoloom.law.equations import Array
from infoloom.law.sources.features import Features

__all__ = ["on_a_line", "on_a_plane"]

MAX_CAUSES: Final = 3
_MAX_NODES: Final = 3_000_000
_STEPS: Final = (0.5, 0.25, 0.125)
_ROUNDING: Final = 1e-10
_LOOSE: Final = 1e-3


def on_a_line(part: Component) -> Quantity | None:
    """J if it has a closed form or one direction only, else nothing."""
    features = part.features
    linear = all(feature.linear for feature in features.features)
    if linear and all(distribution.normal for distribution in features.distributions.values()):
        volume = float(np.linalg.slogdet(np.eye(len(part.gram)) + part.gram)[1])
        return Quantity(0.5 * volume, None, CLOSED_FORM)
    weights = direction(part)
    if weights is None:
        return None
    only = next(iter(features.distributions.values()))
    if linear and len(features.features) == 1 and not only.discrete:
        return Quantity(linear_information(only, abs(float(weights[0]))), None, QUADRATURE, TOLERANCE)
    fine, coarse = (
        _value(features, weights, resolution) for resolution in (Resolution(), Resolution().coarser)
    )
    if fine is None or coarse is None or abs(fine - coarse) > TOLERANCE:
        return None
    return Quantity(fine, None, QUADRATURE, TOLERANCE)


def on_a_plane(part: Component, tolerance: float, purse: Purse) -> Quantity | None:
    """J where up to three causes move a channel in up to three directions, else nothing.

    Nodes are refined until the value no longer changes; the change by the last refinement is the tolerance.

    Args:
        part: The component.
        tolerance: The error that is small enough, nats.
        purse: What may be spent.
    """
    smooth = sum(not d.discrete for d in part.features.distributions.values())
    reduced = reduce(part, 0.05 * tolerance)
    if part.given or smooth > MAX_CAUSES or len(reduced.axes) > MAX_DIMENSIONS:
        return None
    before, found = None, None
    for level in range(len(LEVELS)):
        points = Points.of(part, reduced, level, _MAX_NODES)
        value = None if points is None else _on_grid(points, 0.25 * tolerance, purse)
        if value is None:
            break
        if before is not None or not smooth:  # without continuous causes the sum over nodes is exact
            change = 0.0 if before is None else abs(value[0] - before[0])
            found = Quantity(value[0], None, QUADRATURE, change + value[1] + reduced.lost + _ROUNDING)
            if found.tolerance <= tolerance:
                return found
        before = value
    return found if found is not None and found.tolerance <= max(_LOOSE, tolerance) else None


def _on_grid(points: Points, tolerance: float, purse: Purse) -> tuple[float, float] | None:
    """J and what the step of the grid leaves open, or nothing if that is too much work."""
    mass, found = np.exp(points.log_mass), None
    for step in _STEPS:
        work = plane_work(points.centres, step)
        if not purse.affords(work):
            break
        start = time.monotonic()
        fine, coarse = plane_information(points.centres, mass, step)
        purse.spend(work, time.monotonic() - start)
        # Halving the step squares the error of a grid; the power 1.5 leaves a margin.
        found = fine, min(abs(fine - coarse), 3.0 * abs(fine - coarse) ** 1.5)
        if found[1] <= tolerance:
            break
    return found


def _value(features: Features, weights: Array, resolution: Resolution) -> float | None:
    mixture = feature_mixture(features, weights, resolution)
    return None if mixture is None else mixture_information(mixture)
