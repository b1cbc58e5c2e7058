"""Columns that hold the optimal prediction of a target, `prediction(theta|radio)`: what a perfect learner would say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["parse_prediction", "prediction_name", "predictions_of"]

_NAME = re.compile(r"prediction\(([^()|,]+)\|([^()|]+)\)")


def prediction_name(target: str, given: tuple[str, ...]) -> str:
    """Name of the column of one target and what it is predicted from.

    Example:
        >>> prediction_name("theta", ("radio", "xray"))
        'prediction(theta|radio,xray)'
    """
    return f"prediction({target}|{','.join(given)})"


def parse_prediction(name: str) -> tuple[str, tuple[str, ...]]:
    """The target and the modalities of a column's name.

    Raises:
        DatasetError: Not of the form `prediction(target|a,b)`.

    Example:
        >>> parse_prediction("prediction(theta|radio,xray)")
        ('theta', ('radio', 'xray'))
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise DatasetError(f"prediction `{name[:100]}`: expected `prediction(target|a,b)`.")
    return match[1].strip(), tuple(part.strip() for part in match[2].split(","))


def predictions_of(story: Story) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Every target from each modality and from all together.

    Raises:
        DatasetError: The story has a common scale.
    """
    if story.covariance.system.law.scale is not None:
        raise DatasetError(
            f"predictions of `{story.name}`: expected a story without a common scale. Leave `predictions` out."
        )
    modalities = tuple(story.mapped)
    together = [modalities] if len(modalities) > 1 else []
    return tuple(
        (target, given) for target in story.targets for given in [*((m,) for m in modalities), *together]
    )
