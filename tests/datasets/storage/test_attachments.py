"""Files of a spec travel with the dataset, and a dataset's spec reads no others."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest

from infoloom.datasets import generate, open_dataset, verify
from infoloom.datasets.storage.files import sha256
from infoloom.errors import DatasetError
from infoloom.story import Story, compile_story

SPEC = """
name: attached
causes: {u: normal}
targets: {theta: 0.9*u + 0.4*noise}
modalities:
  a: {flow: "vector(4)", latent: 'u@file("shapes/t.npy") + 0.5*noise'}
  b: {flow: "vector(4)", latent: 'u@file("ABSOLUTE") + noise'}
"""


@pytest.fixture
def story(tmp_path: Path) -> Story:
    home = tmp_path / "home"
    (home / "shapes").mkdir(parents=True)
    np.save(home / "shapes/t.npy", np.array([1.0, 2.0, 3.0, 4.0]))
    np.save(home / "other.npy", np.array([1.0, 0.0, 0.0, 0.0]))
    (home / "spec.yaml").write_text(SPEC.replace("ABSOLUTE", str(home / "other.npy")))
    return compile_story(home / "spec.yaml")


def test_a_dataset_outlives_the_files_of_its_spec(story: Story, tmp_path: Path) -> None:
    truth = story.truth_table()
    generate(story, tmp_path / "out", 300)
    rmtree(tmp_path / "home")
    (tmp_path / "out").rename(tmp_path / "moved")
    data = open_dataset(tmp_path / "moved")
    assert data.story.truth_table() == truth
    assert data.story.spec.digest == data.manifest.digest
    assert verify(tmp_path / "moved").passed
    names = {path.name for path in (tmp_path / "moved/files").iterdir()}
    assert names == {f"{sha256(tmp_path / 'moved/files' / name)[:16]}.npy" for name in names}
    assert len(names) == 2


def test_resuming_with_a_changed_file_is_refused(story: Story, tmp_path: Path) -> None:
    generate(story, tmp_path / "out", 30)
    assert len(generate(story, tmp_path / "out", 30)) == 30
    np.save(tmp_path / "home/shapes/t.npy", np.array([1.0, 1.0, 1.0, 5.0]))
    changed = compile_story(tmp_path / "home/spec.yaml")
    with pytest.raises(DatasetError, match="expected the dataset that was begun here"):
        generate(changed, tmp_path / "out", 30)


@pytest.mark.parametrize(
    "name", ["/etc/hostname.npy", "../home/shapes/t.npy", "files/../../x.npy", "files/t.npy"]
)
def test_a_spec_that_reads_other_files_is_refused(story: Story, tmp_path: Path, name: str) -> None:
    root = tmp_path / "out"
    generate(story, root, 30)
    own = next(path.name for path in (root / "files").iterdir())
    before = sha256(root / "spec.yaml")
    (root / "spec.yaml").write_text((root / "spec.yaml").read_text().replace(f"files/{own}", name))
    manifest = root / "manifest.json"
    manifest.write_text(manifest.read_text().replace(before, sha256(root / "spec.yaml")))
    with pytest.raises(
        DatasetError, match=r"in the spec: expected `files/<checksum>\.<kind>`, because opening"
    ):
        _ = open_dataset(root).story


def test_a_file_that_is_a_link_elsewhere_is_refused(story: Story, tmp_path: Path) -> None:
    root = tmp_path / "out"
    generate(story, root, 30)
    own = next((root / "files").iterdir())
    own.rename(tmp_path / own.name)
    own.symlink_to(tmp_path / own.name)
    with pytest.raises(DatasetError, match="a dataset may not point at other files of the machine"):
        _ = open_dataset(root).story
