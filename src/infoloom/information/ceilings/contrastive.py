"""What contrastive learning can reach: the InfoNCE bound and Bayes retrieval at a batch size (theory, section 6).

The best critic is the pointwise mutual information. In canonical coordinates, where the pair (u, v) of side a and
side b has correlations ρ and nothing else,

    pmi(u; v) = Σ −½ log(1 − ρ²) + (ρ u v − ½ ρ² (u² + v²)) / (1 − ρ²),

so batches are drawn in these coordinates, as many as there are correlated ones.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.special

from infoloom.information.measures import mutual_information
from infoloom.information.quantity import MONTE_CARLO, Quantity
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array
from infoloom.law.triangle import independent

__all__ = ["Contrastive", "canonical_correlations", "contrastive"]

_UNCORRELATED: Final = 1e-12
_EFFORT: Final = 4e9
_FEWEST: Final = 16
_MOST: Final = 400


@dataclass(frozen=True)
class Contrastive:
    """Ceilings of contrastive learning with batches of `batch` pairs.

    Attributes:
        bound: The InfoNCE bound with the best critic, nats.
        retrieval: Probability that the partner has the largest pmi of the batch.
        limit: min(I, log batch), nats, which the bound cannot pass.
    """

    batch: int
    bound: Quantity
    retrieval: Quantity
    limit: float


def contrastive(
    covariance: StructuredCovariance,
    a: Sequence[str],
    b: Sequence[str],
    batch: int,
    batches: int | None = None,
    seed: int = 0,
) -> Contrastive:
    """Estimate both ceilings by drawing batches, E[log n + log softmax(pmi)_true] and P(pmi_true is the largest).

    The true pmi of the pairs, whose mean I is known, is a control variate of the bound, with its regression weight.

    Args:
        covariance: The joint law.
        a: Names on one side.
        b: Names on the other side.
        batch: Pairs in a batch n, ≥ 2.
        batches: How many batches to draw; as many as take a second or so when left out, 16 to 400.
        seed: Seed of the draws, ≥ 0.

    Returns:
        Both with the standard error over batches.

    Raises:
        ValueError: A batch of fewer than two pairs, or fewer than two batches.
        InfiniteInformationError: The two sides determine each other in part.
    """
    if batch < 2:
        raise ValueError(f"batch `{batch}`: expected at least 2, because a pair is told from others.")
    if batches is not None and batches < 2:
        raise ValueError(
            f"batches `{batches}`: expected at least 2, because the standard error is over batches."
        )
    information = mutual_information(covariance, a, b)  # infinite: refused by name, it has no best critic
    rho = canonical_correlations(covariance, a, b)
    count = batches or int(np.clip(_EFFORT / (batch**2 * max(len(rho), 1)), _FEWEST, _MOST))
    names = zlib.crc32("|".join([*a, "", *b]).encode())  # every pair has draws of its own
    generator = np.random.default_rng([seed, names])
    drawn = np.stack([_one_batch(rho, batch, generator) for _ in range(count)])  # (count, 3, batch)
    true, terms, retrieved = drawn.transpose(1, 0, 2)
    spread = float(true.var())
    weight = float(((true - true.mean()) * terms).mean()) / spread if spread > 0.0 else 0.0
    bound = _mean(terms.mean(axis=1) - weight * (true.mean(axis=1) - information))
    return Contrastive(batch, bound, _mean(retrieved.mean(axis=1)), min(information, math.log(batch)))


def canonical_correlations(covariance: StructuredCovariance, a: Sequence[str], b: Sequence[str]) -> Array:
    """Correlations of the coordinates in which two sides are tied one to one, largest first in every block.

    I(a; b) = −½ Σ log(1 − ρ²).
    """
    found = []
    for block in covariance.blocks([*a, *b]):
        of_a = np.isin(block.owners, list(a))
        sides = (_orthonormal(block.rows[chosen]) for chosen in (of_a, ~of_a))
        left, right = sides
        if left.shape[1] and right.shape[1]:
            values = np.linalg.svd(left.T @ right, compute_uv=False)
            found.append(np.repeat(values[values > _UNCORRELATED], block.copies))
    return np.concatenate(found) if found else np.zeros(0)


def _orthonormal(rows: Array) -> Array:
    """Orthonormal columns that span the rows."""
    kept = rows[independent(rows, rows[:0])]
    lengths = np.linalg.norm(kept, axis=1, keepdims=True)
    return np.asarray(np.linalg.qr((kept / lengths).T)[0])


def _one_batch(rho: Array, batch: int, generator: np.random.Generator) -> Array:
    """The pairs' pmi, InfoNCE terms (mean of both directions) and fractions retrieved of one batch; (3, batch)."""
    u = generator.standard_normal((batch, len(rho)))
    left = 1.0 - rho**2
    v = rho * u + np.sqrt(left) * generator.standard_normal((batch, len(rho)))
    own_u, own_v = (0.5 * (x**2) @ (rho**2 / left) for x in (u, v))
    pmi = (u * (rho / left)) @ v.T - own_u[:, None] - own_v - 0.5 * float(np.log(left).sum())
    true = np.diagonal(pmi)
    others = np.mean([scipy.special.logsumexp(pmi, axis=axis) for axis in (0, 1)], axis=0)
    retrieved = np.mean([np.argmax(pmi, axis=axis) == np.arange(batch) for axis in (0, 1)], axis=0)
    return np.stack([true, math.log(batch) + true - others, retrieved])


def _mean(values: Array) -> Quantity:
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Quantity(float(np.mean(values)), error, MONTE_CARLO)
