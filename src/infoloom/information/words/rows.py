"""Pointwise information of rows with words and classes in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infoloom.information.given import given_classes, same_rows
from infoloom.information.pointwise import Pointwise
from infoloom.information.words.cells import Cells
from infoloom.information.words.clusters import Cluster, Tied, find_clusters, known_basis, tie
from infoloom.information.words.mixed import Mixed
from infoloom.information.words.quasi import inner_points, log_probabilities
from infoloom.law.equations import Array

__all__ = ["WordPointwise"]

Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]


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

    def log_density(self, names: Sequence[str]) -> Array:
        """Log joint density of Gaussian variables times the probability of words, shape (n,), nats."""
        words = sorted({name for name in names if name in self.mixed.cells})
        known = sorted(set(names) - set(words))
        plain = super().log_density(known)
        if not words:
            return plain
        key = ("words of", *words, "given", *known)
        if key not in self.densities:
            self.densities[key] = self._words(words, known)
        return plain + self.densities[key]

    def _words(self, words: Sequence[str], known: Sequence[str]) -> Array:
        tied = tie(self.covariance, self.mixed.cuts(words))
        classes = np.concatenate([self._classes(self.mixed.cells[name]) for name in words], axis=1)
        told = self._told(tied, known, len(classes))
        total = np.zeros(len(classes))
        for cluster in find_clusters(self.covariance, tied, known):
            members = [tied[i] for i in cluster.members]
            ends = [_ends(one, self.mixed.cuts(words), classes) for one in members]
            low, high = np.stack(ends, axis=2)
            total += _distinct(cluster, told[:, list(cluster.members)], low, high)
        return total

    def _classes(self, cells: Cells) -> np.ndarray[Any, np.dtype[Any]]:
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


def _ends(one: Tied, cuts: Sequence[Any], classes: np.ndarray[Any, np.dtype[Any]]) -> Array:
    """Lower and upper end of every row's cell of a tied variable, shape (2, n)."""
    low, high = np.full(len(classes), -np.inf), np.full(len(classes), np.inf)
    for position, slope, mean in one.cuts:
        edges = (cuts[position].edges - mean) / slope
        ends = np.sort(np.stack([edges[classes[:, position]], edges[classes[:, position] + 1]]), axis=0)
        low, high = np.maximum(low, ends[0]), np.minimum(high, ends[1])
    return np.stack([low, high])


def _distinct(cluster: Cluster, told: Array, low: Array, high: Array) -> Array:
    """Log-probabilities of rows; equal rows are computed once."""
    joint, back = np.unique(np.concatenate([told, low, high], axis=1), axis=0, return_inverse=True)
    m = told.shape[1]
    inner, weights, _ = inner_points(cluster, np.random.default_rng(0))
    found = log_probabilities(cluster, joint[:, :m], joint[:, m : 2 * m], joint[:, 2 * m :], inner, weights)
    return np.asarray(found[back.ravel()])
