"""Which rows are held out: seeded, every class in both parts, what belongs together on one side."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from infoloom.errors import FlowError

__all__ = ["choose_held_out"]

_SHARE: Final = 0.1


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
    wanted = np.maximum(1, np.round(_SHARE * counts)).astype(int)
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
