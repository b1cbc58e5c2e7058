"""Tasks by id and by group."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from infoloom.benchmark.tasks.base import PairTask, from_params
from infoloom.benchmark.tasks.identifiers import read_id
from infoloom.benchmark.tasks.stories.grids import GRIDS, GridTask, grid
from infoloom.benchmark.tasks.stories.ladder import FLOWS, LadderTask, ladder
from infoloom.benchmark.tasks.stories.presets import StoryTask, preset_tasks
from infoloom.benchmark.tasks.stories.seen import CaptionTask, SeenTask
from infoloom.benchmark.tasks.stories.words import WordsTask, null_words, words_tasks
from infoloom.benchmark.tasks.vectors.beyond_normal import BEYOND_NORMAL, BeyondNormalTask, is_beyond_normal
from infoloom.benchmark.tasks.vectors.gaussian import HARD, STAIRCASE, GaussianTask
from infoloom.benchmark.tasks.vectors.mixed import MIXED, mixed_tasks, null_tasks
from infoloom.benchmark.tasks.vectors.mixtures import MIXTURES, ConcentricTask, InlierTask
from infoloom.errors import TaskError

__all__ = ["FAMILIES", "build", "groups", "names"]

_TASKS: Final[tuple[type[PairTask], ...]] = (
    GaussianTask,
    GridTask,
    LadderTask,
    StoryTask,
    *MIXED,
    *MIXTURES,
    SeenTask,
    CaptionTask,
    WordsTask,
)

#: Families by the word that opens their ids; those of "Beyond Normal" keep the ids that are in use.
FAMILIES: Final[Mapping[str, type[PairTask]]] = {task.family: task for task in _TASKS}


def _beyond_normal() -> Iterator[PairTask]:
    return (BeyondNormalTask(label) for label in BEYOND_NORMAL)


def _mixtures() -> Iterator[PairTask]:
    """Those of the second version of that benchmark."""
    yield from (make() for make in MIXTURES if make not in (ConcentricTask, InlierTask))
    yield from (ConcentricTask(dim, balls) for dim, balls in ((3, 5), (5, 5), (3, 10), (5, 10), (25, 5)))
    yield from (InlierTask(dims, share=share) for share in (0.2, 0.5) for dims in ("5v5", "25v25"))


def _seen() -> Iterator[PairTask]:
    """Renderers and flows side by side, and words about them."""
    yield from (SeenTask(x, y) for x, y in (("rotation-curve", "xray-spectrum"), ("ring", "sprites")))
    yield from (CaptionTask(x) for x in ("rotation-curve", "ring"))


def _null() -> Iterator[PairTask]:
    """Independent columns, few and many, plain and bent."""
    yield from (GaussianTask(dims, 0.0, 0) for dims in ("1v1", "5v5", "25v25", "64v64"))
    yield GaussianTask("64v64", 0.0, 0, "bent")


_GROUPS: Final[Mapping[str, Callable[[], Iterator[PairTask]]]] = {
    "hard": lambda: (task for task, _ in HARD.values()),
    "null": _null,
    "staircase": lambda: iter(STAIRCASE),
    "beyond-normal": _beyond_normal,
    "mixtures": _mixtures,
    "mixed": mixed_tasks,
    "mixed-null": null_tasks,
    "seen": _seen,
    "words": words_tasks,
    "words-null": null_words,
    "presets": preset_tasks,
    **{f"grid-{name}": partial(grid, name) for name in GRIDS},
    **{f"ladder-{flow}": partial(ladder, flow) for flow in FLOWS},
}


def groups() -> tuple[str, ...]:
    """Names of the groups of tasks that come with the package."""
    return tuple(_GROUPS)


def names(group: str | None = None) -> tuple[str, ...]:
    """Ids of a group's tasks, of all groups when none is named; `build` takes any other id of a family too.

    Raises:
        TaskError: No such group.

    Example:
        >>> names("hard")[0]
        'gaussian:dims=25v25,nats=2.0,pairs=5,hidden=rotated,turn=0'
    """
    if group is not None and group not in _GROUPS:
        raise TaskError(f"group of tasks `{group}`: expected one of {', '.join(_GROUPS)}. Name one of them.")
    chosen = _GROUPS if group is None else (group,)
    return tuple(dict.fromkeys(task.id for name in chosen for task in _GROUPS[name]()))


def build(task_id: str) -> PairTask:
    """The task of an id: `build(task.id)` equals the task.

    Args:
        task_id: `family:name=value,name=value`, settings left out at their defaults; or an id of "Beyond Normal"
            or of one of its families, such as `1v1-additive:epsilon=0.5`.

    Raises:
        TaskError: No such task, or settings that do not fit.
        SpecError: The id names a story that is not there.

    Example:
        >>> build("gaussian:dims=2v2,nats=0.5,pairs=1").mutual_information
        0.5
    """
    if task_id in BEYOND_NORMAL or (":" in task_id and is_beyond_normal(task_id)):
        return BeyondNormalTask(task_id)
    if ":" not in task_id:
        near = difflib.get_close_matches(task_id, BEYOND_NORMAL, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Run `infoloom bench tasks`."
        raise TaskError(
            f"task `{task_id}`: expected an id such as `gaussian:dims=2v2,nats=0.5,pairs=1`. {hint}"
        )
    family, given = read_id(task_id)
    if family not in FAMILIES:
        raise TaskError(
            f"family of tasks `{family}`: expected one of {', '.join(FAMILIES)}. Name one of them."
        )
    return from_params(FAMILIES[family], given)
