"""Samples that are kept: flows take minutes where an estimator takes seconds."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.tasks import PairTask
from infoloom.benchmark.tasks.base import Array
from infoloom.benchmark.tasks.stories.base import StoryPairTask
from infoloom.datasets.storage.files import aside, sha256
from infoloom.spec.flows.flow import FlowStep, flow_path, parse_flow

__all__ = ["FOLDER", "drawn", "is_kept"]

#: Environment variable that names the folder of kept samples; nothing is kept without it.
FOLDER: Final = "INFOLOOM_SAMPLES"


def drawn(task: PairTask, rows: int, seed: int, folder: Path | None = None) -> tuple[Array, Array]:
    """`task.sample(rows, seed)`, read again where it was drawn before and went through a flow.

    A sample is kept under all that it depends on: task, spec, weights of the flows, versions.

    Args:
        task: The task.
        rows: Number of rows.
        seed: Seed of the rows.
        folder: Where samples are kept; the one that INFOLOOM_SAMPLES names when left out.
    """
    named = os.environ.get(FOLDER)
    place = folder or (Path(named) if named else None)
    if place is None or not isinstance(task, StoryPairTask) or not (steps := _steps(task)):
        return task.sample(rows, seed)
    path = place / f"{_key(task, rows, seed, steps)}.npz"
    if not path.is_file():
        x, y = task.sample(rows, seed)
        place.mkdir(parents=True, exist_ok=True)
        with aside(path) as part, part.open("wb") as file:
            # flows and stories make float32: nothing is lost
            np.savez(file, allow_pickle=False, x=_kept(x), y=_kept(y))
        return x, y
    with np.load(path, allow_pickle=False) as kept:
        return _read(kept["x"]), _read(kept["y"])


def is_kept(task: PairTask) -> bool:
    """Whether the rows of a task go through a flow, and so are kept where a folder is named."""
    return bool(_steps(task))


def _kept(rows: NDArray[Any]) -> NDArray[Any]:
    return rows if rows.dtype.kind == "i" else rows.astype(np.float32)


def _read(rows: NDArray[Any]) -> NDArray[Any]:
    return rows if rows.dtype.kind == "i" else rows.astype(np.float64)


def _steps(task: PairTask) -> tuple[FlowStep, ...]:
    """Steps of the flows that the task's rows go through, less those that do nothing."""
    if not isinstance(task, StoryPairTask):
        return ()
    story = task.compiled
    seen = [name for side in task.sides for name in side if task.observed and name in story.mapped]
    steps = [step for name in seen for step in parse_flow(story.flow(name))]
    return tuple(step for step in steps if step.name not in ("identity", "vector"))


def _key(task: StoryPairTask, rows: int, seed: int, steps: tuple[FlowStep, ...]) -> str:
    spec = task.compiled.spec
    weights = [sha256(flow_path(step.name, spec.directory)) for step in steps if step.trained]
    versions = [version(name) for name in ("infoloom", "numpy", "torch")]
    parts = [task.id, rows, seed, spec.to_yaml(), versions, weights]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
