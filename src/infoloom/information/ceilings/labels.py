"""Labels: a target cut at its quantiles into equally likely classes, stored as whole numbers."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infoloom.errors import SpecError
from infoloom.information.beyond_gaussian.ceilings_special import quantile_bounds
from infoloom.information.ceilings.ceilings import class_bounds
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.spec.model import LabelSpec

__all__ = ["Label", "make_labels"]

Int64 = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True)
class Label:
    """Classes 0 to K − 1 of a target, from its smallest values to its largest.

    Attributes:
        bounds: Where one class ends and the next begins, shape (K − 1,).
    """

    name: str
    target: str
    classes: int
    bounds: Array

    def of(self, target: np.ndarray[Any, np.dtype[Any]]) -> Int64:
        """The class of every row, shape (n,)."""
        found: Int64 = np.searchsorted(self.bounds, target.astype(np.float64), side="right").astype(np.int64)
        return found


def make_labels(
    labels: Mapping[str, LabelSpec], covariance: StructuredCovariance, targets: Sequence[str]
) -> tuple[Label, ...]:
    """Find the quantiles of the targets that are cut.

    Args:
        labels: What the spec says, by name.
        covariance: The joint law, without interventions.
        targets: Names of the targets.

    Raises:
        SpecError: A label of something that is not a target, of a target under a common scale, or of one that takes
            too few values.
    """
    made, problems = [], []
    for name, label in labels.items():
        if label.target not in targets:
            near = difflib.get_close_matches(label.target, targets, n=1)
            hint = (
                f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(targets) or 'none'}."
            )
            problems.append(f"labels.{name}.target: unknown target `{label.target}`; {hint}")
        elif covariance.system.law.scale is not None:
            problems.append(
                f"labels.{name}: expected a story without a common scale, because the ceilings of its classes are not "
                "known then. Remove the label, or the scale."
            )
        elif covariance.system.law.features.features:
            try:
                bounds = quantile_bounds(covariance, label.target, label.classes)
            except SpecError as error:
                problems.append(f"labels.{name}: {error}")
            else:
                made.append(Label(name, label.target, label.classes, bounds))
        else:
            variance = float(np.sum(covariance.system.in_span[label.target] ** 2))
            made.append(Label(name, label.target, label.classes, class_bounds(label.classes, variance)))
    if problems:
        raise SpecError(problems)
    return tuple(made)
