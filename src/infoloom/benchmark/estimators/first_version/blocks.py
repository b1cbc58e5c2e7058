"""Blocks of problems that each ask one question: what changes from problem to problem, and what stays.

Sizes are such that `quick` ends within five minutes on two cores and `paper` in an hour or more on one.
Estimators were tuned on seeds below 100; those here begin at 101.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from infoloom.benchmark import tasks
from infoloom.benchmark.tasks import GaussianTask, GridTask, LadderTask, PairTask, StoryTask
from infoloom.benchmark.tasks.stories.grids import GRIDS, LAWS
from infoloom.benchmark.tasks.stories.ladder import FLOWS, MAPS

__all__ = ["Block", "Problem", "full", "paper", "quick"]

SEEDS: Final = tuple(range(101, 111))

REFERENCES: Final = ("pixel-floor", "oracle")
CLASSICAL: Final = ("gaussian", "gaussianised", "ksg")
SCALAR: Final = ("histogram", "kernel")
NEURAL: Final = (
    "infonce",
    "smile",
    "mine",
    "nwj",
    "flow-based",
    "difference-of-entropies",
    "minde",
    "latent",
)
EVERY: Final = (*CLASSICAL, *NEURAL, "held-out", *REFERENCES)
#: Of several kinds, where tasks are many.
FAST: Final = (*CLASSICAL, "infonce", "flow-based", *REFERENCES)
SOME: Final = ("gaussian", "gaussianised", "ksg", "infonce", "mine", "flow-based", "held-out", *REFERENCES)

#: Those of the paper's own outlook, with what linear and contrastive ones say.
TEN: Final = ("gaussian", "ksg", "infonce", "mine", *REFERENCES)

Labelled = tuple[str, PairTask | str]


@dataclass(frozen=True)
class Problem:
    """Rows of one seed of a task.

    Args:
        task: Its id.
        rows: Rows to draw.
        seed: Their seed.
        label: What tells the task from the others of its block.
    """

    task: str
    rows: int
    seed: int
    label: str


@dataclass(frozen=True)
class Block:
    """Problems that every estimator of the block meets.

    Args:
        name: Short name.
        title: What is asked.
        vary: What varies: `truth`, `dim_x`, `rows`, or `task` where it is no number.
        problems: The problems.
        estimators: Names.
    """

    name: str
    title: str
    vary: str
    problems: tuple[Problem, ...]
    estimators: tuple[str, ...]


def quick() -> list[Block]:
    """A few problems of every kind, 1000 rows of one seed."""
    size, seeds = (1000,), SEEDS[:1]
    easy = [
        ("linear", GaussianTask("10v10", 2.0, 5, "rotated")),
        ("bent", GaussianTask("10v10", 2.0, 5, "bent")),
    ]
    null = [("null", GaussianTask("10v10", 0.0, 0, "bent"))]
    maps = [(skin, LadderTask("digits", skin)) for skin in ("plain", "warps", "flow")]
    preset = [("digits-pair", StoryTask("digits-pair", "three", "eight"))]
    return [
        Block("gaussian", "Gaussian pairs, linear and bent", "task", _problems(easy, size, seeds), EVERY),
        Block("null", "Independent columns", "task", _problems(null, size, seeds), EVERY),
        Block(
            "skin",
            "The same latents behind maps of increasing difficulty",
            "task",
            _problems(maps, size, seeds),
            EVERY,
        ),
        Block("presets", "Pairs of presets", "task", _problems(preset, size, seeds), EVERY),
        Block(
            "beyond-normal",
            "Tasks of Beyond Normal",
            "task",
            _problems(_scalar_tasks(), size, seeds),
            (*CLASSICAL, *SCALAR),
        ),
    ]


def paper() -> list[Block]:
    """The paper's benchmark and its next checks; what needs the largest flow comes last.

    Blocks that share a task have seeds of their own, so that none lacks a point that another one has.
    """
    small, one, two = (2000,), SEEDS[:1], SEEDS[:2]
    levels = [(f"{nats:g}", GridTask(nats)) for nats in (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)]
    sizes = [("2 nats in 16 columns", GridTask(2.0, dim=16))]
    return [
        Block(
            "information",
            "From 0 to 10 nats, all else the same",
            "truth",
            _problems(levels, small, two),
            EVERY,
        ),
        Block(
            "dimension",
            "2 nats among more and more columns",
            "dim_x",
            _problems(_grid("dimension"), small, SEEDS[2:3]),
            EVERY,
        ),
        Block(
            "rows",
            "The same task with more rows",
            "rows",
            _problems(sizes, (250, 500, 1000, 2000, 4000), SEEDS[3:4]),
            EVERY,
        ),
        Block("template", "Where the cause acts", "task", _problems(_grid("template"), small, one), FAST),
        Block(
            "skin",
            "The same latents behind maps of increasing difficulty",
            "task",
            _problems(_rungs("digits"), small, two),
            EVERY,
        ),
        Block("law", "Stories that are not Gaussian", "task", _problems(_stress(), small, one), EVERY),
        Block("null", "Independent columns", "task", _problems(_null(), small, one), EVERY),
        Block(
            "beyond-normal",
            "The forty tasks of Beyond Normal",
            "task",
            _problems(_forty(), (5000,), two),
            CLASSICAL,
        ),
        Block("scalar", "Pairs of single columns", "task", _problems(_scalar_tasks(), (5000,), two), SCALAR),
        Block(
            "ten",
            "Ten modalities whose common information decays",
            "task",
            _problems(_ten(), (1000,), one),
            TEN,
        ),
        Block(
            "flows",
            "The same information behind trained flows",
            "task",
            _problems(_skins(), (1000,), one),
            SOME,
        ),
        Block("presets", "Pairs of presets", "task", _problems(_presets(), (1000,), one), SOME),
    ]


def full() -> list[Block]:
    """Every task that comes with the package, 5000 rows of ten seeds, and the paper's blocks at that size."""
    size, rest = (5000,), [(name, name) for name in tasks.names()]
    grids = [
        Block(
            f"grid-{name}",
            f"Grid: {name}",
            "truth" if name == "information" else "task",
            _problems(_grid(name), size, SEEDS),
            EVERY,
        )
        for name in GRIDS
    ]
    maps = [
        Block(
            f"ladder-{flow}",
            f"Maps in the shape of {flow}",
            "task",
            _problems(_rungs(flow), size, SEEDS),
            EVERY,
        )
        for flow in FLOWS
    ]
    sizes = _problems([("2 nats in 64 columns", GridTask(2.0))], (500, 1000, 2000, 10_000, 50_000), SEEDS)
    return [
        *grids,
        *maps,
        Block("rows", "The same task with more rows", "rows", sizes, EVERY),
        Block("scalar", "Pairs of single columns", "task", _problems(_scalar_tasks(), size, SEEDS), SCALAR),
        Block("rest", "All other tasks", "task", _problems(rest, size, SEEDS), EVERY),
    ]


