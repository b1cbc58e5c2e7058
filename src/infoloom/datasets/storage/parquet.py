"""Parquet files: how they are written, and the checks before anything in one is decoded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from infoloom.datasets.storage.columns import Column, arrow_schema, leaf, rows_at_once, to_numpy, to_table
from infoloom.datasets.storage.files import sha256
from infoloom.datasets.storage.layout import ROW_GROUP
from infoloom.errors import DatasetError
from infoloom.foreign.files import open_regular, require_regular

__all__ = [
    "footer_sha256",
    "open_parquet",
    "read_row_groups",
    "row_group_rows",
    "write_parquet",
]

_SLACK: Final = 2**20
_END: Final = 8  # length of the footer, then PAR1
_LEVELS: Final = 8  # bytes of definition and repetition levels a number, at the very most


def row_group_rows(columns: Sequence[Column]) -> int:
    """Rows of a row group: 128, fewer when a row is larger than 2 MiB."""
    return rows_at_once(columns, ROW_GROUP)


def write_parquet(
    path: Path, columns: Sequence[Column], chunks: Iterable[Mapping[str, np.ndarray[Any, Any]]]
) -> None:
    """Write rows as they come; memory is that of one chunk.

    Args:
        path: File to write.
        columns: What each row holds.
        chunks: Arrays (n, *shape) by column name.
    """
    floats = [leaf(column) for column in columns if column.dtype.startswith("float")]
    with pq.ParquetWriter(
        path,
        arrow_schema(columns),
        version="2.6",
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        use_byte_stream_split=floats,
        column_encoding={
            leaf(c): "DELTA_LENGTH_BYTE_ARRAY" if c.textual else "DELTA_BINARY_PACKED"
            for c in columns
            if not c.dtype.startswith("float")
        },
        write_statistics=[leaf(column) for column in columns if not column.shape],
        write_page_index=True,
        write_page_checksum=True,
    ) as writer:
        for arrays in chunks:
            writer.write_table(to_table(arrays, columns), row_group_size=row_group_rows(columns))


def footer_sha256(path: Path) -> str:
    """Checksum of a file's footer, which has no page checksum: pyarrow may abort on a damaged one.

    Raises:
        DatasetError: Not the end of a Parquet file.
    """
    with open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END))
        end = file.read(_END)
        length = int.from_bytes(end[:4], "little")
        if end[4:] != b"PAR1" or length > size - _END:
            raise _damaged(path, "no Parquet file")
        file.seek(size - _END - length)
        return hashlib.sha256(file.read(length + _END)).hexdigest()


def open_parquet(
    path: Path, columns: Sequence[Column], rows: int, footer: str | None = None, whole: str | None = None
) -> pq.ParquetFile:
    """Open a shard, once for as long as the file stays what it is; nothing is parsed before its checksum holds.

    Args:
        path: File to read.
        columns: What each row holds, from the manifest.
        rows: Rows that the manifest promises.
        footer: SHA-256 of the footer, from the manifest; or
        whole: that of the whole file, where a manifest has no other.

    Raises:
        DatasetError: Missing, not Parquet, or other rows, columns or sizes than the manifest's.
    """
    try:
        status = path.stat()
        return _opened(
            path, tuple(columns), rows, status.st_size, status.st_mtime_ns, os.getpid(), footer, whole
        )
    except OSError as error:
        raise DatasetError(
            f"shard `{path}`: expected a readable Parquet file ({error.strerror or error}). "
            "Run `infoloom verify`, and `infoloom generate` again to make what is missing."
        ) from error
    except pa.ArrowException as error:
        raise _damaged(path, str(error)) from error


def read_row_groups(
    file: pq.ParquetFile, groups: Sequence[int], columns: Sequence[Column], path: Path
) -> dict[str, np.ndarray[Any, Any]]:
    """Decode several row groups of some columns, as arrays (n, *shape).

    Args:
        file: An open shard.
        groups: Numbers of its row groups.
        columns: What to read.
        path: The shard's, for messages.

    Raises:
        DatasetError: Damaged data.
    """
    try:
        table = file.read_row_groups(list(groups), columns=[column.name for column in columns])
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, str(error)) from error
    return {column.name: to_numpy(table.column(column.name), column) for column in columns}


# The process is part of the key: an open file must not be shared over a fork.
@lru_cache(maxsize=64)
def _opened(
    path: Path,
    columns: tuple[Column, ...],
    rows: int,
    size: int,
    modified: int,
    process: int,
    footer: str | None,
    whole: str | None,
) -> pq.ParquetFile:
    require_regular(path)
    if footer is not None and footer_sha256(path) != footer:
        raise _damaged(path, "another footer")
    if footer is None and whole is not None and sha256(path) != whole:
        raise _damaged(path, "another checksum")
    file = pq.ParquetFile(path, memory_map=False, page_checksum_verification=True)
    _check_footer(path, file.metadata, columns, rows)
    return file


def _check_footer(path: Path, footer: pq.FileMetaData, columns: Sequence[Column], rows: int) -> None:
    """Refuse a file whose footer announces anything but the promised numbers, before decoding any of them."""
    if footer.num_rows != rows:
        raise _damaged(path, f"{footer.num_rows:,} rows in place of {rows:,}")
    expected = {leaf(column): column for column in columns}
    for group in range(footer.num_row_groups):
        row_group = footer.row_group(group)
        found = {
            row_group.column(i).path_in_schema: row_group.column(i) for i in range(row_group.num_columns)
        }
        if found.keys() != expected.keys():
            strange = sorted(found.keys() ^ expected.keys())
            raise _damaged(path, f"other columns than the manifest's ({', '.join(strange[:5])})")
        for name, chunk in found.items():
            numbers = row_group.num_rows * expected[name].size
            limit = row_group.num_rows * expected[name].bytes + numbers * _LEVELS + _SLACK
            if chunk.num_values != numbers or chunk.total_uncompressed_size > limit:
                raise _damaged(
                    path,
                    f"column `{name}` announces {chunk.num_values:,} numbers in "
                    f"{chunk.total_uncompressed_size:,} "
                    f"bytes in place of {numbers:,} numbers",
                )


def _damaged(path: Path, found: str) -> DatasetError:
    return DatasetError(
        f"shard `{path}`: expected the Parquet file that the manifest describes, got {found}. It is damaged "
        "or "
        "foreign; run `infoloom verify` to see which shards are, and `infoloom generate` again to make them "
        "anew."
    )
