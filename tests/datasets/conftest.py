"""A small story and its dataset, made once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from infoloom.datasets import Dataset, generate, open_dataset
from infoloom.story import Story, compile_story

SMALL = {
    "name": "small",
    "causes": {"style": "normal", "tone": {"size": 3}},
    "targets": {"theta": "0.8*style + 0.3*noise"},
    "modalities": {
        "image": {
            "flow": "identity(1, 4, 6)",
            "latent": "0.5*style@blob(0.5, 0.5, 0.3) + tone@random(1) + noise",
        },
        "curve": {"flow": "vector(24) | asinh", "latent": "0.7*style + 0.4*noise"},
        "map": {"flow": "identity(2, 3)", "latent": "-0.4*style@random(7) + noise"},
    },
}
SMALL_ROWS = 900
SMALL_SEED = 11


@pytest.fixture(scope="session")
def small_story() -> Story:
    return compile_story(SMALL)


@pytest.fixture(scope="session")
def small_path(small_story: Story, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "dataset"
    generate(small_story, path, SMALL_ROWS, SMALL_SEED, splits="train=0.7,test=0.3", rows_per_shard=200)
    return path


@pytest.fixture(scope="session")
def small(small_path: Path) -> Dataset:
    """A finished dataset of 900 rows in two splits and five shards; not to be changed."""
    return open_dataset(small_path)


@pytest.fixture
def own(small_path: Path, tmp_path: Path) -> Path:
    """A copy of the small dataset that a test may damage."""
    return copytree(small_path, tmp_path / "own", ignore=ignore_patterns("memmap-*"))


@pytest.fixture(scope="session")
def folder_bytes() -> Callable[[Path], dict[str, bytes]]:
    """All files of a folder but memory-mapped copies by path, for comparing two folders byte by byte."""

    def read(root: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and "memmap-" not in str(path)
        }

    return read
