"""Canonical pairs in the words of the estimators' tests."""

from __future__ import annotations

from infoloom.benchmark.tasks import GaussianTask


def canonical(dim, pairs, nats=0.4, bent=False):
    """`pairs` canonical pairs of `nats` each among `dim` columns a side, rotated, or bent and rotated again."""
    return GaussianTask(f"{dim}v{dim}", pairs * nats, pairs, "bent" if bent else "rotated")
