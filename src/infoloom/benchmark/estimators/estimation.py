"""One run of the estimator benchmark: draw a task's rows, let an estimator see them, then look at the truth."""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import shlex
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from infoloom.benchmark import tasks
from infoloom.benchmark.estimators import references, samples
from infoloom.benchmark.estimators.variants import VARIANTS, settings_of
from infoloom.benchmark.running import child
from infoloom.benchmark.running.results import plain
from infoloom.benchmark.running.trees import FoundTree
from infoloom.benchmark.tasks import PairTask
from infoloom.errors import EstimatorError, KindError
from infoloom.estimators import Estimate, SubprocessEstimator, accepted, build
from infoloom.estimators.kinds import KINDS
from infoloom.foreign.trees import checked

__all__ = ["FUNCTION", "method_of", "run", "takes"]

#: Where the runner finds `run`.
FUNCTION: Final = "infoloom.benchmark.estimators.estimation:run"
_DIGITS: Final = 6  # of details; the numbers that are scored keep all of theirs


def run(
    task: str,
    rows: int,
    seed: int,
    estimator: str,
    settings: Mapping[str, Any] | None = None,
    command: str | None = None,
    limit: float | None = None,
) -> dict[str, Any]:
    """Estimate a task's information from one sample and compare it with the truth.

    Args:
        task: Id of a task.
        rows: Rows to draw.
        seed: Seed of the rows, and of the estimator where it takes one.
        estimator: A name of `infoloom.estimators`, of `variants`, of `references`, or a label for `command`.
        settings: Settings of the estimator; the rest have their defaults.
        command: A program that reads rows and prints an estimate, in place of an estimator by name.
        limit: Seconds that a program may take; the runner's limit alone where left out.

    Returns:
        The fields of a row of results: nats, and seconds of the estimator alone.

    Raises:
        KindError: The estimator does not take the kind of variables of the task.
        EstimatorError: It answers what no results file can hold.
    """
    made = tasks.build(task)
    if command is None and made.kind not in _accepted(estimator):
        raise KindError(
            f"`{estimator}` `{made.kind} variables`: expected {' or '.join(_accepted(estimator))} ones. "
            "Other tasks have them."
        )
    start = time.perf_counter()
    x, y = _rows(made, rows, seed)
    sampling = time.perf_counter() - start
    child.begin()
    method = method_of(estimator, made, seed, settings or {}, command, limit)
    start, processor = time.perf_counter(), child.tree_seconds()
    found: Estimate = method.estimate_with_info(x, y)
    estimator_seconds = time.perf_counter() - start
    estimator_processor_seconds = child.tree_seconds() - processor
    metadata = made.metadata
    truth = made.mutual_information
    fields = {
        "family": metadata["family"],
        "task_params": dict(made.params),
        "dim_x": made.dim_x,
        "dim_y": made.dim_y,
        "command": command,
        "settings": dict(method.parameters()),
        "truth": truth,
        "truth_method": metadata["truth"],
        "estimate": found.nats,
        "interval": None if found.interval is None else list(found.interval),
        "reliable": found.reliable,
        "error": found.nats - truth,
        "sampling_seconds": sampling,
        "estimator_seconds": estimator_seconds,
        "estimator_processor_seconds": estimator_processor_seconds,
        "details": _rounded(found.details),
    }
    try:
        checked(FoundTree, plain(fields))
    except ValueError as error:
        raise EstimatorError(
            f"`{estimator}` `{found.nats}`: expected an estimate that a results file can hold ({error}). Look at the "
            "estimator."
        ) from error
    return fields


def takes(estimator: str, task: str) -> bool:
    """Whether an estimator, variant or reference by name takes the kind of variables of a task."""
    return _kind(task) in _accepted(estimator)


def _accepted(estimator: str) -> tuple[str, ...]:
    if estimator in references.NAMES:
        return tuple(KINDS) if estimator == "oracle" else ("continuous",)
    kinds: tuple[str, ...] = accepted(settings_of(estimator)[0] if estimator in VARIANTS else estimator)
    return kinds


@lru_cache(maxsize=4096)
def _kind(task: str) -> str:
    return tasks.build(task).kind


def _rows(task: Any, rows: int, seed: int) -> Any:
    """The rows; of several runs that want the same ones at once, one draws and the others wait and read."""
    folder = os.environ.get(samples.FOLDER)
    if folder is None or not samples.is_kept(task):
        return samples.drawn(task, rows, seed)
    name = hashlib.sha256(f"{task.id} {rows} {seed}".encode()).hexdigest()
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Path(folder, f".{name[:16]}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return samples.drawn(task, rows, seed)


def method_of(
    estimator: str,
    task: PairTask,
    seed: int,
    settings: Mapping[str, Any] | None = None,
    command: str | None = None,
    limit: float | None = None,
) -> Any:
    """The estimator of a run, told the seed and which columns are discrete where it takes them; see `run`."""
    kinds = {"discrete_x": task.discrete_x, "discrete_y": task.discrete_y}
    given = settings or {}
    if command is not None:
        # the runner ends a program that takes too long, and what it started: the program has no limit of its own
        own = {"limit": math.inf if limit is None else limit, "echo": True}
        return SubprocessEstimator(tuple(shlex.split(command)), **{**kinds, **own, **given})
    if estimator in references.NAMES:
        told = {"seed": seed} if estimator == "oracle" else {}
        return references.build(estimator, task, **{**told, **given})
    name, fixed = settings_of(estimator) if estimator in VARIANTS else (estimator, {})
    known = build(name).parameters()
    offered = {key: value for key, value in {"seed": seed, **kinds}.items() if key in known}
    return build(name, **{**offered, **fixed, **given})


def _rounded(value: Any) -> Any:
    """Details with few digits: they are for reading, and a results file stays small."""
    if isinstance(value, Mapping):
        return {str(name): _rounded(part) for name, part in value.items()}
    if hasattr(value, "tolist"):
        return _rounded(value.tolist())
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
