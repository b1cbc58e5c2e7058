"""Which preparation a trained estimator does best with, from results of all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from infoloom.benchmark.estimators.variants import PREPARATIONS, VARIANTS, names

__all__ = ["METHODS", "best"]

#: Estimators that have variants.
METHODS: Final = tuple(sorted({method for method, _ in VARIANTS.values()}))
_LEAST: Final = 0.25  # nats


def best(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean of |estimate − truth| / max(truth, 0.25 nats), at most 1 a problem, by method and preparation.

    Args:
        rows: Rows of the estimator benchmark; a run that failed counts as 1.
    """
    errors: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        away = abs(row["error"]) / max(row["truth"], _LEAST) if row["status"] == "ok" else 1.0
        errors[row["estimator"]].append(min(away, 1.0))
    return {
        method: {
            how: fmean(errors[names(method, how)]) for how in PREPARATIONS if names(method, how) in errors
        }
        for method in METHODS
    }
