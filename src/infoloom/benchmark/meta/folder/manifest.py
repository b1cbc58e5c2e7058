"""What a folder of tasks says about itself: what was asked for, its shards and their checksums."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from infoloom.benchmark.meta.request import Request, request
from infoloom.datasets.storage.files import read_json
from infoloom.datasets.storage.layout import MANIFEST, PLAN, Shard, inside, shard_name
from infoloom.errors import DatasetError, TaskError
from infoloom.foreign.trees import Finite, Tree, Word, checked

__all__ = ["FORMAT", "KIND", "Manifest", "Plan", "Record", "is_task_folder", "read_manifest", "read_plan"]

FORMAT: Final = 1
KIND: Final = "tasks"
_MAX_BYTES: Final = 2**26
_Whole = Annotated[int, Field(ge=0)]
_Sum = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Request(Tree):
    seed: _Whole
    dims: list[_Whole]
    rows: list[_Whole]
    nats: list[Finite]
    families: list[Word]
    maps: list[Word]


class _Plan(Tree):
    infoloom: Literal["tasks"]
    format: Literal[1]
    request: _Request
    tasks: Annotated[int, Field(ge=1)]
    tasks_per_shard: Annotated[int, Field(ge=1)]


class _Record(Tree):
    file: Word
    first: _Whole
    tasks: _Whole
    bytes: _Whole
    sha256: _Sum


class _Manifest(_Plan):
    made_with: dict[str, Word]
    shards: list[_Record]


@dataclass(frozen=True)
class Plan:
    """What a folder shall hold: the first `tasks` of a stream, so many a shard."""

    request: Request
    tasks: int
    tasks_per_shard: int

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "infoloom": KIND,
            "format": FORMAT,
            "request": self.request.to_json(),
            "tasks": self.tasks,
            "tasks_per_shard": self.tasks_per_shard,
        }

    @property
    def shards(self) -> list[Shard]:
        """Its files, in the order of the tasks."""
        starts = range(0, self.tasks, self.tasks_per_shard)
        return [
            Shard("train", index, len(starts), first, min(self.tasks_per_shard, self.tasks - first))
            for index, first in enumerate(starts)
        ]


@dataclass(frozen=True)
class Record:
    """A shard that exists, its size and its checksum."""

    shard: Shard
    bytes: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return {
            "file": self.shard.file,
            "first": self.shard.first,
            "tasks": self.shard.rows,
            "bytes": self.bytes,
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class Manifest:
    """A finished folder of tasks."""

    plan: Plan
    made_with: dict[str, str]
    records: tuple[Record, ...]

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain values."""
        return {
            **self.plan.to_json(),
            "made_with": self.made_with,
            "shards": [record.to_json() for record in self.records],
        }


def is_task_folder(root: Path) -> bool:
    """Whether a folder holds tasks, finished or begun, and not a dataset of a story."""
    for name in (MANIFEST, PLAN):
        try:
            tree = read_json(root / name, _MAX_BYTES)
        except DatasetError:
            continue
        return isinstance(tree, dict) and tree.get("infoloom") == KIND
    return False


def read_plan(root: Path) -> Plan:
    """The plan of a folder that was begun.

    Raises:
        DatasetError: None, or not of this kind.
    """
    return _plan(root, PLAN, _checked(_Plan, root, PLAN))


def read_manifest(root: Path) -> Manifest:
    """The manifest of a finished folder, its shards those of its plan.

    Raises:
        DatasetError: None, or one that does not hold together.
    """
    if not (root / MANIFEST).is_file():
        raise DatasetError(
            f"folder `{root}`: expected a finished folder of tasks with `{MANIFEST}`. Run the same `infoloom bench "
            "meta` again: it goes on where it stopped."
        )
    said = _checked(_Manifest, root, MANIFEST)
    plan = _plan(root, MANIFEST, said)
    records = tuple(_record(one, root) for one in said.shards)
    if [record.shard for record in records] != plan.shards:
        raise _broken(root, MANIFEST, "other shards than those of its plan")
    return Manifest(plan, dict(said.made_with), records)


def _record(said: _Record, root: Path) -> Record:
    _, index, count = shard_name(said.file)
    inside(root, said.file)
    return Record(Shard("train", index, count, said.first, said.tasks), said.bytes, said.sha256)


def _checked(tree: Any, root: Path, name: str) -> Any:
    try:
        return checked(tree, read_json(inside(root, name), _MAX_BYTES))
    except ValueError as error:
        raise _broken(root, name, str(error)) from error


def _plan(root: Path, name: str, said: Any) -> Plan:
    try:
        return Plan(request(**said.request.model_dump()), said.tasks, said.tasks_per_shard)
    except TaskError as error:
        raise _broken(root, name, str(error)) from error


def _broken(root: Path, name: str, why: str) -> DatasetError:
    return DatasetError(
        f"file `{root / name}`: expected what `infoloom bench meta` writes ({why}). Make the folder again."
    )
