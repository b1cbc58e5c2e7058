"""Make a folder of random tasks, or go on with one that was interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from infoloom.benchmark.checks import whole
from infoloom.benchmark.meta.folder.card import card_text
from infoloom.benchmark.meta.folder.manifest import Manifest, Plan, Record, read_plan
from infoloom.benchmark.meta.folder.table import write_tasks
from infoloom.benchmark.meta.recipes import BLOCK
from infoloom.benchmark.meta.request import Request
from infoloom.benchmark.meta.stream import TaskStream
from infoloom.datasets.engines.base import Failure
from infoloom.datasets.engines.local import in_processes
from infoloom.datasets.storage.files import (
    aside,
    read_json,
    remove_left_over,
    sha256,
    write_json,
    write_once,
    write_text,
)
from infoloom.datasets.storage.layout import CARD, MANIFEST, MAX_SHARDS, PLAN, WORK, Shard, inside
from infoloom.errors import DatasetError

__all__ = ["Progress", "make_tasks"]

Progress = Callable[[int, int], None]
_MOST: Final = 10**9
_SHARD: Final = 32 * BLOCK
_MAX_DONE: Final = 2**16


@dataclass(frozen=True)
class _Job:
    """All that one shard depends on."""

    root: str
    request: Request
    shard: Shard


def make_tasks(
    out: str | Path,
    asked: Request,
    count: int,
    *,
    workers: int = 1,
    tasks_per_shard: int = _SHARD,
    progress: Progress | None = None,
) -> Manifest:
    """Write the first tasks of a stream to a folder, or go on where an earlier call stopped.

    The folder has the same bytes for any number of workers.

    Args:
        out: Folder; empty, absent, or begun with the same settings.
        asked: What tasks shall be like.
        count: Tasks.
        workers: Processes; more than one needs `if __name__ == "__main__":` in a script.
        tasks_per_shard: Tasks of a Parquet file, a multiple of 64.
        progress: Called with the shards that are there and how many there shall be.

    Returns:
        What the finished folder says about itself.

    Raises:
        DatasetError: Such numbers do not fit, something else is in the folder, or it cannot be written.
    """
    _check(count, workers, tasks_per_shard)
    root, plan = Path(out), Plan(asked, int(count), int(tasks_per_shard))
    _begin(root, plan)
    jobs = [_Job(str(root.resolve()), plan.request, shard) for shard in plan.shards]
    outcomes = map(_attempt, jobs) if workers == 1 else in_processes(jobs, workers, _attempt)
    records = _gathered(outcomes, len(jobs), progress)
    versions = {name: version(name) for name in ("infoloom", "numpy", "scipy", "pyarrow")}
    manifest = Manifest(plan, versions, tuple(records[shard] for shard in plan.shards))
    for folder in (root, root / WORK, root / "data"):
        remove_left_over(folder, min_age_s=0.0)
    write_text(root / CARD, card_text(manifest))
    write_json(root / MANIFEST, manifest.to_json())
    return manifest


def _check(count: object, workers: object, tasks_per_shard: object) -> None:
    for name, value, least, most in (
        ("count", count, 1, _MOST),
        ("workers", workers, 1, 1024),
        ("tasks per shard", tasks_per_shard, BLOCK, 2**20),
    ):
        if not (whole(value) and least <= value <= most):  # type: ignore[operator]
            raise DatasetError(
                f"{name} `{value}`: expected a whole number from {least:,} to {most:,}. Choose one."
            )
    if tasks_per_shard % BLOCK:  # type: ignore[operator]
        raise DatasetError(
            f"tasks per shard `{tasks_per_shard}`: expected a multiple of {BLOCK}, because so many are made at once. "
            f"Use {_SHARD:,}."
        )
    if count > MAX_SHARDS * tasks_per_shard:  # type: ignore[operator]
        raise DatasetError(
            f"count `{count}`: expected at most {MAX_SHARDS:,} shards. Take more tasks per shard."
        )


def _begin(root: Path, plan: Plan) -> None:
    """Prepare the folder; one with anything else in it is refused."""
    try:
        there = (root / PLAN).is_file()
        if not there and root.is_dir() and any(root.iterdir()):
            raise DatasetError(
                f"folder `{root}`: expected an empty folder or unfinished tasks, because nothing is overwritten. "
                "Choose another folder."
            )
        (root / "data").mkdir(parents=True, exist_ok=True)
        (root / WORK).mkdir(exist_ok=True)
        for folder in (root, root / WORK, root / "data"):
            remove_left_over(folder)
        new = write_once(root / PLAN, plan.to_json())
    except OSError as error:
        raise DatasetError(
            f"folder `{root}`: cannot be written ({error.strerror or error}). Choose another folder or grant access."
        ) from error
    if not new and read_plan(root) != plan:
        raise DatasetError(
            f"folder `{root}`: expected the tasks that were begun here, {json.dumps(read_plan(root).to_json())}; got "
            f"{json.dumps(plan.to_json())}. Ask for the same again to resume, or choose another folder."
        )


def _attempt(job: _Job) -> Record | Failure:
    """Make one shard unless a whole one is there; what goes wrong is reported, so that it can travel."""
    try:
        return _read_done(job) or _made(job)
    except OSError as error:
        return Failure(job.shard, f"shard `{job.shard.file}`: cannot be written ({error.strerror or error})")
    except DatasetError as error:
        return Failure(job.shard, str(error))


def _made(job: _Job) -> Record:
    root = Path(job.root)
    (root / job.shard.done).unlink(missing_ok=True)
    with aside(root / job.shard.file) as part:
        write_tasks(part, TaskStream(job.request, job.shard.first), job.shard.rows)
        record = Record(job.shard, part.stat().st_size, sha256(part))
    write_json(root / job.shard.done, record.to_json())
    return record


def _read_done(job: _Job) -> Record | None:
    """What a shard's done-file says, if it is of this shard and the checksum holds."""
    root, path = Path(job.root), Path(job.root) / job.shard.file
    try:
        said = read_json(root / job.shard.done, _MAX_DONE)
        record = Record(job.shard, path.stat().st_size, sha256(inside(root, job.shard.file)))
    except (DatasetError, OSError):
        return None  # anything wrong with a done-file means that the shard is to be made
    return record if said == record.to_json() else None


def _gathered(
    outcomes: Iterator[Record | Failure], total: int, progress: Progress | None
) -> dict[Shard, Record]:
    records, failures = {}, list[Failure]()
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            records[outcome.shard] = outcome
        if progress is not None:
            progress(len(records), total)
    if failures:
        raise DatasetError(_failed(failures, len(records), total))
    return records


def _failed(failures: Sequence[Failure], made: int, total: int) -> str:
    reasons = "\n".join(failure.reason for failure in failures[:5])
    return (
        f"shards: expected {total}, {made} are made and kept, {len(failures)} failed.\n{reasons}\n"
        "Remove the cause and run the same command again: it goes on where it stopped."
    )
