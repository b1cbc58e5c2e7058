"""What the files of a dataset's folder must be: the schema of manifests, plans and done-files that strangers wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from infoloom.datasets.storage.columns import TEXT, Column, Kind
from infoloom.datasets.storage.layout import MAX_ALL_SHARDS, MAX_ROWS, MAX_SHARDS
from infoloom.foreign.trees import Finite, Line, Open, Text, Tree, Word
from infoloom.information.quantity import MONTE_CARLO, Method
from infoloom.spec.flows.trees import CertificateTree

__all__ = [
    "MAX_COLUMNS",
    "MAX_SPLITS",
    "ColumnTree",
    "DoneTree",
    "ManifestTree",
    "PlanTree",
    "RecordTree",
    "ValueTree",
    "columns_of",
]

MAX_COLUMNS: Final = 100_000
MAX_SIZE: Final = 100_000_000
MAX_RANK: Final = 8
MAX_SPLITS: Final = 1000
_NAME: Final = re.compile(r"[^\W\d]\w*|pmi\([\w,;\[\]]+\)|prediction\(\w+\|[\w,]+\)")

Rows = Annotated[int, Field(ge=0, le=MAX_ROWS)]
Some = Annotated[int, Field(ge=1, le=MAX_ROWS)]
Seed = Annotated[int, Field(ge=0)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Split = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Splits = Annotated[dict[Split, Some], Field(min_length=1, max_length=MAX_SPLITS)]
Size = Annotated[int, Field(ge=1, le=MAX_SIZE)]


class ColumnTree(Tree):
    """A column."""

    name: Annotated[str, StringConstraints(max_length=4096)]
    kind: Kind
    dtype: (
        Literal["int64", "uint8", "float32", "float64"]
        | Annotated[str, StringConstraints(pattern=f"^{TEXT.pattern}$")]
    )
    shape: Annotated[list[Size], Field(max_length=MAX_RANK)]
    levels: Annotated[list[Finite], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> ColumnTree:
        if not _NAME.fullmatch(self.name):
            raise ValueError("a name of a column")
        if math.prod(self.shape) > MAX_SIZE:
            raise ValueError(f"a row of at most {MAX_SIZE:,} numbers")
        if (self.kind == "channel") != (self.levels is not None):
            raise ValueError("levels of 8-bit columns, and of no other")
        if self.levels is not None and not self.levels[0] < self.levels[1]:
            raise ValueError("levels that rise")
        return self


class PlanTree(Tree):
    """A plan; it decides bytes, so there is nothing in it that this version does not know."""

    name: Word
    digest: Word
    seed: Seed
    rows: Some
    rows_per_shard: Some
    splits: Splits
    columns: Annotated[list[ColumnTree], Field(min_length=1, max_length=MAX_COLUMNS)]
    format: Literal[1]
    allow_uncertified: bool = False
    reproducible: bool = False
    spec: Text

    @model_validator(mode="after")
    def _whole(self) -> PlanTree:
        if sum(self.splits.values()) != self.rows:
            raise ValueError("rows of splits that add up")
        counts = [-(-rows // self.rows_per_shard) for rows in self.splits.values()]
        if max(counts) > MAX_SHARDS or sum(counts) > MAX_ALL_SHARDS:
            raise ValueError(f"at most {MAX_SHARDS:,} shards a split, {MAX_ALL_SHARDS:,} in all")
        if len({column.name for column in self.columns}) != len(self.columns):
            raise ValueError("each column once")
        return self


class PathTree(Open):
    """What computed the bytes of a shard."""

    device: Word
    machine: Word
    versions: dict[Word, Word | None]
    path: dict[Word, Line | int | bool | None] = Field(default_factory=dict)


class DoneTree(Tree):
    """A shard that is complete."""

    file: Line
    first: Rows
    rows: Rows
    digest: Word
    seed: Seed
    bytes: Annotated[int, Field(ge=0, le=2**50)]
    sha256: Digest
    footer: Digest
    made_with: PathTree


class RecordTree(Open):
    """A shard of a finished dataset."""

    file: Line
    split: Split
    first: Rows
    rows: Some
    bytes: Annotated[int, Field(ge=0, le=2**50)]
    sha256: Word
    footer: Digest | None = None
    made_with: Annotated[int, Field(ge=0, le=10**6)]


class SpecTree(Open):
    """The spec that rows were drawn from."""

    digest: Word
    sha256: Word


class ValueTree(Open):
    """A value that is not exact: how it was found, and how far it may be off."""

    value: Finite
    method: Method
    tolerance: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    standard_error: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _accuracy(self) -> ValueTree:
        if (self.standard_error if self.method == MONTE_CARLO else self.tolerance) is None:
            raise ValueError("its error with its method")
        return self


class TruthTree(Open):
    """Information values by query, nats."""

    values: Annotated[dict[Line, Finite | ValueTree], Field(max_length=1_000_000)]


class OriginTree(Open):
    """Where a trained flow comes from."""

    data: Text
    licence: Text


class BijectionTree(Open):
    """A modality's map."""

    flow: Line
    certificate: CertificateTree
    trained_on: Annotated[list[OriginTree], Field(max_length=1000)] = Field(default_factory=list)


class LossTree(Open):
    """What an 8-bit column loses."""

    rows: Rows
    error: Finite
    correlation: Finite
    information: dict[Word, Finite]


class PluginTree(Tree):
    """A plug-in that a dataset was made with."""

    kind: Word
    name: Word
    package: Word
    version: Word


class CaptionTree(Open):
    """Sentences, words by slot and vocabulary of a modality of words."""

    flow: Line
    words: dict[Word, Annotated[list[Line], Field(max_length=10_000)]]
    vocabulary: Annotated[list[Line], Field(max_length=100_000)]


class PartialTree(Open):
    """What a part of a dataset was planned to be part of."""

    rows: Some
    shards: Some
    splits: Splits
    beyond: Rows


class ManifestTree(Open):
    """A manifest."""

    infoloom: Literal["dataset"]
    format: Annotated[int, Field(ge=1)]
    name: Word
    spec: SpecTree
    seed: Seed
    rows: Rows
    rows_per_shard: Some
    splits: Splits
    columns: Annotated[list[ColumnTree], Field(max_length=MAX_COLUMNS)]
    truth: TruthTree
    notes: Annotated[list[Text], Field(max_length=10_000)] = Field(default_factory=list)
    plugins: Annotated[list[PluginTree], Field(max_length=1_000)] = Field(default_factory=list)
    captions: Annotated[dict[Word, CaptionTree], Field(max_length=1_000)] = Field(default_factory=dict)
    bijections: dict[Word, BijectionTree]
    losses: dict[Word, LossTree] = Field(default_factory=dict)
    partial: PartialTree | None = None
    made_with: Annotated[list[PathTree], Field(max_length=1_000_000)]
    shards: Annotated[list[RecordTree], Field(max_length=MAX_ALL_SHARDS)]

    @model_validator(mode="after")
    def _pointers(self) -> ManifestTree:
        if any(record.made_with >= len(self.made_with) for record in self.shards):
            raise ValueError("shards that say what made them")
        return self


def columns_of(trees: Sequence[ColumnTree]) -> tuple[Column, ...]:
    """The columns that checked trees describe."""
    return tuple(
        Column(
            tree.name,
            tree.kind,
            tree.dtype,
            tuple(tree.shape),
            None if tree.levels is None else (tree.levels[0], tree.levels[1]),
        )
        for tree in trees
    )
