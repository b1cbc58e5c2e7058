"""Pairs of which some do not belong together, or lack one side: the information of the mixture, and which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import BenchmarkError
from infoloom.story import Story

__all__ = ["chosen_rows", "lost_rows", "mismatched_information", "mixed_in"]

Array = NDArray[np.float64]
Rows = Mapping[str, NDArray[Any]]


def mismatched_information(
    story: Story, a: str, b: str, share: float, *, rows: int = 20_000, seed: int = 0
) -> tuple[float, float]:
    """I(a; b) of pairs of which a share has its b from another row.

    Their law is (1 − p) p(a, b) + p p(a) p(b), and both sides keep their own laws. So I is the mean over that law of
    log((1 − p) exp(pmi(a; b)) + p), here over rows that belong together and as many that do not.

    Args:
        story: With pointwise information of a and b.
        a: A modality.
        b: Another.
        share: p, from 0 to 1.
        rows: Monte Carlo rows of each of the two parts.
        seed: Of these rows.

    Returns:
        Nats, and the standard error.

    Raises:
        BenchmarkError: A share that is none.

    Source:
        The density of a mixture over that of independent pairs.
    """
    if not 0.0 <= share <= 1.0:
        raise BenchmarkError(f"share `{share}`: expected a share from 0 to 1.")
    first, second = (story.sample(rows, seed=seed, start=start) for start in (0, rows))
    matched = story.pmi(first, a, b)
    apart = _apart(story, a, b, first, second)
    means, variances = [], []
    for pmi in (matched, apart):
        terms = np.logaddexp(_log(1.0 - share) + pmi, _log(share))
        means.append(float(terms.mean()))
        variances.append(float(terms.var(ddof=1)) / rows)
    weights = 1.0 - share, share
    error = float(np.sqrt(sum(w**2 * v for w, v in zip(weights, variances, strict=True) if w > 0.0)))
    return sum(w * m for w, m in zip(weights, means, strict=True) if w > 0.0), error


def _apart(story: Story, a: str, b: str, first: Rows, second: Rows) -> Array:
    """pmi(a; b) of a from some rows and b, with the categories that choose its class or words, from others, (n,)."""
    of_a, of_b = ({cause for _, cause in story.graph.nodes[name].chosen} for name in (a, b))
    pmi = story.pmi({**first, b: second[b], **{cause: second[cause] for cause in of_b}}, a, b)
    for cause in of_a & of_b:  # both sides name the category: two different ones never meet
        pmi = np.where(first[cause] == second[cause], pmi, -np.inf)
    return pmi


def chosen_rows(rows: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Which rows get the other side of another row, each with probability `share`."""
    return np.random.default_rng([seed, rows]).random(rows) < share


def mixed_in(
    observed: Mapping[str, NDArray[Any]], others: NDArray[Any], name: str, share: float, seed: int
) -> dict[str, NDArray[Any]]:
    """Observations of which a share has modality `name` from other rows, drawn apart.

    Args:
        observed: Modality → (n, *shape).
        others: That modality of n other rows.
        name: Its name.
        share: Of rows that get it.
        seed: Of the choice.
    """
    chosen = chosen_rows(len(others), share, seed)
    mixed = observed[name].copy()
    mixed[chosen] = others[chosen]
    return {**observed, name: mixed}


def lost_rows(names: Sequence[str], rows: int, share: float, seed: int) -> dict[str, NDArray[np.bool_]]:
    """Which rows lack which modality: each row lacks one with probability `share`, each modality as likely.

    Returns:
        Modality → (rows,) of true where it is missing; nothing where the share is 0.
    """
    if share == 0.0:
        return {}
    generator = np.random.default_rng([seed, rows, 1])
    owner = np.where(generator.random(rows) < share, generator.integers(0, len(names), rows), -1)
    return {name: owner == number for number, name in enumerate(names)}


def _log(value: float) -> float:
    return float(np.log(value)) if value > 0.0 else -np.inf
