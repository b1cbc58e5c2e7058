"""Linear probes: ridge regression of scalars and vectors, softmax regression of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import scipy.linalg
import scipy.special
from numpy.typing import NDArray

from infoloom.ssl.probes.splits import Split

__all__ = ["ALPHAS", "ridge", "softmax_classes", "standardise"]

Array = NDArray[np.float64]
ALPHAS: Final = tuple(10.0**power for power in range(-6, 7))
_PENALTIES: Final = (1e-4, 1e-3, 1e-2)


def standardise(features: Array, rows: NDArray[np.intp]) -> Array:
    """Features with mean 0 and variance 1 over some rows; those that are constant there are left out.

    Of a collapsed encoder, whose features are all constant, one column of zeros is left: probes then say the mean.

    Args:
        features: Shape (n, d).
        rows: The rows that give means and variances, so that held-out rows do not.
    """
    known = np.asarray(features[rows], np.float64)
    spread = known.std(axis=0)
    kept = spread > 1e-12 * np.abs(known).max(axis=0, initial=0.0)
    if not kept.any():
        return np.zeros((len(features), 1))
    return np.asarray((features[:, kept] - known.mean(axis=0)[kept]) / spread[kept], np.float64)


def ridge(features: Array, targets: Mapping[str, Array], split: Split, seed: int = 0) -> dict[str, Array]:
    """Ridge regression, its penalty chosen on validation rows for every target, refitted on both.

    Minimises |y − Xw|² + α n |w|² on standardised features.

    Args:
        features: Shape (n, d).
        targets: By name, shape (n,) or (n, k).
        split: Rows.
        seed: Not used; the fit has a closed form.

    Returns:
        Predictions on the test rows by name.
    """
    x = standardise(features, split.train)
    curves = _paths(x[split.train], x[split.validation], _columns(targets, split.train), ALPHAS)
    chosen = {}
    for name, predictions in curves.items():
        true = _matrix(targets[name][split.validation])
        losses = [float(np.square(true - one).mean()) for one in predictions]
        chosen[name] = ALPHAS[int(np.argmin(losses))]
    x = standardise(features, split.fit)
    wanted = sorted(set(chosen.values()))
    final = _paths(x[split.fit], x[split.test], _columns(targets, split.fit), wanted)
    return {
        name: final[name][wanted.index(alpha)].reshape(len(split.test), *targets[name].shape[1:])
        for name, alpha in chosen.items()
    }


def _paths(
    x: Array, at: Array, targets: Mapping[str, Array], alphas: tuple[float, ...] | list[float]
) -> dict[str, list[Array]]:
    """Predictions at other rows for every penalty, from one decomposition for all targets and penalties.

    One eigendecomposition of XᵀX where there are fewer features than rows, of XXᵀ where there are more.
    """
    centre = x.mean(axis=0)
    x, at = x - centre, at - centre
    wide = x.shape[1] > x.shape[0]
    values, vectors = scipy.linalg.eigh(x @ x.T if wide else x.T @ x)
    onto = (at @ x.T if wide else at) @ vectors
    found = {}
    for name, y in targets.items():
        mean = y.mean(axis=0)
        inside = vectors.T @ ((y - mean) if wide else x.T @ (y - mean))
        found[name] = [
            mean + onto @ (inside / (np.maximum(values, 0.0) + alpha * len(x))[:, None]) for alpha in alphas
        ]
    return found


def softmax_classes(
    features: Array, classes: NDArray[np.int64], count: int, split: Split
) -> NDArray[np.int64]:
    """Multinomial logistic regression, its penalty chosen on validation rows, refitted on both.

    Minimises the mean of −log softmax(Wx + b)_class + λ/2 |W|² on standardised features.

    Args:
        features: Shape (n, d).
        classes: Shape (n,), whole numbers from 0.
        count: Number of classes.
        split: Rows.

    Returns:
        The most probable class of every test row.
    """
    x = standardise(features, split.train)
    likelihoods = []
    for penalty in _PENALTIES:
        logits = _logits(x[split.train], classes[split.train], count, penalty, x[split.validation])
        likelihoods.append(_likelihood(logits, classes[split.validation]))
    x = standardise(features, split.fit)
    best = _PENALTIES[int(np.argmax(likelihoods))]
    found: NDArray[np.int64] = _logits(x[split.fit], classes[split.fit], count, best, x[split.test]).argmax(
        axis=1
    )
    return found


def _logits(x: Array, classes: NDArray[np.int64], count: int, penalty: float, at: Array) -> Array:
    """Logits at other rows of the softmax regression fitted on some."""
    from scipy.optimize import minimize

    ones = np.eye(count)[classes]

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(x.shape[1] + 1, count)
        logits = x @ weights[1:] + weights[0]
        logits -= logits.max(axis=1, keepdims=True)
        probability = np.exp(logits)
        probability /= probability.sum(axis=1, keepdims=True)
        value = -float(np.log((probability * ones).sum(axis=1)).mean())
        wrong = (probability - ones) / len(x)
        slope = np.vstack([wrong.sum(axis=0), x.T @ wrong + penalty * weights[1:]])
        return value + 0.5 * penalty * float(np.square(weights[1:]).sum()), slope.ravel()

    start = np.zeros((x.shape[1] + 1) * count)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100})
    weights = found.x.reshape(x.shape[1] + 1, count)
    return np.asarray(at @ weights[1:] + weights[0])


def _likelihood(logits: Array, classes: NDArray[np.int64]) -> float:
    whole = scipy.special.logsumexp(logits, axis=1)
    return float((logits[np.arange(len(classes)), classes] - whole).mean())


def _matrix(values: Array) -> Array:
    return np.asarray(values, np.float64).reshape(len(values), -1)


def _columns(targets: Mapping[str, Array], rows: NDArray[np.intp]) -> dict[str, Array]:
    return {name: _matrix(values[rows]) for name, values in targets.items()}
