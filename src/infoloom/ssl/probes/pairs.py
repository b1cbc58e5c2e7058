"""Probes of pairs: how well features of one modality tell which features of another belong to them.

Any critic f gives a lower bound on the information, E[log n + log softmax(f)_true] ≤ I(a; b) (InfoNCE), and a guess
which of n candidates is the partner. The best critic is the pointwise information, up to a function of either side
in each direction; so the scores of a learner, or of the critic fitted here to anybody's features, can be compared with
it pair by pair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.linalg
import scipy.special
from numpy.typing import NDArray

from infoloom.ssl.probes.linear import standardise
from infoloom.ssl.probes.score import mean_score
from infoloom.ssl.probes.splits import Split

__all__ = [
    "Agreement",
    "agreement",
    "batches",
    "bound_and_retrieval",
    "canonical_critic",
    "contrastive_terms",
    "partners_found",
]

Array = NDArray[np.float64]
Critic = Callable[[NDArray[np.intp]], Array]
_SHRINKAGES: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_LARGEST: Final = 1.0 - 1e-9


def batches(rows: NDArray[np.intp], size: int) -> Iterator[NDArray[np.intp]]:
    """Whole batches of rows in order, the remainder left out."""
    for first in range(0, len(rows) - size + 1, size):
        yield rows[first : first + size]


def contrastive_terms(scores: Array) -> Array:
    """log n + log softmax(scores)_true of every pair, the mean of both directions, shape (n,), nats.

    Their mean is the InfoNCE bound: log n minus the symmetric contrastive loss. Each is the score less the
    log-mean-exp of its row and of its column, half each, which for the best critic tends to its pmi as n grows.

    Args:
        scores: Shape (n, n); row i scores item i of one side with every item of the other, its partner at i.

    Source:
        van den Oord et al., 2018 (arXiv 1807.03748), section 2.3.
    """
    true = np.diagonal(scores)
    ways = [true - scipy.special.logsumexp(scores, axis=axis) for axis in (0, 1)]
    return np.asarray(math.log(len(scores)) + 0.5 * (ways[0] + ways[1]))


def partners_found(scores: Array) -> Array:
    """Whether the partner of every item scores highest, the mean of both directions, shape (n,)."""
    at = np.arange(len(scores))
    ways = [(scores.argmax(axis=axis) == at).astype(np.float64) for axis in (0, 1)]
    return np.asarray(0.5 * (ways[0] + ways[1]))


@dataclass(frozen=True)
class Agreement:
    """How a critic's scores go with the pointwise information over all pairs of a batch.

    Attributes:
        correlation: Pearson's, of both matrices less their row and column means, which the loss leaves free.
        slope: Of the regression of pmi on the scores; 1 for a calibrated critic, below it for a sharp one.
    """

    correlation: float
    slope: float


def agreement(scores: Array, pmi: Array) -> Agreement:
    """Compare a critic's scores with the pointwise information of the same pairs, both (n, n)."""
    a, b = (_centred(matrix) for matrix in (scores, pmi))
    product = float((a * b).sum())
    own = float((a * a).sum())
    return Agreement(product / math.sqrt(own * float((b * b).sum())), product / own)


def canonical_critic(a: Array, b: Array, split: Split, batch: int) -> Critic:
    """The critic that is best for jointly Gaussian features: their pointwise information by canonical correlations.

    Covariances are shrunk towards the identity by the amount that gives the largest InfoNCE bound on validation rows;
    then both are fitted again on training and validation rows.

    Args:
        a: Features of one side, shape (n, d).
        b: Features of the other, shape (n, e).
        split: Rows.
        batch: Pairs in a batch.

    Returns:
        Rows → scores of all their pairs, shape (m, m), nats.
    """
    chosen = _SHRINKAGES[0]
    best = -math.inf
    size = min(batch, len(split.validation))
    for shrinkage in _SHRINKAGES:
        critic = _fitted(a, b, split.train, shrinkage)
        bound = np.mean([contrastive_terms(critic(rows)).mean() for rows in batches(split.validation, size)])
        if bound > best:
            chosen, best = shrinkage, float(bound)
    return _fitted(a, b, split.fit, chosen)


def bound_and_retrieval(
    critic: Critic, rows: NDArray[np.intp], batch: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The InfoNCE bound (nats) and the fraction of partners found in batches, each with its error over batches."""
    scores = [critic(chosen) for chosen in batches(rows, batch)]
    bound = np.array([contrastive_terms(one).mean() for one in scores])
    found = np.array([partners_found(one).mean() for one in scores])
    return mean_score(bound), mean_score(found)


def _fitted(a: Array, b: Array, rows: NDArray[np.intp], shrinkage: float) -> Critic:
    x, y = (standardise(side, rows) for side in (a, b))
    left, right = (_whitener(side[rows], shrinkage) for side in (x, y))
    cross = left.T @ (x[rows].T @ y[rows] / len(rows)) @ right
    onto_x, rho, onto_y = np.linalg.svd(cross, full_matrices=False)
    rho = np.minimum(rho, _LARGEST)
    u, v = x @ (left @ onto_x), y @ (right @ onto_y.T)

    def critic(chosen: NDArray[np.intp]) -> Array:
        remains = 1.0 - rho**2
        own_u, own_v = (0.5 * np.square(side[chosen]) @ (rho**2 / remains) for side in (u, v))
        product = (u[chosen] * (rho / remains)) @ v[chosen].T
        return np.asarray(product - own_u[:, None] - own_v - 0.5 * float(np.log(remains).sum()))

    return critic


def _whitener(x: Array, shrinkage: float) -> Array:
    """W with Wᵀ (C + shrinkage I) W = I, C the covariance of standardised rows."""
    values, vectors = scipy.linalg.eigh(x.T @ x / len(x))
    return np.asarray(vectors / np.sqrt(np.maximum(values, 0.0) + shrinkage))


def _centred(matrix: Array) -> Array:
    return np.asarray(matrix - matrix.mean(axis=0) - matrix.mean(axis=1, keepdims=True) + matrix.mean())
