"""What a spec requires of its information, and every quantity of the notation as a sum of simple ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from infoloom.errors import QueryError, SpecError
from infoloom.information.notation import Query, check_names, parse_query
from infoloom.spec.model import BOUND

__all__ = ["Piece", "Relation", "Requirement", "parse_requirements", "pieces"]

Relation = Literal["=", "<=", ">="]


@dataclass(frozen=True)
class Requirement:
    """A quantity of the notation, a relation, and a value in nats.

    Attributes:
        name: The query as the spec has it.
    """

    name: str
    query: Query
    relation: Relation
    value: float

    def excess(self, reached: float) -> float:
        """How far a reached value is above (positive) or below what is required, in nats; 0 if it is met."""
        above = reached - self.value
        match self.relation:
            case "<=":
                return max(0.0, above)
            case ">=":
                return min(0.0, above)
        return above

    def __str__(self) -> str:
        return f"{self.name} {self.relation} {self.value:g}"


@dataclass(frozen=True)
class Piece:
    """A multiple of I(a; b | given), or of ½ log det Σ(a | given) where `b` is empty."""

    factor: float
    a: tuple[str, ...]
    b: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


def parse_requirements(require: Mapping[str, float | str], known: Collection[str]) -> tuple[Requirement, ...]:
    """Read the `require` section of a spec.

    Args:
        require: Values by query: a number, `<= number` or `>= number`.
        known: Names that a query may use.

    Raises:
        SpecError: With every query that cannot be read or names an unknown variable.
    """
    requirements, problems = [], []
    for name, asked in require.items():
        match = BOUND.fullmatch(str(asked))
        if match is None:
            raise ValueError(f"require.{name}: `{asked}` has not been checked for its form.")
        relation: Relation = "<=" if match["relation"] == "<=" else ">=" if match["relation"] == ">=" else "="
        try:
            query = parse_query(name)
            check_names(query, known)
        except QueryError as error:
            problems.append(f"require.{name}: {error}")
            continue
        requirements.append(Requirement(name, query, relation, float(match["value"])))
    if problems:
        raise SpecError(problems)
    return tuple(requirements)


def pieces(query: Query) -> list[Piece]:
    """A quantity as a sum of mutual informations, the same sum by which its value is computed.

    An entropy is its volume ½ log det Σ; the constant ½ dim log 2πe is left out.
    """
    match query.measure:
        case "H":
            return [Piece(1.0, query.parts[0], (), query.given)]
        case "I":
            return _co_information(1.0, list(query.parts), query.given)
        case "TC":
            return _total(1.0, query)
        case "DTC":
            return _dual(1.0, query)
    return _total(1.0, query) + _dual(-1.0, query)


def _co_information(factor: float, parts: list[tuple[str, ...]], given: tuple[str, ...]) -> list[Piece]:
    """I(…; last) = I(…) − I(… | last)."""
    if len(parts) == 2:
        return [Piece(factor, parts[0], parts[1], given)]
    *rest, last = parts
    return _co_information(factor, rest, given) + _co_information(-factor, rest, (*given, *last))


def _total(factor: float, query: Query) -> list[Piece]:
    """Σ I(parts before; part)."""
    parts = query.parts
    return [Piece(factor, _joined(parts[:i]), parts[i], query.given) for i in range(1, len(parts))]


def _dual(factor: float, query: Query) -> list[Piece]:
    """Σ I(part; parts before | parts after)."""
    parts = query.parts
    return [
        Piece(factor, parts[i], _joined(parts[:i]), (*query.given, *_joined(parts[i + 1 :])))
        for i in range(1, len(parts))
    ]


def _joined(parts: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part)
