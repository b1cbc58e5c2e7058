"""Names and choice of the columns that hold pointwise information, `pmi(radio;theta)`, in nats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

from infoloom.errors import DatasetError, InfoloomError
from infoloom.foreign.plain import texts

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["Pair", "parse_pmi", "pmi_name", "pmi_pairs"]

Pair = tuple[tuple[str, ...], tuple[str, ...]]
_NAME = re.compile(r"pmi\(([^();]+);([^();]+)\)")
_FEW: Final = 3


def pmi_name(left: Sequence[str], right: Sequence[str]) -> str:
    """Name of the column of one pair.

    Example:
        >>> pmi_name(("radio", "xray"), ("theta",))
        'pmi(radio,xray;theta)'
    """
    return f"pmi({','.join(left)};{','.join(right)})"


def parse_pmi(name: str) -> Pair:
    """The two groups of variables of a column's name.

    Raises:
        DatasetError: Not of the form `pmi(a;b)`.

    Example:
        >>> parse_pmi("pmi(radio,xray;theta)")
        (('radio', 'xray'), ('theta',))
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise DatasetError(
            f"pointwise information `{name}`: expected `pmi(a;b)`, or `a,b;c` for groups of variables."
        )
    left, right = (tuple(part.strip() for part in group.split(",")) for group in match.groups())
    return left, right


def pmi_pairs(story: Story, choice: str | Sequence[str] = "auto") -> tuple[Pair, ...]:
    """Which pairs get a column.

    `auto` is every pair of modalities and every modality with every target, up to three modalities; with more
    of them, every modality with every target and all modalities together with every target. `all` leaves out
    no pair.

    Raises:
        DatasetError: Unknown names, or one variable on both sides.
        QueryError: A pair that was asked for, whose pointwise information is not within reach.
    """
    if choice == "none":
        return ()
    if choice in ("auto", "all"):
        return tuple(pair for pair in _automatic(story, choice == "all") if _finite(story, pair))
    if (asked := texts(choice)) is None:
        raise DatasetError(
            f"pmi `{choice}`: expected `auto`, `all`, `none`, or pairs such as `radio,xray;theta`."
        )
    pairs = [parse_pmi(f"pmi({text})") for text in asked]
    known = {*story.modalities, *story.targets, *story.causes, *story.cells}
    for left, right in pairs:
        unknown = [name for name in (*left, *right) if name not in known]
        if unknown or set(left) & set(right):
            why = f"unknown `{unknown[0]}`" if unknown else "a variable stands on both sides"
            raise DatasetError(
                f"pointwise information `{','.join(left)};{','.join(right)}`: expected two disjoint groups "
                "of "
                f"{', '.join(sorted(known))}; {why}."
            )
        if not story.gaussian or story.held:
            story.pmi(story.sample(1), left, right)  # out of reach is said before any shard is made
    return tuple(dict.fromkeys(pairs))


def _automatic(story: Story, every: bool) -> list[Pair]:
    modalities = tuple(story.modalities)
    pairs: list[Pair] = []
    if every or len(modalities) <= _FEW:
        pairs += [((a,), (b,)) for a, b in combinations(modalities, 2)]
    pairs += [((name,), (target,)) for target in story.targets for name in modalities]
    if len(modalities) > _FEW or (every and len(modalities) > 1):
        pairs += [(modalities, (target,)) for target in story.targets]
    return pairs


def _finite(story: Story, pair: Pair) -> bool:
    """A pair whose information is infinite, or whose pointwise values are not within reach, gets no column."""
    try:
        story.information(f"I({', '.join(pair[0])}; {', '.join(pair[1])})")
        if not story.gaussian or story.held:
            story.pmi(story.sample(1), *pair)
    except InfoloomError:
        return False
    return True
