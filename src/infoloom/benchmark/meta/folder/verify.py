"""Checking a folder of tasks: checksums, and tasks drawn again from what the folder says was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from infoloom.benchmark.meta.folder.manifest import Manifest, read_manifest
from infoloom.benchmark.meta.folder.table import SCHEMA, read_tasks
from infoloom.benchmark.meta.stream import RandomTask, TaskStream
from infoloom.datasets.checking.outcome import Check, Report
from infoloom.datasets.storage.files import sha256
from infoloom.datasets.storage.layout import inside
from infoloom.units import number_of

__all__ = ["verify_tasks"]

_TRUTH: Final = 1e-9
_ROWS: Final = 1e-4  # of a map's output, where another processor rounds otherwise
_AGAIN: Final = 256
_SHARDS: Final = 16


def verify_tasks(path: str | Path, tasks: int = _AGAIN) -> Report:
    """Check a folder of tasks.

    Args:
        path: The folder.
        tasks: How many tasks are drawn again, at most, from sixteen shards over the whole.

    Returns:
        Every check, passed or not.

    Raises:
        DatasetError: No finished folder of tasks.
    """
    root = Path(path)
    manifest = read_manifest(root)
    files = _files(root, manifest)
    checks = [files, *(_drawn_again(root, manifest, tasks) if files.passed else ())]
    return Report(str(path), manifest.plan.tasks, tuple(checks), "tasks")


def _files(root: Path, manifest: Manifest) -> Check:
    bad = []
    for record in manifest.records:
        try:
            found = sha256(inside(root, record.shard.file))
        except OSError as error:
            bad.append(f"{record.shard.file}: {error.strerror or error}")
            continue
        if found != record.sha256:
            bad.append(f"{record.shard.file}: another checksum")
    total = len(manifest.records)
    detail = "\n".join(bad[:20]) if bad else f"{number_of(total, 'shard')}: each has its checksum"
    return Check("files", not bad, detail, float(total - len(bad)), float(total))


def _drawn_again(root: Path, manifest: Manifest, most: int) -> Iterator[Check]:
    """The first tasks of some shards beside those of the stream."""
    records = manifest.records
    places = sorted({int(place) for place in np.linspace(0, len(records) - 1, min(_SHARDS, len(records)))})
    each = max(1, most // len(places))
    worst_truth, worst_rows, seen = 0.0, 0.0, 0
    try:
        for place in places:
            shard = records[place].shard
            stream = TaskStream(manifest.plan.request, shard.first)
            for row, _ in zip(read_tasks(root / shard.file), range(each), strict=False):
                task = next(stream)
                seen += 1
                worst_truth = max(worst_truth, _truth(row, task))
                worst_rows = max(worst_rows, _rows(row["x"], task.x), _rows(row["y"], task.y))
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        yield Check(
            "tasks drawn again", False, f"{type(error).__name__}: {error}; expected columns {SCHEMA.names}"
        )
        return
    detail = f"{number_of(seen, 'task')}: truths within {worst_truth:.1e} nats"
    yield Check("truth", worst_truth <= _TRUTH, detail, worst_truth, 0.0)
    detail = f"{number_of(seen, 'task')}: rows within {worst_rows:.1e} of their range"
    yield Check("rows", worst_rows <= _ROWS, detail, worst_rows, 0.0)


def _truth(row: dict[str, Any], task: RandomTask) -> float:
    same = (row["index"], row["family"], row["method"]) == (task.index, task.family, task.truth.method)
    return abs(row["nats"] - task.truth.value) if same else float("inf")


def _rows(found: Any, wanted: Any) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found - wanted).max() / max(float(np.ptp(wanted)), 1e-30))
