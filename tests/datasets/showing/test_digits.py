"""A dataset whose observations come out of a trained flow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infoloom.datasets import Dataset, generate, verify
from infoloom.story import load


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generate(load("digits-pair"), tmp_path_factory.mktemp("digits") / "out", 40)


def test_it_verifies_and_says_why_it_may_be_trusted(digits: Dataset) -> None:
    report = verify(digits.root, round_trip_rows=16)
    assert report.passed, report
    certificate = digits.manifest.bijections["three"]["certificate"]
    assert certificate["passes"] is True
    assert "flow `digits[3]`, stepped, certified invertible; smallest eigenvalue of a step " in digits.card


def test_the_card_carries_the_whole_certificate(digits: Dataset) -> None:
    line = next(line for line in digits.card.splitlines() if line.startswith("- `eight`: flow `digits[8]`"))
    found = digits.manifest.bijections["eight"]
    certificate, trips = found["certificate"], found["certificate"]["round_trip"]
    assert f"a step {certificate['margin']:.3g} over {certificate['eigen_rows']} rows of each kind" in line
    for precision, trip in trips.items():
        looked = f"{trip['sampled']['rows']} sampled and {trip['real']['rows']} real rows"
        assert f"round trip in {precision} to {trip['worst']:.1e} over {looked}" in line
    assert f"digest of weights and grid `{certificate['digest']}`" in line
    assert (
        f"trained on {found['trained_on'][0]['data']} (licence: {found['trained_on'][0]['licence']})" in line
    )
    assert "UCI" in line


def test_a_row_does_not_depend_on_its_neighbours(digits: Dataset, tmp_path: Path) -> None:
    other = generate(load("digits-pair"), tmp_path / "other", 23, rows_per_shard=7)
    for name in other.names:
        np.testing.assert_array_equal(other[name], digits[:23][name], err_msg=name)


def test_a_lie_of_one_part_in_a_hundred_shows_in_the_round_trip(digits: Dataset, tmp_path: Path) -> None:
    import json
    from shutil import copytree

    from infoloom.datasets.storage.files import sha256
    from infoloom.datasets.storage.parquet import footer_sha256, write_parquet

    root = copytree(digits.root, tmp_path / "lie")
    tree = json.loads((root / "manifest.json").read_text())
    path = root / tree["shards"][0]["file"]
    rows = {name: array.copy() for name, array in digits[:40].items()}
    rows["eight"] *= 1.01
    write_parquet(path, digits.manifest.columns, [rows])
    tree["shards"][0] |= {"bytes": path.stat().st_size, "sha256": sha256(path), "footer": footer_sha256(path)}
    (root / "manifest.json").write_text(json.dumps(tree))
    failed = [check.name for check in verify(root, round_trip_rows=8).checks if not check.passed]
    assert failed == ["round trip of eight"]
