"""The ceilings of a story that is not Gaussian: every value with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from infoloom.errors import QueryError, SpecError
from infoloom.information.beyond_gaussian.ceilings_special import quantile_bounds, reached, reached_classes
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.beyond_gaussian.posterior import Posterior
from infoloom.information.ceilings.labels import Label
from infoloom.information.ceilings.table import Ceilings, ClassCeiling, TargetCeiling
from infoloom.information.notation import Query
from infoloom.information.quantity import Quantity

__all__ = ["find_special_ceilings"]


def find_special_ceilings(
    special: Special,
    targets: Sequence[str],
    modalities: Sequence[str],
    labels: Sequence[Label] = (),
    classes: int | None = None,
) -> Ceilings:
    """The ceilings of every target and label from each modality and from all; pairs of modalities have none here.

    Args:
        special: The story's information.
        targets: Names of scalar targets.
        modalities: Names of the modalities.
        labels: Labels of the spec.
        classes: Also cut every target into so many classes.

    Raises:
        QueryError: A modality shows a cause without noise, or a target cannot be cut.
    """
    cut = [(label.name, label.target, label.bounds) for label in labels]
    try:
        cut += [
            (t, t, quantile_bounds(special.covariance, t, classes)) for t in targets if classes is not None
        ]
    except SpecError as error:
        raise QueryError(f"ceilings: {error}") from error
    sets = [(name,) for name in modalities] + ([tuple(modalities)] if len(modalities) > 1 else [])
    of_targets, of_classes = [], []
    for target in targets:
        variance = float(np.sum(special.covariance.system.in_span[target] ** 2))
        for given in sets:
            posterior = Posterior(special, target, given)
            value = special.quantity(Query("I", ((target,), given)))
            best = reached(posterior, variance)
            of_targets.append(
                TargetCeiling(
                    target,
                    given,
                    value.value,
                    best.r_squared.value,
                    best.mmse.value,
                    information_error=value.error,
                    r_squared_error=best.r_squared.error,
                    mmse_error=best.mmse.error,
                )
            )
            for name, own, bounds in cut:
                if own == target:
                    equal = Quantity(
                        math.log(len(bounds) + 1)
                    )  # ceilings are those of stories without interventions
                    told, right = reached_classes(posterior, bounds, equal)
                    of_classes.append(
                        ClassCeiling(
                            name,
                            target,
                            len(bounds) + 1,
                            given,
                            told.value,
                            right.value,
                            information_error=told.error,
                            accuracy_error=right.error,
                        )
                    )
    return Ceilings(tuple(of_targets), tuple(of_classes), ())
