"""The manifest: what a finished dataset says about itself, and the checks that make it safe to believe."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infoloom.datasets.storage.bounds import uncertified
from infoloom.datasets.storage.columns import KINDS, Column
from infoloom.datasets.storage.files import read_json
from infoloom.datasets.storage.layout import FORMAT, MANIFEST, MAX_ROWS, Shard, inside, shard_name
from infoloom.errors import DatasetError
from infoloom.information.quantity import CLOSED_FORM, MONTE_CARLO, QUADRATURE, Quantity

__all__ = ["Manifest", "ShardRecord", "read_manifest"]

MAX_BYTES: Final = 256 * 2**20
MAX_COLUMNS: Final = 100_000
MAX_SIZE: Final = 100_000_000
MAX_RANK: Final = 8
_NAME: Final = re.compile(r"[^\W\d]\w*|pmi\([\w,;\[\]]+\)|prediction\(\w+\|[\w,]+\)")


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
        captions: Sentences, words and vocabulary of modalities that are words.
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
    captions: dict[str, dict[str, Any]] = field(default_factory=dict)

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
            "bijections": self.bijections,
            **({"losses": self.losses} if self.losses else {}),
            **({"captions": self.captions} if self.captions else {}),
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
    if not isinstance(version, int) or version > FORMAT or version < 1:
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
            "finish`."
        )
    return f"dataset `{root}`: expected a folder with `{MANIFEST}`. Check the path."


def _parse(tree: dict[str, Any], root: Path) -> Manifest:
    try:
        manifest = Manifest(
            name=_text(tree["name"]),
            digest=_text(tree["spec"]["digest"]),
            spec_sha256=_text(tree["spec"]["sha256"]),
            seed=_number(tree["seed"], 2**63),
            rows=_number(tree["rows"], MAX_ROWS),
            rows_per_shard=_number(tree["rows_per_shard"], MAX_ROWS),
            splits=tuple((_text(name), _number(rows, MAX_ROWS)) for name, rows in tree["splits"].items()),
            columns=tuple(_column(column) for column in tree["columns"]),
            shards=tuple(_record(record) for record in tree["shards"]),
            truth={
                _text(k): float(v["value"] if isinstance(v, dict) else v)
                for k, v in tree["truth"]["values"].items()
            },
            accuracy={
                _text(k): _accuracy(v) for k, v in tree["truth"]["values"].items() if isinstance(v, dict)
            },
            notes=tuple(_text(note) for note in tree.get("notes", ())),
            bijections={_text(name): _bijection(one) for name, one in tree["bijections"].items()},
            losses={_text(name): dict(loss) for name, loss in tree.get("losses", {}).items()},
            captions={_text(name): _caption(one) for name, one in tree.get("captions", {}).items()},
            made_with=tuple(dict(made) for made in tree["made_with"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"file `{root / MANIFEST}`: expected a whole manifest ({error!r} is wrong). Generate the dataset "
            "again."
        ) from error
    for problem, found in _checks(manifest):
        if found():
            raise DatasetError(
                f"file `{root / MANIFEST}`: {problem}. Generate the dataset again from its spec."
            )
    return manifest


def _checks(manifest: Manifest) -> list[tuple[str, Callable[[], bool]]]:
    names = [column.name for column in manifest.columns]
    files = [record.shard.file for record in manifest.shards]
    return [
        (f"expected at most {MAX_COLUMNS:,} columns, each once", lambda: len(set(names)) != len(names)),
        ("expected at least one column", lambda: not 0 < len(names) <= MAX_COLUMNS),
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


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {str(value)[:60]}")
    return value


def _number(value: Any, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
        raise ValueError(f"expected a whole number up to {limit:,}, got {str(value)[:60]}")
    return value


def _accuracy(tree: Any) -> dict[str, Any]:
    if tree["method"] not in (CLOSED_FORM, QUADRATURE, MONTE_CARLO):
        raise ValueError(f"expected a known method, got {str(tree['method'])[:60]}")
    name = "standard_error" if tree["method"] == MONTE_CARLO else "tolerance"
    return {name: float(tree[name]), "method": tree["method"]}


def _column(tree: Any) -> Column:
    shape = tuple(_number(n, MAX_SIZE) for n in tree["shape"])
    column = Column(_text(tree["name"]), tree["kind"], str(tree["dtype"]), shape, _levels(tree))
    if not _NAME.fullmatch(column.name):
        raise ValueError(f"column `{column.name[:60]}`: not a name")
    if column.kind not in KINDS or not (
        column.textual or column.dtype in ("int64", "uint8", "float32", "float64")
    ):
        raise ValueError(f"column `{column.name}`: kind `{column.kind}`, type `{column.dtype}`")
    if (column.kind == "channel") != (column.levels is not None):
        raise ValueError(f"column `{column.name}`: kind `{column.kind}`, levels {column.levels}")
    if len(shape) > MAX_RANK or not 0 < column.size <= MAX_SIZE:
        raise ValueError(f"column `{column.name}`: a row of shape {shape}")
    return column


def _bijection(tree: Any) -> dict[str, Any]:
    """Flow and certificate of a modality; that every part is an object is all that reading relies on."""
    _text(tree["flow"])
    certificate = dict(tree["certificate"])
    parts = {"parts": [dict(part) for part in certificate["parts"]]} if "parts" in certificate else {}
    return {**tree, "certificate": {**certificate, **parts}}


def _caption(tree: Any) -> dict[str, Any]:
    """Sentences, words and vocabulary of a caption."""
    words = {_text(slot): [_text(word) for word in said] for slot, said in tree["words"].items()}
    vocabulary = [_text(token) for token in tree["vocabulary"]]
    return {"flow": _text(tree["flow"]), "words": words, "vocabulary": vocabulary}


def _levels(tree: Any) -> tuple[float, float] | None:
    if "levels" not in tree:
        return None
    low, high = (float(end) for end in tree["levels"])
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"levels from {low} to {high}")
    return low, high


def _record(tree: Any) -> ShardRecord:
    split, index, count = shard_name(_text(tree["file"]))
    if split != tree["split"]:
        raise ValueError(f"shard `{tree['file']}`: split `{tree['split']}`")
    shard = Shard(split, index, count, _number(tree["first"], MAX_ROWS), _number(tree["rows"], MAX_ROWS))
    footer = _text(tree["footer"]) if "footer" in tree else None
    size, made_with = _number(tree["bytes"], 2**50), _number(tree["made_with"], 10**6)
    return ShardRecord(shard, size, _text(tree["sha256"]), made_with, footer)
