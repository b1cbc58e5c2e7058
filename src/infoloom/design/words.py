"""Requirements on words and labels: values by quadrature of compiled stories, weights by least squares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import scipy.optimize

from infoloom.errors import DesignError, InfoloomError
from infoloom.information.quantity import MONTE_CARLO
from infoloom.information.requirements import Requirement
from infoloom.law.equations import Array
from infoloom.story import Story

__all__ = ["TOLERANCE", "concern_words", "solve_words"]

TOLERANCE: Final = 1e-6  # nats; words are known to about 1e-8
_STARTS: Final = (1.0, 0.3, 3.0)
_STEP: Final = 1e-4  # of a weight, for differences
_FAR: Final = 1e3  # residual of weights at which there is no story


def concern_words(requirements: Sequence[Requirement], words: Mapping[str, Any]) -> bool:
    """Whether a requirement names words or labels."""
    names = (n for r in requirements for part in (*r.query.parts, r.query.given) for n in part)
    return any(name in words for name in names)


def solve_words(
    compiled: Callable[[Array], Story],
    requirements: Sequence[Requirement],
    lower: Array,
    upper: Array,
    start: Array | None,
) -> Array:
    """Weights that meet requirements on words, to 1e-6 nats.

    Args:
        compiled: The story at some weights.
        requirements: What is asked.
        lower: Least weights.
        upper: Largest weights.
        start: Weights to start from before others.

    Raises:
        DesignError: A requirement that is not met, with the closest value that was found; or one whose value has a
            standard error.
    """

    def excess(weights: Array) -> Array:
        return _excess(compiled, requirements, weights)

    best, least = np.zeros(len(lower)), np.inf
    for first in _starts(lower, upper, start):
        found = scipy.optimize.least_squares(
            excess,
            first,
            bounds=(lower, upper),
            diff_step=np.full(len(lower), _STEP),
            xtol=1e-12,
            ftol=1e-15,
            gtol=1e-15,
            max_nfev=60,
        )
        off = float(np.abs(found.fun).max())
        if off < least:
            best, least = found.x, off
        if least <= 0.1 * TOLERANCE:
            break
    problems = _missed(compiled, requirements, best)
    if problems:
        raise DesignError(problems)
    return np.asarray(best)


def _starts(lower: Array, upper: Array, start: Array | None) -> Iterator[Array]:
    room = np.where(np.isfinite(upper - lower), 1e-6 * (upper - lower), 1e-9)
    if start is not None:
        yield np.clip(start, lower + room, upper - room)
    for size in _STARTS:
        yield np.clip(np.full(len(lower), size), lower + room, upper - room)


def _excess(compiled: Callable[[Array], Story], requirements: Sequence[Requirement], weights: Array) -> Array:
    try:
        story = compiled(weights)
        found = [story.quantity(one.query) for one in requirements]
    except InfoloomError:
        return np.full(len(requirements), _FAR)
    return np.array([one.excess(value.value) for one, value in zip(requirements, found, strict=True)])


def _missed(
    compiled: Callable[[Array], Story], requirements: Sequence[Requirement], weights: Array
) -> list[str]:
    try:
        story = compiled(weights)
    except InfoloomError as error:
        return [
            f"require: no weights at which the story can be compiled were found ({error}). Bound the parameters."
        ]
    lines = []
    for one in requirements:
        found = story.quantity(one.query)
        if abs(one.excess(found.value)) > TOLERANCE + found.error:
            lines.append(
                f"require.{one.name}: the closest value that was found is {found.value:.6g} nats. Words tell no more "
                "than their entropy and no more than their factors. Require what is within reach, or free more weights."
            )
        elif found.method == MONTE_CARLO:
            lines.append(
                f"require.{one.name}: its value has a standard error of {found.error:.2g} nats; expected one that "
                "quadrature reaches, because weights are solved to 1e-6 nats. Use fewer causes or words."
            )
    return lines
