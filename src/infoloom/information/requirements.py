"""What a spec requires of its information."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from infoloom.errors import QueryError, SpecError
from infoloom.information.notation import Query, check_names, parse_query
from infoloom.spec.model import BOUND

__all__ = ["Relation", "Requirement", "parse_requirements"]

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
