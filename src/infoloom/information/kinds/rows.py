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
from infoloom.information.words.rows import WordPointwise, error_of
from infoloom.law.equations import Array

__all__ = ["KindPointwise", "Rows"]

Rows = Mapping[str, np.ndarray[Any, np.dtype[Any]]]
Sets = list[tuple[list[str], int]]


class KindPointwise:
    """Pointwise information of rows: log p = log Σ over the combinations of categories that the rows leave open.

    Args:
        split: The story by its categories.
        rows: Values by name, as `Story.sample` returns them: categorical causes are needed where they choose.
        special: The story's information without its categories taken apart, where its parts are not Gaussian.
    """

    def __init__(self, split: Split, rows: Rows, special: Special | None = None) -> None:
        self.split, self.rows, self.special = split, rows, special
        self._densities: dict[frozenset[str], Array] = {}

    def information(self, a: Sequence[str], b: Sequence[str], given: Sequence[str] = ()) -> Array:
        """Pointwise mutual information pmi(a; b | given) of every row, shape (n,), nats.

        Raises:
            QueryError: A name stands twice, values are missing, an observation tells less than its latent, or a label
                beside causes that are neither normal nor categorical.
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
        self._refuse_words(names)
        whole = self._in_whole_story(_sets(a, b, given))
        if whole is not None:
            return whole[0]
        return np.asarray(sum(sign * self.log_density(members) for members, sign in _sets(a, b, given)))

    def with_error(
        self, a: Sequence[str], b: Sequence[str], given: Sequence[str] = ()
    ) -> tuple[Array, Array]:
        """`information` and how far it may be off, shape (n,) each, nats."""
        values = self.information(a, b, given)
        whole = self._in_whole_story(_sets(a, b, given))
        if whole is not None:
            return whole
        return values, error_of([self.density_error(names) for names, _ in _sets(a, b, given)], values)

    def _in_whole_story(self, sets: Sets) -> tuple[Array, Array] | None:
        """Values and errors without the categories taken apart, where the parts know less; None where they do not."""
        special = None if self.split.gaussian else self.special
        if special is None:
            return None
        apart = [(self._apart(members), sign) for members, sign in sets]
        if not any(self._shows_more(special, members) for members, _ in apart):
            return None
        return SpecialPointwise(special, self.rows).of_sets(apart)

    def density_error(self, names: Sequence[str]) -> Array:
        """How far `log_density` may be off, shape (n,) or (1,), nats."""
        _, rest = self.split.taken_apart(names)
        if not rest:
            return np.zeros(1)
        shares = np.atleast_2d(self.posterior(names))
        errors = np.stack(np.broadcast_arrays(*(one.density_error(rest) for one in self._rows_of)), axis=-1)
        return np.asarray(np.sqrt(np.sum((shares * errors) ** 2, axis=1)))

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

    def _refuse_words(self, names: Sequence[str]) -> None:
        """Refuse words and labels where causes are neither normal nor categorical."""
        _, rest = self.split.taken_apart(names)
        cells = self.split.parts[0].mixed.cells
        said = None if self.split.gaussian else next((name for name in rest if name in cells), None)
        if said is not None:
            raise QueryError(
                f"pointwise information: `{said}` is words or classes; expected a story of normal and categorical "
                "causes, because their pointwise information is known there only. Ask for the variable that it is cut "
                "from."
            )

    def _apart(self, names: Sequence[str]) -> list[str]:
        kinds, rest = self.split.taken_apart(names)
        return [*sorted(kinds), *rest]

    def _shows_more(self, special: Special, names: Sequence[str]) -> bool:
        """Whether variables show special causes without noise beside the categories among them.

        The parts do not know of that: in each a target that is a category, `theta: kind`, is one number.
        """
        return bool(names) and not set(
            special.channel(frozenset(names)).known
        ) <= self.split.kinds.keys() & set(names)

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


def _sets(a: Sequence[str], b: Sequence[str], given: Sequence[str]) -> Sets:
    """The sets of variables whose log-densities make a pointwise information, with their signs."""
    return [([*a, *b, *given], 1), (list(given), 1), ([*a, *given], -1), ([*b, *given], -1)]


def _pointwise(part: Part, rows: Rows) -> WordPointwise | SpecialPointwise:
    if part.covariance.system.law.gaussian:
        return WordPointwise(part.mixed, rows)
    return SpecialPointwise(Special(part.covariance), rows)
