"""Blocks of discrete and mixed variables: every task of the kind meets the estimators that take it."""

from __future__ import annotations

from typing import Final

from infoloom.benchmark import tasks
from infoloom.benchmark.estimators.first_version.blocks import SEEDS, Block, Problem
from infoloom.benchmark.tasks import PairTask

__all__ = ["mixed"]

_ROWS: Final = 2000
_DISCRETE: Final = ("plug-in", "miller-madow", "gao", "classifier", "infonce", "oracle")
_MIXED: Final = ("ross", "gao", "classifier", "infonce", "oracle")
_MIXTURES: Final = ("gao", "histogram", "infonce", "oracle")
_GROUPS: Final = ("mixed", "mixed-null", "words", "words-null")


def mixed() -> list[Block]:
    """Discrete, mixed and mixture pairs, 2000 rows of one seed."""
    found = [tasks.build(name) for group in _GROUPS for name in tasks.names(group)]
    mixtures = [task for task in found if "mixture" in task.kinds]
    return [
        _block("discrete", "Whole numbers on both sides", "discrete", found, _DISCRETE),
        _block("mixed", "Whole numbers on one side, real numbers on the other", "mixed", found, _MIXED),
        _block("mixtures", "Real numbers with atoms", "continuous", mixtures, _MIXTURES),
    ]


def _block(name: str, title: str, kind: str, found: list[PairTask], estimators: tuple[str, ...]) -> Block:
    problems = tuple(Problem(task.id, _ROWS, SEEDS[0], task.name) for task in found if task.kind == kind)
    return Block(name, title, "task", problems, estimators)
