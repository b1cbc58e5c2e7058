"""The plan of a dataset: everything that decides its bytes, fixed before the first row is drawn."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.making.captions import caption_columns
from infoloom.datasets.making.pmi import pmi_name, pmi_pairs
from infoloom.datasets.making.predictions import prediction_name, predictions_of
from infoloom.datasets.storage.channel_columns import channel_columns
from infoloom.datasets.storage.columns import Column, row_bytes
from infoloom.datasets.storage.files import read_json
from infoloom.datasets.storage.layout import (
    BLOCK,
    FORMAT,
    MAX_ALL_SHARDS,
    MAX_ROWS,
    MAX_SHARDS,
    PLAN,
    Shard,
    inside,
)
from infoloom.datasets.storage.trees import MAX_SPLITS, PlanTree, columns_of
from infoloom.errors import DatasetError
from infoloom.flags import expect_flags
from infoloom.foreign.plain import whole
from infoloom.foreign.trees import checked
from infoloom.law.choices import category_column, choosing

if TYPE_CHECKING:
    from infoloom.story import Story

__all__ = ["Plan", "make_plan", "parse_plan", "parse_splits", "plan_columns", "read_plan", "split_rows"]


_MAX_PLAN: Final = 64 * 2**20
_SHARD_BYTES: Final = 64 * 2**20
_MANY_SHARDS: Final = 50_000  # files; beyond, shards grow
_MIN_SHARDS: Final = 8  # so that a few workers have something to share, and little is lost when one is killed
_SPLIT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Plan:
    """What `generate` makes; two equal plans make the same bytes on one code path.

    Attributes:
        digest: SHA-256 of the spec.
        splits: Name and rows of each split; splits follow one another in the global row numbers.
        columns: What each row holds.
        allow_uncertified: Whether flows are used whose certificate fails; information is then an upper bound.
        reproducible: Whether all shards are made on one fixed code path, slower.
    """

    name: str
    digest: str
    seed: int
    rows: int
    rows_per_shard: int
    splits: tuple[tuple[str, int], ...]
    columns: tuple[Column, ...]
    format: int = FORMAT
    allow_uncertified: bool = False
    reproducible: bool = False

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """All shards, in the order of their global row numbers."""
        shards, first = [], 0
        for split, rows in self.splits:
            count = -(-rows // self.rows_per_shard)
            for index in range(count):
                inside = min(self.rows_per_shard, rows - index * self.rows_per_shard)
                shards.append(Shard(split, index, count, first, inside))
                first += inside
        return tuple(shards)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values."""
        tree = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**tree, "splits": dict(self.splits), "columns": [column.to_json() for column in self.columns]}

    def differences(self, other: Plan) -> list[str]:
        """Lines saying where another plan differs, shortest facts first."""
        mine, theirs = self.to_json(), other.to_json()
        keys = [key for key in mine if key not in ("columns", "name") and mine[key] != theirs[key]]
        lines = [f"{key}: {mine[key]} there, {theirs[key]} asked for" for key in keys]
        names, asked = {c.name: c for c in self.columns}, {c.name: c for c in other.columns}
        changed = sorted(n for n in names.keys() | asked.keys() if names.get(n) != asked.get(n))
        return lines + ([f"columns that differ: {', '.join(changed)}"] if changed else [])


