"""Draw a problem set from a seed: settings by block, truths log-uniform within every group."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from infoloom.benchmark import tasks
from infoloom.benchmark.estimators.problem_sets import Group, Kind, ProblemSet, SetBlock, SetProblem
from infoloom.benchmark.estimators.scoring.credit import best_guess
from infoloom.errors import BenchmarkError

__all__ = ["LOWEST", "Plan", "Setting", "draw_set", "truths"]

#: The least truth that is drawn (nats); an estimate of 0 is wrong from here on.
LOWEST: Final = 0.11
_DIGITS: Final = 5


@dataclass(frozen=True)
class Setting:
    """A kind of problem of which only the truth is open.

    Args:
        label: What tells it from the others of its block.
        make: Truth asked for (nats) → ids of tasks; most settings have one, a relation has one a term.
        rows: Rows to draw.
        most: The largest truth (nats).
        seeds: Number of seeds; each has truths of its own.
        truths: Truths a seed, 1 for a null or a relation.
        least: The smallest truth (nats).
    """

    label: str
    make: Callable[[float], Sequence[str]]
    rows: int = 1000
    most: float = 10.0
    seeds: int = 5
    truths: int = 2
    least: float = LOWEST


@dataclass(frozen=True)
class Plan:
    """A block before its truths are drawn; see `SetBlock`."""

    name: str
    question: str
    kind: Kind
    estimators: tuple[str, ...]
    settings: tuple[Setting, ...]
    kept: str = ""


def truths(setting: Setting, random: np.random.Generator) -> list[float]:
    """Truths of one seed: log-uniform, one in each equal part of the logarithm, at the same place of each part."""
    place = random.uniform()
    ratio = setting.most / setting.least
    found = [setting.least * ratio ** ((part + place) / setting.truths) for part in range(setting.truths)]
    return [float(f"{value:.{_DIGITS}g}") for value in found]


def draw_set(name: str, purpose: str, limit: float, plans: Sequence[Plan], seed: int) -> ProblemSet:
    """A set of problems.

    Args:
        name: Its name; results name it.
        purpose: For whom it is, and how long it takes.
        limit: Seconds that a run may take.
        plans: The blocks.
        seed: Of the truths and of the seeds of the rows, which are above a million; defaults were tuned below 100.

    Raises:
        BenchmarkError: A seed below 0, or a group whose truths are so near to each other that one answer is right for
            all.
    """
    if seed < 0:
        raise BenchmarkError(f"seed `{seed}`: expected 0 or more. Use {-seed}.")
    blocks = [_block(plan, np.random.default_rng([seed, number])) for number, plan in enumerate(plans)]
    return ProblemSet(format=1, name=name, purpose=purpose, limit=limit, blocks=blocks)


def _block(plan: Plan, random: np.random.Generator) -> SetBlock:
    groups = [group for setting in plan.settings for group in _groups(setting, random)]
    for group in groups:
        values = [problem.truth for problem in group.problems]
        if plan.kind not in ("null", "order") and best_guess(group.problems) == len(values):
            raise BenchmarkError(
                f"block `{plan.name}`, `{group.label}`: expected truths that differ, got {values}. Widen their range."
            )
    return SetBlock(
        name=plan.name, question=plan.question, kind=plan.kind, estimators=list(plan.estimators), groups=groups,
        kept=plan.kept,
    )  # fmt: skip


def _groups(setting: Setting, random: np.random.Generator) -> Iterator[Group]:
    for _ in range(setting.seeds):
        ids = [task for nats in truths(setting, random) for task in setting.make(nats)]
        seed = int(random.integers(10**6, 10**9))
        yield Group(
            label=setting.label, rows=setting.rows, seed=seed, problems=[_problem(task) for task in ids]
        )


def _problem(task_id: str) -> SetProblem:
    task = tasks.build(task_id)
    return SetProblem(task=task.id, truth=task.mutual_information, columns=task.dim_x + task.dim_y)
