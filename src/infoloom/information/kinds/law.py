"""Information with categorical causes, what they choose, words and labels.

Given its categories d a story is a law of its own for every combination, so for any sets of variables

    I(A; B | C) = Σ_d p(d) I_d(A; B | C) + J(AC) + J(BC) − J(ABC) − J(C),    J(S) = I(d; S).

A variable that shows a category (a picture of a chosen shape, a chosen word) has it in S. Categories that no equation
has are independent of everything but what they choose: they add log K where both sides show them.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from infoloom.errors import QueryError, SpecError
from infoloom.information.beyond_gaussian.effort import DEFAULT, Effort
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.kinds.drawn import draw_parts
from infoloom.information.kinds.labels import label_quantity, nodes_of
from infoloom.information.kinds.parts import Part, Split, make_split
from infoloom.information.kinds.rows import KindPointwise, Rows
from infoloom.information.kinds.told import group_of, told_by_words
from infoloom.information.notation import Query
from infoloom.information.pieces import Piece, pieces
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE, Quantity
from infoloom.information.words.cells import Cells
from infoloom.information.words.quadrature import Estimate
from infoloom.law.choices import choosing
from infoloom.law.compilation import compose_graph
from infoloom.law.graph import Graph
from infoloom.spec.model import Spec

__all__ = ["KindLaw", "make_kinds"]

_BATCHES: Final = 16
_TERMS: Final = 4  # of a query at most, which share a budget
_FIRST: Final = 4  # batches before the error is looked at
Names = tuple[str, ...]
Term = tuple[frozenset[str], Names]


@dataclass(frozen=True)
class KindLaw:
    """The law of a story with categorical causes.

    Attributes:
        split: The story by its categories.
        special: Its information by quadrature over the categories, for Gaussian variables.
        graph: Its graph.
    """

    split: Split
    special: Special
    graph: Graph
    _known: dict[object, Quantity] = field(default_factory=dict, repr=False, compare=False)
    _specials: dict[int, Special] = field(default_factory=dict, repr=False, compare=False)

    def quantity(self, query: Query, effort: Effort = DEFAULT) -> Quantity:
        """The value of a query; at most, where an observation does not tell the class that was chosen.

        Raises:
            QueryError: Words or labels beside causes that are neither normal nor categorical, or a value that has no
                bound.
        """
        label = self._of_label(query, effort)
        if label is not None:
            return label
        bounded = self._bounded(query)
        total, tolerance, variance = 0.0, 0.0, 0.0
        terms: Counter[Term] = Counter()
        for piece in pieces(query):
            total += piece.factor * self._apart(piece)
            inside = self._inside(piece, effort)
            total, tolerance = (
                total + piece.factor * inside.value,
                tolerance + abs(piece.factor) * inside.tolerance,
            )
            variance += (piece.factor * inside.standard_error) ** 2
            for names, sign in _sets(piece):
                terms[self._term(names)] += int(sign * piece.factor)
        for term, factor in terms.items():
            if factor:
                told = self._told(term, effort)
                total, tolerance = total + factor * told.value, tolerance + abs(factor) * told.tolerance
                variance += (factor * (told.standard_error or 0.0)) ** 2
        total = float(total)
        if variance:
            return Quantity(total, math.hypot(math.sqrt(variance), tolerance), MONTE_CARLO, at_most=bounded)
        return Quantity(total, None, QUADRATURE if tolerance else CLOSED_FORM, tolerance, at_most=bounded)

    def has_value(self, query: Query) -> bool:
        """Whether a value or an upper bound of it is known, as far as what is chosen decides that."""
        try:
            self._bounded(query)
        except QueryError:
            return False
        return True

    def pointwise(self, rows: Rows) -> KindPointwise:
        """Log-densities and pointwise information of rows."""
        return KindPointwise(self.split, rows, self.special)

    def refuse_decomposition(self, target: str, modalities: Sequence[str]) -> None:
        """Refuse what minimal mutual information does not decompose because a category chooses.

        Raises:
            QueryError: A target that shows a category beside its latent, or a modality that does not tell its class.
        """
        member = self.split.member(target)
        if member.kinds and member.rest:
            raise QueryError(
                f"decomposition of `{target}`: expected a scalar, got an observation that shows "
                f"`{min(member.kinds)}` beside its latent, and for both together minimal mutual information is not the "
                "decomposition. Name a target."
            )
        lossy = next((name for name in modalities if self.split.member(name).lossy), None)
        if lossy is not None:
            raise QueryError(
                f"decomposition of `{target}`: `{lossy}` has a trained flow whose class is chosen, so an observation "
                "does not tell its class, and only an upper bound of its information is known; expected modalities "
                "whose information is known, because differences of bounds bound nothing. Name other modalities."
            )

    def _bounded(self, query: Query) -> bool:
        """Whether a value is an upper bound, by data processing of parts on their own."""
        asked = [name for part in query.parts for name in part]
        lossy = [name for name in (*asked, *query.given) if self.split.member(name).lossy]
        if not lossy:
            return False
        falls = query.measure == "TC" or (query.measure == "I" and len(query.parts) == 2)
        if not falls or any(name in query.given for name in lossy):
            raise QueryError(
                f"`{query}`: `{lossy[0]}` has a trained flow whose class is chosen, so an observation does not tell "
                "its class; expected a mutual information or total correlation with it before the bar, for which an "
                "upper bound is known. Leave it out."
            )
        return True

    def _apart(self, piece: Piece) -> float:
        """What categories tell that no equation has: they are independent, and each side shows them or not."""
        shown, other, known = (self.split.taken_apart(n)[0] for n in (piece.a, piece.b, piece.given))
        both = (shown & other if piece.b else shown) - known - self.split.coupled
        return sum(self.split.kinds[name].entropy for name in both)

    def _inside(self, piece: Piece, effort: Effort) -> Estimate:
        """Average over the parts of the information that variables have besides the categories."""
        a, b, given = (self.split.taken_apart(names)[1] for names in (piece.a, piece.b, piece.given))
        if not a or (piece.b and not b):
            return Estimate(0.0)
        query = Query("I", (a, b), given) if piece.b else Query("H", (a,), given)
        found = [(part.probability, self._of_part(part, query, effort)) for part in self.split.parts]
        return Estimate(
            sum(share * one.value for share, one in found),
            sum(share * one.tolerance for share, one in found),
            sum(share * (one.standard_error or 0.0) for share, one in found),
        )

    def _of_label(self, query: Query, effort: Effort) -> Quantity | None:
        """What is known of a label where causes are neither normal nor categorical, if nothing shows a category."""
        names = [*(name for part in query.parts for name in part), *query.given]
        if self.split.gaussian or self.split.taken_apart(names)[0]:
            return None
        return label_quantity(self.special, self.split.parts[0].mixed.cells, self.graph, query, effort)

    def _of_part(self, part: Part, query: Query, effort: Effort) -> Quantity:
        if part.covariance.system.law.gaussian:
            return part.mixed.quantity(query, _share(effort, len(self.split.parts)))
        special = self._specials.setdefault(id(part), Special(part.covariance))
        self._refuse_words((*(n for p in query.parts for n in p), *query.given))
        return special.quantity(query, effort)

    def _refuse_words(self, names: Sequence[str]) -> None:
        said = next((name for name in names if name in self.split.parts[0].mixed.cells), None)
        if said is not None:
            raise QueryError(
                f"`{said}`: expected a story of normal and categorical causes, because in others `H(label)` and "
                "`I(x; label)` are known, and no more of words and labels. Ask for the variable that it is cut from."
            )

    def _term(self, names: frozenset[str]) -> Term:
        kinds, rest = self.split.taken_apart(sorted(names))
        return kinds & self.split.coupled, tuple(sorted(rest))

    def _told(self, term: Term, effort: Effort) -> Quantity:
        """J: what a set of variables tells about the coupled categories."""
        kinds, rest = term
        shown = sum(self.split.kinds[name].entropy for name in kinds)
        left = self.split.coupled - kinds
        if not left or not rest or self._separated(left, rest, kinds):
            return Quantity(shown)
        key = (term, effort)
        if key not in self._known:
            self._known[key] = self._of_rest(kinds, left, rest, effort)
        found = self._known[key]
        return Quantity(shown + found.value, found.standard_error, found.method, found.tolerance)

    def _of_rest(self, kinds: frozenset[str], left: frozenset[str], rest: Names, effort: Effort) -> Quantity:
        cells = self.split.parts[0].mixed.cells
        words = [name for name in rest if name in cells]
        if not words:
            query = Query("I", (tuple(sorted(left)), rest), tuple(sorted(kinds)))
            return self.special.quantity(query, effort)
        if not self.split.gaussian:
            self._refuse_words(words)
        if len(words) == len(rest):
            found = told_by_words(self.split, words, kinds)
            if found is not None:
                return Quantity(found.value, None, QUADRATURE, found.tolerance)
        return self._by_rows(kinds, rest, effort)

    def _by_rows(self, kinds: frozenset[str], rest: Names, effort: Effort) -> Quantity:
        """E log p(variables | all categories) / p(variables | some), over rows of every part."""
        means, errors = [], []
        budget = _share(effort, _TERMS).budget
        end = 0.0 if budget is None else time.monotonic() + budget
        for batch in itertools.count():
            values = []
            for part, rows in draw_parts(self.split, self.graph, effort.seed, batch):
                joint = rows.joint(rest)
                own = joint[:, self.split.parts.index(part)] - math.log(part.probability)
                group = [group_of(one, kinds) == group_of(part, kinds) for one in self.split.parts]
                shares = sum(one.probability for one, in_ in zip(self.split.parts, group, strict=True) if in_)
                mixed = np.logaddexp.reduce(joint[:, np.array(group)], axis=1) - math.log(shares)
                values.append((part.probability, own - mixed))
            means.append(sum(share * float(one.mean()) for share, one in values))
            errors.append(sum(share**2 * float(one.var(ddof=1)) / len(one) for share, one in values))
            error = math.sqrt(sum(errors)) / len(errors)
            if batch + 1 >= _FIRST and error <= effort.wanted(float(np.mean(means))):
                break
            if batch + 1 >= _BATCHES and time.monotonic() >= end:
                break
        return Quantity(float(np.mean(means)), float(error), MONTE_CARLO)

    def _separated(self, left: frozenset[str], rest: Names, kinds: frozenset[str]) -> bool:
        """Whether the graph says that variables tell nothing about some categories."""
        nodes = nodes_of(rest, self.split.parts[0].mixed.cells, self.graph)
        return self.graph.d_separated(left, nodes, kinds)


def _share(effort: Effort, of: int) -> Effort:
    """What one of several may take of the time."""
    return effort if effort.budget is None else replace(effort, budget=effort.budget / of)


def _sets(piece: Piece) -> list[tuple[frozenset[str], int]]:
    """J enters an information as J(AC) + J(BC) − J(ABC) − J(C), an entropy as J(AC) − J(C)."""
    a, b, given = frozenset(piece.a), frozenset(piece.b), frozenset(piece.given)
    if not b:
        return [(a | given, 1), (given, -1)]
    return [(a | given, 1), (b | given, 1), (a | b | given, -1), (given, -1)]


def make_kinds(spec: Spec, graph: Graph, special: Special, cells: Mapping[str, Cells]) -> KindLaw | None:
    """The law of a story that is not Gaussian by its categories; None for others.

    Raises:
        SpecError: More combinations of categories than are looked at, where words, labels or choices need them.
    """
    if not special.covariance.system.law.features.features:
        return None
    try:
        return KindLaw(make_split(spec, graph, cells, compose_graph), special, graph)
    except SpecError:
        if cells or choosing(graph):
            raise
        return None
