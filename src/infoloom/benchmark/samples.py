"""Samples that are kept: trained flows take minutes where an estimator takes seconds."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from infoloom.benchmark.tasks import PairTask
from infoloom.benchmark.tasks.base import Array
from infoloom.benchmark.tasks.story_pairs import StoryPairTask
from infoloom.datasets.files import aside, sha256
from infoloom.spec.flow import flow_path, parse_flow

__all__ = ["FOLDER", "drawn"]

#: Environment variable that names the folder of kept samples; nothing is kept without it.
FOLDER: Final = "INFOLOOM_SAMPLES"


def drawn(task: PairTask, rows: int, seed: int, folder: Path | None = None) -> tuple[Array, Array]:
    """`task.sample(rows, seed)`, read again where it was drawn before and took a trained flow.

    A sample is kept under all that it depends on: task, spec, weights of the flows, versions.

    Args:
        task: The task.
        rows: Number of rows.
        seed: Seed of the rows.
        folder: Where samples are kept; the one that INFOLOOM_SAMPLES names when left out.
    """
    named = os.environ.get(FOLDER)
    place = folder or (Path(named) if named else None)
    trained = _trained(task) if place is not None else ()
    if place is None or not trained:
        return task.sample(rows, seed)
    path = place / f"{_key(task, rows, seed, trained)}.npz"
    if not path.is_file():
        x, y = task.sample(rows, seed)
        place.mkdir(parents=True, exist_ok=True)
        with aside(path) as part, part.open("wb") as file:
            # flows and stories make float32: nothing is lost
            np.savez(file, allow_pickle=False, x=x.astype(np.float32), y=y.astype(np.float32))
        return x, y
    with np.load(path, allow_pickle=False) as kept:
        return kept["x"].astype(np.float64), kept["y"].astype(np.float64)


def _trained(task: PairTask) -> tuple[Path, ...]:
    """Files of the trained flows that the task's rows go through."""
    if not (isinstance(task, StoryPairTask) and task.observed):
        return ()
    story = task.compiled
    seen = [name for side in task.sides for name in side if name in story.modalities]
    steps = [step for name in seen for step in parse_flow(story.flow(name)) if step.trained]
    return tuple(dict.fromkeys(flow_path(step.name, story.spec.directory) for step in steps))


def _key(task: PairTask, rows: int, seed: int, trained: tuple[Path, ...]) -> str:
    spec = task.compiled.spec.to_yaml() if isinstance(task, StoryPairTask) else ""
    versions = [version(name) for name in ("infoloom", "numpy", "torch")]
    parts = [task.id, rows, seed, spec, versions, [sha256(path) for path in trained]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
