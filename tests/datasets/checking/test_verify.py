"""Verification: a good dataset passes, and every kind of lie is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from infoloom.datasets import Dataset, Report, generate, open_dataset, verify
from infoloom.datasets.checking.moments import Moments, deviation, spread_spans, story_features
from infoloom.datasets.storage.files import sha256
from infoloom.datasets.storage.parquet import footer_sha256, write_parquet
from infoloom.errors import DatasetError
from infoloom.story import Story, compile_story

AFTER = ("round trip", "information after the bijection")


def failed(report: Report) -> set[str]:
    return {check.name for check in report.checks if not check.passed}


def rewrite(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change rows of every shard and repair the manifest, as one who lies with care would."""
    data = open_dataset(root)
    tree = json.loads((root / "manifest.json").read_text())
    for record in tree["shards"]:
        path, first = root / record["file"], record["first"]
        rows = {name: array.copy() for name, array in data[first : first + record["rows"]].items()}
        change(rows)
        write_parquet(path, data.manifest.columns, [rows])
        record["bytes"], record["sha256"] = path.stat().st_size, sha256(path)
        record["footer"] = footer_sha256(path)
    (root / "manifest.json").write_text(json.dumps(tree))


def test_a_good_dataset_passes(small_path: Path) -> None:
    names: list[str] = []
    report = verify(small_path, progress=names.append)
    assert report.passed, report
    assert names[:4] == ["files", "truth", "code path", "rows redrawn"]
    assert [check.name for check in report.checks] == [
        "files",
        "row numbers",
        "truth",
        "code path",
        "rows redrawn",
        *(
            f"mean of pmi({p})"
            for p in ("image;curve", "image;map", "curve;map", "image;theta", "curve;theta", "map;theta")
        ),
        "covariances",
        *(f"{what} of {name}" for name in ("image", "curve", "map") for what in AFTER),
    ]
    tree = json.loads(json.dumps(report.to_json()))
    assert (tree["passed"], tree["rows"], tree["unit"]) == (True, 900, "nats")
    by_name = {check["name"]: check for check in tree["checks"]}
    mean = by_name["mean of pmi(image;theta)"]
    assert abs(mean["value"] - mean["expected"]) <= 4 * mean["standard_error"]


@pytest.mark.parametrize("rows", [0, -3])
def test_no_rows_are_nothing_to_verify_with(small_path: Path, rows: int) -> None:
    with pytest.raises(DatasetError, match=f"^rows `{rows}`: expected at least 1 to check"):
        verify(small_path, rows=rows)


def test_without_latents_and_pmi(small_story: Story, tmp_path: Path) -> None:
    generate(small_story, tmp_path, 50, latents=False, pmi="none")
    report = verify(tmp_path)
    assert report.passed, report
    assert {"covariances", "round trip of curve"} <= {check.name for check in report.checks}


def test_a_story_without_targets(tmp_path: Path) -> None:
    spec = {
        "name": "bare",
        "causes": {"u": "normal"},
        "modalities": {"a": {"flow": "vector(3)", "latent": "u + noise"}},
    }
    generate(compile_story(spec), tmp_path, 20, latents=False)
    assert verify(tmp_path).passed


def test_few_rows_are_judged_by_theory(small_story: Story, tmp_path: Path) -> None:
    generate(small_story, tmp_path, 1)
    assert verify(tmp_path).passed


def test_a_flipped_bit_is_found(own: Path) -> None:
    path = own / "data/test-00000-of-00002.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    report = verify(own)
    assert "files" in failed(report)
    assert "data/test-00000-of-00002.parquet: its checksum is not the manifest's" in report.checks[0].detail


def test_missing_and_truncated_shards_are_found(own: Path) -> None:
    (own / "data/train-00000-of-00004.parquet").unlink()
    cut = own / "data/train-00001-of-00004.parquet"
    cut.write_bytes(cut.read_bytes()[:-100])
    report = verify(own)
    assert {"files", "rows redrawn"} <= failed(report)
    assert "data/train-00000-of-00004.parquet: missing" in report.checks[0].detail
    assert "data/train-00001-of-00004.parquet: expected" in report.checks[0].detail


@pytest.mark.parametrize(
    ("what", "change", "found"),
    [
        (
            "pmi moved",
            lambda rows: rows["pmi(image;theta)"].__iadd__(0.5),
            {"mean of pmi(image;theta)", "rows redrawn"},
        ),
        ("latent scaled", lambda rows: rows["z_map"].__imul__(1.3), {"covariances", "rows redrawn"}),
        ("observation noised", lambda rows: rows["image"].__iadd__(1e-2), {"round trip of image"}),
        ("observation lost", lambda rows: rows["image"].__setitem__(0, np.nan), {"round trip of image"}),
        ("target of other rows", lambda rows: rows["theta"].sort(), {"covariances", "rows redrawn"}),
        ("rows renumbered", lambda rows: rows["sample_id"].__iadd__(1), {"row numbers"}),
    ],
)
def test_careful_lies_are_found(
    own: Path, what: str, change: Callable[[dict[str, Any]], None], found: set[str]
) -> None:
    rewrite(own, change)
    report = verify(own)
    assert not report.passed
    # Observations and targets that do not belong together show there too.
    consequences = {
        name for name in failed(report) if name.startswith("information after") and what.startswith("target")
    }
    assert failed(report) - consequences == found, what


