"""Which rows are held out: seeded, every class in both parts, what belongs together on one side."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.training.data.rows import Rows

__all__ = ["HELD_OUT", "ONE_IN", "choose_held_out", "held_out_by_name", "held_out_rows", "only_trained"]

HELD_OUT: Final = ("test", "val", "valid", "validation", "dev")
"""Names of parts of a data set that are not trained on."""
ONE_IN: Final = 10
"""One row in so many is chosen to be held out, where the source does not say which."""
_NO_CLASS: Final = ("unknown", "-1")  # of rows whose label is kept back


def held_out_by_name(name: str) -> bool:
    """Whether a part of a data set is held out, by the first word of its name.

    Example:
        >>> [held_out_by_name(name) for name in ("test-00000-of-00002", "validation_matched", "testimony", "train")]
        [True, True, False, False]
    """
    first = re.match(r"[a-z]*", name.lower())
    return first is not None and first.group() in HELD_OUT


def held_out_rows(rows: Rows, seed: int = 0) -> NDArray[np.bool_]:
    """The rows that the source holds out; else every so manieth, where the kind of source is split so; else a choice.

    Where every so manieth would leave a class without rows to train on, a tenth of every class is chosen.

    Raises:
        FlowError: A class with one row or group only, or a single group.
    """
    if rows.held_out is not None:
        return rows.held_out
    number = len(rows.values)
    if rows.every is not None:
        held = np.asarray(np.arange(number) % rows.every == rows.every - 1)
        if rows.label is None or not _untrained(rows.label, held):
            return held
    return choose_held_out(number, rows.label, rows.group, seed)


def only_trained(
    rows: Rows, held: NDArray[np.bool_], source: str, seed: int = 0
) -> tuple[Rows, NDArray[np.bool_]]:
    """Rows whose classes are all trained; held-out rows without a class are left out.

    A source that is held out as a whole is left as it is: it is there to be compared with.

    Args:
        rows: All rows.
        held: Which are held out, (n,).
        source: For messages.
        seed: Of a new choice, where no row is left to hold out.

    Raises:
        FlowError: A class with held-out rows only: a flow would offer it, and no row trains it.
    """
    if rows.label is None or held.all():
        return rows, held
    untrained = _untrained(rows.label, held)
    named = [name for name in untrained if name not in _NO_CLASS]
    if named:
        raise FlowError(
            f"training data `{source}`: expected rows to train on of every class, `{named[0]}` has held-out rows only. "
            "Add rows of it, join or leave out classes by `--classes`, or use `--unconditional`."
        )
    if not untrained:
        return rows, held
    kept = ~np.isin(rows.label, untrained)
    left = rows.only(kept, f"{int((~kept).sum()):,} held-out rows without a class left out")
    held = held[kept]
    return left, held if held.any() else choose_held_out(len(held), left.label, left.group, seed)


def choose_held_out(
    rows: int, label: NDArray[np.str_] | None, group: NDArray[np.str_] | None, seed: int = 0
) -> NDArray[np.bool_]:
    """Choose about a tenth of the rows.

    Args:
        rows: How many there are.
        label: Class of each; a tenth of every class is chosen, and never all of it.
        group: What belongs together; a group is chosen whole or not at all.
        seed: Of the choice.

    Returns:
        (rows,), True for rows that are held out.

    Raises:
        FlowError: A class with one row or group only, or a single group.
    """
    groups = np.arange(rows) if group is None else np.unique(group, return_inverse=True)[1]
    kinds = np.zeros(rows, int) if label is None else np.unique(label, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    held = np.zeros(rows, bool)
    counts = np.bincount(kinds)
    wanted = np.maximum(1, np.round(counts / ONE_IN)).astype(int)
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    for number in order:
        chosen = members[number]
        taken = np.bincount(kinds[chosen], minlength=len(counts))
        now = np.bincount(kinds[held], minlength=len(counts))
        lacking = (taken > 0) & (now < wanted)
        if lacking.any() and (now + taken < counts)[taken > 0].all():
            held[chosen] = True
    missing = np.flatnonzero(np.bincount(kinds[held], minlength=len(counts)) == 0)
    if len(missing):
        name = "the data" if label is None else f"class `{np.unique(label)[missing[0]]}`"
        raise FlowError(
            f"training data: expected at least two {'rows' if group is None else 'groups'} of {name}, because every "
            "class is trained and held out. Add rows, join it with another class, or use `--unconditional`."
        )
    return held


def _untrained(label: NDArray[np.str_], held: NDArray[np.bool_]) -> list[str]:
    """Classes of which all rows are held out."""
    return [str(name) for name in np.setdiff1d(label[held], label[~held])]
