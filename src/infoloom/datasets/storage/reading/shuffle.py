"""The order of an epoch: a pure function of seed and epoch, cut into batches to be shared."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from infoloom.datasets.storage.layout import ROW_GROUP
from infoloom.datasets.storage.manifest import Manifest
from infoloom.errors import DatasetError

__all__ = ["Epoch", "piece_edges", "share"]

Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Epoch:
    """The rows of one epoch in their order, where whole pieces of the store are read together.

    Pieces (row groups) are permuted, then taken some at a time as a window, and the rows of a window are
    permuted. Batch k holds the positions k·batch to (k+1)·batch of that order, whoever asks for it.

    Attributes:
        edges: First rows of the pieces, and the row after the last one.
        window: Pieces that are in memory at once.
    """

    edges: Rows
    batch: int
    seed: int
    epoch: int
    window: int = 16

    @property
    def rows(self) -> int:
        """Rows of the epoch."""
        return int(self.edges[-1] - self.edges[0])

    def positions(self, start: int, stop: int) -> Iterator[Rows]:
        """Row numbers at the positions `start` to `stop`, a window at a time."""
        window = bisect_right(self._places, start) - 1
        while start < stop:
            end = min(self._places[window + 1], stop)
            offset = self._places[window]
            yield self._window_rows(window)[start - offset : end - offset]
            start, window = end, window + 1

    @cached_property
    def _order(self) -> Rows:
        return np.random.default_rng((self.seed, self.epoch)).permutation(len(self.edges) - 1)

    @cached_property
    def _places(self) -> list[int]:
        """First position of every window, and the number of rows."""
        sizes = np.diff(self.edges)[self._order]
        ends = np.cumsum(sizes)
        return [0, *(int(end) for end in ends[self.window - 1 : -1 : self.window]), int(ends[-1])]

    def _window_rows(self, window: int) -> Rows:
        pieces = self._order[window * self.window : (window + 1) * self.window]
        rows = np.concatenate([np.arange(self.edges[i], self.edges[i + 1]) for i in pieces])
        return np.random.default_rng((self.seed, self.epoch, window)).permutation(rows)


def piece_edges(manifest: Manifest, start: int, stop: int) -> Rows:
    """First rows of the pieces between two rows, and the last row: shards, and row groups within them.

    They follow from the manifest alone, so the order of an epoch does not depend on where the rows are read from.
    """
    firsts = np.array([record.shard.first for record in manifest.shards], np.int64)
    groups = np.arange(start - start % ROW_GROUP, stop, ROW_GROUP, dtype=np.int64)
    inner = np.union1d(firsts, groups)
    return np.concatenate([[start], inner[(inner > start) & (inner < stop)], [stop]])


def share(batches: int, part: int, parts: int) -> tuple[int, int]:
    """The batches of one of several processes: contiguous, all covered, as even as can be.

    Example:
        >>> [share(10, part, 3) for part in range(3)]
        [(0, 4), (4, 7), (7, 10)]
    """
    if not 0 <= part < parts:
        raise DatasetError(f"part `{part}`: expected one of {parts}, counted from 0.")
    size, more = divmod(batches, parts)
    start = part * size + min(part, more)
    return start, start + size + (part < more)
