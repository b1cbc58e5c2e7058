"""Which rows a training step takes: each epoch in an order of its own, rows with the same modalities together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from infoloom.errors import LearnerError

__all__ = ["Batches", "Group", "grouped"]

Rows = NDArray[np.int64]
Group = tuple[tuple[str, ...], Rows]


class Batches:
    """The batches of a training, by step.

    Args:
        groups: Names of arrays that a step reads, and the rows that have just these; no row twice.
        batch: Rows a step; a group of fewer rows is one batch.
        seed: Of the order.

    Attributes:
        per_epoch: Steps of an epoch.
    """

    def __init__(self, groups: Sequence[Group], batch: int, seed: int) -> None:
        self.groups, self.batch, self.seed = groups, batch, seed
        self.per_epoch = sum(self._count(rows) for _, rows in groups)
        self.epoch, self.order = -1, list[Group]()

    def __call__(self, step: int) -> Group:
        """Names and rows of a step."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self.epoch:
            self.epoch, self.order = epoch, self._drawn(epoch)
        return self.order[position]

    def digest(self) -> str | None:
        """What says which rows lack what; None where all rows have all."""
        if len(self.groups) == 1 and np.array_equal(self.groups[0][1], np.arange(len(self.groups[0][1]))):
            return None
        digest = hashlib.sha256()
        for names, rows in self.groups:
            digest.update(json.dumps([names, rows.tolist()]).encode())
        return digest.hexdigest()[:12]

    def _drawn(self, epoch: int) -> list[Group]:
        shuffler = torch.Generator().manual_seed((self.seed << 32) + epoch)
        found = []
        for names, rows in self.groups:
            order = rows[torch.randperm(len(rows), generator=shuffler).numpy()]
            size = min(self.batch, len(rows))
            found += [(names, order[k * size : (k + 1) * size]) for k in range(self._count(rows))]
        if len(self.groups) > 1:
            return [found[place] for place in torch.randperm(len(found), generator=shuffler).tolist()]
        return found

    def _count(self, rows: Rows) -> int:
        return max(1, len(rows) // self.batch)


def grouped(
    needs: Sequence[str], rows: int, missing: Mapping[str, Any] | None, *, partial: bool
) -> list[Group]:
    """Rows by what is there, groups of fewer than two rows left out.

    Args:
        needs: Names that a loss reads.
        rows: Number of rows.
        missing: Name → which rows lack it, checked by `check_arrays`; None where nothing is missing.
        partial: Whether the loss takes rows that lack something; otherwise complete rows only are taken.

    Raises:
        LearnerError: No group of two rows.
    """
    lacking = np.zeros((rows, len(needs)), dtype=bool)
    for name, mask in (missing or {}).items():
        lacking[:, needs.index(name)] = mask
    patterns, owner = np.unique(lacking, axis=0, return_inverse=True)
    groups = [
        (
            tuple(name for name, lacks in zip(needs, pattern, strict=True) if not lacks),
            np.flatnonzero(owner.ravel() == number),
        )
        for number, pattern in enumerate(patterns)
        if not pattern.all() and (partial or not pattern.any())
    ]
    found = [(names, places) for names, places in groups if len(places) >= 2]
    if not found:
        raise LearnerError(
            f"`missing`: expected two rows that {'have the same' if partial else 'lack no'} modalities, got none. Give "
            "more rows."
        )
    return found
