"""A memory-mapped file of which every block is compared with its checksum when it is first read."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from infoloom.errors import DatasetError
from infoloom.foreign.arrays import map_npy

__all__ = ["CheckedMap", "block_checksums"]

Rows: TypeAlias = np.ndarray[Any, Any]
_BLOCK: Final = 2**16


def block_checksums(path: Path) -> list[int]:
    """The CRC-32 of every 64 KiB of a file."""
    with path.open("rb") as file:
        return [zlib.crc32(block) for block in iter(lambda: file.read(_BLOCK), b"")]


class CheckedMap:
    """Rows of an npy file, mapped into memory; a damaged block is refused, never read as data.

    Each block is compared once in a process, when rows that lie in it are first asked for, so that a first pass over
    the rows takes a little longer and later ones nothing.

    Args:
        path: The file.
        checksums: What `block_checksums` gave when it was written.

    Raises:
        DatasetError: The file cannot be read, or its header or size is not what it was.
    """

    def __init__(self, path: Path, checksums: Sequence[int]) -> None:
        self.path, self._checksums = path, checksums
        try:
            self._array: Rows = map_npy(path)
            self._bytes = np.memmap(path, np.uint8, mode="r")
        except (OSError, ValueError) as error:
            raise DatasetError(
                f"file `{path}`: expected a readable npy file ({error}). Remove the copy."
            ) from error
        self._unseen: Rows = np.ones(-(-len(self._bytes) // _BLOCK), np.bool_)
        if len(self._unseen) != len(checksums):
            raise self._damaged()
        self._begins = len(self._bytes) - self._array.nbytes
        self._row = self._array.nbytes // max(1, len(self._array))
        self._compare(np.arange(-(-self._begins // _BLOCK)))

    def span(self, start: int, stop: int) -> Rows:
        """Rows from `start` to before `stop`, not copied."""
        if stop > start:
            first, last = self._block(start * self._row), self._block(stop * self._row - 1)
            self._compare(np.arange(first, last + 1))
        return self._array[start:stop]

    def take(self, rows: Rows) -> Rows:
        """Rows in any order, copied."""
        if self._unseen.any() and len(rows) and self._row:
            firsts, lasts = self._block(rows * self._row), self._block((rows + 1) * self._row - 1)
            for more in range(int((lasts - firsts).max()) + 1):
                self._compare(np.unique(np.minimum(firsts + more, lasts)))
        return self._array[rows]

    def _block(self, place: Any) -> Any:
        """Number of the block in which a byte of the rows lies."""
        return (self._begins + place) // _BLOCK

    def _compare(self, blocks: Rows) -> None:
        for block in blocks[self._unseen[blocks]].tolist():
            if zlib.crc32(self._bytes[block * _BLOCK : (block + 1) * _BLOCK].data) != self._checksums[block]:
                raise self._damaged()
            self._unseen[block] = False

    def _damaged(self) -> DatasetError:
        return DatasetError(
            f"file `{self.path}`: expected the checksums with which it was written; it is damaged. Remove the folder "
            f"`{self.path.parent}`: the copy is made again from the shards."
        )
