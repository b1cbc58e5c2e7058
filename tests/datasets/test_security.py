"""Hostile datasets: refused with a reason before anything is decoded, executed or read outside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infoloom.datasets import open_dataset, verify
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import read_json
from infoloom.datasets.storage.layout import inside, shard_name
from infoloom.datasets.storage.parquet import footer_sha256, write_parquet
from infoloom.errors import DatasetError

Tree = dict[str, Any]


def change_manifest(root: Path, change: Callable[[Tree], object]) -> None:
    path = root / "manifest.json"
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


@pytest.mark.parametrize(
    "file",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "data/../../secret-00000-of-00001.parquet",
        "data/train-00000-of-00001.parquet/../../x",
        "data/train-00000-of-00001.parquet\n",
        "data/train-0-of-1.parquet",
        "https://example.org/train-00000-of-00001.parquet",
        "",
    ],
)
def test_paths_of_a_manifest_cannot_leave_the_folder(own: Path, file: str) -> None:
    with pytest.raises(
        DatasetError, match=r"expected `data/<split>-00000-of-00001\.parquet`, because no other path"
    ):
        shard_name(file)
    change_manifest(own, lambda tree: tree["shards"][0].update(file=file))
    with pytest.raises(DatasetError, match="no other path of a manifest is ever opened"):
        open_dataset(own)


def test_links_out_of_the_folder_are_refused(own: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.parquet"
    os.replace(own / "data/train-00000-of-00004.parquet", secret)
    (own / "data/train-00000-of-00004.parquet").symlink_to(secret)
    data = open_dataset(own)
    with pytest.raises(DatasetError, match=r"a dataset may not point at other files of the machine"):
        data["theta"]
    assert not verify(own).passed
    with pytest.raises(DatasetError, match="expected a file inside"):
        inside(own, "../other")


@pytest.mark.parametrize("name", ["manifest.json", "spec.yaml", "README.md"])
def test_linked_descriptions_are_refused(own: Path, tmp_path: Path, name: str) -> None:
    os.replace(own / name, tmp_path / name)
    (own / name).symlink_to(tmp_path / name)
    with pytest.raises(DatasetError, match="expected a file inside"):
        _ = open_dataset(own).card, open_dataset(own).story


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(infoloom="evil"), "expected the manifest of an infoloom dataset"),
        (
            lambda t: t.update(format=2),
            "its format is 2; expected at most 1, which this version reads. Update infoloom",
        ),
        (lambda t: t.update(format="1"), "its format is '1'"),
        (lambda t: t.update(format=0), "its format is 0"),
        (lambda t: t.pop("columns"), "expected a whole manifest"),
        (
            lambda t: t.update(rows=10**30),
            "expected JSON \\(number 10000000000000000000… does not fit 64 bits\\)",
        ),
        (lambda t: t.update(rows=-1), "expected a whole manifest"),
        (lambda t: t.update(rows=True), "expected a whole manifest"),
        (lambda t: t.update(rows=901), "the rows of the splits do not add up"),
        (lambda t: t["shards"].pop(), "the rows of the shards do not follow one another"),
        (lambda t: t["shards"].reverse(), "the rows of the shards do not follow one another"),
        (lambda t: t["shards"].append(t["shards"][0]), "expected each shard once"),
        (lambda t: t["columns"].append(t["columns"][0]), "expected at most 100,000 columns, each once"),
        (lambda t: t["columns"].clear(), "expected at least one column"),
        (lambda t: t["columns"][1].update(shape=[2**40]), "expected a whole manifest"),
        (lambda t: t["columns"][1].update(shape=[10**6, 10**6]), "expected a whole manifest"),
        (lambda t: t["columns"][1].update(shape=[1] * 9), "expected a whole manifest"),
        (lambda t: t["columns"][1].update(shape=[-1]), "expected a whole manifest"),
        (lambda t: t["columns"][1].update(dtype="object"), "expected a whole manifest"),
        (lambda t: t["columns"][1].update(kind="code"), "expected a whole manifest"),
        (lambda t: t["columns"][1].update(name="../x"), "expected a whole manifest"),
        (lambda t: t["columns"][1].update(name=7), "expected a whole manifest"),
        (lambda t: t["truth"].update(values={"I(a; b)": "many"}), "expected a whole manifest"),
        (lambda t: t.update(splits=[]), "expected a whole manifest"),
        (lambda t: t["shards"][0].update(split="test"), "expected a whole manifest"),
    ],
)
def test_manifests_that_do_not_hold_together_are_refused(
    own: Path, change: Callable[[Tree], object], message: str
) -> None:
    change_manifest(own, change)
    with pytest.raises(DatasetError, match=message):
        open_dataset(own)


def test_no_memory_is_set_aside_for_rows_that_are_only_claimed(own: Path, tmp_path: Path) -> None:
    """A whole manifest of a hundred billion rows over the same small files."""

    def claim(tree: Tree) -> None:
        more = 10**11
        tree["shards"][-1]["rows"] += more
        tree["splits"]["test"] += more
        tree["rows"] += more

    change_manifest(own, claim)
    data = open_dataset(own)
    for read in (lambda: data["theta"], lambda: data.memmap(tmp_path), lambda: data.split("test")[:]):
        with pytest.raises(DatasetError, match=r"got 70 rows in place of 100,000,000,070"):
            read()
    assert not list(tmp_path.glob("memmap*"))


@pytest.mark.parametrize("text", ["", "[1, 2", "[" * 100_000, '{"a": 1} trailing', "\x00\xff"])
def test_manifests_that_are_not_json_are_refused(own: Path, text: str) -> None:
    (own / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(DatasetError, match="expected JSON"):
        open_dataset(own)


def test_files_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_text("[" + "1," * 100 + "1]")
    with pytest.raises(
        DatasetError, match="expected at most 100 bytes, got 203, which no real dataset needs"
    ):
        read_json(path, 100)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(own: Path) -> None:
    """A few kilobytes that would unfold to gigabytes: the footer gives it away."""
    data = open_dataset(own)
    path = own / "data/train-00000-of-00004.parquet"
    bomb = Column("image", "modality", "float32", (1, 40, 6000))
    columns = [bomb if column.name == "image" else column for column in data.columns]
    rows = {name: array for name, array in data[:200].items() if name != "image"}
    write_parquet(path, columns, [{**rows, "image": np.zeros((200, 1, 40, 6000), np.float32)}])
    assert path.stat().st_size < 2_000_000
    claim_footer(own, path)
    with pytest.raises(
        DatasetError, match=r"column `image.*` announces 30,720,000 numbers in [\d,]+ bytes in place"
    ):
        open_dataset(own)["theta"]


def claim_footer(root: Path, path: Path) -> None:
    """As an attacker would: the manifest says the checksum of the forged footer."""

    def change(tree: Tree) -> None:
        record = next(one for one in tree["shards"] if root / one["file"] == path)
        record["footer"] = footer_sha256(path)

    change_manifest(root, change)


@pytest.mark.parametrize("damage", ["rows", "columns", "type", "text", "empty"])
def test_foreign_parquet_files_are_refused(own: Path, damage: str) -> None:
    data = open_dataset(own)
    path = own / "data/train-00000-of-00004.parquet"
    table = pq.read_table(path)
    match damage:
        case "rows":
            pq.write_table(table.slice(0, 100), path)
        case "columns":
            pq.write_table(table.drop_columns(["theta"]), path)
        case "type":
            theta = pa.array(np.zeros(200))
            place = table.schema.get_field_index("theta")
            write_table = table.set_column(place, "theta", theta)
            pq.write_table(write_table, path)
        case "text":
            path.write_text("PAR1 not really PAR1")
        case "empty":
            path.write_bytes(b"")
    with pytest.raises(DatasetError, match=r"shard `.*train-00000|column `theta`: expected float32 rows"):
        data["theta"]


def test_a_damaged_page_is_an_explained_error(own: Path) -> None:
    path = own / "data/train-00000-of-00004.parquet"
    content = bytearray(path.read_bytes())
    content[100:2000] = bytes(1900)
    path.write_bytes(content)
    data = open_dataset(own)
    with pytest.raises(DatasetError, match="run `infoloom verify` to see which shards are"):
        [data[name] for name in data.names]


def test_arrow_extension_metadata_is_never_executed(own: Path) -> None:
    """A pickled Python type in the Arrow schema, as old pyarrow would have loaded, stays data."""
    path = own / "data/train-00000-of-00004.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("theta")
    payload = b"cos\nsystem\n(S'touch " + str(own / "executed").encode() + b"'\ntR."
    field = pa.field(
        "theta",
        pa.float32(),
        metadata={"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": payload},
    )
    pq.write_table(table.set_column(place, field, table.column("theta")), path)
    claim_footer(own, path)
    assert open_dataset(own).split("train")[0]["theta"].dtype == np.float32
    assert not (own / "executed").exists()
