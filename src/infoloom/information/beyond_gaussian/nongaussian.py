"""Information of stories that are not Gaussian (theory, section 8).

Given its special causes s a story is Gaussian, so for any sets of variables

    I(A; B | C) = I(A; B | C, s) + J(AC) + J(BC) − J(ABC) − J(C),    J(S) = I(s; S).

The first term is a closed form. J is one through linear normal causes, a quadrature where up to three causes move a
channel in up to three directions, and a Monte Carlo estimate otherwise; the latter share their rows, so that errors
cancel.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar, cast

import numpy as np

from infoloom.errors import DegenerateError, InfiniteInformationError, QueryError
from infoloom.information.beyond_gaussian.channel import Channel, Component, make_channel
from infoloom.information.beyond_gaussian.cloud import Cloud, Term
from infoloom.information.beyond_gaussian.effort import DEFAULT, Effort, Purse
from infoloom.information.beyond_gaussian.quadrature import on_a_line, on_a_plane
from infoloom.information.notation import Query, evaluate
from infoloom.information.pieces import pieces
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE, Quantity
from infoloom.law.covariance import StructuredCovariance
from infoloom.law.equations import Array, Law

__all__ = ["Special", "given_special"]

T = TypeVar("T")
_SHARE: Final = 1e-4  # of the default tolerance, for each quadrature


def given_special(covariance: StructuredCovariance) -> StructuredCovariance:
    """The law of all variables given the special causes: Gaussian, without the columns of their features."""
    law = covariance.system.law
    in_span = {}
    for name, rows in law.drawn.items():
        in_span[name] = rows.copy()
        in_span[name][:, list(law.columns)] = 0.0
    return StructuredCovariance(replace(covariance.system, in_span=in_span, law=Law(), recompose=None))


class Special:
    """Information of one story with special causes; everything found is kept.

    Args:
        covariance: Second moments of all variables, with the law of the special causes.
    """

    def __init__(self, covariance: StructuredCovariance) -> None:
        self.covariance = covariance
        self.conditional = given_special(covariance)
        self._channels: dict[frozenset[str], Channel] = {}
        self._kept: dict[object, object] = {}

    def quantity(self, query: Query, effort: Effort = DEFAULT) -> Quantity:
        """The value of a query.

        Args:
            query: What is asked.
            effort: How accurate, and what may be spent.

        Raises:
            InfiniteInformationError: The value is infinite.
            QueryError: The value is not reached.
        """
        sets = _sets(query)
        channels = {names: self.channel(names) for names in sets}
        try:
            plain = evaluate(self.conditional, query)
        except DegenerateError as error:
            self._refuse_entangled(query, channels, error)
            raise
        known = Counter[str]()
        for names, factor in sets.items():
            known.update(dict.fromkeys(channels[names].known, factor))
        total = Quantity(plain + self._of_known(query, known))
        terms = _counted(sets, channels)
        purse = effort.purse()
        open_terms: list[Term] = []
        share = _SHARE if effort.tolerance is None else 0.5 * effort.tolerance / max(1, len(terms))
        for term in terms:
            found = self.line(term.part) or self.plane(term.part, share / abs(term.factor), effort, purse)
            if found is None:
                open_terms.append(term)
            else:
                open_terms.append(replace(term, mean=found.value))
                scaled = replace(
                    found, value=term.factor * found.value, tolerance=abs(term.factor) * found.tolerance
                )
                total = _sum(total, scaled)
        if all(term.mean is not None for term in open_terms):
            return total
        return self._by_rows(total, open_terms, effort, purse if effort.budget else effort.purse())

    def _by_rows(self, total: Quantity, terms: Sequence[Term], effort: Effort, purse: Purse) -> Quantity:
        """What is left by Monte Carlo; the known terms serve as control variates."""
        known = sum(term.factor * term.mean for term in terms if term.mean is not None)
        rest = total.value - known  # the rows' mean has the known terms in it
        found = self._cloud(effort.seed).estimate(terms, lambda value: effort.wanted(rest + value), purse)
        return Quantity(rest + found.value, found.error, MONTE_CARLO, total.tolerance)

    def channel(self, names: frozenset[str]) -> Channel:
        """The channel from the special causes to some variables."""
        if names not in self._channels:
            self._channels[names] = make_channel(
                self.covariance, sorted(names, key=self.covariance.names.index)
            )
        return self._channels[names]

    def line(self, part: Component) -> Quantity | None:
        """J of one component if it has a closed form or one direction only, else nothing."""
        return self.kept(("line", part.key), lambda: on_a_line(part))

    def plane(self, part: Component, tolerance: float, effort: Effort, purse: Purse) -> Quantity | None:
        """J of one component by quadrature in up to three dimensions, else nothing."""
        key = "plane", part.key, tolerance, effort.budget
        if (
            effort.budget is None
        ):  # every one has as much, so that values do not depend on what was asked before
            purse = effort.purse()
        return self.kept(key, lambda: on_a_plane(part, tolerance, purse))

    def _cloud(self, seed: int) -> Cloud:
        """Rows of a seed: the noise that all variables together see comes first, where Sobol points are best."""
        return self.kept(("cloud", seed), lambda: Cloud(self._law.features, self._basis(), seed))

    def _basis(self) -> Array:
        whole = self.channel(frozenset(self.covariance.names))
        return np.asarray(np.linalg.qr((whole.weights.T @ whole.noise).T, mode="complete")[0])

    @property
    def _law(self) -> Law:
        return self.covariance.system.law

    def kept(self, key: object, make: Callable[[], T]) -> T:
        """What was made before under a key, or is made now."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def _of_known(self, query: Query, known: Counter[str]) -> float:
        """What causes without noise contribute: their entropy, which is infinite unless it cancels."""
        total = 0.0
        for cause, factor in known.items():
            distribution = self.covariance.system.law.features.distributions[cause]
            if factor and not distribution.discrete:
                raise InfiniteInformationError(
                    f"`{query}`: the information is infinite, because both sides determine `{cause}` without noise. "
                    "Add noise to one of them, such as `+ 0.1*noise`."
                )
            total += factor * math.log(len(distribution.atoms[0])) if factor else 0.0
        return total

    def _refuse_entangled(
        self, query: Query, channels: dict[frozenset[str], Channel], error: DegenerateError
    ) -> None:
        """Infinite given the special causes need not be infinite without them."""
        if any(len(channel.shown) for channel in channels.values()):
            raise QueryError(
                f"`{query}`: variables without noise of their own share special causes, and this is not supported. "
                "Add noise to the targets among them, such as `+ 0.1*noise`."
            ) from error


