"""Exports are read back by the libraries they are for, value for value."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from infoloom.datasets import Dataset, generate
from infoloom.datasets.exports import KINDS, export
from infoloom.errors import DatasetError
from infoloom.story import compile_story


def test_hdf5(small: Dataset, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is an extra")
    with h5py.File(export(small, tmp_path / "new" / "small.h5", "hdf5")) as file:
        assert set(file) == {"train", "test"}
        assert json.loads(file.attrs["truth_nats"]) == small.truth
        assert file.attrs["spec_digest"] == small.manifest.digest
        for split in file:
            assert list(file[split]) == list(small.names)
            for name in small.names:
                stored = file[split][name]
                assert stored.chunks is None
                np.testing.assert_array_equal(stored[:], small.split(split)[name])


def test_multimodal_universe(small: Dataset, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is an extra")
    out = export(small.select("image", "curve", "theta", "style"), tmp_path / "mmu", "mmu")
    with h5py.File(out / "healpix=0" / "001-of-001.hdf5") as file:
        assert set(file) == {
            *("object_id", "ra", "dec", "healpix", "theta", "style"),
            *(f"image_{key}" for key in ("array", "band", "ivar", "mask", "psf_fwhm", "scale")),
            *(f"spectrum_{key}" for key in ("flux", "ivar", "lsf_sigma", "lambda", "mask")),
        }
        np.testing.assert_array_equal(file["image_array"][:], small["image"])
        np.testing.assert_array_equal(file["spectrum_flux"][:], small["curve"])
        np.testing.assert_array_equal(file["theta"][:], small["theta"])
        assert [int(i) for i in file["object_id"][:3]] == [0, 1, 2]
        assert file["image_band"][5].tolist() == [b"image_0"]
        assert file["image_mask"][:].all()
        assert np.abs(file["dec"][:]).max() <= 90
    with pytest.raises(DatasetError, match="expected images of one height and width and at most one signal"):
        export(small, tmp_path / "other", "mmu")


def test_multimodal_universe_keeps_sentences(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is an extra")
    data = generate(
        compile_story(
            {
                "name": "said",
                "causes": {"c": "normal"},
                "targets": {"theta": "c + noise"},
                "modalities": {
                    "x": {"flow": "vector(4)", "latent": "c + noise"},
                    "text": {
                        "flow": 'caption("a {s} one")',
                        "latent": {"s": "c + noise"},
                        "words": {"s": ["small", "great"]},
                    },
                },
            }
        ),
        tmp_path / "data",
        1500,
        workers=1,
    )
    out = export(data, tmp_path / "mmu", "mmu")
    with h5py.File(out / "healpix=0" / "001-of-001.hdf5") as file:
        assert file["text"].asstr()[:].tolist() == data["text"].tolist()
        np.testing.assert_array_equal(file["theta"][:], data["theta"])


@pytest.mark.parametrize("name", ["ra", "dec", "object_id", "healpix", "spectrum_flux", "image_scale"])
def test_multimodal_universe_refuses_names_of_its_own(name: str, tmp_path: Path) -> None:
    story = compile_story(
        {
            "name": "sky",
            "causes": {"c": "normal"},
            "targets": {name: "c + noise", "theta": "c"},
            "modalities": {"x": {"flow": "vector(4)", "latent": "c + noise"}},
        }
    )
    data = generate(story, tmp_path / "data", 5, workers=1)
    with pytest.raises(DatasetError) as caught:
        export(data, tmp_path / "mmu", "mmu")
    assert str(caught.value) == (
        f"export `mmu`: expected another name than `{name}`, because it is a key of the format. Leave the column out, "
        "or rename it in the story."
    )
    assert not (tmp_path / "mmu").exists()
    export(data.select("x", "theta"), tmp_path / "mmu", "mmu")


# The package leaves the tar open when its iterator is done.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset(small: Dataset, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="webdataset is a development extra")
    out = export(small, tmp_path / "tars", "webdataset")
    assert json.loads((out / "sizes.json").read_text()) == {"train-00000.tar": 630, "test-00000.tar": 270}
    reader = webdataset.WebDataset(
        str(out / "test-00000.tar"), shardshuffle=False, empty_check=False
    ).decode()
    rows = list(reader)
    assert len(rows) == 270
    test = small.split("test")
    for name in ("image", "curve", "map", "tone", "z_image"):
        np.testing.assert_array_equal(np.stack([row[f"{name}.npy"] for row in rows]), test[name])
    for name in ("sample_id", "theta", "pmi(image;theta)"):
        np.testing.assert_array_equal(
            np.array([row["json"][name] for row in rows], test[name].dtype), test[name]
        )


def test_folders_of_4m(small: Dataset, tmp_path: Path) -> None:
    out = export(small, tmp_path / "folders", "4m")
    names = {}
    for column in ("image", "curve", "map", "theta"):
        with tarfile.open(out / "train" / column / "shard-00000.tar") as tar:
            members = tar.getmembers()
            names[column] = [member.name for member in members]
            content = [np.load(io.BytesIO(tar.extractfile(member).read())) for member in members]  # type: ignore[union-attr]
        np.testing.assert_array_equal(np.stack(content), small.split("train")[column])
    assert names["image"] == names["curve"] == names["map"] == names["theta"]
    assert json.loads((out / "sizes.json").read_text()) == {
        "train/shard-00000.tar": 630,
        "test/shard-00000.tar": 270,
    }


def test_tars_have_the_same_bytes_every_time(small: Dataset, tmp_path: Path) -> None:
    first, second = (export(small, tmp_path / name, "4m") for name in ("a", "b"))
    for path in first.rglob("*.tar"):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


@pytest.fixture
def stacked(tmp_path: Path) -> Dataset:
    spec = {
        "name": "pair",
        "causes": {"u": "normal"},
        "targets": {"theta": "u"},
        "modalities": {f"x{i}": {"flow": "identity(3, 4, 4)", "latent": "0.3*u + 0.2*noise"} for i in (1, 2)},
    }
    return generate(compile_story(spec), tmp_path / "stacked", 100, rows_per_shard=40)


def test_npz_as_the_papers_code_loads_it(stacked: Dataset, tmp_path: Path) -> None:
    out = stacked.export(tmp_path / "npz", "npz")
    parts = [np.load(path) for path in sorted(out.glob("*.npz"))]
    assert len(parts) == 3
    joined = {key: np.concatenate([part[key] for part in parts]) for key in ("X", "Y", "Noise", "labels")}
    np.testing.assert_array_equal(joined["X"], np.stack([stacked["x1"], stacked["x2"]], axis=1))
    np.testing.assert_array_equal(joined["Noise"].reshape(100, 2, 48)[:, 1], stacked["z_x2"])
    np.testing.assert_array_equal(joined["Y"], stacked["theta"])
    assert joined["labels"].tolist() == [[-1, -1]] * 100
    assert parts[0]["Sigma"].shape == (97, 97)
    np.testing.assert_allclose(parts[0]["Sigma"][0, 1:49], 0.3, rtol=1e-6)
    assert dict(zip(parts[0]["MI_labels"], parts[0]["MI_results"], strict=True)) == pytest.approx(
        stacked.truth
    )
    assert (int(parts[0]["N_mod"]), int(parts[0]["mod_dim"])) == (2, 48)


def test_views_are_exported_as_views(stacked: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    view = replace(stacked, start=30, stop=50)
    parts = [np.load(path) for path in sorted(export(view, tmp_path / "npz", "npz").glob("*.npz"))]
    np.testing.assert_array_equal(np.concatenate([part["Y"] for part in parts]), stacked["theta"][30:50])


@pytest.mark.parametrize(
    ("choose", "kind", "message"),
    [
        (lambda d: d, "npz", "expected modalities of one shape, with their latents"),
        (lambda d: d.select("image", "z_image"), "npz", "expected exactly one target, got 0"),
        (lambda d: d.select("theta"), "4m", "expected at least one modality among the selected columns"),
        (lambda d: d, "lance", "format `lance`: expected one of hdf5, mmu, webdataset, 4m, npz"),
    ],
)
def test_what_does_not_fit_is_refused(
    small: Dataset, tmp_path: Path, choose: Callable[[Dataset], Dataset], kind: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        export(choose(small), tmp_path / "out", kind)


@pytest.mark.parametrize("kind", list(KINDS))
def test_nothing_is_overwritten(small: Dataset, tmp_path: Path, kind: str) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(DatasetError, match="expected a new path, because nothing is overwritten"):
        export(small, tmp_path / "there", kind)
    with pytest.raises(DatasetError, match="cannot be written"):
        export(small, tmp_path / "there" / "below", kind)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("radio", "Radio"), "`Radio`: .* because it reads as `radio` does"),
        (("Radio", "b"), "`Radio`: .* because it comes back as `radio`"),
        (("__left", "b"), "`__left`: .* because names that begin with `__` are its own"),
    ],
)
def test_names_that_webdataset_would_change_are_refused(tmp_path, names, reason):
    story = compile_story(
        {
            "name": "x",
            "causes": {"m": "normal"},
            "modalities": {name: {"flow": "vector(4)", "latent": "m + noise"} for name in names},
        }
    )
    data = generate(story, tmp_path / "data", 8)
    with pytest.raises(DatasetError, match=reason):
        data.export(tmp_path / "out", "webdataset")


def test_names_of_many_bytes_are_exported(tmp_path: Path) -> None:
    name = "日" * 60
    story = compile_story(
        {
            "name": "long",
            "causes": {"c": "normal"},
            "modalities": {
                name: {"flow": "digits[3]", "latent": "c@disk + noise"},
                "b": {"flow": "vector(2)", "latent": "c + noise"},
            },
        }
    )
    data = generate(story, tmp_path / "data", 5, workers=1)
    export(data, tmp_path / "tars", "webdataset")
    with tarfile.open(next((tmp_path / "tars").glob("*.tar"))) as tar:
        member = tar.extractfile(f"{0:012d}.{name}.npy")
        assert member is not None
        assert np.array_equal(np.load(io.BytesIO(member.read())), data[name][0])
    export(data, tmp_path / "universe", "mmu")
    assert any(path.suffix in (".hdf5", ".h5") for path in (tmp_path / "universe").rglob("*"))
