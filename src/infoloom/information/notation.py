"""The query language: `I(a, b; theta | c)`, `I(a; b; theta)`, `H(a | b)`, `TC(a, b, c)`, `DTC(…)`, `O(…)`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infoloom.errors import QueryError
from infoloom.information import measures
from infoloom.law.covariance import StructuredCovariance

__all__ = ["MEASURES", "Query", "check_names", "evaluate", "parse_query", "refuse_held"]

MEASURES: Final = {
    "I": "mutual information; of three or more parts the co-information",
    "H": "differential entropy of latents; of words and classes the entropy",
    "TC": "total correlation",
    "DTC": "dual total correlation",
    "O": "O-information",
}
MAX_PARTS: Final = 12
_QUERY = re.compile(r"\s*(?P<measure>[A-Za-z]+)\s*\((?P<inside>[^()]*)\)\s*")
_NAME = re.compile(r"[^\W\d]\w*(?:\[\w+\]|\.[^\W\d]\w*)?")


@dataclass(frozen=True)
class Query:
    """An information quantity by name: a measure of parts (tuples of names), given other names.

    Example:
        >>> str(parse_query("I(radio,xray;theta|mass)"))
        'I(radio, xray; theta | mass)'
    """

    measure: str
    parts: tuple[tuple[str, ...], ...]
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        joint = "; " if self.measure == "I" or any(len(p) > 1 for p in self.parts) else ", "
        inside = joint.join(", ".join(part) for part in self.parts)
        return f"{self.measure}({inside}{' | ' + ', '.join(self.given) if self.given else ''})"


def parse_query(text: str) -> Query:
    """Read a query.

    Args:
        text: `measure(part; part | given)`: names in a part and in `given` are joined by commas, parts by
            semicolons. In TC, DTC and O a list without semicolons makes every name a part.

    Raises:
        QueryError: The text is not of that form, or a name stands twice.
    """
    match = _QUERY.fullmatch(text)
    if match is None:
        raise QueryError(
            f"query `{text}`: expected `I(a; b | c)`, `H(a)`, `TC(a, b, c)`, `DTC(…)` or `O(…)`."
        )
    measure, inside = match["measure"], match["inside"]
    if measure not in MEASURES:
        raise QueryError(
            f"query `{text}`: unknown measure `{measure}`; expected one of {', '.join(MEASURES)}."
        )
    asked, bar, condition = inside.partition("|")
    split = ";" if ";" in asked or measure in ("I", "H") else ","
    parts = tuple(_names(part, text) for part in asked.split(split))
    given = _names(condition, text) if bar else ()
    names = [*(name for part in parts for name in part), *given]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise QueryError(f"query `{text}`: `{repeated}` stands twice. Name every variable once.")
    if measure == "H" and len(parts) != 1:
        raise QueryError(f"query `{text}`: an entropy has one part. Join names by commas.")
    if measure != "H" and len(parts) < 2:
        raise QueryError(f"query `{text}`: expected two or more parts, such as `{measure}(a; b)`.")
    if measure == "I" and len(parts) > MAX_PARTS:
        raise QueryError(f"query `{text}`: expected at most {MAX_PARTS} parts, whose subsets all enter.")
    return Query(measure, parts, given)


def evaluate(covariance: StructuredCovariance, query: Query) -> float:
    """The value of a query in nats.

    Raises:
        QueryError: An unknown name.
        InfiniteInformationError: The value is infinite.
    """
    check_names(query, covariance.names)
    match query.measure:
        case "H":
            return measures.entropy(covariance, query.parts[0], query.given)
        case "I":
            return measures.co_information(covariance, query.parts, query.given)
        case "TC":
            return measures.total_correlation(covariance, query.parts, query.given)
        case "DTC":
            return measures.dual_total_correlation(covariance, query.parts, query.given)
    return measures.o_information(covariance, query.parts, query.given)


def check_names(query: Query, known: Collection[str]) -> None:
    """Refuse a query of variables that are not there.

    Raises:
        QueryError: An unknown name.
    """
    for name in (*(n for part in query.parts for n in part), *query.given):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(known)}."
            raise QueryError(f"query `{query}`: unknown variable `{name}`; {hint}")


def refuse_held(query: Query, held: Mapping[str, Sequence[float]]) -> None:
    """Refuse a query of variables that an intervention holds.

    Raises:
        QueryError: One of them.
    """
    for name in (*(n for part in query.parts for n in part), *query.given):
        values = held.get(name.partition("[")[0])
        if values is not None:
            raise QueryError(
                f"query `{query}`: `{name}` is held at {values[0]:g} by an intervention, so it carries no "
                "information. Leave it out."
            )


def _names(text: str, query: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if not _NAME.fullmatch(name):
            raise QueryError(f"query `{query}`: expected the name of a variable, got `{name}`.")
    return names