def _problems(labelled: Iterable[Labelled], rows: Sequence[int], seeds: Sequence[int]) -> tuple[Problem, ...]:
    given = [(label, task if isinstance(task, str) else task.id) for label, task in labelled]
    return tuple(
        Problem(task, n, seed, label if len(rows) == 1 else f"{n:,} rows")
        for (label, task), n, seed in product(given, rows, seeds)
    )


def _grid(name: str) -> list[Labelled]:
    """The tasks of a grid under the values that tell them apart."""
    varied = {"information": "nats", "dimension": "dim", "sharing": "pairs"}.get(name, name)
    return [
        (
            f"{settings[varied]:g}" if isinstance(settings[varied], float | int) else str(settings[varied]),
            GridTask(**settings),
        )
        for settings in GRIDS[name]
    ]


def _rungs(flow: str) -> list[Labelled]:
    return [(flow if skin == "flow" else skin, LadderTask(flow, skin)) for skin in MAPS]


def _skins() -> list[Labelled]:
    """Plain latents in the shape of each trained flow, and behind it; the largest last."""
    return [
        (f"{flow}, plain" if skin == "plain" else flow, LadderTask(flow, skin))
        for flow in ("heartbeat", "mnist", "spoken", "cifar10")
        for skin in ("plain", "flow")
    ]


def _stress() -> list[Labelled]:
    return [(law, StoryTask(f"stress-{law}", "x1", "x2")) for law in LAWS]


def _null() -> list[Labelled]:
    plain = [(f"{dims}", GaussianTask(dims, 0.0, 0)) for dims in ("5v5", "25v25", "64v64")]
    return [*plain, ("64v64, bent", GaussianTask("64v64", 0.0, 0, "bent"))]


def _forty() -> list[Labelled]:
    return [(tasks.build(name).name, name) for name in tasks.names("beyond-normal")]


def _scalar_tasks() -> list[Labelled]:
    return [
        (label, name)
        for label, name in _forty()
        if tasks.build(str(name)).shape_x == tasks.build(str(name)).shape_y == (1,)
    ]


def _ten() -> list[Labelled]:
    """The first of ten modalities with each of the others, as latents."""
    return [
        (f"x0, x{other}", StoryTask("multimodal-decay", "x0", f"x{other}", "latent"))
        for other in range(1, 10)
    ]


def _presets() -> list[Labelled]:
    templates = "black-hole-templates"
    pairs = [
        ("black-hole", StoryTask(templates, "radio", "xray")),
        ("black-hole", StoryTask(templates, "radio", "theta")),
        ("figure-1", StoryTask("figure-1", "x1", "x2")),
        ("galaxy-images", StoryTask("galaxy-images", "x1", "x2")),
    ]
    return [(f"{label}: {task.x}, {task.y}", task) for label, task in pairs]
