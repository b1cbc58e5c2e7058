"""Suites of the benchmark of self-supervised learners: which stories meet which objectives, and how often."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infoloom.benchmark.learners.asked import check_jobs
from infoloom.benchmark.learners.own import label, named
from infoloom.benchmark.learners.scene_suites import (
    RATES,
    REAL_GRIDS,
    SCENE_GRIDS,
    SCENE_SIZE,
    TRIED,
    scene_size,
)
from infoloom.benchmark.learners.stories import TEMPLATES
from infoloom.benchmark.running.runner import Job
from infoloom.errors import BenchmarkError

__all__ = ["SUITES", "USUAL", "WHOLE", "Grid", "jobs", "real_jobs", "sizes_of"]

Params = Mapping[str, Any]
_FUNCTION: Final = "infoloom.benchmark.learners.runs:learn"
_MAIN: Final = ("clip", "masked", "mvae")
_FLOORS: Final = ("supervised", "random")
_EVERY: Final = (
    *("clip", "siglip", "symile", "gram", "vicreg", "barlow", "comm", "factorcl", "jepa"),
    *("masked", "mvae", "mmvae", "mopoe"),
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
        whole: Whether one grid is run with all seeds before the next, and not all grids with one seed.
    """

    grids: tuple[Grid, ...]
    seeds: tuple[int, ...]
    side: int
    size: Params
    limit: float
    whole: bool = False


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
        size={"rows": 12_288, "epochs": 60, "stopping": {"floor": 8, "patience": 3}},
        limit=7200.0,
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
        size={"rows": 65_536, "epochs": 60, "batch": 256, "stopping": {"floor": 8, "patience": 3}},
        limit=21_600.0,
    ),
    "scenes": Suite(
        tuple(Grid(*entry) for entry in SCENE_GRIDS),
        seeds=(0, 1, 2),
        side=0,
        size=SCENE_SIZE,
        limit=3600.0,
        whole=True,
    ),
    "real": Suite(
        tuple(Grid(*entry) for entry in REAL_GRIDS),
        seeds=(0, 1, 2),
        side=0,
        size={**SCENE_SIZE, "rows_seed": 0},
        limit=3600.0,
        whole=True,
    ),
    "tuning": Suite(
        tuple(Grid("tuning", ({"rate": rate},), TRIED, {"learning_rate": rate}) for rate in RATES),
        seeds=(9,),
        side=0,
        size=SCENE_SIZE,
        limit=3600.0,
        whole=True,
    ),
}

#: Settings of every learner, and what differs from them; chosen with seed 9, which no suite reports.
FEATURES: Final = 16
SETTINGS: Final[Mapping[str, Params]] = {"masked": {"patch": 4}}


