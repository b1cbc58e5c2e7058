"""Training data: every kind of source, and what is said about the ones that cannot be used."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from infoloom.errors import FlowError
from infoloom.observations.training.training_data import load_training_data

RNG = np.random.default_rng(0)


def pictures(rows: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, 256, (rows, *shape), dtype=np.uint8)


def test_digits_of_scikit_learn() -> None:
    data = load_training_data("sklearn:digits")
    assert data.shape == (1, 8, 8)
    assert len(data.values) + len(data.held_out) == 1797
    assert data.classes == tuple("0123456789")
    assert (data.values.min(), data.values.max()) == (-1.0, 1.0)
    assert load_training_data("sklearn:digits", unconditional=True).labels is None


def test_jpeg_archives_are_joined(tmp_path: Path) -> None:
    for part, rows in (("train_1", 20), ("train_2", 10), ("test", 5)):
        images = [Image.fromarray(one) for one in np.full((rows, 8, 8, 3), 255, dtype=np.uint8)]
        files = [_jpeg(image) for image in images]
        np.savez(
            tmp_path / f"{part}.npz",
            jpeg=np.frombuffer(b"".join(files), dtype=np.uint8),
            offset=np.cumsum([0, *map(len, files)]),
            label=np.arange(rows) % 2,
            classes=np.array(["cat", "dog"]),
        )
    data = load_training_data(str(tmp_path / "*.npz"))
    assert data.values.shape == (30, 3, 8, 8)
    assert data.held_out.shape == (5, 3, 8, 8)
    assert data.labels is not None
    assert len(data.labels) == 30
    assert data.classes == ("cat", "dog")
    assert float(data.values.min()) > 0.98


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def test_train_and_test_pictures(tmp_path: Path) -> None:
    path = tmp_path / "pictures.npz"
    np.savez(
        path,
        train_image=pictures(20, 8, 8),
        train_label=np.arange(20) % 3,
        test_image=pictures(6, 8, 8),
        test_label=np.arange(6) % 3,
    )
    data = load_training_data(str(path))
    assert data.values.shape == (20, 1, 8, 8)
    assert data.held_out.shape == (6, 1, 8, 8)
    assert data.classes == ("0", "1", "2")


def test_sounds_become_log_mel_pictures(tmp_path: Path) -> None:
    pcm = (8000 * np.sin(np.arange(40_000) * 0.3)).astype(np.int16)
    np.savez(tmp_path / "s.npz", pcm=pcm, offset=np.arange(0, 40_001, 2000), label=np.arange(20) % 10)
    data = load_training_data(str(tmp_path / "s.npz"))
    assert data.shape == (1, 32, 32)
    assert data.unit == "decibel below the loudest point"
    assert float(data.values.max()) == pytest.approx(0.0, abs=1e-3)
    assert float(data.values.min()) >= -60.0 - 1e-3


def test_beats_are_scaled_to_unit_size(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", beat=3.0 * RNG.standard_normal((100, 2, 16)), label=np.array(["N"] * 100))
    data = load_training_data(str(tmp_path / "b.npz"))
    assert data.shape == (2, 16)
    assert data.classes is None
    assert data.scale == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet"])
def test_any_array(tmp_path: Path, kind: str) -> None:
    values = RNG.standard_normal((50, 5)).astype(np.float32)
    path = tmp_path / f"x.{kind}"
    if kind == "npy":
        np.save(path, values)
    elif kind == "npz":
        np.savez(path, x=values, y=np.array(["a", "b"] * 25))
    else:
        parquet.write_table(pa.table({"x": list(values), "label": ["a", "b"] * 25}), path)
    data = load_training_data(str(path))
    assert data.shape == (5,)
    assert len(data.values) == 45
    np.testing.assert_array_equal(data.held_out, values[9::10])
    assert data.classes == (None if kind == "npy" else ("a", "b"))


def test_folders_of_pictures(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for index in range(10):
            Image.fromarray(pictures(8, 8, 3)[0:8, :, :]).save(tmp_path / kind / f"{index}.png")
    data = load_training_data(str(tmp_path))
    assert data.classes == ("cat", "dog")
    assert data.shape == (3, 8, 8)


def test_folders_of_unequal_or_no_pictures_are_named(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"expected pictures \(.png, .*\), found none\."):
        load_training_data(str(tmp_path))
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    Image.new("L", (9, 8)).save(tmp_path / "b.png")
    with pytest.raises(
        FlowError, match=r"expected pictures of one size, got 2 such as .* Resize them first\."
    ):
        load_training_data(str(tmp_path))


def test_sources_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.zeros((5, 3)))
    np.save(tmp_path / "nan.npy", np.full((50, 3), np.nan))
    np.save(tmp_path / "flat.npy", np.zeros(50))
    np.savez(tmp_path / "odd.npz", strange=np.zeros((50, 3)))
    np.savez(tmp_path / "labels.npz", x=np.zeros((50, 3)), y=np.zeros(4))
    (tmp_path / "x.txt").write_text("1 2 3")
    for name, message in {
        "nothing.npz": "no such file or folder. Check the path.",
        "few.npy": "expected at least 16 rows, got 5.",
        "nan.npy": "expected finite numbers. Remove rows with NaN or infinity.",
        "flat.npy": "expected rows of numbers, got float64 of shape (50,).",
        "odd.npz": "expected an array named one of",
        "labels.npz": "expected a label a row, got 4 for 50 rows.",
        "x.txt": "expected a folder, .npz, .npy or .parquet.",
    }.items():
        with pytest.raises(FlowError, match=re.escape(message)):
            load_training_data(str(tmp_path / name))
