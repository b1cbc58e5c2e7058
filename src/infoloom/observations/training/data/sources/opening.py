"""Opening files that someone else wrote: what is damaged, or another kind of file, is refused with its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from infoloom.errors import FlowError
from infoloom.foreign.files import open_regular
from infoloom.observations.training.data.rows import Array

__all__ = ["Members", "opened_archive", "opened_array", "opened_table", "readable"]

_ENDING = ".npy"


@contextmanager
def readable(path: Path, what: str = "numbers") -> Iterator[None]:
    """Say which file it is that cannot be read.

    Args:
        path: The file.
        what: What is expected of it, for arrays of objects.

    Raises:
        FlowError: Whatever went wrong.
    """
    try:
        yield
    except FlowError:
        raise
    except (
        Exception
    ) as error:  # damaged files go through zipfile, zlib, tokenize and arrow, which raise what they like
        if isinstance(error, ValueError) and "pickle" in str(error):
            raise FlowError(
                f"training data `{path}`: expected {what}, got objects; pickled arrays are not read. Save it with a "
                "dtype of numbers, or labels with one of text."
            ) from error
        raise FlowError(
            f"training data `{path}`: cannot be read ({str(error).strip() or type(error).__name__}). Check that it is "
            "whole and of the kind that its name says, or save it again."
        ) from error


class Members(Mapping[str, Array]):
    """The arrays of an .npz, each read when it is asked for, so that one that is not needed may be anything.

    Args:
        archive: As numpy opened it.
        path: Its file.
    """

    def __init__(self, archive: np.lib.npyio.NpzFile, path: Path) -> None:
        self._archive, self._path = archive, path
        files = () if archive.zip is None else archive.zip.namelist()
        self._names = [name.removesuffix(_ENDING) for name in files if name.endswith(_ENDING)]
        self._read: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            with readable(self._path, f"numbers or text in array `{name}`"):
                array = self._archive[name]
                if not isinstance(array, np.ndarray):
                    raise TypeError(f"array `{name}` has no header")
            self._read[name] = array
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextmanager
def opened_archive(path: Path) -> Iterator[Members]:
    """The arrays of an .npz.

    Raises:
        FlowError: It is damaged, or no archive.
    """
    with ExitStack() as opened:
        with readable(path):
            archive = np.load(opened.enter_context(open_regular(path)), allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise FlowError(
                f"training data `{path}`: expected an archive of arrays, got a single array. Name it `.npy`."
            )
        yield Members(opened.enter_context(archive), path)


def opened_array(path: Path) -> Array:
    """The array of an .npy.

    Raises:
        FlowError: It is damaged, of objects, or an archive.
    """
    with readable(path), open_regular(path) as file:
        array = np.load(file, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        array.close()
        raise FlowError(
            f"training data `{path}`: expected a single array, got an archive of arrays. Name it `.npz`."
        )
    return array


def opened_table(path: Path) -> pa.Table:
    """The table of a .parquet, .csv, .jsonl or .arrow file, checked against its own sizes and check sums.

    Raises:
        FlowError: It is damaged, or no such table.
    """
    with readable(path):
        table = _table(path)
        table.validate(full=True)
    return table


def _table(path: Path) -> pa.Table:
    match path.suffix.lower():
        case ".parquet":
            import pyarrow.parquet as parquet

            with parquet.ParquetFile(path, page_checksum_verification=True) as file:
                return file.read()
        case ".csv":
            import pyarrow.csv as csv

            return csv.read_csv(path)
        case ".jsonl":
            import pyarrow.json as lines

            return lines.read_json(path)
    with pa.memory_map(str(path)) as source:
        try:
            return pa.ipc.open_stream(source).read_all()
        except pa.ArrowInvalid:
            return pa.ipc.open_file(source).read_all()
