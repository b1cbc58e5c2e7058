"""Pointwise information of rows with words and classes in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from infoloom.information.given import given_classes, same_rows
from infoloom.information.pointwise import Pointwise
from infoloom.information.words.boxes import log_boxes
from infoloom.information.words.cells import Cells, Cut
from infoloom.information.words.clusters import Cluster, Tied, find_clusters, known_basis, tie
from infoloom.information.words.mixed import Mixed
from infoloom.information.words.quasi import inner_points, log_probabilities
from infoloom.law.equations import Array

__all__ = ["WordPointwise", "error_of"]

Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
Classes = np.ndarray[Any, np.dtype[Any]]
_ROUNDING: Final = 1e-6  # of rows in float32


class WordPointwise(Pointwise):
    """Log-densities and pointwise information of rows, words as probabilities.

    log p(W, Y) = log p(Y) + log P(W | Y): the probability of the row's words given its Gaussian variables.

    Args:
        mixed: The joint law with its variables of classes.
        rows: Values by name, as `Story.sample` returns them: classes of labels, latents of captions.
    """

    def __init__(self, mixed: Mixed, rows: Rows) -> None:
        super().__init__(mixed.covariance, rows)
        self.mixed = mixed
        self._errors: dict[tuple[str, ...], Array] = {}

    def log_density(self, names: Sequence[str]) -> Array:
        """Log joint density of Gaussian variables times the probability of words, shape (n,), nats."""
        words = sorted({name for name in names if name in self.mixed.cells})
        known = sorted(set(names) - set(words))
        plain = super().log_density(known)
        if not words:
            return plain
        key = _key(words, known)
        if key not in self.densities:
            self.densities[key] = self._words(words, known)
        return plain + self.densities[key]

    def density_error(self, names: Sequence[str]) -> Array:
        """Standard error of `log_density`, shape (n,), nats."""
        self.log_density(names)
        words = sorted({name for name in names if name in self.mixed.cells})
        known = sorted(set(names) - set(words))
        return self._errors.get(_key(words, known), np.zeros(1))

    def with_error(
        self, a: Sequence[str], b: Sequence[str], given: Sequence[str] = ()
    ) -> tuple[Array, Array]:
        """`information` and its standard error, where the probability of words is an average over points."""
        values = self.information(a, b, given)
        parts = ([*a, *b, *given], [*a, *given], [*b, *given], [*given])
        return values, error_of([self.density_error(names) for names in parts], values)

    def _words(self, words: Sequence[str], known: Sequence[str]) -> Array:
        cuts = self.mixed.cuts(words)
        tied = tie(self.covariance, cuts)
        classes = np.concatenate([self._classes(self.mixed.cells[name]) for name in words], axis=1)
        told = self._told(tied, known, len(classes))
        total, variance = self._held(cuts, tied, classes), np.zeros(len(classes))
        ends = [_ends(one, cuts, classes) for one in tied]
        clusters = list(find_clusters(self.covariance, tied, known))
        for cluster in clusters:
            low, high = np.stack([ends[i] for i in cluster.members], axis=2)
            found, error = _distinct(cluster, told[:, list(cluster.members)], low, high)
            total, variance = total + found, variance + error**2
        for i in set(range(len(tied))) - {i for cluster in clusters for i in cluster.members}:
            total = total + _sure(told[:, i], *ends[i])
        self._errors[_key(words, known)] = np.sqrt(variance)
        return total

    def _held(self, cuts: Sequence[Cut], tied: Sequence[Tied], classes: Classes) -> Array:
        """Log-probability of words of constant variables: 0 for the one word that they have."""
        total = np.zeros(len(classes))
        vary = {position for one in tied for position, _, _ in one.cuts}
        for position, cut in enumerate(cuts):
            if position not in vary:
                mean = self.covariance.system.law.mean.get(cut.variable, np.zeros(1))
                own = classes[:, position]
                total = total + _sure(np.full(len(own), mean[0]), cut.edges[own], cut.edges[own + 1])
        return total

    def _classes(self, cells: Cells) -> Classes:
        if cells.modality:
            return cells.of({cells.modality: self._values(cells.modality)})
        name, (cut,) = cells.name, cells.cuts
        classes = given_classes(self.rows, name, cut.classes, "pointwise information")
        same_rows({**self.values, name: classes}, name, "pointwise information")
        return classes[:, None]

    def _told(self, tied: Sequence[Tied], known: Sequence[str], rows: int) -> Array:
        """Conditional mean of every tied variable given what is known, shape (n, variables)."""
        basis = known_basis(self.covariance, known)
        if not basis.shape[1]:
            return np.zeros((rows, len(tied)))
        loadings = np.concatenate([self.covariance.system.in_span[name] for name in known])
        values = np.concatenate([self.centred(name) for name in known], axis=1)
        lengths = np.linalg.norm(loadings, axis=1)
        kept = lengths > 0.0
        inverse = np.linalg.pinv(loadings[kept] @ basis / lengths[kept, None])
        seen = values[:, kept] / lengths[kept] @ inverse.T
        return seen @ (np.stack([one.loadings for one in tied]) @ basis).T if tied else np.zeros((rows, 0))


def _ends(one: Tied, cuts: Sequence[Cut], classes: Classes) -> Array:
    """Lower and upper end of every row's cell of a tied variable, shape (2, n)."""
    low, high = np.full(len(classes), -np.inf), np.full(len(classes), np.inf)
    for position, slope, mean in one.cuts:
        edges = (cuts[position].edges - mean) / slope
        ends = np.sort(np.stack([edges[classes[:, position]], edges[classes[:, position] + 1]]), axis=0)
        low, high = np.maximum(low, ends[0]), np.minimum(high, ends[1])
    return np.stack([low, high])


def _sure(value: Array, low: Array, high: Array) -> Array:
    """0 where a known value is in the cell of the row's word, else −∞; rows beside a bound may be off by rounding."""
    near = _ROUNDING * np.maximum(1.0, np.abs(value))
    return np.where((value >= low - near) & (value <= high + near), 0.0, -np.inf)


def _distinct(cluster: Cluster, told: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Log-probabilities of rows and their standard errors; equal rows are computed once."""
    joint, back = np.unique(np.concatenate([told, low, high], axis=1), axis=0, return_inverse=True)
    m = told.shape[1]
    told, low, high = joint[:, :m], joint[:, m : 2 * m], joint[:, 2 * m :]
    inner, weights, grid = inner_points(cluster, np.random.default_rng(0))
    if grid:
        found = log_probabilities(cluster, told, low, high, inner, weights)[back.ravel()]
        return found, np.zeros(len(found))
    covariance = cluster.inner @ cluster.inner.T + np.diag(cluster.spread**2)
    some, error = log_boxes(covariance, low - told, high - told)
    return np.asarray(some[back.ravel()]), np.asarray(error[back.ravel()])


def _key(words: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    return ("words of", *words, "given", *known)


def error_of(parts: Sequence[Array], values: Array) -> Array:
    """Standard error of a sum with these standard errors, of the shape of its values; 0 where it is infinite."""
    total = np.sqrt(sum((part**2 for part in parts), np.zeros(1)))
    return np.where(np.isfinite(values), total, 0.0)
