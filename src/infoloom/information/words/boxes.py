"""Probability that correlated Gaussian variables lie between bounds, for many rows at once, with its standard error."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.special

from infoloom.law.equations import Array

__all__ = ["log_boxes", "shifted_points"]

_SHIFTS: Final = 8
_POINTS: Final = (32, 128, 512, 2048)  # of each shift; more where they do not agree
_WANTED: Final = 1e-2  # standard error of a logarithm
_CHUNK: Final = 2**21
_LEAST: Final = 1e-14


def log_boxes(covariance: Array, low: Array, high: Array, *, seed: int = 0) -> tuple[Array, Array]:
    """log P(low < x < high) for x ~ N(0, Σ) and its standard error, both of shape (n,), nats.

    One variable after the other is drawn between its bounds, given those before it, at randomly shifted points of low
    discrepancy. What it is weighted by is smooth, however narrow the box and however strong the correlation are.

    Args:
        covariance: Σ, shape (m, m).
        low: Lower bounds of every row, shape (n, m); −∞ for none.
        high: Upper bounds.
        seed: Of the shifts.

    Source:
        Genz, Numerical computation of multivariate normal probabilities (1992).
    """
    sizes = np.sqrt(np.diagonal(covariance))
    alone = _log_share(low / sizes, high / sizes)
    order = np.argsort(alone.mean(axis=0, where=np.isfinite(alone)))  # the least likely first
    root = _root(covariance[np.ix_(order, order)])
    low, high = low[:, order], high[:, order]
    found, error = np.full(len(low), -np.inf), np.zeros(len(low))
    left = np.arange(len(low))
    for points in _POINTS:
        step = max(1, _CHUNK // (points * _SHIFTS))
        for i in range(0, len(left), step):
            rows = left[i : i + step]
            found[rows], error[rows] = _estimate(root, low[rows], high[rows], points, seed)
        left = left[error[left] > _WANTED]
    return found, error


def _estimate(root: Array, low: Array, high: Array, points: int, seed: int) -> tuple[Array, Array]:
    m = len(root)
    generator = np.random.default_rng([seed, points])
    uniform = np.stack(
        [shifted_points(points, m - 1, generator) for _ in range(_SHIFTS)]
    )  # (shifts, points, m − 1)
    drawn = np.zeros((len(low), _SHIFTS, points, m))
    total = np.zeros(drawn.shape[:3])
    for k in range(m):
        known = drawn[..., :k] @ root[k, :k]
        above = (low[:, k, None, None] - known) / root[k, k]
        below = (high[:, k, None, None] - known) / root[k, k]
        total += _log_share(above, below)
        if k < m - 1:
            drawn[..., k] = _between(above, below, uniform[None, ..., k])
    each = scipy.special.logsumexp(total, axis=2) - np.log(points)
    found = scipy.special.logsumexp(each, axis=1) - np.log(_SHIFTS)
    with np.errstate(invalid="ignore"):
        shares = np.exp(each - found[:, None])
    shares[~np.isfinite(found)] = 1.0
    return np.asarray(found), np.asarray(shares.std(axis=1, ddof=1) / np.sqrt(_SHIFTS))


def _root(covariance: Array) -> Array:
    """Lower triangular root; a variable that those before it determine keeps a deviation of 1e-7."""
    sizes = np.sqrt(np.diagonal(covariance))
    correlation = covariance / np.outer(sizes, sizes)
    try:
        root = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        root = np.linalg.cholesky(correlation + _LEAST * len(sizes) * np.eye(len(sizes)))
    return np.asarray(root * sizes[:, None])


def shifted_points(count: int, dim: int, generator: np.random.Generator) -> Array:
    """Points of a Kronecker sequence of the generalised golden ratio, with a random shift, shape (count, dim)."""
    ratio = 2.0
    for _ in range(64):
        ratio = (1.0 + ratio) ** (1.0 / (dim + 1))
    steps = ratio ** -np.arange(1.0, dim + 1.0)
    return np.asarray((np.arange(1.0, count + 1.0)[:, None] * steps + generator.random(dim)) % 1.0)


def _log_share(above: Array, below: Array) -> Array:
    """log(Φ(b) − Φ(a)); the smaller tail keeps its digits."""
    flip = above > 0.0
    a, b = np.where(flip, -below, above), np.where(flip, -above, below)
    upper = scipy.special.log_ndtr(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = scipy.special.log_ndtr(a) - upper
        return np.asarray(np.where(b > a, upper + np.log1p(-np.exp(gap)), -np.inf))


def _between(above: Array, below: Array, share: Array) -> Array:
    """The value below which a share of what lies between two bounds lies."""
    flip = above > 0.0
    a, b = np.where(flip, -below, above), np.where(flip, -above, below)
    first, last = scipy.special.ndtr(a), scipy.special.ndtr(b)
    value = scipy.special.ndtri(first + np.where(flip, 1.0 - share, share) * (last - first))
    value = np.clip(value, a, b)  # so far out that no share is left
    finite = np.where(np.isfinite(value), value, np.clip(0.0, a, b))
    return np.asarray(np.where(flip, -finite, finite))
