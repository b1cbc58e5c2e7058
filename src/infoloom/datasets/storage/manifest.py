"""The manifest: what a finished dataset says about itself, and the checks that make it safe to believe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infoloom.datasets.storage.bounds import uncertified
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import read_json
from infoloom.datasets.storage.layout import FORMAT, MANIFEST, Shard, inside, shard_name
from infoloom.datasets.storage.reading.partial import Partial
from infoloom.datasets.storage.trees import MAX_COLUMNS, ManifestTree, RecordTree, ValueTree, columns_of
from infoloom.errors import DatasetError
from infoloom.foreign.trees import checked
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, Quantity
from infoloom.plugins import Plugin

__all__ = ["Manifest", "ShardRecord", "read_manifest"]

MAX_BYTES: Final = 256 * 2**20


@dataclass(frozen=True)
class ShardRecord:
    """A shard that exists: where its rows belong, how large the file is and its checksums.

    Attributes:
        footer: SHA-256 of the file's footer; datasets of earlier versions have none.
    """

    shard: Shard
    bytes: int
    sha256: str
    made_with: int = 0
    footer: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return {
            "file": self.shard.file,
            "split": self.shard.split,
            "first": self.shard.first,
            "rows": self.shard.rows,
            "bytes": self.bytes,
            "sha256": self.sha256,
            **({"footer": self.footer} if self.footer else {}),
            "made_with": self.made_with,
        }


@dataclass(frozen=True)
class Manifest:
    """A finished dataset's description.

    Attributes:
        truth: Information values by query, nats.
        made_with: Versions and devices that shards were made with; a shard's record points into this list.
        bijections: Flow expression and certificate by modality.
        accuracy: For values that are not exact, how they were found and how far they may be off, by query.
        notes: What a user of the rows must know besides, one sentence each.
        losses: What 8-bit columns are measured to lose, by column.
        plugins: What other packages' parts the story needs.
        captions: Sentences, words and vocabulary of modalities that are words.
        partial: What was planned, where the rows are the first of a dataset that is not finished.
    """

    name: str
    digest: str
    seed: int
    rows: int
    rows_per_shard: int
    splits: tuple[tuple[str, int], ...]
    columns: tuple[Column, ...]
    shards: tuple[ShardRecord, ...]
    truth: dict[str, float]
    bijections: dict[str, dict[str, Any]]
    made_with: tuple[dict[str, Any], ...]
    spec_sha256: str
    accuracy: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    losses: dict[str, dict[str, Any]] = field(default_factory=dict)
    plugins: tuple[Plugin, ...] = ()
    captions: dict[str, dict[str, Any]] = field(default_factory=dict)
    partial: Partial | None = None

    @property
    def upper_bounds(self) -> dict[str, str]:
        """Modalities whose information is an upper bound because their map is not certified, with the reason."""
        return uncertified(self.bijections)

    def quantity(self, name: str) -> Quantity:
        """An information value with its accuracy."""
        found = self.accuracy.get(name, {})
        return Quantity(
            self.truth[name],
            found.get("standard_error"),
            found.get("method", CLOSED_FORM),
            found.get("tolerance", 0.0),
        )

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain values."""
        return {
            "infoloom": "dataset",
            "format": FORMAT,
            "name": self.name,
            "spec": {"file": "spec.yaml", "digest": self.digest, "sha256": self.spec_sha256},
            "seed": self.seed,
            "rows": self.rows,
            "rows_per_shard": self.rows_per_shard,
            "splits": dict(self.splits),
            "columns": [column.to_json() for column in self.columns],
            "truth": {
                "unit": "nats",
                "values": {
                    name: {"value": value, **self.accuracy[name]} if name in self.accuracy else value
                    for name, value in self.truth.items()
                },
                **({"upper_bounds": self.upper_bounds} if self.upper_bounds else {}),
            },
            **({"notes": list(self.notes)} if self.notes else {}),
            **({"plugins": [one.to_json() for one in self.plugins]} if self.plugins else {}),
            "bijections": self.bijections,
            **({"losses": self.losses} if self.losses else {}),
            **({"captions": self.captions} if self.captions else {}),
            **({"partial": self.partial.to_json()} if self.partial else {}),
            "made_with": list(self.made_with),
            "shards": [record.to_json() for record in self.shards],
        }


