"""Archives of named arrays: each kind is checked, joined files share a scale, and no class is without training rows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infoloom.errors import FlowError
from infoloom.observations.training.data.reading import Reading
from infoloom.observations.training.data.rows import BRIGHTNESS
from infoloom.observations.training.data.training_data import TrainingData, load_training_data

RNG = np.random.default_rng(0)


def load(path: Path, **options: object) -> TrainingData:
    return load_training_data(str(path), Reading(**options))  # type: ignore[arg-type]


def beats(path: Path, values: np.ndarray, **more: np.ndarray) -> Path:
    np.savez(path, beat=values, **more)
    return path


def sounds(
    path: Path, *, rows: int = 20, kind: type = np.int16, loud: float = 8000.0, **changes: object
) -> Path:
    pcm = (loud * np.sin(np.arange(800 * rows) * 0.3)).astype(kind)
    arrays = {"pcm": pcm, "offset": np.arange(rows + 1) * 800, "label": np.arange(rows) % 2, **changes}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def jpegs(path: Path, rows: int = 20, **changes: object) -> Path:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    file = buffer.getvalue()
    arrays = {
        "jpeg": np.frombuffer(file * rows, np.uint8),
        "offset": np.arange(rows + 1) * len(file),
        "label": np.arange(rows) % 2,
        **changes,
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def parts(path: Path, **changes: object) -> Path:
    arrays = {
        "train_image": RNG.integers(0, 256, (20, 8, 8), dtype=np.uint8),
        "train_label": np.arange(20) % 2,
        "test_image": RNG.integers(0, 256, (10, 8, 8), dtype=np.uint8),
        "test_label": np.arange(10) % 2,
        **changes,
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_joined_beats_share_the_scale_of_all(tmp_path: Path) -> None:
    one, two = RNG.standard_normal((100, 2, 32)), 100.0 * RNG.standard_normal((100, 2, 32))
    beats(tmp_path / "b1.npz", one)
    beats(tmp_path / "b2.npz", two)
    data = load_training_data(f"{tmp_path}/b1.npz,{tmp_path}/b2.npz")
    assert data.center == 0.0
    assert data.scale == pytest.approx(np.concatenate([one, two]).std(), rel=1e-6)


def test_joined_sounds_share_the_scale_of_all(tmp_path: Path) -> None:
    sounds(tmp_path / "1.npz")
    noise = RNG.integers(-9000, 9000, 16_000).astype(np.int16)
    sounds(tmp_path / "2.npz", pcm=noise)
    apart = [load(tmp_path / name).center for name in ("1.npz", "2.npz")]
    data = load_training_data(f"{tmp_path}/1.npz,{tmp_path}/2.npz")
    whole = np.concatenate([data.values, data.held_out])
    assert abs(apart[0] - apart[1]) > 1.0  # type: ignore[operator]
    assert data.center == pytest.approx(whole.mean(), rel=1e-5)
    assert data.scale == pytest.approx(2.0 * whole.std(), rel=1e-5)


def test_beats_are_checked_as_any_other_rows(tmp_path: Path) -> None:
    path = tmp_path / "b.npz"
    with pytest.raises(FlowError, match="expected real numbers, got complex128"):
        load(beats(path, RNG.random((50, 2, 8)) + 1j))
    with pytest.raises(FlowError, match=r"lies around 2\.45e\+06 .* Subtract the offset"):
        load(beats(path, RNG.standard_normal((50, 2, 8)) + 2.45e6))
    with pytest.raises(FlowError, match=r"expected rows of numbers, got float64 of shape \(50,\)"):
        load(beats(path, RNG.random(50)))
    with pytest.raises(FlowError, match="expected finite numbers"):
        load(beats(path, np.full((50, 2, 8), np.inf)))
    assert load(beats(path, np.full((50, 2, 8), 0.1))).scale == 1.0


def test_beats_far_from_zero_or_of_leads_that_differ_have_their_own_scale(tmp_path: Path) -> None:
    data = load(beats(tmp_path / "b.npz", RNG.standard_normal((400, 2, 8)) + 300.0))
    assert data.center == pytest.approx(300.0, abs=0.1)
    assert data.scale == pytest.approx(1.0, rel=0.05)
    data = load(beats(tmp_path / "b.npz", RNG.standard_normal((400, 2, 8)) * [[1.0], [1000.0]]))
    assert np.ravel(data.scale) == pytest.approx([1.0, 1000.0], rel=0.05)


def test_labels_of_beats_are_left_out_or_read(tmp_path: Path) -> None:
    path = beats(tmp_path / "b.npz", RNG.standard_normal((40, 2, 8)), label=np.array(["N", "V"] * 20))
    data = load(path)
    assert data.classes is None
    assert "`label` of beats was left out; `--array beat` reads it" in data.notes
    assert load(path, array="beat").classes == ("N", "V")


@pytest.mark.parametrize("label", [np.arange(100) % 10, np.where(np.arange(100) % 10 == 9, "last", "other")])
def test_a_regular_split_that_leaves_a_class_untrained_is_replaced(tmp_path: Path, label: np.ndarray) -> None:
    data = load(sounds(tmp_path / "s.npz", rows=100, label=label))
    assert data.classes is not None
    assert data.labels is not None
    assert data.held_out_labels is not None
    assert len(data.held_out) == 10
    assert (np.bincount(data.labels, minlength=len(data.classes)) >= 9).all()
    assert (np.bincount(data.held_out_labels, minlength=len(data.classes)) >= 1).all()


def test_a_class_that_is_only_tested_is_refused(tmp_path: Path) -> None:
    path = parts(tmp_path / "p.npz", test_label=np.arange(10) % 3)
    with pytest.raises(
        FlowError, match=r"of every class, `2` has held-out rows only. Add rows of it, join or leave out"
    ):
        load(path)
    assert load(path, classes={"0": ("0",), "1": ("1",)}).classes == ("0", "1")
    assert load(path, unconditional=True).classes is None
    jpegs(tmp_path / "a_train.npz", classes=np.array(["a", "b", "c"]))
    jpegs(tmp_path / "a_test.npz", classes=np.array(["a", "b", "c"]), label=np.arange(20) % 3)
    with pytest.raises(FlowError, match="`c` has held-out rows only"):
        load(tmp_path / "a_*.npz")
    assert load(tmp_path / "a_test.npz").classes == ("a", "b", "c")  # to compare with, not to train on


def test_a_class_without_rows_is_not_offered(tmp_path: Path) -> None:
    data = load(jpegs(tmp_path / "a.npz", classes=np.array(["a", "none", "b"]), label=np.arange(20) % 2 * 2))
    assert data.classes == ("a", "b")
    assert "classes without rows left out: none" in data.notes
    data = load(
        parts(tmp_path / "p.npz", train_label=np.arange(20) % 2 + 1, test_label=np.arange(10) % 2 + 1)
    )
    assert data.classes == ("1", "2")


def test_held_out_rows_without_a_label_are_left_out(tmp_path: Path) -> None:
    jpegs(tmp_path / "a_train.npz", classes=np.array(["a", "b"]))
    jpegs(tmp_path / "a_test.npz", classes=np.array(["a", "b"]), label=np.repeat([0, 1, -1], [4, 4, 12]))
    data = load(tmp_path / "a_*.npz")
    assert data.classes == ("a", "b")
    assert (len(data.values), len(data.held_out)) == (20, 8)
    assert "12 held-out rows without a class left out" in data.notes
    jpegs(tmp_path / "a_test.npz", classes=np.array(["a", "b"]), label=np.full(20, -1))
    data = load(tmp_path / "a_*.npz")
    assert (len(data.values), len(data.held_out)) == (18, 2)


@pytest.mark.parametrize(
    ("name", "held"), [("a_test", True), ("a_val2", True), ("latest", False), ("contest_1", False)]
)
def test_an_archive_of_jpegs_is_held_out_by_a_word_of_its_name(tmp_path: Path, name: str, held: bool) -> None:
    jpegs(tmp_path / f"{name}.npz")
    assert (len(load(tmp_path / f"{name}.npz").values) == 0) == held


@pytest.mark.parametrize("kind", [np.uint16, np.float32, np.float64])
def test_pictures_that_are_not_of_8_bits_stay_as_they_are(tmp_path: Path, kind: type) -> None:
    train, test = (RNG.integers(0, 60_000, (rows, 8, 8)).astype(kind) for rows in (20, 10))
    data = load(parts(tmp_path / "p.npz", train_image=train, test_image=test))
    assert data.shape == (1, 8, 8)
    assert data.unit == "as given" != BRIGHTNESS
    np.testing.assert_array_equal(data.values[:, 0], train)
    assert data.scale == pytest.approx(train.std(dtype=float))
    colour = RNG.random((20, 8, 8, 3)).astype(kind)
    assert load(parts(tmp_path / "p.npz", train_image=colour, test_image=colour[:10])).shape == (3, 8, 8)


@pytest.mark.parametrize("test", [np.zeros((10, 8, 8)), np.zeros((10, 9, 8), np.uint8)])
def test_parts_of_two_kinds_are_refused(tmp_path: Path, test: np.ndarray) -> None:
    with pytest.raises(
        FlowError, match=r"pictures of one kind in `train_image` and `test_image`, got uint8 of shape"
    ):
        load(parts(tmp_path / "p.npz", test_image=test))


@pytest.mark.parametrize("name", ["train_label", "test_label"])
def test_each_part_has_its_own_number_of_labels(tmp_path: Path, name: str) -> None:
    labels = {"train_label": np.arange(30 - 9) % 2, "test_label": np.arange(9) % 2}  # right in total
    message = r"expected a label a row, \d+ in all, got shape"
    with pytest.raises(FlowError, match=message):
        load(parts(tmp_path / "p.npz", **labels))
    with pytest.raises(FlowError, match=message):
        load(parts(tmp_path / "p.npz", **{name: np.arange(3)}))


def test_sounds_and_files_that_do_not_fit_their_places_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    for make in (sounds, jpegs):
        with pytest.raises(FlowError, match=r"expected a label a row, 20 in all, got shape \(23,\)"):
            make(path, label=np.zeros(23, int)) and load(path)
        for offset in (
            np.arange(21)[::-1],
            np.arange(21) * 1e6,
            np.arange(21) * 10**6,
            np.array(3),
            np.array([0]),
        ):
            with pytest.raises(FlowError, match="expected whole numbers in `offset` that rise from 0 to"):
                make(path, offset=offset) and load(path)
    with pytest.raises(FlowError, match="expected the bytes of pictures in `jpeg`, got int64"):
        load(jpegs(path, jpeg=np.arange(9000)))


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint16])
def test_sounds_that_are_not_of_16_bits_are_refused(tmp_path: Path, kind: type) -> None:
    path = sounds(tmp_path / "s.npz", pcm=np.ones(16_000, kind))
    with pytest.raises(FlowError, match=f"expected sounds as int16 in `pcm`, got {kind.__name__} of shape"):
        load(path)


def test_names_of_classes_must_be_a_list(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match=r"expected a list of names in `classes`, got shape \(\)"):
        load(jpegs(tmp_path / "a.npz", classes=np.array("cat")))
    np.savez(
        tmp_path / "x.npz", x=RNG.random((20, 3)), label=np.arange(20) % 2, classes=np.array([["a"], ["b"]])
    )
    with pytest.raises(FlowError, match=r"expected a list of names in `classes`, got shape \(2, 1\)"):
        load(tmp_path / "x.npz")
