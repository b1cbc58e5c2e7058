"""Rot on the disk is never read as data, and never copied."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from infoloom.datasets import generate, open_dataset, verify
from infoloom.datasets.storage.files import part_of, remove_left_over
from infoloom.datasets.storage.parquet import footer_sha256
from infoloom.datasets.storage.reading import memmap
from infoloom.datasets.storage.reading.checked_map import CheckedMap, block_checksums
from infoloom.errors import DatasetError
from infoloom.story import Story

SHARD = "data/train-00001-of-00004.parquet"


def flip(path: Path, byte: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[byte] ^= 1 << bit
    path.write_bytes(content)


def test_no_flipped_bit_is_read_as_data(own: Path) -> None:
    """Every flip is refused, or lies where nothing is read from."""
    before = {name: open_dataset(own)[name] for name in open_dataset(own).names}
    whole = (own / SHARD).read_bytes()
    refused = 0
    for byte in np.random.default_rng(0).integers(0, len(whole), 60):
        flip(own / SHARD, int(byte), int(byte) % 8)
        try:
            data = open_dataset(own)
            assert all(np.array_equal(data[name], before[name]) for name in before), byte
        except DatasetError:
            refused += 1
        (own / SHARD).write_bytes(whole)
    assert refused > 50


def test_a_damaged_footer_is_refused_before_it_is_parsed(own: Path) -> None:
    flip(own / SHARD, -20)
    with pytest.raises(DatasetError, match=r"got another footer\. It is damaged or foreign"):
        _ = open_dataset(own)["theta"]


def test_a_file_that_is_no_parquet_has_no_footer(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 40)
    with pytest.raises(DatasetError, match="got no Parquet file"):
        footer_sha256(tmp_path / "a")


def test_checking_on_opening_names_the_damaged_shards(own: Path) -> None:
    assert len(open_dataset(own, check=True)) == 900
    flip(own / SHARD, 200)
    with pytest.raises(DatasetError, match=rf"1 of 6 shards are missing or damaged \({SHARD}\)"):
        open_dataset(own, check=True)
    (own / SHARD).unlink()
    with pytest.raises(DatasetError, match="1 of 6 shards are missing"):
        open_dataset(own, check=True)


def test_a_copy_is_made_of_whole_shards_only_and_anew_after_a_repair(own: Path) -> None:
    whole = (own / SHARD).read_bytes()
    flip(own / SHARD, 200)
    with pytest.raises(DatasetError, match="1 of 6 shards are missing or damaged"):
        open_dataset(own).memmap()
    (own / SHARD).write_bytes(whole)
    data = open_dataset(own).memmap()
    place = next((own / ".infoloom").glob("memmap-*"))
    (place / "checksums.json").write_text("{}")  # as if it had been made of other shards
    np.load(place / "000000.npy", mmap_mode="r+")[:] = -1
    again = open_dataset(own).memmap()
    assert np.array_equal(again["sample_id"], np.arange(900))
    assert np.array_equal(again["theta"], data["theta"])


def test_no_flipped_bit_of_a_copy_is_read_as_data(own: Path) -> None:
    data = open_dataset(own).memmap()
    before = {name: np.array(data[name]) for name in data.names}
    order = np.random.default_rng(1).permutation(900)
    for file in sorted(next((own / ".infoloom").glob("memmap-*")).glob("*.npy")):
        whole = file.read_bytes()
        for byte in [*np.random.default_rng(0).integers(0, len(whole), 4), 8, len(whole) - 1]:
            flip(file, int(byte), int(byte) % 8)
            for read in (lambda: open_dataset(own).memmap(), lambda: open_dataset(own).torch().data):
                with pytest.raises(DatasetError, match=r"it is damaged|readable npy|shape"):
                    view = read()
                    _ = {name: np.array(view[name]) for name in before}
                with pytest.raises(DatasetError, match=r"it is damaged|readable npy|shape"):
                    _ = read().take(order.tolist())
            file.write_bytes(whole)
    assert all(np.array_equal(open_dataset(own).memmap()[name], before[name]) for name in before)


def test_verifying_looks_at_the_copy_too(own: Path) -> None:
    open_dataset(own).memmap()
    assert "memory-mapped copy" in {one.name for one in verify(own, rows=900, round_trip_rows=1).checks}
    flip(next((own / ".infoloom").glob("memmap-*/000001.npy")), -1)
    assert [one.name for one in verify(own, rows=900, round_trip_rows=1).checks if not one.passed] == [
        "files"
    ]


def test_a_copy_of_another_length_is_damaged(own: Path) -> None:
    open_dataset(own).memmap()
    file = next((own / ".infoloom").glob("memmap-*/000000.npy"))
    file.write_bytes(file.read_bytes() + bytes(2**16))
    with pytest.raises(DatasetError, match="the copy is made again from the shards"):
        _ = open_dataset(own).memmap()["sample_id"]
    shutil.rmtree(file.parent)
    assert np.array_equal(open_dataset(own).memmap()["sample_id"], np.arange(900))


def test_blocks_are_compared_when_their_rows_are_first_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal(
        (5000, 7)
    )  # 56 bytes each: rows lie across the ends of blocks
    np.save(tmp_path / "a.npy", rows)
    checksums = block_checksums(tmp_path / "a.npy")
    assert len(checksums) == 5
    flip(tmp_path / "a.npy", 3 * 2**16 + 5)
    mapped = CheckedMap(tmp_path / "a.npy", checksums)
    last = (3 * 2**16 - 128) // 56  # the row that ends in the damaged block
    assert np.array_equal(mapped.span(0, last), rows[:last])
    assert np.array_equal(mapped.take(np.array([4700, 3, 4999])), rows[[4700, 3, 4999]])
    with pytest.raises(DatasetError, match="it is damaged"):
        mapped.span(0, last + 1)
    with pytest.raises(DatasetError, match="it is damaged"):
        mapped.take(np.array([0, last]))


def test_a_copy_that_does_not_stay_as_written_is_an_error(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memmap, "_make", lambda root, manifest, place: None)
    with pytest.raises(DatasetError, match="expected to be as it was just written"):
        open_dataset(own).memmap()


def test_a_full_disk_is_an_error_of_ours(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memmap.os, "posix_fallocate", full)
    with pytest.raises(DatasetError, match=r"copy .*: cannot be written \(No space left on device\)"):
        open_dataset(own).memmap()
    assert not list((own / ".infoloom").glob("*memmap*"))


def test_what_a_killed_run_left_is_removed_by_the_next(own: Path, small_story: Story) -> None:
    parts = [
        part_of(own / ".infoloom/plan.json"),
        part_of(own / "spec.yaml"),
        part_of(own / ".infoloom/memmap-x"),
    ]
    parts = [
        path.with_name(path.name.replace(f"-{threading.get_native_id()}-", "-999999-")) for path in parts
    ]
    for path in parts[:2]:
        path.write_text("")
    parts[2].mkdir()
    generate(small_story, own, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200)
    assert not [path for path in parts if path.exists()]


def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    part = part_of(tmp_path / "x")
    part.write_text("")
    remove_left_over(tmp_path, min_age_s=0.0)
    assert part.exists()
    shutil.rmtree(tmp_path)
