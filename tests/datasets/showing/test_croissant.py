"""Croissant metadata: its form always, its records by the reference library where that is installed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from infoloom.datasets import Dataset


def test_every_shard_and_column_is_described(small: Dataset) -> None:
    tree = json.loads((small.root / "croissant.json").read_text())
    assert tree["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    files = {item["@id"]: item for item in tree["distribution"] if item["@type"] == "cr:FileObject"}
    assert {name: item["sha256"] for name, item in files.items()} == {
        record.shard.file: record.sha256 for record in small.manifest.shards
    }
    assert [records["name"] for records in tree["recordSet"]] == ["train", "test"]
    fields = {field["name"]: field for field in tree["recordSet"][0]["field"]}
    assert list(fields) == list(small.names)
    assert fields["image"]["arrayShape"] == "1,4,6"
    assert "isArray" not in fields["theta"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_reference_library_validates_and_reads_it(small: Dataset) -> None:
    mlcroissant = pytest.importorskip(
        "mlcroissant", reason="150 MB, not a dependency: pip install mlcroissant"
    )
    dataset = mlcroissant.Dataset(jsonld=str(small.root / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    rows = list(dataset.records(record_set="test"))
    assert len(rows) == 270
    by_id = {int(row["test/sample_id"]): row for row in rows}
    for name in ("image", "theta", "z_map", "pmi(image;theta)"):
        column = next(column for column in small.columns if column.name == name)
        found = np.array([by_id[i][f"test/{name}"] for i in range(630, 900)], column.dtype)
        np.testing.assert_array_equal(found, small.split("test")[name])
