"""Where things lie in a dataset's folder, and the only paths that are ever opened in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infoloom.errors import DatasetError

__all__ = [
    "BLOCK",
    "CARD",
    "CROISSANT",
    "FILES",
    "FORMAT",
    "MANIFEST",
    "MAX_ALL_SHARDS",
    "MAX_ROWS",
    "MAX_SHARDS",
    "PLAN",
    "ROW_GROUP",
    "SPEC",
    "WORK",
    "Shard",
    "inside",
    "shard_name",
]

FORMAT: Final = 1
ROW_GROUP: Final = 128  # rows decoded at once by a random access
BLOCK: Final = 256  # rows drawn at once; two row groups
MAX_ROWS: Final = 10**12
MAX_SHARDS: Final = 99_999
MAX_ALL_SHARDS: Final = 1_000_000  # of all splits together
CARD: Final = "README.md"
CROISSANT: Final = "croissant.json"
MANIFEST: Final = "manifest.json"
SPEC: Final = "spec.yaml"
FILES: Final = "files"
WORK: Final = ".infoloom"
PLAN: Final = f"{WORK}/plan.json"

_SHARD = re.compile(r"data/([A-Za-z][A-Za-z0-9_]{0,63})-([0-9]{5})-of-([0-9]{5})\.parquet")


@dataclass(frozen=True)
class Shard:
    """One Parquet file of `count` in its split; `first` is the global number of its first row."""

    split: str
    index: int
    count: int
    first: int
    rows: int

    @property
    def file(self) -> str:
        """Path inside the dataset's folder."""
        return f"data/{self.split}-{self.index:05d}-of-{self.count:05d}.parquet"

    @property
    def done(self) -> str:
        """The small file that says that the shard is complete."""
        return f"{WORK}/{self.split}-{self.index:05d}-of-{self.count:05d}.json"


def shard_name(file: str) -> tuple[str, int, int]:
    """Read a shard's path: its split, its number and how many there are.

    Raises:
        DatasetError: Anything but the one form that this package writes, so no path can leave the folder.

    Example:
        >>> shard_name("data/train-00003-of-00008.parquet")
        ('train', 3, 8)
    """
    match = _SHARD.fullmatch(file)
    if match is None:
        raise DatasetError(
            f"shard `{file[:200]}`: expected `data/<split>-00000-of-00001.parquet`, because no other path of "
            "a "
            "manifest is ever opened. Do not use this dataset, or generate it again from its spec."
        )
    return match[1], int(match[2]), int(match[3])


def inside(root: Path, relative: str) -> Path:
    """A file of the dataset's folder; symbolic links that lead out of it are refused.

    Raises:
        DatasetError: The path leads out of the folder.
    """
    path = root / relative
    if not path.resolve().is_relative_to(root.resolve()):
        raise DatasetError(
            f"file `{relative}`: expected a file inside `{root}`, because a dataset may not point at other "
            "files "
            f"of the machine; it leads to `{path.resolve()}`. Replace the link by the file itself."
        )
    return path
