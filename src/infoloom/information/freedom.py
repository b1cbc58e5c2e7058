"""What to do where requirements leave the weights free: take the smallest, and say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from infoloom.equations import Array
from infoloom.information.descent import least_squares
from infoloom.information.design import RANK, TOLERANCE, Chart, Problem, Solution, inside, polish

__all__ = ["settle"]

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

_UNSETTLED: Final = 0.01
_STALLED: Final = 1e-9
_ZERO: Final = 1e-6
_SMALL_VALUE: Final = 1e-3
_STRENGTHS: Final = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)


def settle(problem: Problem, found: Solution) -> Solution:
    """Use up the freedom that requirements leave around a solution.

    The weights of smallest norm are taken. Where only ratios of weights matter there are none, as every solution
    can be made smaller; then those nearest to 1 are, by the norm of their logarithms.
    """
    freedom = _freedom(problem, found.weights)
    if not freedom:
        return found
    left = f"the requirements leave {freedom} of {len(found.weights)} free parameters open"
    smallest = _smallest(problem, found)
    if smallest is not None:
        return replace(smallest, determined=False, note=f"{left}: the smallest weights are taken")
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

    Minimises ‖excess‖² + μ ‖x‖² for ever smaller μ, each from the minimum before; what is then left of the excess is
    of the order of μ, and polishing takes it away.
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
    polished = polish(problem, inside(problem, chart.weights(scale * x)))
    return polished if polished.met else None
