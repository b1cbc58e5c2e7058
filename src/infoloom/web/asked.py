"""What the page asks for: a spec, the numbers that were moved, what is held, and what to show."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from infoloom.errors import InfoloomError
from infoloom.foreign.trees import parse_json

__all__ = ["Asked", "Held", "RequestError", "read_request"]

MAX_HELD: Final = 20
MAX_WEIGHTS: Final = 10_000
_KEYS: Final = (
    "spec",
    "weights",
    "held",
    "unit",
    "panels",
    "target",
    "pair",
    "cause",
    "modality",
    "seed",
    "query",
    "page",
    "turn",
    "part",
)
_UNITS: Final = ("nats", "bits")


class RequestError(InfoloomError):
    """A request that no page of this package sends."""


@dataclass(frozen=True)
class Held:
    """A quantity that keeps its value, nats, and the path of the weight that gives way."""

    value: float
    by: str


@dataclass(frozen=True)
class Asked:
    """A request, read.

    Attributes:
        spec: YAML text; None for the spec that the page was started with.
        weights: Numbers in place of the spec's, by path.
        held: What keeps its value, by query.
        unit: Unit of the answer, `nats` or `bits`.
        panels: Names of the panels.
        target: Whose information is decomposed; the first if empty.
        pair: Modalities of a decomposition; all of them if empty.
        cause: What pictures are sorted by; the first cause if empty.
        modality: Which pictures.
        seed: Seed of the rows.
        query: A quantity that is to be held.
        page: Name of the open page; its newer requests cancel its older ones.
        turn: Number of what the page shows; requests of one turn belong together.
        part: Whether the page can show a part of the pictures and asks again for the rest.
        wanted: Raises if the page does not want the answer any more; called between the steps of slow work.
    """

    spec: str | None = None
    weights: tuple[tuple[str, float], ...] = ()
    held: tuple[tuple[str, Held], ...] = ()
    unit: str = "nats"
    panels: tuple[str, ...] = ()
    target: str = ""
    pair: tuple[str, ...] = ()
    cause: str = ""
    modality: str = ""
    seed: int = 0
    query: str = ""
    page: str = ""
    turn: int = 0
    part: bool = False
    wanted: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    @property
    def bits(self) -> bool:
        """Whether the answer is in bits."""
        return self.unit == "bits"


def read_request(body: bytes) -> Asked:
    """Read the JSON of a request; an empty one asks for the spec that the page was started with.

    Raises:
        RequestError: Not an object of the known keys.

    Example:
        >>> read_request(b'{"weights": {"parameters.a": 0.5}}').weights
        (('parameters.a', 0.5),)
    """
    tree = _object(body)
    unknown = next((key for key in tree if key not in _KEYS), None)
    if unknown is not None:
        raise RequestError(f"request: unknown key `{unknown[:50]}`; expected one of {', '.join(_KEYS)}.")
    return Asked(
        spec=_text(tree, "spec") if tree.get("spec") is not None else None,
        weights=tuple(
            (path, _number(value, "weights")) for path, value in _mapping(tree, "weights", MAX_WEIGHTS)
        ),
        held=tuple((query, _held(value)) for query, value in _mapping(tree, "held", MAX_HELD)),
        unit=_unit(tree),
        panels=_texts(tree, "panels"),
        target=_text(tree, "target"),
        pair=_texts(tree, "pair"),
        cause=_text(tree, "cause"),
        modality=_text(tree, "modality"),
        seed=_whole(tree, "seed"),
        query=_text(tree, "query"),
        page=_text(tree, "page")[:100],
        turn=_whole(tree, "turn"),
        part=_flag(tree, "part"),
    )


def _object(body: bytes) -> Mapping[str, Any]:
    if not body.strip():
        return {}
    try:
        tree = parse_json(body)
    except ValueError as error:
        raise RequestError(f"request: expected JSON ({error}).") from error
    if not isinstance(tree, dict):
        raise RequestError("request: expected an object.")
    return tree


def _wrong(key: str, expected: str) -> RequestError:
    return RequestError(f"request: `{key}`: expected {expected}.")


def _text(tree: Mapping[str, Any], key: str) -> str:
    value = tree.get(key, "")
    if not isinstance(value, str):
        raise _wrong(key, "a text")
    return value


def _texts(tree: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = tree.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _wrong(key, "a list of texts")
    return tuple(values)


def _mapping(tree: Mapping[str, Any], key: str, most: int) -> list[tuple[str, Any]]:
    values = tree.get(key, {})
    if not isinstance(values, dict) or len(values) > most:
        raise _wrong(key, f"an object of at most {most:,} keys")
    return list(values.items())


def _number(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(key, "finite numbers")
    return float(value)


def _held(value: Any) -> Held:
    if not isinstance(value, dict) or set(value) != {"value", "by"} or not isinstance(value["by"], str):
        raise _wrong("held", "objects of `value` and `by`")
    return Held(_number(value["value"], "held"), value["by"])


def _unit(tree: Mapping[str, Any]) -> str:
    unit = tree.get("unit", _UNITS[0])
    if unit not in _UNITS:
        raise _wrong("unit", " or ".join(_UNITS))
    return str(unit)


def _flag(tree: Mapping[str, Any], key: str) -> bool:
    value = tree.get(key, False)
    if not isinstance(value, bool):
        raise _wrong(key, "true or false")
    return value


def _whole(tree: Mapping[str, Any], key: str) -> int:
    value = tree.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise _wrong(key, "a whole number from 0 to 2^32")
    return value
