"""Damaged files and files of another kind are named, whatever the library underneath raises."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from infoloom.errors import FlowError
from infoloom.observations.training.data.sources.opening import opened_archive, opened_array, opened_table
from infoloom.observations.training.data.training_data import load_training_data

RNG = np.random.default_rng(0)


def load(path: Path) -> None:
    load_training_data(str(path))


def flipped(path: Path, at: int, mask: int = 0x10) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= mask
    path.write_bytes(content)


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_a_flipped_bit_of_an_archive_is_named(tmp_path: Path, pack: object) -> None:
    path = tmp_path / "x.npz"
    for at in (100, 400, 700):
        pack(path, x=RNG.random((40, 3)))  # type: ignore[operator]
        flipped(path, at)
        with pytest.raises(
            FlowError, match=r"x\.npz`: cannot be read \(.+\)\. Check that it is whole and of the kind"
        ):
            load(path)


def test_a_damaged_header_is_named(tmp_path: Path) -> None:
    path, refused = tmp_path / "x.npy", 0
    for at in range(6, 80):
        np.save(path, RNG.random((40, 3)))
        flipped(path, at, 0x08)
        try:
            opened_array(path)
        except FlowError as error:
            assert "cannot be read (" in str(error) or "pickled arrays are not read" in str(error)
            refused += 1
    assert refused > 40


def test_an_array_with_the_name_of_an_archive_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", RNG.random((40, 3)))
    (tmp_path / "x.npy").rename(tmp_path / "y.npz")
    with pytest.raises(FlowError, match=r"expected an archive of arrays, got a single array. Name it `.npy`"):
        load(tmp_path / "y.npz")
    np.savez(tmp_path / "x.npz", x=RNG.random((40, 3)))
    (tmp_path / "x.npz").rename(tmp_path / "y.npy")
    with pytest.raises(FlowError, match=r"expected a single array, got an archive of arrays. Name it `.npz`"):
        load(tmp_path / "y.npy")


def test_members_that_are_no_arrays_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=RNG.random((40, 3)))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("readme.txt", "about the data")
        file.writestr("label.npy", "no array")
    with opened_archive(path) as arrays:
        assert list(arrays) == ["x", "label"]
        assert len(arrays) == 2
        assert "readme.txt" not in arrays
        with pytest.raises(KeyError):
            arrays["readme.txt"]
        with pytest.raises(FlowError, match=r"cannot be read \(array `label` has no header\)"):
            arrays["label"]


def test_only_the_arrays_that_are_needed_are_read(tmp_path: Path) -> None:
    path, objects = tmp_path / "x.npz", np.array([{"a": 1}] * 40, object)
    np.savez(path, x=RNG.random((40, 3)), unused=objects)
    assert load_training_data(str(path)).shape == (3,)
    np.savez(path, x=RNG.random((40, 3)), label=objects)
    message = (
        "expected numbers or text in array `label`, got objects; pickled arrays are not read. Save it with"
    )
    with pytest.raises(FlowError, match=f"{message} a dtype of numbers, or labels with one of text"):
        load(path)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl", "arrow"])
def test_a_table_that_is_none_is_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    path.write_bytes(b"\x00\x01,2\n3")
    with pytest.raises(FlowError, match=rf"t\.{ending}`: cannot be read"):
        opened_table(path)


def test_check_sums_of_parquet_pages_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = pa.table({"a": RNG.random(64), "b": RNG.random(64)})
    parquet.write_table(columns, path, write_page_checksum=True, compression="none", use_dictionary=False)
    flipped(path, 200)
    with pytest.raises(FlowError, match=r"cannot be read .*(CRC|checksum)"):
        load(path)


def test_damaged_tables_of_hugging_face_are_named(tmp_path: Path) -> None:
    path = tmp_path / "data.arrow"
    columns = pa.table({"x": RNG.random((64, 3)).tolist(), "label": ["a", "b"] * 32})

    def written() -> None:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, columns.schema) as writer:
            writer.write_table(columns)

    written()
    size, whole = path.stat().st_size, load_training_data(str(tmp_path))
    assert whole.classes == ("a", "b")
    refused = 0
    for share in range(8):  # the lengths and kinds that the head of the stream tells
        written()
        flipped(path, 4 + share, 0xFF)
        try:
            load(tmp_path)
        except FlowError:
            refused += 1
    path.write_bytes(path.read_bytes()[: size // 2])
    with pytest.raises(FlowError, match=r"data\.arrow`: cannot be read"):
        load(tmp_path)
    assert refused >= 4
