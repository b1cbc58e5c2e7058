"""Information of words and classes with Gaussian variables and with each other.

Every quantity is a sum of Gaussian ones and of D(W | Y) = E H(words W | Y), the entropy that words keep when the
Gaussian variables Y are known:

    I(A; B | C) = I(Ya; Yb | Yc) + D(Wa Wc | Ya Yc) + D(Wb Wc | Yb Yc) − D(Wa Wb Wc | Ya Yb Yc) − D(Wc | Yc),

where a part A is its words Wa and its Gaussian variables Ya.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.effort import DEFAULT, SEED, Effort
from infoloom.information.closed_form import closed_form
from infoloom.information.notation import Query
from infoloom.information.pieces import Piece, pieces
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE, Quantity
from infoloom.information.words.cells import Cells, Cut
from infoloom.information.words.clusters import find_clusters, tie
from infoloom.information.words.quadrature import Estimate, by_quadrature
from infoloom.information.words.quasi import by_quasi_monte_carlo
from infoloom.law.covariance import StructuredCovariance

__all__ = ["Mixed", "refuse_words", "unsaid"]

Names = tuple[str, ...]
Term = tuple[frozenset[str], frozenset[str]]
_MORE: Final = 4.0
_LEVELS: Final = 9


@dataclass(frozen=True)
class Mixed:
    """A Gaussian law with variables of words and classes.

    Attributes:
        covariance: The joint law.
        cells: Variables of classes by name.
    """

    covariance: StructuredCovariance
    cells: Mapping[str, Cells]
    _known: dict[tuple[frozenset[str], frozenset[str], int, int], Estimate] = field(
        default_factory=dict, repr=False, compare=False
    )

    def concerns(self, query: Query) -> bool:
        """Whether a query names words or classes."""
        return any(name in self.cells for part in (*query.parts, query.given) for name in part)

    def quantity(self, query: Query, effort: Effort = DEFAULT) -> Quantity:
        """A quantity of words, classes and Gaussian variables.

        Entropies of words are those of discrete variables, ≥ 0; with Gaussian variables in the same entropy it is
        their differential entropy plus that of the words given them.

        Args:
            query: What is asked for.
            effort: Quasi Monte Carlo takes a fixed amount of work; with a budget it takes more and more points until
                the error is small enough, or more would take too long.

        Returns:
            Nats: in closed form, by quadrature to 1e-6 with its tolerance, or by quasi Monte Carlo with its standard
            error.

        Raises:
            InfiniteInformationError: The Gaussian variables determine each other in part.
            DegenerateError: The differential entropy is −∞.
        """
        began = time.monotonic()
        found = self._quantity(query, 0, effort.seed)
        took = time.monotonic() - began
        for level in range(1, _LEVELS):
            error, before = found.standard_error or 0.0, time.monotonic()
            more = _MORE * took  # what twice as many points inside and outside take
            if (
                effort.budget is None
                or error <= effort.wanted(found.value)
                or before + more > began + effort.budget
            ):
                break
            found = self._quantity(query, level, effort.seed)
            took = time.monotonic() - before
        return found

    def _quantity(self, query: Query, level: int, seed: int) -> Quantity:
        total, tolerance = 0.0, 0.0
        terms: Counter[Term] = Counter()
        for piece in pieces(query):
            plain, entropies = self._split(piece)
            if plain is not None:
                found = closed_form(self.covariance, plain)
                total, tolerance = total + piece.factor * found.value, tolerance + found.tolerance
            for term, sign in entropies:
                terms[term] += int(sign * piece.factor)
        variance = 0.0
        for term, factor in terms.items():
            if factor:
                entropy = self.remaining(*term, level, seed)
                total, tolerance = total + factor * entropy.value, tolerance + abs(factor) * entropy.tolerance
                variance += (factor * entropy.standard_error) ** 2
        if variance:
            return Quantity(total, math.hypot(math.sqrt(variance), tolerance), MONTE_CARLO)
        return Quantity(total, None, QUADRATURE if tolerance else CLOSED_FORM, tolerance)

    def remaining(
        self, words: frozenset[str], known: frozenset[str], level: int = 0, seed: int = SEED
    ) -> Estimate:
        """D(W | Y) = E H(W | Y) ≥ 0, nats.

        Args:
            words: Names of variables of classes.
            known: Names of Gaussian variables.
            level: 2^level times as many points, where quadrature does not reach.
            seed: Of these points.
        """
        key = words, known, level, seed
        if key not in self._known:
            self._known[key] = self._remaining(*key)
        return self._known[key]

    def cuts(self, words: Sequence[str] | frozenset[str]) -> list[Cut]:
        """The cuts of some variables of classes, in the order of their names."""
        return [cut for name in sorted(words) for cut in self.cells[name].cuts]

    def _remaining(self, words: frozenset[str], known: frozenset[str], level: int, seed: int) -> Estimate:
        tied = tie(self.covariance, self.cuts(words))
        value = tolerance = variance = 0.0
        for cluster in find_clusters(self.covariance, tied, sorted(known)):
            found = by_quadrature(cluster) or by_quasi_monte_carlo(cluster, seed ^ SEED, level)
            value, tolerance = value + found.value, tolerance + found.tolerance
            variance += found.standard_error**2
        return Estimate(value, tolerance, math.sqrt(variance))

    def _split(self, piece: Piece) -> tuple[Query | None, list[tuple[Term, int]]]:
        """The Gaussian part of a piece, and its entropies of words with their signs."""
        (wa, ya), (wb, yb), (wc, yc) = (self._parts(names) for names in (piece.a, piece.b, piece.given))
        if not piece.b:
            plain = Query("H", (tuple(ya),), tuple(yc)) if ya else None
            return plain, self._terms([((wa, wc), (ya, yc), 1), ((wc,), (yc,), -1)])
        plain = Query("I", (tuple(ya), tuple(yb)), tuple(yc)) if ya and yb else None
        return plain, self._terms(
            [
                ((wa, wc), (ya, yc), 1),
                ((wb, wc), (yb, yc), 1),
                ((wa, wb, wc), (ya, yb, yc), -1),
                ((wc,), (yc,), -1),
            ]
        )

    def _terms(
        self, signed: list[tuple[tuple[list[str], ...], tuple[list[str], ...], int]]
    ) -> list[tuple[Term, int]]:
        return [
            ((frozenset().union(*words), frozenset().union(*known)), sign)
            for words, known, sign in signed
            if any(words)
        ]

    def _parts(self, names: Names) -> tuple[list[str], list[str]]:
        return [n for n in names if n in self.cells], [n for n in names if n not in self.cells]


def unsaid(
    ask: Callable[[Query], Quantity],
    cells: Mapping[str, Cells],
    captions: Sequence[str],
    others: Sequence[str],
    held: Collection[str] = (),
) -> dict[str, tuple[Quantity, Quantity]]:
    """By pair `text; y` the information of what a caption's words are made of about y, and that of the words, nats.

    Args:
        ask: The value of a query.
        cells: Variables of words by name.
        captions: Names of captions.
        others: Names of other variables.
        held: Factors and causes that an intervention holds.
    """
    found = {}
    for name in captions:
        chosen = [slot[0] for slot in cells[name].slots if not isinstance(slot, int)]
        behind = dict.fromkeys([*(cut.variable for cut in cells[name].cuts), *chosen])
        factors = tuple(one for one in behind if one not in held)
        for other in others if factors else ():
            whole = ask(Query("I", (factors, (other,))))
            found[f"{name}; {other}"] = (whole, ask(Query("I", ((name,), (other,)))))
    return found


def refuse_words(words: Collection[str], names: Sequence[str], what: str, why: str) -> None:
    """Refuse names of words where only Gaussian variables fit.

    Raises:
        QueryError: One of them.
    """
    said = next((name for name in names if name in words), None)
    if said is not None:
        raise QueryError(
            f"{what}: `{said}` is words or classes; expected Gaussian variables, because {why}. Leave it out."
        )
