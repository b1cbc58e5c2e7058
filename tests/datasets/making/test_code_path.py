"""The last digits depend on instructions that the processor chooses; a fixed path makes the same bytes everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infoloom.datasets import open_dataset, verify
from infoloom.datasets.generate import shard_jobs
from infoloom.datasets.making.code_path import FIXED, code_path, environment, is_fixed, path_notes, path_text
from infoloom.datasets.making.shard import Made, make_shard, make_with
from infoloom.datasets.storage.layout import Shard
from infoloom.errors import DatasetError

SPEC = """
name: paths
causes: {u: normal}
targets: {t: 0.8*u + 0.3*noise}
modalities:
  picture: {flow: "digits[3]", latent: "0.5*u@blob(0.5, 0.5, 0.3) + noise"}
"""
PATHS = {
    "default": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"},
}


def generated(
    folder: Path, path: dict[str, str], *options: str, rows: int = 64
) -> subprocess.CompletedProcess[str]:
    spec = folder.parent / "paths.yaml"
    spec.write_text(SPEC)
    words = [
        "generate",
        str(spec),
        str(folder),
        "--rows",
        str(rows),
        "--rows-per-shard",
        "64",
        "--workers",
        "1",
    ]
    code = f"import sys; sys.argv[1:] = {json.dumps([*words, *options])}; from infoloom.cli.main import main; main()"
    clean = {name: value for name, value in os.environ.items() if name not in FIXED}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **path},
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )


def shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "data").iterdir()}


@pytest.mark.slow
def test_reproducible_bytes_do_not_depend_on_the_instructions(tmp_path: Path) -> None:
    for name, path in PATHS.items():
        generated(tmp_path / name, path, "--reproducible")
    assert shards(tmp_path / "default") == shards(tmp_path / "avx2")
    made = [open_dataset(tmp_path / name).manifest.made_with for name in PATHS]
    assert made[0] == made[1]
    assert made[0][0]["path"]["torch"] in ("DEFAULT", "NO AVX")
    assert "processor" not in made[0][0]["path"]


@pytest.mark.slow
def test_other_instructions_move_the_last_digits_and_are_said(tmp_path: Path) -> None:
    """A dataset that is resumed on another path says so; its rows agree to 1e-5."""
    for name, path in PATHS.items():
        generated(tmp_path / name, path, rows=128)
    rows = [open_dataset(tmp_path / name)["picture"] for name in PATHS]
    assert np.abs(rows[0] - rows[1]).max() <= 1e-5 * np.ptp(rows[0])
    out = tmp_path / "default"
    paths = [open_dataset(tmp_path / name).manifest.made_with[0]["path"] for name in PATHS]
    assert paths[0] != paths[1]
    next((out / "data").glob("*-00001-of-*")).unlink()
    said = generated(out, PATHS["avx2"], rows=128).stderr
    assert "shards that were there are of another code path (cpu, torch DEFAULT" in said
    assert "`--reproducible` in a new folder makes the same bytes everywhere." in said
    assert "Shards were made on 2 code paths" in open_dataset(out).card
    checks = {check.name: check for check in verify(out).checks}
    assert all(check.passed for check in checks.values())
    assert "made on another code path" in checks["code path"].detail


def test_a_shard_says_what_computed_it(small_path: Path) -> None:
    (made,) = open_dataset(small_path).manifest.made_with
    assert made == make_with("cpu")
    assert made["path"] == code_path()
    assert made["path"]["torch"]
    assert path_text(made).startswith(f"cpu, torch {made['path']['torch']}")
    checks = {check.name: check for check in verify(small_path, rows=100).checks}
    assert checks["code path"].detail.startswith("made on the code path of this process")


def test_only_a_process_on_the_fixed_path_makes_reproducible_shards(own: Path) -> None:
    job = shard_jobs(own)[0]
    (own / job.shard.done).unlink()
    with pytest.raises(
        DatasetError, match=r"expected a process on the fixed code path, .*MKL_CBWR=COMPATIBLE"
    ):
        make_shard(replace(job, reproducible=True, device="cuda"))


def test_the_environment_comes_back() -> None:
    before = dict(os.environ)
    with environment(FIXED):
        assert all(os.environ[name] == value for name, value in FIXED.items())
    assert dict(os.environ) == before
    assert not is_fixed()


def test_shards_of_two_paths_are_noted_and_of_one_are_not() -> None:
    one, other = ({"device": "cpu", "path": {"torch": name}} for name in ("AVX2", "AVX512"))

    def made(path: dict[str, object], kept: bool) -> Made:
        return Made(Shard("train", 0, 1, 0, 1), 1, "", "", path, kept)

    (note,) = path_notes([made(one, True), made(other, False)])
    assert "(cpu, torch AVX2) than the new ones (cpu, torch AVX512)" in note
    assert path_notes([made(one, True), made(one, False)]) == []
    assert path_notes([made(one, True)]) == []
