"""What `adopt` is asked for: arguments that make no sense are refused before anything is traced."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import nn

from infoloom.errors import FlowError
from infoloom.observations.adopted.files import BIJECTION, KINDS
from infoloom.observations.adopted.grid_search import GridSearch
from infoloom.observations.adopted.schedules import NoiseSchedule
from infoloom.observations.adopted.velocities import PREDICTIONS

__all__ = ["Grid", "check_request", "checked_classes", "checked_number", "checked_sizes", "given_grid"]

Grid = Sequence[float] | int | GridSearch | None


def check_request(model: object, kind: str, solver: str, schedule: object) -> None:
    """Refuse a model, kind or solver that is none, and a noise schedule where none belongs.

    Raises:
        FlowError: The first of them.
    """
    if kind not in KINDS:
        raise FlowError(f"kind `{kind}`: expected one of {', '.join(KINDS)}.")
    if not isinstance(model, nn.Module):
        raise FlowError(
            f"model of type `{type(model).__name__}`: expected a torch module, because its weights are "
            "stored. Write a "
            "small module whose `forward` calls it."
        )
    if solver not in ("euler", "midpoint"):
        raise FlowError(f"solver `{solver}`: expected euler or midpoint.")
    if (kind in PREDICTIONS) != (schedule is not None):
        raise FlowError(
            f"kind `{kind}`: expected {'a' if kind in PREDICTIONS else 'no'} noise schedule. "
            + (
                "Give `schedule=scheduler.alphas_cumprod`."
                if kind in PREDICTIONS
                else "Leave `schedule` out."
            )
        )


def checked_sizes(shape: object) -> tuple[int, ...]:
    """The shape of one observation as whole sizes.

    Raises:
        FlowError: Not a list of positive whole numbers.
    """
    try:
        sizes = tuple(operator.index(size) for size in shape)  # type: ignore[attr-defined]
    except TypeError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise FlowError(
            f"shape `{shape}`: expected positive whole sizes. Give a tuple, such as `(3, 32, 32)` or `(8,)`."
        )
    return sizes


def checked_classes(classes: object) -> tuple[str, ...]:
    """Names of classes, each once; empty without classes.

    Raises:
        FlowError: Not texts, or a name that is empty or stands twice.
    """
    if classes is None:
        return ()
    names = tuple(classes) if isinstance(classes, Iterable) and not isinstance(classes, str | bytes) else (0,)
    if not all(isinstance(name, str) and name for name in names):
        raise FlowError(
            f"classes `{str(classes)[:60]}`: expected names in the order of the classes' numbers. Give a list of texts."
        )
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise FlowError(f"classes: expected each name once, got `{twice}` twice or more. Rename one.")
    return tuple(str(name) for name in names)


def checked_number(value: object, what: str, *, least: float, most: float) -> float:
    """A number within bounds.

    Raises:
        FlowError: No number, or one beyond them.
    """
    try:
        number = math.nan if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not least <= number <= most:
        raise FlowError(f"{what} `{value}`: expected a number from {least:g} to {most:g}.")
    return number


def given_grid(grid: Grid, kind: str, noise: NoiseSchedule | None) -> tuple[float, ...]:
    """The grid as asked for; one step where it is looked for later or there are none.

    Raises:
        FlowError: Not a number of steps, nor times that rise from 0 to 1.
    """
    if kind == BIJECTION or grid is None or isinstance(grid, GridSearch):
        return (0.0, 1.0)
    if isinstance(grid, int) and not isinstance(grid, bool):
        if grid < 1:
            raise FlowError(f"grid `{grid}`: expected at least 1 step.")
        if noise is not None:
            return noise.grid(noise.trailing(grid))
        return (0.0, *(k / grid for k in range(1, grid)), 1.0)
    try:
        times = () if isinstance(grid, bool) else tuple(float(time) for time in grid)
    except (TypeError, ValueError):
        raise FlowError(
            f"grid `{grid}`: expected a number of steps, or times that rise from 0 to 1."
        ) from None
    if len(times) < 2 or times[0] != 0.0 or times[-1] != 1.0 or not all(a < b for a, b in pairwise(times)):
        raise FlowError(f"grid `{times[:6]}`: expected times that rise from 0 to 1.")
    return times
