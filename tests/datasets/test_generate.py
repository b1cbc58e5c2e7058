"""Making datasets: the same bytes by every way, nothing half-finished, nothing mixed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infoloom.datasets import Dataset, begin, finish, generate, make_plan, make_shards, open_dataset, verify
from infoloom.datasets.engines import Failure, LocalEngine, engine_named
from infoloom.datasets.generate import shard_jobs
from infoloom.datasets.making.plain import is_plain
from infoloom.datasets.making.plan import read_plan
from infoloom.datasets.making.shard import Made, ShardJob, bijection_of, make_shard, read_done
from infoloom.datasets.storage.layout import MANIFEST
from infoloom.errors import DatasetError, SpecError
from infoloom.story import Story, compile_story

FolderBytes = Callable[[Path], dict[str, bytes]]


def test_layout_of_the_folder(small: Dataset) -> None:
    files = {
        str(path.relative_to(small.root))
        for path in small.root.rglob("*")
        if path.is_file() and "memmap-" not in str(path)
    }
    shards = [f"train-{i:05d}-of-00004" for i in range(4)] + [f"test-{i:05d}-of-00002" for i in range(2)]
    assert files == {
        "README.md",
        "croissant.json",
        "manifest.json",
        "spec.yaml",
        ".infoloom/plan.json",
        *(f"data/{name}.parquet" for name in shards),
        *(f".infoloom/{name}.json" for name in shards),
    }


def test_a_story_may_be_given_as_what_it_is_made_of(tmp_path: Path) -> None:
    tree = {
        "name": "one",
        "causes": {"c": "normal"},
        "modalities": {"a": {"flow": "vector(2)", "latent": "c + noise"}},
    }
    made = generate(compile_story(tree), tmp_path / "story", 5)
    for name, source in (("dict", tree), ("spec", compile_story(tree).spec)):
        np.testing.assert_array_equal(generate(source, tmp_path / name, 5)["a"], made["a"])
    assert generate("figure-1", tmp_path / "preset", 2).story.spec.name == "figure-1"
    with pytest.raises(
        SpecError, match="spec of type `NoneType`: expected a file, the name of a preset, or a dict"
    ):
        generate(None, tmp_path / "none", 5)  # type: ignore[arg-type]
    assert not (tmp_path / "none").exists()


def test_rows_are_those_of_the_story(small: Dataset, small_story: Story) -> None:
    drawn = small_story.sample(len(small), seed=11)
    np.testing.assert_array_equal(small["sample_id"], np.arange(len(small)))
    for name in ("theta", "style", "tone"):
        np.testing.assert_array_equal(small[name], drawn[name])
    for name in small_story.modalities:
        np.testing.assert_array_equal(small[f"z_{name}"], drawn[name])
    np.testing.assert_allclose(
        small["pmi(image;theta)"], small_story.pmi(drawn, "image", "theta"), rtol=1e-12
    )


def test_observations_are_the_flow_of_whitened_latents(small: Dataset, small_story: Story) -> None:
    latent = small["z_curve"].astype(np.float64)
    white = latent @ small_story.whitener("curve").matrix()
    np.testing.assert_allclose(small["curve"], np.arcsinh(white), atol=2e-6)
    image = small["z_image"].astype(np.float64) @ small_story.whitener("image").matrix()
    np.testing.assert_allclose(small["image"], image.reshape(-1, 1, 4, 6), atol=4e-6)


def test_the_same_plan_gives_the_same_folder(
    small_path: Path, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    again = tmp_path / "again"
    generate(small_story, again, 900, 11, splits={"train": 0.7, "test": 0.3}, rows_per_shard=200)
    assert folder_bytes(again) == folder_bytes(small_path)


def test_two_workers_give_the_same_folder(
    small_path: Path, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    again = tmp_path / "again"
    seen: list[Made | Failure] = []
    generate(
        small_story,
        again,
        900,
        11,
        splits="train=0.7,test=0.3",
        rows_per_shard=200,
        workers=2,
        progress=seen.append,
    )
    assert folder_bytes(again) == folder_bytes(small_path)
    assert len(seen) == 6


def test_a_row_does_not_depend_on_the_shards(small: Dataset, small_story: Story, tmp_path: Path) -> None:
    other = generate(small_story, tmp_path / "other", 900, 11, rows_per_shard=77)
    for name in small.names:
        np.testing.assert_array_equal(other[name], small[name], err_msg=name)


def test_parts_made_apart_finish_to_the_same_folder(
    small_path: Path, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    root = tmp_path / "parts"
    plan = make_plan(small_story, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200)
    for part in (slice(4, None), slice(0, 2), slice(1, 4)):
        begin(root, small_story, plan)
        make_shards(root, LocalEngine(), part=part)
        if part.start:
            with pytest.raises(DatasetError, match=r"this one is not finished\. Run the same"):
                open_dataset(root)
    finish(root)
    assert folder_bytes(root) == folder_bytes(small_path)


def test_finish_says_which_shards_are_missing(small_story: Story, tmp_path: Path) -> None:
    begin(tmp_path, small_story, make_plan(small_story, 100, rows_per_shard=10))
    make_shards(tmp_path, LocalEngine(), part=slice(2, 7))
    with pytest.raises(
        DatasetError, match=r"expected 10 shards, 5 are missing or damaged \(numbers 0:2, 7:10\)"
    ):
        finish(tmp_path)
    with pytest.raises(DatasetError, match="expected a dataset begun by `infoloom generate`; there is none"):
        finish(tmp_path / "nowhere")


def test_a_part_of_an_interrupted_dataset_opens(
    small: Dataset, small_path: Path, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    """Shards 0, 1 and 4 of six: the first 400 rows, said on the card; then the rest is made as ever."""
    root = tmp_path / "part"
    plan = make_plan(small_story, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200)
    begin(root, small_story, plan)
    with pytest.raises(DatasetError, match=r"\(numbers 0:6\).*The first of all must be there for a part\.$"):
        finish(root, partial=True)
    for part in (slice(0, 2), slice(4, 5)):
        make_shards(root, LocalEngine(), part=part)
    with pytest.raises(DatasetError, match=r"`infoloom finish --partial` opens the rows that are there\.$"):
        open_dataset(root)
    data = finish(root, partial=True)
    assert (len(data), data.splits) == (400, {"train": 400})
    for name in ("sample_id", "image", "theta", "pmi(image;theta)"):
        np.testing.assert_array_equal(data[name], small[name][:400])
    assert verify(root).passed
    said = (
        "the first 400 of 900 rows (train 400 of 630, test 0 of 270). They are what they will be when it is. "
        "1 more finished shard comes after a missing one and cannot be read yet."
    )
    card = (root / "README.md").read_text(encoding="utf-8")
    assert said in card
    assert "data/train-00001-of-00004.parquet" in card
    assert "test-00" not in card
    assert data.manifest.partial is not None
    assert data.manifest.partial.to_json() == {
        "rows": 900,
        "shards": 6,
        "splits": {"train": 630, "test": 270},
        "beyond": 1,
    }
    generate(small_story, root, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200)
    assert folder_bytes(root) == folder_bytes(small_path)


def test_resuming_keeps_what_is_whole(own: Path, small_story: Story, folder_bytes: FolderBytes) -> None:
    before = folder_bytes(own)
    kept = own / "data/train-00001-of-00004.parquet"
    written = kept.stat().st_mtime_ns
    (own / "data/train-00000-of-00004.parquet").unlink()
    (own / ".infoloom/test-00001-of-00002.json").unlink()
    (own / MANIFEST).unlink()
    seen: list[Made | Failure] = []
    generate(small_story, own, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200, progress=seen.append)
    assert folder_bytes(own) == before
    assert kept.stat().st_mtime_ns == written
    assert [isinstance(one, Made) and one.kept for one in seen] == [False, True, True, True, True, False]


def test_another_dataset_is_refused_with_the_difference(
    own: Path, small_story: Story, folder_bytes: FolderBytes
) -> None:
    before = folder_bytes(own)
    tree = small_story.spec.to_dict()
    tree["targets"] = {"theta": "0.6*style + 0.3*noise"}
    with pytest.raises(DatasetError) as caught:
        generate(compile_story(tree), own, 900, 12, splits="train=0.7,test=0.3", rows_per_shard=200)
    text = str(caught.value)
    assert "expected the dataset that was begun here, because mixing two would falsify both" in text
    assert "seed: 11 there, 12 asked for" in text
    assert "-  theta: 0.8*style + 0.3*noise" in text
    assert "+  theta: 0.6*style + 0.3*noise" in text
    assert folder_bytes(own) == before


@pytest.mark.parametrize("device", ["tpu", "cuda:", "meta", "cpu:0 "])
def test_an_unknown_device_is_refused_before_any_shard(
    small_story: Story, tmp_path: Path, device: str
) -> None:
    with pytest.raises(DatasetError, match=f"^device `{device}`: expected `cpu`, `cuda` or one GPU"):
        generate(small_story, tmp_path / "out", 8, device=device)


def test_a_folder_of_something_else_is_refused(small_story: Story, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(DatasetError, match="expected an empty folder or an unfinished dataset"):
        generate(small_story, tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(DatasetError, match="cannot be written"):
        generate(small_story, tmp_path / "thesis.tex", 10)


def test_a_plan_that_is_not_one_is_refused(small_story: Story, tmp_path: Path) -> None:
    (tmp_path / ".infoloom").mkdir()
    (tmp_path / ".infoloom/plan.json").write_text("[]")
    with pytest.raises(DatasetError, match=r"plan: expected the plan of a dataset.*Start in an empty folder"):
        read_plan(tmp_path)


class Faulty:
    """An engine some of whose shards fail."""

    def __init__(self, hopeless: bool) -> None:
        self.hopeless = hopeless
        self.tried: list[int] = []

    def run(self, jobs: Sequence[ShardJob]) -> Iterator[Made | Failure]:
        for index, job in enumerate(jobs):
            self.tried.append(index)
            yield Failure(job.shard, f"reason {index}", self.hopeless) if index % 2 else make_shard(job)


def test_a_failed_shard_does_not_stop_the_others(small_story: Story, tmp_path: Path) -> None:
    engine = Faulty(hopeless=False)
    with pytest.raises(
        DatasetError, match=r"shards: expected 6, 3 are made and kept, 3 failed\.\nreason 1\nreason 3"
    ):
        generate(small_story, tmp_path, 60, rows_per_shard=10, engine=engine)
    assert engine.tried == [0, 1, 2, 3, 4, 5]
    assert len(generate(small_story, tmp_path, 60, rows_per_shard=10)) == 60


def test_a_hopeless_failure_stops_at_once(small_story: Story, tmp_path: Path) -> None:
    engine = Faulty(hopeless=True)
    with pytest.raises(DatasetError, match=r"1 are made and kept, 1 failed"):
        generate(small_story, tmp_path, 60, rows_per_shard=10, engine=engine)
    assert engine.tried == [0, 1]


def test_observations_that_are_not_finite_are_refused(small_story: Story, tmp_path: Path) -> None:
    tree = small_story.spec.to_dict()
    tree["modalities"]["map"]["flow"] = "vector(6) | power(exponent=50) | power(exponent=50)"
    with pytest.raises(DatasetError, match="column `map`: expected finite numbers in rows 0 to 19"):
        generate(compile_story(tree), tmp_path, 20)


def test_a_shard_is_a_pure_function_of_its_job(small_path: Path, tmp_path: Path) -> None:
    job = replace(shard_jobs(small_path)[3], root=str(tmp_path))
    (tmp_path / "data").mkdir()
    first = make_shard(job)
    assert not first.kept
    assert make_shard(job).kept
    assert first.sha256 == json.loads((small_path / job.shard.done).read_text())["sha256"]


@pytest.mark.parametrize("key", ["digest", "seed", "first", "rows", "bytes", "sha256"])
def test_a_done_file_of_another_shard_does_not_count(own: Path, key: str) -> None:
    job = shard_jobs(own)[0]
    done = own / job.shard.done
    assert read_done(own, job.digest, job.seed, job.shard) is not None
    tree = json.loads(done.read_text())
    tree[key] = "x" if isinstance(tree[key], str) else tree[key] + 1
    done.write_text(json.dumps(tree))
    assert read_done(own, job.digest, job.seed, job.shard) is None


def test_workers_and_engines_are_checked() -> None:
    with pytest.raises(DatasetError, match="workers `0`: expected a whole number of at least 1"):
        LocalEngine(0)
    with pytest.raises(DatasetError, match="engine `spark`: expected `local` or `dask`"):
        engine_named("spark")


def test_bijections_are_built_once(small_path: Path) -> None:
    job = shard_jobs(small_path)[0]
    one, two = (bijection_of(job.spec, job.root, "curve") for _ in range(2))
    assert one is two


def test_without_torch_it_says_how_to_get_it(
    small_story: Story, own: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DatasetError, match=r"package `torch`: expected it.*pip install 'infoloom\[torch\]'"):
        generate(small_story, tmp_path / "out", 10)
    assert not (tmp_path / "out").exists()
    failed = {check.name: check.detail for check in verify(own).checks if not check.passed}
    computed = [name for name in small_story.modalities if not is_plain(small_story.flow(name))]
    assert failed.keys() == {"code path", *(f"round trip of {name}" for name in computed)}
    assert "pip install" in failed["round trip of curve"]
