"""Training data: every kind of source, and what is said about the ones that cannot be used."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from infoloom.errors import FlowError
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.training_data import TrainingData, load_training_data

RNG = np.random.default_rng(0)


def pictures(rows: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, 256, (rows, *shape), dtype=np.uint8)


def test_digits_of_scikit_learn() -> None:
    data = load_training_data("sklearn:digits")
    assert data.shape == (1, 8, 8)
    assert len(data.values) + len(data.held_out) == 1797
    assert data.classes == tuple("0123456789")
    assert (data.values.min(), data.values.max()) == (-1.0, 1.0)
    assert load_training_data("sklearn:digits", Reading(unconditional=True)).labels is None


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
    assert len(data.values) + len(data.held_out) == 50
    assert {row.tobytes() for row in data.held_out} < {row.tobytes() for row in values}
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
    np.savez(tmp_path / "odd.npz", strange=np.zeros((50, 3)), stranger=np.zeros((50, 3)))
    np.savez(tmp_path / "labels.npz", x=np.zeros((50, 3)), y=np.zeros(4))
    (tmp_path / "x.txt").write_text("1 2 3")
    for name, message in {
        "nothing.npz": "no such file or folder. Check the path.",
        "few.npy": "expected at least 16 rows, got 5.",
        "nan.npy": "expected finite numbers. Remove rows with NaN or infinity.",
        "flat.npy": "expected rows of numbers, got float64 of shape (50,).",
        "odd.npz": "expected an array named one of",
        "labels.npz": "expected a label a row, 50 in all, got shape (4,).",
        "x.txt": "expected a folder, .npz, .npy, .parquet or .csv.",
    }.items():
        with pytest.raises(FlowError, match=re.escape(message)):
            load_training_data(str(tmp_path / name))


def test_every_source_of_a_list_must_be_there(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).standard_normal((50, 3)))
    for missing in ("nofile.npy", "none_*.npy", ""):
        lost = re.escape(f"training data `{tmp_path / missing if missing else ''}`: no such file or folder")
        with pytest.raises(FlowError, match=lost):
            load_training_data(f"{tmp_path / 'rows.npy'},{tmp_path / missing if missing else ''}")


def load(path: Path, **options: object) -> TrainingData:
    return load_training_data(str(path), Reading(**options))


@pytest.mark.parametrize(
    ("shape", "row"),
    [
        ((40, 3, 9, 8), (3, 9, 8)),
        ((40, 9, 8, 3), (3, 9, 8)),
        ((40, 1, 9, 8), (1, 9, 8)),
        ((40, 9, 8), (1, 9, 8)),
    ],
)
def test_channels_stay_where_they_are_found(
    tmp_path: Path, shape: tuple[int, ...], row: tuple[int, ...]
) -> None:
    values = pictures(*shape)
    np.save(tmp_path / "x.npy", values)
    data = load(tmp_path / "x.npy")
    assert data.shape == row
    moved = (
        values if shape[1] in (1, 3) else values[:, None] if len(shape) == 3 else np.moveaxis(values, -1, 1)
    )
    known = {one.tobytes() for one in moved.astype(np.float32) / 127.5 - 1.0}
    assert {one.tobytes() for one in data.values} < known


def test_axes_that_may_mean_either_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", pictures(40, 3, 8, 3))
    np.save(tmp_path / "y.npy", pictures(40, 8, 8, 4))
    for name in ("x", "y"):
        with pytest.raises(FlowError, match="whose axes are ambiguous"):
            load(tmp_path / f"{name}.npy")


def test_files_are_joined_by_the_names_of_classes_and_share_a_scale(tmp_path: Path) -> None:
    np.savez(tmp_path / "1.npz", data=RNG.standard_normal((50, 6)), labels=np.array(["a", "b"] * 25))
    np.savez(
        tmp_path / "2.npz", data=9.0 + 100.0 * RNG.standard_normal((50, 6)), labels=np.array(["b", "c"] * 25)
    )
    data = load_training_data(f"{tmp_path}/1.npz,{tmp_path}/2.npz")
    assert data.classes == ("a", "b", "c")
    large = np.abs(data.values).max(axis=1) > 10.0
    assert set(data.labels[large]) == {1, 2}
    assert data.scale == pytest.approx(data.values.std(), rel=1e-5)
    np.savez(tmp_path / "3.npz", data=RNG.standard_normal((50, 6)))
    with pytest.raises(FlowError, match=r"3\.npz`: expected a label a row, because other files have them"):
        load_training_data(f"{tmp_path}/1.npz,{tmp_path}/3.npz")
    np.savez(tmp_path / "4.npz", data=pictures(50, 6, 6), labels=np.array(["b", "c"] * 25))
    with pytest.raises(FlowError, match="expected files of one shape"):
        load_training_data(f"{tmp_path}/1.npz,{tmp_path}/4.npz")
    np.savez(tmp_path / "5.npz", data=RNG.standard_normal((50, 1, 6, 6)), labels=np.array(["b", "c"] * 25))
    with pytest.raises(FlowError, match="expected files of one kind, got values in as given, brightness"):
        load_training_data(f"{tmp_path}/4.npz,{tmp_path}/5.npz")


def test_every_class_is_trained_and_held_out_whatever_the_order(tmp_path: Path) -> None:
    for label in (np.arange(400) % 10, np.repeat(np.arange(10), 40), np.r_[np.zeros(396, int), 1, 1, 2, 2]):
        np.savez(tmp_path / "x.npz", data=RNG.standard_normal((400, 6)), labels=label)
        data = load(tmp_path / "x.npz")
        assert set(data.labels) == set(data.held_out_labels) == set(range(len(data.classes)))
    np.savez(tmp_path / "x.npz", data=RNG.standard_normal((400, 6)), labels=np.r_[np.zeros(399, int), 1])
    with pytest.raises(FlowError, match="expected at least two rows of class `1`"):
        load(tmp_path / "x.npz")
    assert load(tmp_path / "x.npz", unconditional=True).classes is None


def test_the_choice_of_held_out_rows_is_seeded(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", RNG.standard_normal((100, 6)))
    one, same, other = (load_training_data(str(tmp_path / "x.npy"), seed=seed).held_out for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert len(one) == len(other) == 10


def test_what_belongs_together_is_held_out_together(tmp_path: Path) -> None:
    star = np.repeat(np.arange(40), 5)
    values = np.stack([star, RNG.standard_normal(200)], axis=1)
    np.savez(tmp_path / "x.npz", data=values, label=star % 2, star=star)
    data = load(tmp_path / "x.npz", group="star")
    assert not set(data.values[:, 0]) & set(data.held_out[:, 0])
    assert 10 <= len(data.held_out) <= 40
    with pytest.raises(FlowError, match="expected the column `moon` to group by"):
        load(tmp_path / "x.npz", group="moon")
    np.savez(tmp_path / "y.npz", data=values, star=star[:9])
    with pytest.raises(FlowError, match="expected a group a row, 200 in all, got shape"):
        load(tmp_path / "y.npz", group="star")


def test_an_offset_that_float32_loses_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", RNG.standard_normal((400, 6)) + 2.45e6)
    with pytest.raises(FlowError, match=r"component 0 lies around 2\.45e\+06 .* offset \(6 of 6 components"):
        load(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", RNG.standard_normal((400, 6)) + 300.0)
    data = load(tmp_path / "x.npy")
    assert data.center == pytest.approx(300.0, abs=0.2)
    assert data.scale == pytest.approx(1.0, rel=0.05)


def save(path: Path, picture: Image.Image, count: int = 20, **options: object) -> None:
    path.mkdir()
    for i in range(count):
        picture.save(
            path / f"{i}.{options.get('ending', 'png')}",
            **{k: v for k, v in options.items() if k != "ending"},
        )


def test_pictures_of_16_bits_keep_their_levels(tmp_path: Path) -> None:
    save(tmp_path / "deep", Image.fromarray((np.arange(64).reshape(8, 8) * 1000).astype(np.uint16)))
    data = load(tmp_path / "deep")
    np.testing.assert_allclose(data.values[0].ravel(), 2.0 * np.arange(64) * 1000 / 65535 - 1.0, atol=1e-6)
    assert "65535 is white" in data.description()[1]
    save(tmp_path / "wide", Image.fromarray(np.full((8, 8), 70_000, np.int32)), ending="tif")
    with pytest.raises(FlowError, match="its values lie outside 0 to 65535"):
        load(tmp_path / "wide")
    save(tmp_path / "real", Image.fromarray(np.zeros((8, 8), np.float32)), ending="tif")
    with pytest.raises(FlowError, match="its values have no known range"):
        load(tmp_path / "real")


def test_pictures_are_seen_as_they_were_meant(tmp_path: Path) -> None:
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[2:6, 2:6, 3] = 255
    save(tmp_path / "alpha", Image.fromarray(clear))
    assert set(np.unique(load(tmp_path / "alpha").values)) == {-1.0, 1.0}
    half = np.zeros((8, 8, 3), np.uint8)
    half[:4] = 255
    turned = Image.fromarray(half)
    exif = turned.getexif()
    exif[274] = 6
    save(tmp_path / "exif", turned, ending="jpg", exif=exif, quality=95)
    found = load(tmp_path / "exif").values[0]
    assert found[:, :, 5:].mean() > 0.9
    assert found[:, :, :3].mean() < -0.9
    save(tmp_path / "mixed", Image.fromarray(half))
    Image.fromarray(half[..., 0]).save(tmp_path / "mixed" / "grey.png")
    mixed = load(tmp_path / "mixed")
    assert mixed.shape == (3, 8, 8)
    assert "1 grey pictures among colour were read as colour" in mixed.notes
    save(tmp_path / "bits", Image.fromarray(half[..., 0] > 0))
    assert set(np.unique(load(tmp_path / "bits").values)) == {-1.0, 1.0}
    (tmp_path / "mixed" / "no.png").write_text("no picture")
    with pytest.raises(FlowError, match=r"no\.png`: expected a picture"):
        load(tmp_path / "mixed")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((20, 3)).astype(object), "pickled arrays are not read. Save it with a dtype of numbers"),
        (RNG.random((64, 4)) + 1j, "expected real numbers, got complex128"),
    ],
)
def test_arrays_that_are_no_real_numbers_are_refused(
    tmp_path: Path, values: np.ndarray, message: str
) -> None:
    np.save(tmp_path / "x.npy", values, allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=values)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(FlowError, match=message):
            load(tmp_path / name)


def test_continuous_labels_are_no_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "y.npz", x=RNG.random((400, 4)), y=RNG.random(400))
    with pytest.raises(FlowError, match="expected class labels, got 400 different values in 400 rows"):
        load(tmp_path / "y.npz")
    np.savez(tmp_path / "y.npz", x=RNG.random((400, 4)), y=np.arange(400) % 12.0)
    assert load(tmp_path / "y.npz").classes == tuple(map(str, range(12)))


def test_labels_with_names_beside_them(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "y.npz",
        curve=RNG.random((40, 2, 8)),
        label=np.arange(40) % 3 - 1,
        classes=np.array(["no", "yes"]),
    )
    assert load(tmp_path / "y.npz").classes == ("no", "unknown", "yes")


def test_tables_of_one_variable_a_column(tmp_path: Path) -> None:
    table = {"age": RNG.random(40), "income": RNG.random(40), "town": ["x"] * 40, "label": ["a", "b"] * 20}
    parquet.write_table(pa.table(table), tmp_path / "t.parquet")
    lines = ["age,income,label"] + [f"{i % 7},{i * 0.5},{'ab'[i % 2]}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    for name, note in (("t.parquet", "left out: town"), ("t.csv", "one variable a column: age, income")):
        data = load(tmp_path / name)
        assert data.shape == (2,)
        assert data.classes == ("a", "b")
        assert note in data.notes
    (tmp_path / "t.csv").write_text("\n".join([*lines, ",1,a"]))
    with pytest.raises(FlowError, match="column `age` has 1 empty ones"):
        load(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,b\nx,y\n")
    with pytest.raises(FlowError, match="or a number a column; got a, b"):
        load(tmp_path / "t.csv")
    parquet.write_table(pa.table({"x": [[1.0], [1.0, 2.0]]}), tmp_path / "r.parquet")
    with pytest.raises(FlowError, match="expected arrays of one shape in column `x`"):
        load(tmp_path / "r.parquet")
    (tmp_path / "d.parquet").write_text("no table")
    with pytest.raises(FlowError, match=r"d\.parquet`: cannot be read"):
        load(tmp_path / "d.parquet")


def test_a_folder_of_a_hugging_face_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hf = pytest.importorskip("datasets", reason="Hugging Face datasets is an extra")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    features = hf.Features({"image": hf.Image(), "label": hf.ClassLabel(names=["cat", "dog"])})
    pics = [Image.fromarray(one) for one in pictures(30, 8, 8, 3)]
    parts = {
        name: hf.Dataset.from_dict(
            {"image": pics[a:b], "label": [i % 2 for i in range(a, b)]}, features=features
        )
        for name, a, b in (("train", 0, 20), ("test", 20, 30))
    }
    hf.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    data = load(tmp_path / "saved")
    assert (data.shape, data.classes) == ((3, 8, 8), ("cat", "dog"))
    assert (len(data.values), len(data.held_out)) == (20, 10)


def test_what_was_read_is_said(tmp_path: Path) -> None:
    values = RNG.standard_normal((100, 5)).astype(np.float32)
    values[:] = values[:1]
    values[:50, 0] += np.arange(50)
    np.savez(tmp_path / "x.npz", x=values, y=np.array(["a", "b"] * 50))
    said = "\n".join(load(tmp_path / "x.npz").description())
    for part in (
        "rows: 90 to train on, 10 held out",
        "shape of a row: 5; axes: as given",
        "classes: a 45 + 5, b 45 + 5",
    ):
        assert part in said
    assert "copies of training rows: 0" not in said


@pytest.mark.parametrize("option", ["array", "group"])
def test_names_are_refused_where_a_source_has_none(tmp_path: Path, option: str) -> None:
    np.save(tmp_path / "rows.npy", RNG.random((50, 3)))
    np.savez(tmp_path / "beats.npz", beat=RNG.random((50, 2, 8)), odd=np.arange(50))
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pictures(8, 8)).save(tmp_path / "pictures" / "one.png")
    for source in (tmp_path / "rows.npy", tmp_path / "beats.npz", tmp_path / "pictures", "sklearn:digits"):
        with pytest.raises(FlowError, match=f"to find `odd`; .* is read as a whole. Leave `--{option}` out"):
            load_training_data(str(source), Reading(**{option: "odd"}))


def test_odd_labels_are_named(tmp_path: Path) -> None:
    rows, kinds = RNG.random((40, 3)), np.arange(40) % 2
    for labels, message in (
        (np.eye(2)[kinds], r"got shape \(40, 2\); of one-hot labels give the place of the 1"),
        (np.array(3), r"expected a label a row, 40 in all, got shape \(\)"),
        (np.where(kinds, "k" * 300, "l"), "names of classes of 1 to 256 characters, got 'kkk"),
        (np.where(kinds, "", "l"), "names of classes of 1 to 256 characters, got '' of 0"),
    ):
        np.savez(tmp_path / "y.npz", x=rows, y=labels)
        with pytest.raises(FlowError, match=message):
            load(tmp_path / "y.npz")
    np.savez(tmp_path / "y.npz", x=rows, y=kinds + 1, classes=np.array(["no", "yes"]))
    with pytest.raises(FlowError, match="expected labels below 2, the number of named classes, got 2"):
        load(tmp_path / "y.npz")
    np.savez(tmp_path / "y.npz", train_image=pictures(20, 8, 8), test_image=pictures(20, 8, 8),
             train_label=kinds[:20] - 1, test_label=kinds[:20])  # fmt: skip
    with pytest.raises(FlowError, match="expected labels of 0 or more, got -1"):
        load(tmp_path / "y.npz")
    (tmp_path / "t.csv").write_text(
        "a,label\n" + "\n".join(f"{i},{i % 2 if i % 3 else ''}" for i in range(40))
    )
    with pytest.raises(FlowError, match="expected a label in every row, 14 are empty"):
        load(tmp_path / "t.csv")


def test_missing_labels_of_a_hugging_face_dataset_are_unknown(tmp_path: Path) -> None:
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    meta = {"huggingface": json.dumps({"info": {"features": features}})}
    for largest, ok in ((1, True), (2, False)):
        labels = [i % (largest + 2) - 1 for i in range(48)]
        table = pa.table({"x": RNG.random((48, 3)).tolist(), "label": labels}).replace_schema_metadata(meta)
        parquet.write_table(table, tmp_path / "t.parquet")
        if ok:
            data = load(tmp_path / "t.parquet")
            assert data.classes == ("no", "unknown", "yes")
            assert np.bincount(np.concatenate([data.labels, data.held_out_labels])).tolist() == [16, 16, 16]
        else:
            with pytest.raises(
                FlowError, match="expected labels below 2, the number of named classes, got 2"
            ):
                load(tmp_path / "t.parquet")


def test_odd_groups_and_numbers_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "g.npz", x=RNG.random((40, 3)), g=np.zeros((40, 2)))
    with pytest.raises(FlowError, match=r"expected a group a row, 40 in all, got shape \(40, 2\)"):
        load(tmp_path / "g.npz", group="g")
    np.save(tmp_path / "none.npy", np.zeros((40, 0)))
    with pytest.raises(FlowError, match=r"expected rows of one number or more, got shape \(40, 0\)"):
        load(tmp_path / "none.npy")
    np.save(tmp_path / "big.npy", 1e39 * RNG.random((40, 3)))
    with pytest.raises(
        FlowError, match=r"expected numbers that float32 can hold, got .*e\+3\d. Change the unit"
    ):
        load(tmp_path / "big.npy")
    (tmp_path / "t.csv").write_text("\n".join("1.0,2.0" for _ in range(40)))
    with pytest.raises(FlowError, match="expected names of columns in the first line, got numbers"):
        load(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a,a\n" + "\n".join("1.0,2.0" for _ in range(40)))
    with pytest.raises(FlowError, match="expected every column once, got `a` twice"):
        load(tmp_path / "t.csv")
    with pytest.raises(FlowError, match="expected a file, a folder or a pattern"):
        load_training_data(" ")
