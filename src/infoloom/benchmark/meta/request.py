"""What a stream of tasks is asked for, checked once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from numbers import Real
from typing import Any, Final

from infoloom.benchmark.checks import expect, whole
from infoloom.benchmark.meta.laws.base import LEAST
from infoloom.benchmark.meta.laws.named import FAMILIES
from infoloom.benchmark.meta.sides import MAPS, USUAL

__all__ = ["MAX_COLUMNS", "MAX_ROWS", "Request", "request"]

MAX_COLUMNS: Final = 128
MAX_ROWS: Final = 100_000
_MOST_NATS: Final = 10**6  # more than any family can carry
_SEEDS: Final = 2**63


@dataclass(frozen=True)
class Request:
    """Ranges of a stream, both ends included.

    Attributes:
        seed: Seed.
        dims: Fewest and most columns of x and of y.
        rows: Fewest and most rows.
        nats: Least and most information.
        families: Names of families of laws.
        maps: Names of what x and y hide behind.
    """

    seed: int
    dims: tuple[int, int]
    rows: tuple[int, int]
    nats: tuple[float, float]
    families: tuple[str, ...]
    maps: tuple[str, ...]

    @property
    def most(self) -> dict[str, float]:
        """The most information by family (nats): what was asked for, or what its columns can carry if that is less."""
        return {name: min(self.nats[1], FAMILIES[name].capacity(self.dims[1])) for name in self.families}

    def to_json(self) -> dict[str, Any]:
        """The request as plain values; `request(**…)` makes it again."""
        return {
            "seed": self.seed,
            "dims": list(self.dims),
            "rows": list(self.rows),
            "nats": list(self.nats),
            "families": list(self.families),
            "maps": list(self.maps),
        }


def request(
    seed: int,
    dims: Sequence[int] = (1, 32),
    rows: Sequence[int] = (50, 500),
    nats: Sequence[float] = (0.0, 6.0),
    families: Iterable[str] | None = None,
    maps: Iterable[str] | None = None,
) -> Request:
    """Check what a stream is asked for.

    Raises:
        TaskError: Not such numbers or names, more information than the columns can carry, or renderers without torch.
    """
    expect(whole(seed) and 0 <= seed < _SEEDS, "seed", seed, "a whole number from 0 to 2^63 - 1", "Use 0.")
    asked = Request(
        int(seed),
        _whole_range("dims", dims, MAX_COLUMNS, (1, 32)),
        _whole_range("rows", rows, MAX_ROWS, (50, 500)),
        _nats(nats),
        _names("families", families, tuple(FAMILIES)),
        _names("maps", USUAL if maps is None else maps, MAPS),
    )
    expect(
        "rendered" not in asked.maps or find_spec("torch") is not None,
        "maps",
        "rendered",
        "torch, because it renders",
        "Install it with: pip install 'infoloom[torch]'.",
    )
    for name in asked.families:
        carries = FAMILIES[name].capacity(asked.dims[1])
        expect(
            asked.nats[0] <= carries,
            "nats",
            nats,
            f"at least some information that `{name}` can carry in {asked.dims[1]} columns, {carries:g} nats or less",
            f"Lower it, allow more columns, or leave `{name}` out of the families.",
        )
    return asked


def _pair(name: str, given: Any, wanted: str, advice: str) -> tuple[Any, Any]:
    pair = isinstance(given, Sequence) and not isinstance(given, str | bytes) and len(given) == 2
    expect(pair, name, given, wanted, advice)
    return given[0], given[1]


def _whole_range(name: str, given: Any, most: int, usual: tuple[int, int]) -> tuple[int, int]:
    wanted, advice = (
        f"two whole numbers from 1 to {most:,}, the smaller first",
        f"Use {name}={usual}.",
    )
    low, high = _pair(name, given, wanted, advice)
    fits = whole(low) and whole(high) and 1 <= low <= high <= most
    expect(fits, name, given, wanted, advice)
    return int(low), int(high)


def _nats(given: Any) -> tuple[float, float]:
    wanted = f"two finite numbers, each 0 or from {LEAST:g} to 1e6, the smaller first"
    advice = "Use nats=(0, 6)."
    low, high = _pair("nats", given, wanted, advice)
    numbers = all(isinstance(one, Real) and not isinstance(one, bool) for one in (low, high))
    fits = numbers and low <= high and all(one == 0 or LEAST <= one <= _MOST_NATS for one in (low, high))
    expect(fits, "nats", given, wanted, advice)
    return float(low), float(high)


def _names(name: str, given: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    """Names in the order in which they are known, so that the order of asking changes nothing."""
    if given is None:
        return known
    listed = isinstance(given, Iterable) and not isinstance(given, str | bytes)
    expect(listed, name, given, f"names out of {', '.join(known)}", "Give them as a list.")
    names = list(given)
    expect(
        len(names) > 0, name, given, "at least one name", f"Leave it out, or name some of {', '.join(known)}."
    )
    for one in names:
        expect(one in known, name, one, f"one of {', '.join(known)}", "Name one of them.")
    return tuple(one for one in known if one in names)