def test_a_shard_given_twice_is_found(own: Path) -> None:
    """Ten jobs with one seed would write one shard ten times; only the row numbers are mended here."""
    first = open_dataset(own)[0:200]

    def copy(rows: dict[str, Any]) -> None:
        ids = rows["sample_id"].copy()
        rows |= {name: array[: len(ids)].copy() for name, array in first.items()}
        rows["sample_id"] = ids

    rewrite(own, copy)
    assert "rows redrawn" in failed(verify(own))


def test_a_false_truth_is_found(own: Path) -> None:
    tree = json.loads((own / "manifest.json").read_text())
    tree["truth"]["values"]["I(image; theta)"] += 1e-6
    (own / "manifest.json").write_text(json.dumps(tree))
    assert failed(verify(own)) == {"truth"}
    tree["truth"]["values"].pop("I(image; theta)")
    (own / "manifest.json").write_text(json.dumps(tree))
    report = verify(own)
    assert failed(report) == {"truth"}
    assert "other quantities than the manifest: I(image; theta)" in next(
        c.detail for c in report.checks if not c.passed
    )


def test_a_changed_spec_is_found(own: Path) -> None:
    (own / "spec.yaml").write_text((own / "spec.yaml").read_text().replace("0.8", "0.9"))
    report = verify(own)
    assert "truth" in failed(report)
    assert any(
        "expected the spec whose checksum is in the manifest" in check.detail for check in report.checks
    )


def test_an_unfinished_dataset_cannot_be_verified(own: Path) -> None:
    (own / "manifest.json").unlink()
    with pytest.raises(DatasetError, match="expected a finished dataset"):
        verify(own)


def test_features_have_the_dense_covariance(small: Dataset, small_story: Story) -> None:
    features = story_features(small_story, ["theta", "style", "tone"], small_story.modalities)
    names = ["theta", "style", "tone", *small_story.modalities]
    dense = small_story.covariance.dense(names)
    project = np.zeros((len(features.names), len(dense)))
    project[:5, :5] = np.eye(5)
    row, column = 5, 5
    for name in small_story.modalities:
        directions = features.directions[name]
        project[row : row + len(directions), column : column + directions.shape[1]] = directions
        row, column = row + len(directions), column + directions.shape[1]
    np.testing.assert_allclose(features.covariance, project @ dense @ project.T, atol=1e-12)
    rows = small[:5]
    stacked = np.concatenate(
        [rows[n if n in small_story.causes or n == "theta" else f"z_{n}"].reshape(5, -1) for n in names], 1
    )
    np.testing.assert_allclose(features.values(rows, "z_"), stacked @ project.T, atol=1e-5)


def test_the_bound_holds_and_has_power(small_story: Story) -> None:
    """Gaussian rows of the exact covariance stay inside at any n; a 20 % larger spread does not."""
    features = story_features(small_story, ["theta", "style"], small_story.modalities)
    root = np.linalg.svd(features.covariance)
    colour = root[0] * np.sqrt(root[1])
    generator = np.random.default_rng(5)
    for rows in (1, 3, 10, 100, 2000):
        for _ in range(20):
            values = generator.standard_normal((rows, len(colour))) @ colour.T
            moments = Moments.none(len(colour)).add(values[: rows // 2]).add(values[rows // 2 :])
            assert moments.rows == rows
            assert deviation(moments, features).ratio <= 1.0
    wrong = generator.standard_normal((2000, len(colour))) @ colour.T
    wrong[:, 0] *= 1.2
    worst = deviation(Moments.none(len(colour)).add(wrong), features)
    assert worst.ratio > 1.0
    assert worst.names == ("theta", "theta")


def test_information_after_the_bijection_is_seen(tmp_path: Path) -> None:
    """Targets of other rows leave no information; with a strong story a few observations show it."""
    spec = {
        "name": "strong",
        "causes": {"u": "normal"},
        "targets": {"theta": "u"},
        "modalities": {"a": {"flow": "vector(30) | asinh", "latent": "u + 0.2*noise"}},
    }
    generate(compile_story(spec), tmp_path, 400)
    by_name = {check.name: check for check in verify(tmp_path).checks}
    check = by_name["information after the bijection of a"]
    assert check.passed
    assert check.expected == pytest.approx(np.log(1 + 30 / 0.2**2) / 2, abs=1e-9)
    rewrite(tmp_path, lambda rows: rows["theta"].sort())
    assert "information after the bijection of a" in failed(verify(tmp_path))


def test_spans_take_rows_of_every_shard() -> None:
    assert list(spread_spans([(0, 100), (100, 100), (200, 50)], 60)) == [(0, 20), (100, 120), (200, 220)]
    assert list(spread_spans([(0, 5), (5, 5)], 1000)) == [(0, 5), (5, 10)]


def test_the_files_are_read_by_others_unchanged(small: Dataset) -> None:
    table = pq.read_table(small.root / "data/train-00000-of-00004.parquet")
    assert table.num_rows == 200
    assert pq.ParquetFile(small.root / "data/train-00000-of-00004.parquet").metadata.num_row_groups == 2
