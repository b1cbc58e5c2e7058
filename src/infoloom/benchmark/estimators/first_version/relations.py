"""Relations that the information of several tasks obeys, with which estimates must agree too.

An estimator may miss every truth and keep a relation, or meet the truths that are easy and break the relation: both
say something that one number does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from infoloom.benchmark.tasks import GaussianTask, GridTask, LadderTask, PairTask, StoryTask
from infoloom.benchmark.tasks.stories.ladder import FLOWS, MAPS
from infoloom.errors import TaskError

__all__ = ["KINDS", "Relation", "relations"]

Kind = Literal["additivity", "conditional", "data processing", "independence", "invariance"]

#: What a relation may say.
KINDS: Final[tuple[Kind, ...]] = (
    "additivity",
    "conditional",
    "data processing",
    "independence",
    "invariance",
)


@dataclass(frozen=True)
class Relation:
    """Σ weight · I(task) = value, or ≥ value where information can only be lost.

    Args:
        name: Short name.
        kind: One of `KINDS`.
        terms: Tasks with their weights.
        value: What the sum is, or its lower bound (nats).
        bound: Whether it is a bound.

    Example:
        >>> relation = next(relations("independence"))
        >>> relation.gap({task.id: 0.25 for task, _ in relation.terms})
        0.25
    """

    name: str
    kind: Kind
    terms: tuple[tuple[PairTask, float], ...]
    value: float = 0.0
    bound: bool = False

    @property
    def tasks(self) -> tuple[PairTask, ...]:
        """The tasks that have to be estimated."""
        return tuple(task for task, _ in self.terms)

    @property
    def truth(self) -> float:
        """The sum of the truths: the value, or more of a bound (nats)."""
        return math.fsum(weight * task.mutual_information for task, weight in self.terms)

    def gap(self, estimates: Mapping[str, float]) -> float:
        """How far estimates are from the relation (nats): the sum less the value, of a bound only what is below it.

        Args:
            estimates: Nats by the id of a task.

        Raises:
            TaskError: An estimate is missing.
        """
        missing = [task.id for task, _ in self.terms if task.id not in estimates]
        if missing:
            raise TaskError(
                f"relation `{self.name}`: expected an estimate of `{missing[0]}`, got none. Run that task too."
            )
        away = math.fsum(weight * estimates[task.id] for task, weight in self.terms) - self.value
        return min(away, 0.0) if self.bound else away


def relations(kind: Kind | None = None) -> Iterator[Relation]:
    """The relations that come with the package, all or of one kind.

    Raises:
        TaskError: No such kind.
    """
    if kind is not None and kind not in KINDS:
        raise TaskError(f"kind of relation `{kind}`: expected one of {', '.join(KINDS)}. Name one of them.")
    every = (_additivity, _conditional, _data_processing, _independence, _invariance)
    return (relation for make in every for relation in make() if kind in (None, relation.kind))


def _additivity() -> Iterator[Relation]:
    """Two independent copies side by side hold twice as much; so do copies of them, and so on."""
    for hidden in ("plain", "bent"):
        one, two = (GaussianTask(f"{10 * k}v{10 * k}", 1.0 * k, 5 * k, hidden) for k in (1, 2))
        yield Relation(f"two copies, {hidden}", "additivity", ((two, 1.0), (one, -2.0)))


def _conditional() -> Iterator[Relation]:
    """I(a; b | c) = I(a; b, c) − I(a; c), a difference of two tasks."""
    for story, a, b, c in (
        ("stress-normal", "x1", "x2", "theta"),
        ("black-hole-templates", "radio", "theta", "xray"),
    ):
        joint, marginal = StoryTask(story, a, f"{b}+{c}"), StoryTask(story, a, c)
        value = joint.cmi(a, b, given=c)
        yield Relation(
            f"I({a}; {b} | {c}) of {story}", "conditional", ((joint, 1.0), (marginal, -1.0)), value
        )


def _data_processing() -> Iterator[Relation]:
    """A part knows no more than the whole, and what comes from a cause by noise no more than the cause."""
    for story, a, b in (("synergy", "x1", "x2"), ("redundancy", "x1", "x2")):
        whole, part = StoryTask(story, f"{a}+{b}", "theta"), StoryTask(story, a, "theta")
        yield Relation(f"a part of {story}", "data processing", ((whole, 1.0), (part, -1.0)), bound=True)
    cause, target = (StoryTask("black-hole-templates", "radio", of) for of in ("mass+spin", "theta"))
    yield Relation(
        "the target of black-hole-templates", "data processing", ((cause, 1.0), (target, -1.0)), bound=True
    )


def _independence() -> Iterator[Relation]:
    """Independent rows hold nothing, whatever they look like."""
    yield from (
        Relation(f"independent {task.dims}, {task.hidden}", "independence", ((task, 1.0),))
        for task in (GaussianTask("10v10", 0.0, 0), GaussianTask("64v64", 0.0, 0, "bent"))
    )
    yield Relation("independent modalities", "independence", ((GridTask(0.0), 1.0),))
    yield Relation("independent digits", "independence", ((LadderTask("digits", "flow", 0.0), 1.0),))


def _invariance() -> Iterator[Relation]:
    """The same latents hold the same through any two bijections."""
    for flow in FLOWS:
        rungs = [LadderTask(flow, skin) for skin in MAPS]
        for one, other in combinations(rungs, 2):
            terms = ((one, 1.0), (other, -1.0))
            yield Relation(f"{one.skin} and {other.skin}, {flow}", "invariance", terms)
