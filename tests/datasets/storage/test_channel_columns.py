"""8-bit columns: their fixed ranges, the same bytes by every way, every reader, and what is said about their loss."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch

from infoloom.datasets import Dataset, generate, open_dataset, verify
from infoloom.datasets.checking.channel_losses import measured_loss
from infoloom.datasets.exports import export
from infoloom.datasets.making.plan import make_plan, parse_plan
from infoloom.datasets.storage.channel_columns import levels_of
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.files import sha256
from infoloom.datasets.storage.parquet import footer_sha256, write_parquet
from infoloom.errors import DatasetError
from infoloom.observations import build
from infoloom.observations.channels import EightBit
from infoloom.spec.flows.flow import flow_header, flow_path
from infoloom.story import Story, compile_story, load

NAMES = ("image_uint8", "curve_uint8", "map_uint8")
FolderBytes = Callable[[Path], dict[str, bytes]]


def one(flow: str, **modality: Any) -> Story:
    latent = {"latent": "0.5*u@random(1) + 0.4*noise", **modality}
    return compile_story(
        {"name": "one", "causes": {"u": "normal"}, "modalities": {"x": {"flow": flow, **latent}}}
    )


def make(story: Story, path: Path, **options: Any) -> Dataset:
    return generate(
        story, path, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200, also="uint8", **options
    )


@pytest.fixture(scope="module")
def path(small_story: Story, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(small_story, tmp_path_factory.mktemp("channels") / "out").root


@pytest.fixture(scope="module")
def data(path: Path) -> Dataset:
    return open_dataset(path)


@pytest.mark.parametrize(
    ("flow", "levels"),
    [
        ("digits[3]", (-1.0, 1.0)),
        ("cifar10[frog]", (-1.0, 1.0)),
        ("spoken[seven]", (-60.0, 0.0)),
        ("vector(64) | rotation | digits[3] | affine(scale=-2, shift=1)", (-1.0, 3.0)),
        ("identity(1, 8, 8)", (-4.0, 4.0)),
        ("vector(64) | rotation(seed=1) | permutation | affine(scale=3)", (-12.0, 12.0)),
        ("vector(64) | cube", (-64.0, 64.0)),
    ],
)
def test_the_range_follows_from_the_flow(flow: str, levels: tuple[float, float]) -> None:
    flow = flow.replace("seven", "7")
    assert levels_of(one(flow), "x") == levels


def test_the_range_of_another_trained_flow_is_that_of_its_file() -> None:
    header = flow_header(flow_path("heartbeat-one"))
    low, high = levels_of(one("heartbeat-one", latent="u + noise"), "x")
    assert high == pytest.approx(10.0 * header["scale"] * header["spread"], rel=1e-3)
    assert low == -high
    assert levels_of(one("vector(64) | asinh(scale=2)"), "x")[1] == pytest.approx(
        np.arcsinh(8.0) / 2.0, rel=1e-3
    )


@pytest.mark.parametrize("whitening", ["scale", "none"])
def test_latents_that_are_not_whitened_have_the_range_of_their_widest_component(whitening: str) -> None:
    story = one("identity(1, 8, 8)", whitening=whitening)
    matrix = story.whitener("x").matrix()
    widest = np.sqrt(np.diag(matrix @ story.covariance.dense(["x"]) @ matrix).max())
    low, high = levels_of(story, "x")
    assert high == pytest.approx(4.0 * widest, rel=1e-3)
    assert low == -high
    assert levels_of(story.intervene(u=7.0), "x") == (low, high)  # instruments stay as they are


def test_a_mean_that_is_not_taken_off_moves_the_range() -> None:
    story = compile_story(
        {
            "name": "moved",
            "causes": {"u": "normal"},
            "modalities": {
                "x": {"flow": "vector(4)", "latent": "exp(u)@ones + 0.5*noise", "whitening": "none"},
            },
        }
    )
    low, high = levels_of(story, "x")
    rows = story.sample(4000)["x"].astype(float)
    assert (low + high) / 2 == pytest.approx(rows.mean(), abs=4.0 * rows.std() / np.sqrt(4000))


@pytest.mark.parametrize(
    ("flow", "why"),
    [
        ("digits[3] | rotation", "`rotation` mixes components that are not independent and normal"),
        ("vector(64) | asinh | rotation(seed=2)", r"`rotation\(seed=2\)` mixes components"),
        ("vector(64) | power(exponent=50) | power(exponent=50)", "its values would go from -inf to inf"),
    ],
)
def test_a_flow_of_which_no_range_follows_is_refused(flow: str, why: str) -> None:
    with pytest.raises(DatasetError, match=f"expected a range that follows from the flow, .*{why}") as caught:
        make_plan(one(flow), 10, also="uint8")
    assert str(caught.value).startswith(f"column `x_uint8` of flow `{flow}`: ")
    assert str(caught.value).endswith("Name the columns that you want, as in `--also radio_uint8`.")


def test_unknown_copies_and_names_that_collide_are_refused(small_story: Story) -> None:
    with pytest.raises(
        DatasetError, match=r"^also `jpeg`: expected `uint8` for all modalities, or some of image_uint8"
    ):
        make_plan(small_story, 10, also=["uint8", "jpeg"])
    clash = compile_story(
        {
            "name": "clash",
            "modalities": {name: {"flow": "vector(4)", "latent": "noise"} for name in ("a", "a_uint8")},
        }
    )
    with pytest.raises(DatasetError, match="column `a_uint8`: expected one meaning a name"):
        make_plan(clash, 10, also="uint8")


def test_the_plan_holds_the_range(small_story: Story) -> None:
    plan = make_plan(small_story, 10, also="uint8")
    found = {column.name: column for column in plan.columns if column.kind == "channel"}
    assert tuple(found) == NAMES
    assert found["image_uint8"] == Column("image_uint8", "channel", "uint8", (1, 4, 6), (-4.0, 4.0))
    assert parse_plan(json.loads(json.dumps({**plan.to_json(), "spec": "name: a"}))) == (plan, "name: a")
    few = make_plan(small_story, 10, also=["map_uint8"])
    assert [column.name for column in few.columns if column.kind == "channel"] == ["map_uint8"]


def test_every_column_is_the_channel_of_the_exact_one(data: Dataset, small: Dataset) -> None:
    for name in small.names:  # the exact columns are what they were
        np.testing.assert_array_equal(data[name], small[name], err_msg=name)
    for column in data.select(*NAMES).columns:
        assert column.levels is not None
        low, high = column.levels
        exact = data[column.name.removesuffix("_uint8")].astype(np.float64)
        assert data[column.name].dtype == np.uint8
        seen = low + data[column.name] * ((high - low) / 255.0)
        inside = (exact >= low) & (exact <= high)
        assert inside.mean() > 0.9998
        assert np.abs(seen - exact)[inside].max() <= (high - low) / 510.0 + 1e-6


def test_two_workers_and_a_resumed_run_give_the_same_folder(
    path: Path, small_story: Story, tmp_path: Path, folder_bytes: FolderBytes
) -> None:
    make(small_story, tmp_path / "two", workers=2)
    assert folder_bytes(tmp_path / "two") == folder_bytes(path)
    own = copytree(path, tmp_path / "own")
    (own / "data/train-00001-of-00004.parquet").unlink()
    (own / "manifest.json").unlink()
    make(small_story, own)
    assert folder_bytes(own) == folder_bytes(path)
    with pytest.raises(DatasetError, match="columns that differ: curve_uint8, image_uint8, map_uint8"):
        generate(small_story, own, 900, 11, splits="train=0.7,test=0.3", rows_per_shard=200)


def test_verify_compares_levels(path: Path, tmp_path: Path) -> None:
    checks = {check.name: check for check in verify(path, rows=300).checks}
    assert all(check.passed for check in checks.values()), checks
    assert checks["8 bits of map"].detail == "0 levels of 280 rows differ from those of the exact column"
    own = copytree(path, tmp_path / "own")
    tree = json.loads((own / "manifest.json").read_text())
    record = tree["shards"][0]
    shard = own / record["file"]
    rows = {name: array.copy() for name, array in open_dataset(own)[: record["rows"]].items()}
    rows["map_uint8"][3, 1, 2] += 1
    write_parquet(shard, open_dataset(own).manifest.columns, [rows])
    record["bytes"], record["sha256"] = shard.stat().st_size, sha256(shard)
    record["footer"] = footer_sha256(shard)
    (own / "manifest.json").write_text(json.dumps(tree))
    failed = {check.name: check.detail for check in verify(own).checks if not check.passed}
    assert failed == {"8 bits of map": "1 levels of 900 rows differ from those of the exact column"}


def test_verify_knows_the_range(path: Path, tmp_path: Path) -> None:
    own = copytree(path, tmp_path / "own")
    tree = json.loads((own / "manifest.json").read_text())
    tree["columns"] = [
        c | {"levels": [-4.0, 4.00001]} if c["name"] == "map_uint8" else c for c in tree["columns"]
    ]
    (own / "manifest.json").write_text(json.dumps(tree))
    failed = {check.name: check.detail for check in verify(own).checks if not check.passed}
    assert list(failed) == ["8 bits of map"]
    assert failed["8 bits of map"].endswith("; the range is not the one of the flow")


@pytest.mark.parametrize("levels", [None, [4.0, -4.0], [0.0], ["a", 1.0], [0.0, float("inf")]])
def test_a_manifest_with_absurd_levels_is_refused(path: Path, tmp_path: Path, levels: Any) -> None:
    tree = json.loads((path / "manifest.json").read_text())
    column = next(c for c in tree["columns"] if c["name"] == "map_uint8")
    if levels is None:
        del column["levels"]
    else:
        column["levels"] = levels
    (tmp_path / "manifest.json").write_text(json.dumps(tree))
    with pytest.raises(DatasetError, match=r"expected a whole manifest|`Infinity` is no number of JSON"):
        open_dataset(tmp_path)


def test_views_read_levels(data: Dataset, tmp_path: Path) -> None:
    expected = data["image_uint8"]
    view = data.select("image_uint8", "theta")
    np.testing.assert_array_equal(view[[7, 3]]["image_uint8"], expected[[7, 3]])
    np.testing.assert_array_equal(view.memmap(tmp_path)["image_uint8"], expected)
    batch = next(iter(view.split("test").torch(batch_size=5)))
    assert batch["image_uint8"].dtype == torch.uint8
    np.testing.assert_array_equal(batch["image_uint8"].numpy(), expected[630:635])


def test_hugging_face_reads_levels(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="the package `datasets` is an extra")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset(str(data.root), cache_dir=str(tmp_path))["test"]
    assert loaded.features["image_uint8"] == datasets.Array3D((1, 4, 6), "uint8")
    assert loaded.features["curve_uint8"] == datasets.List(datasets.Value("uint8"), length=24)
    rows = loaded.with_format("numpy")[:]
    for name in NAMES:
        np.testing.assert_array_equal(np.asarray(rows[name]), data.split("test")[name], err_msg=name)


@pytest.mark.parametrize("library", ["polars", "duckdb"])
def test_other_readers_see_levels(data: Dataset, library: str) -> None:
    module = pytest.importorskip(library, reason="a development extra")
    file = str(data.root / "data/test-00000-of-00002.parquet")
    if library == "polars":
        rows = np.array(module.read_parquet(file)["map_uint8"].to_list())
    else:
        rows = np.array([row[0] for row in module.sql(f"select map_uint8 from '{file}'").fetchall()])
    np.testing.assert_array_equal(rows, data.split("test")["map_uint8"][: len(rows)])


def test_croissant_and_exports_hold_levels(data: Dataset, tmp_path: Path) -> None:
    tree = json.loads((data.root / "croissant.json").read_text())
    fields = {field["name"]: field for field in tree["recordSet"][0]["field"]}
    assert (fields["map_uint8"]["dataType"], fields["map_uint8"]["arrayShape"]) == ("cr:UInt8", "2,3")
    few = data.select("map", "map_uint8", "theta").split("test")
    h5py = pytest.importorskip("h5py", reason="h5py is an extra")
    with h5py.File(export(few, tmp_path / "rows.h5", "hdf5")) as file:
        np.testing.assert_array_equal(file["test"]["map_uint8"][:], few["map_uint8"])
        assert file["test"]["map_uint8"].attrs["kind"] == "channel"
        np.testing.assert_allclose(file["test"]["map_uint8"].attrs["levels"], [-4.0, 4.0])
    with h5py.File(export(few, tmp_path / "mmu", "mmu") / "healpix=0/001-of-001.hdf5") as file:
        assert file["image_array"].shape == (270, 1, 2, 3)  # exact values only
    export(few, tmp_path / "folders", "4m")
    with tarfile.open(tmp_path / "folders/test/map_uint8/shard-00000.tar") as tar:
        first = tar.extractfile(tar.getmembers()[0])
        assert first is not None
        np.testing.assert_array_equal(
            np.load(io.BytesIO(first.read()), allow_pickle=False), few["map_uint8"][0]
        )


def test_the_card_says_at_most_and_what_was_measured(data: Dataset) -> None:
    section = data.card.partition("## 8-bit columns\n")[2]
    loss = data.manifest.losses["curve_uint8"]
    assert (
        "- `curve_uint8`: level 0 is -2.095, level 255 is 2.095, values outside are clipped. It carries at most "
        in section
    )
    assert (
        f"an error of {loss['error']:.3g} of its standard deviation, correlation {loss['correlation']:.3g}; of the"
        in section
    )
    assert f"keeps about {loss['information']['theta']:.3g}." in section
    assert loss["information"]["theta"] <= float(f"{data.truth['I(curve; theta)']:.3g}")
    # asinh has slope 1/√(1 + z²), so that rounding of x by 4.19/255/√12 is √(1 + z²) times as much in z
    assert loss["error"] == pytest.approx(4.19 / 255 / np.sqrt(12) * np.sqrt(2.0), rel=0.3)


def test_large_maps_are_measured_on_fewer_rows() -> None:
    column = Column("x_uint8", "channel", "uint8", (3072,), (-4.0, 4.0))
    found = measured_loss(column, build("vector(3072)"), {"theta": 1.0})
    assert found["rows"] == 1
    # rounding alone: one level is 8/255, and rounding to it errs by 1/√12 of it; few latents lie beyond ±4
    assert found["error"] == pytest.approx(8 / 255 / np.sqrt(12), rel=0.05)
    assert found["information"]["theta"] == pytest.approx(1.0, abs=0.01)


def test_trained_flows_are_measured(tmp_path: Path) -> None:
    tree = load("digits-pair").spec.to_dict()
    tree["modalities"]["large"] = {"flow": "mnist[3]", "latent": "0.1*style + noise"}
    data = generate(
        compile_story(tree), tmp_path / "out", 3, also=["three_uint8", "large_uint8"], latents=False
    )
    for name, rows in (("three_uint8", 16), ("large_uint8", 4)):
        loss = data.manifest.losses[name]
        assert loss["rows"] == rows
        assert 0.2 < loss["error"] < 0.8
        assert f"an error of {loss['error']:.3g} of its standard deviation" in data.card
    picture = EightBit().apply(data["large"])
    np.testing.assert_array_equal(data["large_uint8"], picture)


@pytest.mark.parametrize("size", [100.0, 0.01])
def test_latents_that_are_not_whitened_are_measured_as_they_are(tmp_path: Path, size: float) -> None:
    """8 bits keep nearly all of 1.1 nats, whatever the unit of the latents."""
    tree = {
        "name": "unit",
        "causes": {"m": "normal"},
        "targets": {"t": "m"},
        "modalities": {"a": {"flow": "vector(8)", "whitening": "none", "latent": f"{size}*m + {size}*noise"}},
    }
    data = generate(compile_story(tree), tmp_path / "out", 64, also="uint8")
    loss = data.manifest.losses["a_uint8"]
    assert loss["error"] < 0.02
    assert loss["information"]["t"] == pytest.approx(data.truth["I(a; t)"], abs=0.01)


def test_an_intervention_that_leaves_the_levels_is_measured_there(tmp_path: Path) -> None:
    """Levels are those of the law before; nine of ten values are clipped, so little is kept."""
    tree = {
        "name": "far",
        "causes": {"m": "normal", "s": "normal"},
        "targets": {"t": "s"},
        "modalities": {"a": {"flow": "vector(2)", "latent": "m + 0.5*s + 0.3*noise"}},
    }
    data = generate(compile_story(tree).intervene(m=8), tmp_path / "out", 512, also="uint8")
    loss = data.manifest.losses["a_uint8"]
    assert float((np.asarray(data["a_uint8"]) == 255).mean()) > 0.8
    assert loss["information"]["t"] < 0.4 * data.truth["I(a; t)"]