def make_plan(
    story: Story,
    rows: int,
    seed: int = 0,
    *,
    splits: str | Mapping[str, float | int] | None = None,
    rows_per_shard: int | None = None,
    latents: bool = True,
    pmi: str | Sequence[str] = "auto",
    predictions: bool = False,
    also: str | Sequence[str] | None = None,
    allow_uncertified: bool = False,
    reproducible: bool = False,
) -> Plan:
    """Decide shards, splits and columns.

    Args:
        story: A compiled story.
        rows: Rows in all splits together.
        seed: Seed of the story's random numbers.
        splits: `"train=0.8,test=0.2"`, fractions or rows by name; one split `train` when left out.
        rows_per_shard: Rows of a Parquet file; about 64 MiB, and up to eight files of 256 rows or more, when left out.
        latents: Whether to keep causes and latents.
        pmi: `"auto"`, `"all"`, `"none"` or pairs such as `"radio,xray;theta"`.
        predictions: Whether to keep the optimal prediction of every target from each modality and from all.
        also: `"uint8"` for an 8-bit copy of every modality, or names of such columns, `"radio_uint8"`.
        allow_uncertified: Whether to use flows whose certificate fails; information is then an upper bound.
        reproducible: Whether to make all shards on one fixed code path, slower.

    Raises:
        DatasetError: Sizes that make no sense, names that collide, or a flow of which no 8-bit range follows.
    """
    expect_flags(
        DatasetError,
        latents=latents,
        predictions=predictions,
        allow_uncertified=allow_uncertified,
        reproducible=reproducible,
    )
    rows = _whole("rows", rows, 1, MAX_ROWS)
    seed = _whole("seed", seed, 0, 2**63 - 1)
    if rows_per_shard is not None:
        rows_per_shard = _whole("rows per shard", rows_per_shard, 1, MAX_ROWS)
    columns = plan_columns(
        story, latents, pmi_pairs(story, pmi), predictions_of(story) if predictions else (), also
    )
    per_shard = _rows_per_shard(rows, row_bytes(columns), rows_per_shard)
    named = split_rows(rows, parse_splits(splits) if isinstance(splits, str) else splits or {"train": rows})
    plan = Plan(
        story.name,
        story.spec.digest,
        seed,
        rows,
        per_shard,
        named,
        columns,
        allow_uncertified=allow_uncertified,
        reproducible=reproducible,
    )
    counts = [-(-count // per_shard) for _, count in named]
    if max(counts) > MAX_SHARDS:
        raise DatasetError(
            f"rows per shard `{per_shard}`: expected at most {MAX_SHARDS:,} shards a split. Raise it."
        )
    if len(named) > MAX_SPLITS or sum(counts) > MAX_ALL_SHARDS:
        raise DatasetError(
            f"splits: expected at most {MAX_SPLITS:,} and {MAX_ALL_SHARDS:,} shards in all, got {len(named):,} and "
            f"{sum(counts):,}. Make fewer, or raise the rows per shard."
        )
    return plan


def plan_columns(
    story: Story,
    latents: bool,
    pairs: Sequence[tuple[tuple[str, ...], tuple[str, ...]]],
    predictions: Sequence[tuple[str, tuple[str, ...]]] = (),
    also: str | Sequence[str] | None = None,
) -> tuple[Column, ...]:
    """The columns of a story's dataset, in the order in which they are stored.

    Raises:
        DatasetError: Two columns would have one name.
    """
    columns = [Column("sample_id", "id", "int64")]
    columns += [Column(name, "modality", "float32", tuple(story.shape(name))) for name in story.mapped]
    columns += caption_columns(story)
    columns += channel_columns(story, also)
    columns += [Column(name, "target", "float32") for name in story.targets]
    columns += [Column(name, "label", "int64") for name in story.labels]
    columns += [Column(category_column(name), "label", "int64") for name in choosing(story.graph)]
    if latents:
        columns += [Column(name, "cause", "float32", _cause_shape(story, name)) for name in story.causes]
        columns += [Column(f"z_{name}", "latent", "float32", (story.dim(name),)) for name in story.modalities]
    columns += [Column(pmi_name(a, b), "pmi", "float64") for a, b in pairs]
    columns += [Column(prediction_name(*one), "prediction", "float64") for one in predictions]
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DatasetError(
            f"column `{twice[0]}`: expected one meaning a name, because `sample_id`, `z_<modality>`, "
            "`<modality>_uint8`, `<caption>_words`, `<caption>_tokens` and `<cause>_class` are made by the dataset. "
            "Rename the variable in the spec."
        )
    return tuple(columns)


def parse_splits(text: str) -> dict[str, float | int]:
    """Read `train=0.8,test=0.2` or `train=1000,test=200`.

    Raises:
        DatasetError: Not of that form.

    Example:
        >>> parse_splits("train=0.8, test=0.2")
        {'train': 0.8, 'test': 0.2}
    """
    splits: dict[str, float | int] = {}
    for part in text.split(","):
        name, _, size = (piece.strip() for piece in part.partition("="))
        if name in splits:
            raise DatasetError(f"split `{name}`: expected every split once in `{text}`. Leave one out.")
        try:
            splits[name] = int(size) if size.isdigit() else float(size)
        except ValueError:
            raise DatasetError(
                f"split `{part.strip()}`: expected `name=fraction` or `name=rows`, as in "
                "`train=0.8,test=0.2`."
            ) from None
    return splits


def split_rows(rows: int, splits: Mapping[str, float | int]) -> tuple[tuple[str, int], ...]:
    """Rows of each split; fractions are rounded so that every row has its place.

    Raises:
        DatasetError: Bad names, empty splits, or sizes that do not add up.
    """
    if not isinstance(splits, Mapping):
        raise DatasetError(f"splits `{splits}`: expected sizes by name, as in {{'train': 0.8, 'test': 0.2}}.")
    bad = next(
        (name for name in splits if not isinstance(name, str) or not _SPLIT_NAME.fullmatch(name)), None
    )
    if bad is not None:
        raise DatasetError(f"split `{bad}`: expected a name of letters, digits and underscores.")
    odd = next((name for name, size in splits.items() if not _size(size)), None)
    if odd is not None:
        raise DatasetError(f"split `{odd}`: expected a fraction or a number of rows, got {splits[odd]!r}.")
    fractions = any(whole(size) is None for size in splits.values())
    total = math.fsum(splits.values())
    if not splits or (not abs(total - 1.0) <= 1e-9 if fractions else total != rows):
        wanted = "fractions that add up to 1" if fractions else f"rows that add up to {rows}"
        raise DatasetError(f"splits `{dict(splits)}`: expected {wanted}, got {total:g}.")
    if not fractions:
        counts = [int(size) for size in splits.values()]
    else:
        edges = [round(rows * math.fsum(list(splits.values())[:i])) for i in range(len(splits) + 1)]
        counts = [after - before for before, after in pairwise(edges)]
    if min(counts) < 1:
        empty = list(splits)[counts.index(min(counts))]
        raise DatasetError(
            f"split `{empty}`: expected at least one of the {rows} rows. Raise its share or the rows."
        )
    return tuple(zip(splits, counts, strict=True))


def _size(value: object) -> bool:
    return whole(value) is not None or (isinstance(value, float | np.floating) and math.isfinite(value))


def _whole(what: str, value: object, least: int, most: int) -> int:
    number = whole(value)
    if number is None or not least <= number <= most:
        raise DatasetError(f"{what} `{value}`: expected a whole number from {least} to {most:,}.")
    return number


def _cause_shape(story: Story, name: str) -> tuple[int, ...]:
    size = story.dim(name)
    return () if size == 1 else (size,)


def _rows_per_shard(rows: int, bytes_a_row: int, given: int | None) -> int:
    if given is not None:
        return given
    wanted = max(min(_SHARD_BYTES // bytes_a_row, -(-rows // _MIN_SHARDS)), -(-rows // _MANY_SHARDS))
    return max(1, -(-wanted // BLOCK)) * BLOCK


def parse_plan(tree: Any) -> tuple[Plan, str]:
    """Read a plan that `Plan.to_json` wrote, and the spec's text beside it.

    Raises:
        DatasetError: Not a plan of this format.
    """
    try:
        said = checked(PlanTree, tree)
    except ValueError as error:
        raise DatasetError(
            f"plan: expected the plan of a dataset, got something else ({error}). Start in an empty folder."
        ) from error
    plan = Plan(
        said.name,
        said.digest,
        said.seed,
        said.rows,
        said.rows_per_shard,
        tuple(said.splits.items()),
        columns_of(said.columns),
        allow_uncertified=said.allow_uncertified,
        reproducible=said.reproducible,
    )
    return plan, said.spec


def read_plan(root: Path) -> tuple[Plan, str]:
    """The plan of a begun dataset and its spec's text.

    Raises:
        DatasetError: Nothing was begun here.
    """
    if not (root / PLAN).is_file():
        raise DatasetError(
            f"folder `{root}`: expected a dataset begun by `infoloom generate`; there is none."
        )
    try:
        return parse_plan(read_json(inside(root, PLAN), _MAX_PLAN))
    except DatasetError as error:
        raise DatasetError(f"folder `{root}`: {error}") from error