def _sets(query: Query) -> dict[frozenset[str], float]:
    """A query as a sum of entropies of sets of variables."""
    sets: Counter[frozenset[str]] = Counter()
    for piece in pieces(query):
        a, b, given = frozenset(piece.a), frozenset(piece.b), frozenset(piece.given)
        sets.update({a | given: piece.factor})
        sets.update({given: -piece.factor})
        if b:
            sets.update({b | given: piece.factor})
            sets.update({a | b | given: -piece.factor})
    return {names: factor for names, factor in sets.items() if factor and names}


def _counted(sets: dict[frozenset[str], float], channels: dict[frozenset[str], Channel]) -> list[Term]:
    """Every different component with its factor; equal ones cancel."""
    terms: dict[object, Term] = {}
    factors: Counter[object] = Counter()
    for names, factor in sets.items():
        channel = channels[names]
        for part in channel.components:
            noise = channel.weights[:, list(part.columns)].T @ channel.noise
            terms.setdefault(part.key, Term(factor, part, noise))
            factors.update({part.key: factor})
    return [replace(terms[key], factor=factor) for key, factor in factors.items() if factor]


def _sum(a: Quantity, b: Quantity) -> Quantity:
    method = QUADRATURE if QUADRATURE in (a.method, b.method) else CLOSED_FORM
    return Quantity(a.value + b.value, None, method, a.tolerance + b.tolerance)
