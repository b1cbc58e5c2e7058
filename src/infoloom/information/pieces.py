"""Every quantity of the notation as a sum of mutual informations or log-determinants."""

from __future__ import annotations

from dataclasses import dataclass

from infoloom.information.notation import Query

__all__ = ["Piece", "pieces"]


@dataclass(frozen=True)
class Piece:
    """A multiple of I(a; b | given), or of ½ log det Σ(a | given) where `b` is empty."""

    factor: float
    a: tuple[str, ...]
    b: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


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
