"""Suites of the benchmark of self-supervised learners: which stories meet which objectives, and how often."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infoloom.benchmark.learners.stories import TEMPLATES
from infoloom.benchmark.running.runner import Job
from infoloom.errors import BenchmarkError

__all__ = ["SUITES", "Grid", "jobs"]

Params = Mapping[str, Any]
_FUNCTION: Final = "infoloom.benchmark.learners.runs:learn"
_MAIN: Final = ("clip", "masked", "mvae")
_FLOORS: Final = ("supervised", "random")
_EVERY: Final = (
    *("clip", "siglip", "symile", "gram", "vicreg", "barlow", "masked", "mvae", "mmvae", "mopoe"),
    *("supervised", "random", "pixels"),
)


@dataclass(frozen=True)
class Grid:
    """One experiment: every objective on every point.

    Attributes:
        experiment: Name in `ssl_stories`.
        points: Parameters of the stories.
        objectives: Names of learners.
        size: Fields of `ssl_runs.Size` that differ from the suite's.
    """

    experiment: str
    points: tuple[Params, ...]
    objectives: tuple[str, ...]
    size: Params = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """Grids, how often each run is repeated, and what is spent on a run.

    Attributes:
        seeds: Seeds; a whole grid is run with the first before any of it with the next.
        side: Side of the pictures.
        size: Fields of `ssl_runs.Size`.
        limit: Seconds a run may take.
    """

    grids: tuple[Grid, ...]
    seeds: tuple[int, ...]
    side: int
    size: Params
    limit: float


def _points(name: str, values: Sequence[Any], **fixed: Any) -> tuple[Params, ...]:
    return tuple({name: value, **fixed} for value in values)


_KINDS: Final = ("redundant", "unique", "synergistic", "mixed")

SUITES: Final[Mapping[str, Suite]] = {
    "quick": Suite(
        (
            Grid("information", _points("nats", (0.3, 1.0)), ("clip", "supervised", "random")),
            Grid("templates", _points("template", ("ones", "sparse")), ("clip", "mvae")),
            Grid("modalities", _points("count", (2, 4)), ("clip",)),
            Grid("parts", _points("kind", ("unique", "synergistic")), ("clip", "mvae")),
            Grid("black-hole", ({},), ("clip", "mvae")),
            Grid("nuisance", _points("nats", (0.0, 8.0)), ("clip",)),
        ),
        seeds=(0,),
        side=16,
        size={"rows": 4096, "epochs": 8, "probe": [1024, 512, 2048]},
        limit=120.0,
    ),
    "paper": Suite(
        (
            Grid("information", _points("nats", (0.1, 0.4, 1.2)), (*_MAIN, *_FLOORS)),
            Grid("templates", _points("template", tuple(TEMPLATES)), _MAIN),
            Grid("parts", _points("kind", ("redundant", "unique", "synergistic")), _MAIN),
            Grid("parts", _points("kind", ("mixed",)), (*_MAIN, "vicreg", *_FLOORS)),
            Grid("nuisance", _points("nats", (0.0, 4.0, 16.0)), _MAIN),
            Grid("black-hole", ({},), (*_MAIN, "vicreg")),
            Grid("modalities", _points("count", (2, 5, 10)), ("clip", "mvae")),
            Grid("modalities", _points("count", (5, 10)), ("symile",)),
            Grid("modalities", _points("count", (2, 5, 10), decay=0.7), ("clip",)),
        ),
        seeds=(0, 1, 2),
        side=16,
        size={"rows": 12_288, "epochs": 6},
        limit=1800.0,
    ),
    "full": Suite(
        tuple(
            Grid(experiment, points, _EVERY)
            for experiment, points in (
                ("information", _points("nats", (0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0))),
                ("templates", _points("template", tuple(TEMPLATES))),
                ("parts", _points("kind", _KINDS)),
                ("nuisance", _points("nats", (0.0, 1.0, 4.0, 16.0, 64.0))),
                ("black-hole", ({},)),
                ("modalities", _points("count", tuple(range(2, 11)))),
                ("modalities", _points("count", tuple(range(2, 11)), decay=0.7)),
            )
        ),
        seeds=(0, 1, 2, 3, 4),
        side=16,
        size={"rows": 65_536, "epochs": 20, "batch": 256},
        limit=7200.0,
    ),
}

#: Settings of every learner, and what differs from them; chosen with seed 9, which no suite reports.
FEATURES: Final = 16
SETTINGS: Final[Mapping[str, Params]] = {"masked": {"patch": 4}}


def jobs(suite: str, *, limit: float | None = None, only: str | None = None) -> list[Job]:
    """The runs of a suite.

    Args:
        suite: `quick`, `paper` or `full`.
        limit: Seconds that a run may take, if not the suite's.
        only: Runs whose name has this text or matches this pattern.

    Raises:
        BenchmarkError: An unknown suite, or no run that matches.
    """
    if suite not in SUITES:
        raise BenchmarkError(f"suite `{suite}`: expected one of {', '.join(SUITES)}.")
    found = [job for job in _jobs(SUITES[suite], limit) if only is None or _matches(job.run, only)]
    if not found:
        raise BenchmarkError(
            f"pattern `{only}`: expected to match a run of suite {suite}. List them with --list."
        )
    return found


def _jobs(suite: Suite, limit: float | None) -> Iterator[Job]:
    for seed in suite.seeds:
        for grid in suite.grids:
            for params in grid.points:
                for objective in grid.objectives:
                    yield _job(suite, grid, {**params, "side": suite.side}, objective, seed, limit)


def _job(suite: Suite, grid: Grid, params: Params, objective: str, seed: int, limit: float | None) -> Job:
    given = "".join(f" {name}={value}" for name, value in params.items())
    size = {**suite.size, **grid.size, "settings": {"features": FEATURES, **SETTINGS.get(objective, {})}}
    known = {"experiment": grid.experiment, "params": params, "objective": objective, "seed": seed}
    arguments = {**known, "size": size}
    run = f"{grid.experiment}{given} {objective} seed={seed}"
    return Job(run, _FUNCTION, arguments, suite.limit if limit is None else limit, known)


def _matches(run: str, pattern: str) -> bool:
    return pattern in run or fnmatch.fnmatchcase(run, pattern)
