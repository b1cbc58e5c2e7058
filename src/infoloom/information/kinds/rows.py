"""Log-densities and pointwise information of rows with categories in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import scipy.special

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.beyond_gaussian.pointwise_special import SpecialPointwise
from infoloom.information.given import given_values, same_rows
from infoloom.information.kinds.parts import Part, Split
from infoloom.information.words.rows import WordPointwise
from infoloom.law.equations import Array

__all__ = ["KindPointwise", "Rows"]

Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]


class KindPointwise:
    """Pointwise information of rows: log p = log Σ over the combinations of categories that the rows leave open.

    Args:
        split: The story by its categories.
        rows: Values by name, as `Story.sample` returns them: categorical causes are needed where they choose.
    """

    def __init__(self, split: Split, rows: Rows) -> None:
        self.split, self.rows = split, rows
        self._densities: dict[frozenset[str], Array] = {}

    def information(self, a: Sequence[str], b: Sequence[str], given: Sequence[str] = ()) -> Array:
        """Pointwise mutual information pmi(a; b | given) of every row, shape (n,), nats.

        Raises:
            QueryError: A name stands twice, values are missing, or an observation tells less than its latent.
        """
        names = [*a, *b, *given]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated:
            raise QueryError(f"pointwise information: `{repeated}` stands twice. Name every variable once.")
        lossy = next((name for name in names if self.split.member(name).lossy), None)
        if lossy is not None:
            raise QueryError(
                f"pointwise information: `{lossy}` has a trained flow whose class is chosen, so an observation does "
                "not tell its class, and only an upper bound of its information is known. Leave it out."
            )
        density = self.log_density
        return np.asarray(
            density([*a, *b, *given]) + density(given) - density([*a, *given]) - density([*b, *given])
        )

    def log_density(self, names: Sequence[str]) -> Array:
        """Log of the joint density of variables times the probability of categories and words, shape (n,), nats."""
        key = frozenset(names)
        if key not in self._densities:
            self._densities[key] = self._density(key)
        return self._densities[key]

    def posterior(self, names: Sequence[str]) -> Array:
        """Probability of every combination of categories given some variables, shape (n, parts)."""
        joint = self.joint(frozenset(names))
        return np.asarray(scipy.special.softmax(np.atleast_2d(joint), axis=1))

    def _density(self, names: frozenset[str]) -> Array:
        kinds, _ = self.split.taken_apart(names)
        apart = sum(self.split.kinds[name].entropy for name in kinds - self.split.coupled)
        return np.asarray(scipy.special.logsumexp(self.joint(names), axis=-1) - apart)

    def joint(self, names: Sequence[str] | frozenset[str]) -> Array:
        """Log density of the variables and each combination of categories, shape (n, parts)."""
        kinds, rest = self.split.taken_apart(names)
        told = {name: self._categories(name) for name in sorted(kinds & self.split.coupled)}
        columns = []
        for number, part in enumerate(self.split.parts):
            density = {", ".join(sorted(rest)): self._rows_of[number].log_density(rest)} if rest else {}
            log = math.log(part.probability) + sum(density.values())
            for name, categories in told.items():
                same_rows({**told, **density}, name, "pointwise information")
                log = log + np.where(categories == part.categories[name], 0.0, -np.inf)
            columns.append(log)
        return np.stack(np.broadcast_arrays(*columns), axis=-1)

    def _categories(self, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        return self.split.kinds[name].of(given_values(self.rows, name, 1, "pointwise information"))

    @cached_property
    def _rows_of(self) -> list[WordPointwise | SpecialPointwise]:
        return [_pointwise(part, self.rows) for part in self.split.parts]


def _pointwise(part: Part, rows: Rows) -> WordPointwise | SpecialPointwise:
    if part.covariance.system.law.gaussian:
        return WordPointwise(part.mixed, rows)
    return SpecialPointwise(Special(part.covariance), rows)
