"""The part of an interrupted dataset that can be opened: its first rows, as far as their shards are all there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infoloom.datasets.storage.layout import Shard

__all__ = ["Partial", "leading"]


@dataclass(frozen=True)
class Partial:
    """What a dataset was planned to hold, of which it holds the first rows only.

    Attributes:
        rows: Rows planned.
        shards: Shards planned.
        splits: Rows planned by split; one of which nothing is there yet is missing from the dataset.
        beyond: Finished shards that come after a missing one, and so are not part of it.
    """

    rows: int
    shards: int
    splits: dict[str, int]
    beyond: int = 0

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return asdict(self)

    def sentence(self, rows: int, splits: Sequence[tuple[str, int]]) -> str:
        """What the card says.

        Args:
            rows: Rows that are there.
            splits: Rows that are there, by split.
        """
        there = dict(splits)
        each = ", ".join(f"{name} {there.get(name, 0):,} of {count:,}" for name, count in self.splits.items())
        more = (
            f" {self.beyond} more finished {'shard comes' if self.beyond == 1 else 'shards come'} after a missing one "
            "and cannot be read yet."
            if self.beyond
            else ""
        )
        return (
            f"**This is a part of a dataset that is not finished**: the first {rows:,} of {self.rows:,} rows ({each}). "
            f"They are what they will be when it is.{more} Running the same `infoloom generate` again makes the rest."
        )


def leading(shards: Sequence[Shard], there: Sequence[bool]) -> tuple[int, tuple[tuple[str, int], ...], int]:
    """Shards before the first that is missing, the rows they give each split, and how many are there after it.

    Args:
        shards: All that are planned, in the order of their rows.
        there: Whether each is finished and whole.

    Example:
        >>> shards = [Shard("train", 0, 2, 0, 50), Shard("train", 1, 2, 50, 30), Shard("test", 0, 1, 80, 20)]
        >>> leading(shards, [True, False, True])
        (1, (('train', 50),), 1)
    """
    count = list(there).index(False) if False in there else len(there)
    rows: dict[str, int] = {}
    for shard in shards[:count]:
        rows[shard.split] = rows.get(shard.split, 0) + shard.rows
    return count, tuple(rows.items()), sum(there[count:])