def read_manifest(root: Path) -> Manifest:
    """Read and check the manifest of a dataset's folder.

    Raises:
        DatasetError: No finished dataset, a newer format, or a manifest that does not hold together.
    """
    if not (root / MANIFEST).is_file():
        raise DatasetError(_missing(root))
    tree = read_json(inside(root, MANIFEST), MAX_BYTES)
    if not isinstance(tree, dict) or tree.get("infoloom") != "dataset":
        raise DatasetError(f"file `{root / MANIFEST}`: expected the manifest of an infoloom dataset.")
    version = tree.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version > FORMAT or version < 1:
        raise DatasetError(
            f"dataset `{root}`: its format is {version!r}; expected at most {FORMAT}, which this version "
            "reads. "
            "Update infoloom."
        )
    return _parse(tree, root)


def _missing(root: Path) -> str:
    if (root / ".infoloom").is_dir():
        return (
            f"dataset `{root}`: expected a finished dataset; this one is not finished. Run the same "
            "`infoloom generate` again: it goes on where it stopped; after `--shards` runs, `infoloom "
            "finish`. `infoloom finish --partial` opens the rows that are there."
        )
    return f"dataset `{root}`: expected a folder with `{MANIFEST}`. Check the path."


def _parse(tree: dict[str, Any], root: Path) -> Manifest:
    try:
        manifest = _manifest(checked(ManifestTree, tree), tree)
    except ValueError as error:
        raise DatasetError(
            f"file `{root / MANIFEST}`: expected a whole manifest ({error}). Generate the dataset again."
        ) from error
    for problem, found in _checks(manifest):
        if found():
            raise DatasetError(
                f"file `{root / MANIFEST}`: {problem}. Generate the dataset again from its spec."
            )
    return manifest


def _checks(manifest: Manifest) -> list[tuple[str, Callable[[], bool]]]:
    names = [column.name for column in manifest.columns]
    seen = {column.name for column in manifest.columns if column.kind == "modality"}
    files = [record.shard.file for record in manifest.shards]
    return [
        (f"expected at most {MAX_COLUMNS:,} columns, each once", lambda: len(set(names)) != len(names)),
        ("expected at least one column", lambda: not 0 < len(names) <= MAX_COLUMNS),
        (
            "expected a map of each modality",
            lambda: seen != manifest.bijections.keys() or not {*seen, *manifest.captions},
        ),
        ("expected each shard once", lambda: len(set(files)) != len(files)),
        ("the rows of the splits do not add up", lambda: sum(n for _, n in manifest.splits) != manifest.rows),
        ("the rows of the shards do not follow one another", lambda: not _contiguous(manifest)),
    ]


def _contiguous(manifest: Manifest) -> bool:
    place, counts = 0, dict.fromkeys((name for name, _ in manifest.splits), 0)
    order = [name for name, _ in manifest.splits]
    for record in manifest.shards:
        shard = record.shard
        if shard.first != place or shard.split not in counts or shard.split != order[0]:
            return False
        place += shard.rows
        counts[shard.split] += shard.rows
        if counts[shard.split] == dict(manifest.splits)[shard.split]:
            order = order[1:] or [""]
    return counts == dict(manifest.splits)


def _manifest(said: ManifestTree, tree: dict[str, Any]) -> Manifest:
    values = said.truth.values
    return Manifest(
        name=said.name,
        digest=said.spec.digest,
        spec_sha256=said.spec.sha256,
        seed=said.seed,
        rows=said.rows,
        rows_per_shard=said.rows_per_shard,
        splits=tuple(said.splits.items()),
        columns=columns_of(said.columns),
        shards=tuple(map(_record, said.shards)),
        truth={query: v.value if isinstance(v, ValueTree) else v for query, v in values.items()},
        accuracy={query: _accuracy(v) for query, v in values.items() if isinstance(v, ValueTree)},
        notes=tuple(said.notes),
        plugins=tuple(Plugin(one.kind, one.name, one.package, one.version) for one in said.plugins),
        bijections=tree["bijections"],
        losses=tree.get("losses", {}),
        captions=tree.get("captions", {}),
        partial=None if said.partial is None else Partial(**said.partial.model_dump()),
        made_with=tuple(tree["made_with"]),
    )


def _accuracy(value: ValueTree) -> dict[str, Any]:
    if value.method == MONTE_CARLO:
        return {"standard_error": value.standard_error, "method": value.method}
    return {"tolerance": value.tolerance, "method": value.method}


def _record(said: RecordTree) -> ShardRecord:
    try:
        split, index, count = shard_name(said.file)
    except DatasetError as error:
        raise ValueError(str(error)) from error
    if split != said.split:
        raise ValueError(f"shard `{said.file}`: split `{said.split}`")
    shard = Shard(split, index, count, said.first, said.rows)
    return ShardRecord(shard, said.bytes, said.sha256, said.made_with, said.footer)
