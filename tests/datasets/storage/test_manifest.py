"""Manifests: what is written reads back, and whatever else is in the file is refused, never half-believed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infoloom.datasets import Dataset, open_dataset
from infoloom.datasets.storage.manifest import read_manifest
from infoloom.errors import DatasetError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [found for key, value in items for found in ((*path, key), *places(value, (*path, key)))]


def test_a_manifest_reads_back(small: Dataset) -> None:
    tree = json.loads((small.root / "manifest.json").read_text())
    assert read_manifest(small.root).to_json() == tree
    assert tree["truth"] == {"unit": "nats", "values": small.truth}
    assert tree["spec"]["digest"] == small.story.spec.digest
    assert {shard["split"] for shard in tree["shards"]} == {"train", "test"}


@pytest.fixture(scope="module")
def victim(small_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copytree(small_path, tmp_path_factory.mktemp("fuzz") / "own")


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_change_is_read_or_refused(victim: Path, small_path: Path, data: st.DataObject) -> None:
    tree = json.loads((small_path / "manifest.json").read_text())
    path = data.draw(st.sampled_from(places(tree)))
    changed = copy.deepcopy(tree)
    node = changed
    for key in path[:-1]:
        node = node[key]
    if data.draw(st.booleans()):
        del node[path[-1]]
    else:
        node[path[-1]] = data.draw(JSON)
    (victim / "manifest.json").write_text(json.dumps(changed))
    try:
        opened = open_dataset(victim)
        for name in opened.names:
            opened[name]
        assert opened.card.startswith("---")
        assert all(isinstance(value, float) for value in opened.truth.values())
    except DatasetError as error:
        assert len(str(error)) < 2000


@settings(max_examples=100)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(victim: Path, content: bytes) -> None:
    (victim / "manifest.json").write_bytes(content)
    with pytest.raises(DatasetError):
        open_dataset(victim)
