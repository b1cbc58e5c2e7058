"""The cheapest grid on which a velocity's steps are certified invertible."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from infoloom.errors import FlowError
from infoloom.observations.adopted.schedules import NoiseSchedule
from infoloom.observations.flows.checking.certificate import MARGIN, early_margin, step_margins
from infoloom.observations.flows.grids import step_grid
from infoloom.observations.flows.stepped import SteppedFlow

__all__ = ["GridSearch", "search_grid"]

Report = Callable[[str, float], None]
Grid = tuple[float, ...]

STEPS: Final = (4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
BENDS: Final = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0)
POWERS: Final = (1.0, 1.5, 2.0, 3.0)
FINE: Final = 16
WIDTH: Final = 0.02  # of the geometric grids for paths that keep no noise


@dataclass(frozen=True)
class GridSearch:
    """How a grid is looked for.

    Args:
        max_steps: Most steps a grid may have.
        rows: Rows along which eigenvalues are looked at.
        target: Smallest eigenvalue that is asked for: above the limit of a certificate, which looks at more rows.
    """

    max_steps: int = 64
    rows: int = 4
    target: float = 2 * MARGIN


def search_grid(
    make: Callable[[Grid], SteppedFlow],
    sigma: float,
    schedule: NoiseSchedule | None,
    search: GridSearch,
    report: Report | None = None,
) -> Grid:
    """The grid with the fewest steps whose smallest eigenvalue along a few rows reaches the target.

    The eigenvalues of sym(Dv) are looked at once on a fine grid; they say which grids can do (an Euler step of size h
    has 1 + h λ), and those are tried from the cheapest.

    Args:
        make: The flow on a grid.
        sigma: Width of the path at t = 1.
        schedule: Of a diffusion model: grids are then timesteps.
        search: Budget and target.
        report: Called with what is being done and the share that is done.

    Raises:
        FlowError: No grid within the budget; says the best one, its eigenvalue and what limits it.
    """
    if search.max_steps < 1:
        raise FlowError(f"grid: expected at least 1 step allowed, got max_steps {search.max_steps}.")
    tell = report or (lambda what, share: None)
    fine = _candidate(FINE, 0.5 if schedule is None else 1.5, sigma, schedule)
    profile = _profile(make(fine), search.rows)
    tell("eigenvalues on a fine grid", 0.5)
    best: tuple[float, Grid] = (-math.inf, fine)
    for grid in _promising(profile, sigma, schedule, search):
        margin = early_margin(make(grid), rows=search.rows)
        tell(f"{len(grid) - 1} steps, margin {margin:.3f}", 0.9)
        if margin > best[0]:
            best = (margin, grid)
        if margin >= search.target:
            return grid
    raise FlowError(_none_found(best, profile, search, make))


def _promising(
    profile: list[tuple[float, float]], sigma: float, schedule: NoiseSchedule | None, search: GridSearch
) -> Iterator[Grid]:
    """For each number of steps the grid that the profile thinks best, if it thinks it good enough; the "
    "last one anyway."""
    counts = [count for count in STEPS if count <= search.max_steps] or [search.max_steps]
    for count in counts:
        bends = BENDS if schedule is None else POWERS
        grids = [_candidate(count, bend, sigma, schedule) for bend in bends]
        expected, grid = max((_expected(profile, grid), grid) for grid in grids)
        if expected >= search.target or count == counts[-1]:
            yield grid


def _candidate(count: int, bend: float, sigma: float, schedule: NoiseSchedule | None) -> Grid:
    if schedule is None:
        return step_grid(count, min(max(sigma, WIDTH), 0.9), bend)
    return schedule.grid(schedule.trailing(min(count, schedule.steps), bend))


def _profile(flow: SteppedFlow, rows: int) -> list[tuple[float, float]]:
    """Times and the smallest eigenvalue of sym(Dv) there."""
    margins = step_margins(flow, rows=rows)
    times = flow.description.grid
    return [
        (start, (margin - 1.0) / (stop - start))
        for (start, stop), margin in zip(pairwise(times), margins, strict=True)
    ]


def _expected(profile: list[tuple[float, float]], grid: Grid) -> float:
    """The smallest eigenvalue of an Euler step on a grid, by the profile."""
    times = [time for time, _ in profile]
    found = []
    for start, stop in pairwise(grid):
        place = max(0, bisect_right(times, start) - 1)
        near = profile[place : place + 2]
        found.append(1.0 + (stop - start) * min(value for _, value in near))
    return min(found)


def _none_found(
    best: tuple[float, Grid],
    profile: list[tuple[float, float]],
    search: GridSearch,
    make: Callable[[Grid], SteppedFlow],
) -> str:
    margin, grid = best
    margins = step_margins(make(grid), rows=search.rows)
    place = min(range(len(margins)), key=margins.__getitem__)
    start, stop = grid[place], grid[place + 1]
    if not math.isfinite(margin):
        return (
            f"grid of at most {search.max_steps} steps: expected a velocity that is finite along sampled rows, got "
            f"other values in the step from t = {start:.3f}. Correct the model there."
        )
    rate = (1.0 - margins[place]) / (stop - start)
    return (
        f"grid of at most {search.max_steps} steps: expected one whose smallest eigenvalue is at least "
        f"{search.target:.2f}, "
        f"the best of {len(grid) - 1} steps has {margin:.3f}, because the velocity contracts by {rate:.3g} "
        "per unit of "
        f"time at t = {start:.3f}, where a step must be shorter than "
        f"{(1.0 - search.target) / max(rate, 1e-9):.2g}. Allow more "
        "steps, or give a `grid` of your own that is finer there."
    )
