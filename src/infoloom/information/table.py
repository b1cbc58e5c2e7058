"""The truth table of a story: every quantity that a user of its dataset would look up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from infoloom.information.notation import Query, evaluate
from infoloom.law.covariance import StructuredCovariance

__all__ = ["table_queries", "truth_table"]

MAX_CONDITIONAL: Final = 10


def truth_table(
    covariance: StructuredCovariance, targets: Sequence[str], modalities: Sequence[str]
) -> dict[str, float]:
    """Information of all pairs of modalities, of modalities with targets, given targets, and of all together.

    Args:
        covariance: The joint law.
        targets: Names of the targets.
        modalities: Names of the modalities.

    Returns:
        Value in nats by query, in reading order. Pairs given a target are listed for up to ten modalities.
    """
    return {str(query): evaluate(covariance, query) for query in table_queries(targets, modalities)}


def table_queries(targets: Sequence[str], modalities: Sequence[str]) -> list[Query]:
    """The queries of the truth table."""
    pairs = list(combinations(modalities, 2))
    together = tuple(modalities)
    queries = [Query("I", ((m,), (t,))) for t in targets for m in modalities]
    if pairs:
        queries += [Query("I", (together, (t,))) for t in targets]
    queries += [Query("I", ((a,), (b,))) for a, b in pairs]
    if len(modalities) <= MAX_CONDITIONAL:
        queries += [Query("I", ((a,), (b,)), (t,)) for t in targets for a, b in pairs]
        queries += [Query("I", ((a,), (b,), (t,))) for t in targets for a, b in pairs]
    if len(modalities) > 2:
        queries += [Query(measure, tuple((m,) for m in modalities)) for measure in ("TC", "DTC", "O")]
    return queries
