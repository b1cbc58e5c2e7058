"""What to do where requirements leave the weights free: take the smallest, and say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import scipy.optimize

from infoloom.design.descent import least_squares
from infoloom.design.solver import (
    RANK,
    TOLERANCE,
    Chart,
    Problem,
    Solution,
    inside,
    more_solutions,
    polish,
)
from infoloom.law.equations import Array

__all__ = ["settle"]

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

_UNSETTLED: Final = 0.01
_STALLED: Final = 1e-9
_ZERO: Final = 1e-6
_SMALL_VALUE: Final = 1e-3
_STRENGTHS: Final = (1e-2, 1e-4, 1e-6)


def settle(problem: Problem, found: Solution) -> Solution:
    """Use up the freedom that requirements leave around a solution.

    The weights of smallest norm are taken. Where only ratios of weights matter there are none, as every solution
    can be made smaller; then those nearest to 1 are, by the norm of their logarithms.
    """
    freedom = _freedom(problem, found.weights)
    if not freedom:
        return found
    left = f"the requirements leave {freedom} of {len(found.weights)} free parameters open"
    tried = [_smallest(problem, one) for one in (found, *more_solutions(problem))]
    smallest = [one for one in tried if one is not None]
    if smallest:
        # Weights of the same norm up to rounding: the first ones, whatever the machine.
        best = min(smallest, key=lambda one: float(f"{np.linalg.norm(one.weights):.6e}"))
        return replace(best, determined=False, note=f"{left}: the smallest weights found are taken")
    nearest = _shrunk(problem, found, Chart(np.where(found.weights < 0, -1.0, 1.0)), 1.0)
    note = f"{left}, and weights can shrink together without end: those nearest to 1 are taken"
    return replace(nearest or found, determined=False, note=note)


def _smallest(problem: Problem, found: Solution) -> Solution | None:
    """The solution of smallest norm near one, exact zeros included; None if it can shrink without end."""
    norm = float(np.linalg.norm(found.weights))
    chart = Chart(np.zeros_like(found.weights))
    shrunk = _shrunk(problem, found, chart, norm / np.sqrt(len(found.weights)))
    if shrunk is None:
        return None
    zeroed = inside(problem, np.where(np.abs(shrunk.weights) < _ZERO * norm, 0.0, shrunk.weights))
    exact = polish(problem, zeroed)
    if exact.met and problem.quantities.regular(exact.weights) and _settled(problem, exact.weights):
        return exact
    return shrunk if _settled(problem, shrunk.weights) else None


def _settled(problem: Problem, weights: Array) -> bool:
    """Whether weights have the smallest norm nearby: w = Σ λ_i ∂I_i/∂w, i the requirements that hold with equality."""
    active, room = _active(problem, weights)
    slopes = problem.quantities.at(weights)[1][active][:, room]
    multipliers = np.linalg.lstsq(slopes.T, weights[room], rcond=None)[0]
    rest = weights[room] - slopes.T @ multipliers
    return bool(np.linalg.norm(rest) <= _UNSETTLED * np.linalg.norm(weights))


def _freedom(problem: Problem, weights: Array) -> int:
    """Dimension of the directions in which the parameters can move with all requirements met."""
    active, room = _active(problem, weights)
    relative = (problem.quantities.at(weights)[1] * weights)[active][:, room]
    if not relative.size:
        return int(room.sum())
    singular = np.linalg.svd(relative, compute_uv=False)
    return int(room.sum()) - int(np.sum(singular > RANK * singular[0]))


def _active(problem: Problem, weights: Array) -> tuple[Mask, Mask]:
    """The requirements that hold with equality, and the parameters that are not at a bound."""
    values = problem.quantities.at(weights)[0]
    wanted = np.array([r.value for r in problem.requirements])
    equal = np.array([r.relation == "=" for r in problem.requirements], dtype=bool)
    room = (weights > problem.lower) & (weights < problem.upper)
    return equal | (np.abs(values - wanted) <= TOLERANCE), room


def _shrunk(problem: Problem, found: Solution, chart: Chart, scale: float) -> Solution | None:
    """Coordinates (in units of `scale`) of smallest norm near those found, if the requirements can be kept.

    Minimises ‖excess‖² + μ ‖x‖² for ever smaller μ, each from the minimum before, which keeps away from weights where
    a requirement cannot be felt any more; sequential quadratic programming then takes the last digits.
    """
    lower, upper = (bound / scale for bound in chart.bounds(problem.lower, problem.upper))
    x = np.clip(chart.coordinates(found.weights) / scale, lower, upper)
    importance = 1.0 / np.maximum([abs(r.value) for r in problem.requirements], _SMALL_VALUE)
    for strength in _STRENGTHS:
        pull = np.sqrt(strength / len(x))

        def residual(x: Array, pull: float = pull) -> tuple[Array, Array]:
            weights = chart.weights(scale * x)
            excess, slopes = problem.excess(weights)
            rows = (slopes * chart.slopes(weights) * scale).T * importance
            return np.concatenate([excess * importance, pull * x]), np.vstack([rows.T, pull * np.eye(len(x))])

        x = least_squares(residual, x, lower, upper, stalled=_STALLED)
    ends = [
        polish(problem, inside(problem, chart.weights(scale * end)))
        for end in (x, _refined(problem, x, chart, scale))
    ]
    kept = [one for one in ends if one.met]
    return min(kept, key=lambda one: float(np.linalg.norm(chart.coordinates(one.weights))), default=None)


def _refined(problem: Problem, x: Array, chart: Chart, scale: float) -> Array:
    """Coordinates of smallest norm near others, by sequential quadratic programming."""
    lower, upper = (bound / scale for bound in chart.bounds(problem.lower, problem.upper))
    signs = np.array([-1.0 if r.relation == "<=" else 1.0 for r in problem.requirements])
    wanted = np.array([r.value for r in problem.requirements])
    equal = np.array([r.relation == "=" for r in problem.requirements], dtype=bool)

    def value(x: Array, rows: Mask) -> Array:
        return np.asarray((signs * (problem.quantities.at(chart.weights(scale * x))[0] - wanted))[rows])

    def slope(x: Array, rows: Mask) -> Array:
        weights = chart.weights(scale * x)
        slopes = problem.quantities.at(weights)[1] * chart.slopes(weights) * scale
        return np.asarray((signs[:, None] * slopes)[rows])

    constraints: Any = [
        {"type": kind, "fun": value, "jac": slope, "args": (rows,)}
        for kind, rows in (("eq", equal), ("ineq", ~equal))
        if rows.any()
    ]
    minimize: Any = scipy.optimize.minimize  # its overloads do not know dictionaries of constraints
    found = minimize(
        lambda x: 0.5 * float(np.sum(x**2)),
        x,
        jac=lambda x: x,
        method="SLSQP",
        bounds=list(zip(lower.tolist(), upper.tolist(), strict=True)),
        constraints=constraints,
        options={"ftol": 1e-14, "maxiter": 100},
    )
    refined = np.asarray(found.x, dtype=np.float64)
    return np.clip(refined, lower, upper) if np.isfinite(refined).all() else x