def jobs(suite: str, *, limit: float | None = None, only: str | None = None) -> list[Job]:
    """The runs of a suite.

    Args:
        suite: A name of `SUITES`.
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


#: What a run on real observations is given; the rows are the same for all of them.
REAL: Final[Params] = {
    "rows": 8192,
    "epochs": 100,
    "stopping": {"floor": 8, "patience": 3},
    "held_out": 1024,
    "probe": [2048, 1024, 2048],
    "rows_seed": 0,
}


USUAL: Final = ("clip", "vicreg", "masked", "mvae", "supervised", "random")
#: Learners whose encoder is not one a modality, so that none of one's own can take its place.
WHOLE: Final = ("masked", "pixels")


def sizes_of(texts: Sequence[str]) -> dict[str, Any]:
    """Fields of `Size` that are numbers, from texts such as `rows=4096`.

    Raises:
        BenchmarkError: Another name, no number, or a name that comes twice.

    Example:
        >>> sizes_of(["rows=4096", "learning_rate=1e-3"])
        {'rows': 4096, 'learning_rate': 0.001}
    """
    kinds = {
        "rows": int,
        "epochs": int,
        "batch": int,
        "learning_rate": float,
        "held_out": int,
        "rows_seed": int,
    }
    found: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name in found:
            raise BenchmarkError(f"size `{text}`: expected `{name}` once. Leave one of them out.")
        try:
            found[name] = kinds[name](value)
        except (KeyError, ValueError):
            raise BenchmarkError(
                f"size `{text}`: expected NAME=NUMBER, the name one of {', '.join(kinds)}. Write `rows=4096`."
            ) from None
    return found


def real_jobs(
    flow: str | None,
    *,
    learners: Sequence[str] = (),
    encoder: str | None = None,
    objectives: Sequence[str] = (),
    nats: Sequence[float] = (0.7,),
    seeds: Sequence[int] = (0, 1, 2),
    size: Params | None = None,
    limit: float | None = None,
    only: str | None = None,
) -> list[Job]:
    """Runs on two real observations of one cause, or of learners of one's own.

    Args:
        flow: A name of `stories.FLOWS`, one flow expression or two that `;` parts; bent pictures of 16 × 16 when left
            out.
        learners: `FILE.py:make` of learners, in place of objectives.
        encoder: `FILE.py:make` of encoders for all of them.
        objectives: Names of learners; those of `USUAL` when left out, with an encoder those that have one a modality.
        nats: Information of each observation about the target, one story each.
        seeds: Of first weights, order of rows and probes; the rows are the same for all.
        size: Fields of `Size` that differ from `REAL`; runs are named by them. The floor of epochs is at most `epochs`.
        limit: Seconds that a run may take, or None; rows are made within that of the first run that needs them.
        only: Runs whose name has this text or matches this pattern.

    Raises:
        InfoloomError: A flow, a name, a file or a number with which no run would go well, or no run that matches.
    """
    if learners and objectives:
        raise BenchmarkError(
            f"objective `{objectives[0]}`: expected none beside learners of your own, because they stand in its place. "
            "Leave out one of the two."
        )
    experiment, fixed = ("observed", {"flow": flow}) if flow is not None else ("information", {"side": 16})
    usual = [name for name in USUAL if encoder is None or name not in WHOLE]
    entrants: list[tuple[str, str | None]] = [(label(one), one) for one in learners] or [
        (name, None) for name in objectives or usual
    ]
    changed = {name: value for name, value in (size or {}).items() if REAL.get(name) != value}
    spent = {**REAL, **changed}
    spent["stopping"] = {
        **spent["stopping"],
        "floor": max(1, min(spent["stopping"]["floor"], spent["epochs"])),
    }
    said = "".join(f" {name}={value}" for name, value in sorted(changed.items()))
    end = "" if encoder is None else f" encoder={label(encoder)}"
    suite, grid = Suite((), (), 0, spent, limit or 0.0), Grid(experiment, (), ())
    found = []
    for seed in seeds:
        for params in _points("nats", nats, **fixed):
            for name, file in entrants:
                job = _job(suite, grid, params, name, seed, limit, said)
                extra = {"learner_file": file, "encoder_file": encoder}
                known = {**job.known, "objective": named(name, encoder)}
                found.append(Job(f"{job.run}{end}", job.function, {**job.arguments, **extra}, limit, known))
    check_jobs(found, built=bool(objectives or learners or encoder))
    found = [job for job in found if only is None or _matches(job.run, only)]
    if not found:
        raise BenchmarkError(f"pattern `{only}`: expected to match a run. List them with --list.")
    return found


def _jobs(suite: Suite, limit: float | None) -> Iterator[Job]:
    if suite.whole:
        order = [(seed, grid) for grid in suite.grids for seed in suite.seeds]
    else:
        order = [(seed, grid) for seed in suite.seeds for grid in suite.grids]
    sides = {"side": suite.side} if suite.side else {}
    for seed, grid in order:
        for params in grid.points:
            for objective in grid.objectives:
                yield _job(suite, grid, {**params, **sides}, objective, seed, limit)


def _job(
    suite: Suite, grid: Grid, params: Params, objective: str, seed: int, limit: float | None, said: str = ""
) -> Job:
    given = "".join(f" {name}={value}" for name, value in params.items()) + said
    size = {"settings": {"features": FEATURES, **SETTINGS.get(objective, {})}, **suite.size, **grid.size}
    if suite.whole:
        size = {**size, **scene_size(objective, size)}
    known = {"experiment": grid.experiment, "params": params, "objective": objective, "seed": seed}
    arguments = {**known, "size": size}
    run = f"{grid.experiment}{given} {objective} seed={seed}"
    return Job(run, _FUNCTION, arguments, suite.limit if limit is None else limit, known)


def _matches(run: str, pattern: str) -> bool:
    return pattern in run or fnmatch.fnmatchcase(run, pattern)
