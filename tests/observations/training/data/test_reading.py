"""What to take of a source: arrays, classes, sizes; and how rows may change while a flow is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infoloom.errors import FlowError
from infoloom.observations.training.augment import AUGMENTATIONS, augment, check_augmentation
from infoloom.observations.training.data.reading import Reading, chosen_classes, resized
from infoloom.observations.training.data.rows import Rows
from infoloom.observations.training.data.training_data import load_training_data

RNG = np.random.default_rng(0)


def archive(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path / "rows.npz", **arrays)
    return str(path / "rows.npz")


def test_an_array_is_chosen_by_name(tmp_path: Path) -> None:
    source = archive(tmp_path, flux=RNG.random((30, 8)), flat=RNG.random((30, 4)))
    assert load_training_data(source).shape == (8,)
    assert load_training_data(source, Reading(array="flat")).shape == (4,)
    with pytest.raises(FlowError, match="expected an array named moon, got flux, flat"):
        load_training_data(source, Reading(array="moon"))


def test_a_column_is_chosen_by_name(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"one": list(RNG.random((30, 3))), "two": list(RNG.random((30, 5)))})
    frame.to_parquet(tmp_path / "rows.parquet")
    assert load_training_data(str(tmp_path / "rows.parquet"), Reading(array="two")).shape == (5,)
    with pytest.raises(FlowError, match="no column `three`; it has one, two"):
        load_training_data(str(tmp_path / "rows.parquet"), Reading(array="three"))


def test_classes_are_joined_and_others_left_out(tmp_path: Path) -> None:
    names = np.array(["left", "right", "round", "odd"])
    label = np.arange(80) % 4
    source = archive(
        tmp_path,
        x=label[:, None] + np.linspace(0.0, 0.1, 80)[:, None] * [1.0, 2.0],
        label=label,
        classes=names,
    )
    data = load_training_data(source, Reading(classes={"spiral": ("left", "right"), "round": ("round",)}))
    assert data.classes == ("spiral", "round")
    assert data.labels is not None
    assert len(data.values) + len(data.held_out) == 60
    assert set(np.round(data.values[data.labels == 0, 0])) == {0.0, 1.0}
    assert set(np.round(data.values[data.labels == 1, 0])) == {2.0}
    assert "20 rows of other classes left out" in " ".join(data.description())


def test_classes_that_cannot_be_joined_are_refused() -> None:
    rows = Rows(np.zeros((3, 2)), np.array(["a", "b", "a"]))
    with pytest.raises(FlowError, match="no class `c`; it has a, b"):
        chosen_classes(rows, {"new": ("c",)}, "rows")
    with pytest.raises(FlowError, match="expected every class once, got a, a"):
        chosen_classes(rows, {"new": ("a",), "old": ("a",)}, "rows")
    with pytest.raises(FlowError, match="expected classes to join, got none"):
        chosen_classes(Rows(np.zeros((3, 2))), {"new": ("a",)}, "rows")


@pytest.mark.parametrize(("old", "new"), [(12, 4), (12, 8), (9, 9)])
def test_pictures_are_brought_to_a_size_by_the_mean_over_areas(old: int, new: int) -> None:
    pictures = RNG.random((5, 2, old, old)).astype(np.float32)
    found = resized(Rows(pictures), new, "rows").values
    fine = np.repeat(
        np.repeat(pictures.astype(np.float64), new, axis=2), new, axis=3
    )  # every area is whole there
    wanted = fine.reshape(5, 2, new, old, new, old).mean(axis=(3, 5))
    assert np.allclose(found, wanted, atol=1e-6)


def test_pictures_are_not_enlarged() -> None:
    with pytest.raises(FlowError, match="expected square pictures of at least 8×8"):
        resized(Rows(np.zeros((2, 1, 4, 4))), 8, "rows")
    with pytest.raises(FlowError, match="expected square pictures"):
        resized(Rows(np.zeros((2, 40))), 8, "rows")


def test_a_reading_survives_its_card() -> None:
    reading = Reading(array="flux", group="object", size=32, classes={"a": ("b", "c")})
    assert Reading.from_dict(reading.to_dict()) == reading
    assert Reading.from_dict(Reading().to_dict()) == Reading()


def test_turns_and_mirror_images_are_the_eight_of_the_square() -> None:
    row = torch.arange(9.0).view(1, 1, 3, 3)
    eight = {
        tuple(torch.rot90(one, turn, (-2, -1)).flatten().tolist())
        for one in (row, row.flip(-1))
        for turn in range(4)
    }
    generator = torch.Generator().manual_seed(0)
    found = augment("dihedral", row.expand(400, 1, 3, 3), generator)
    assert {tuple(one.flatten().tolist()) for one in found} == eight
    mirrored = augment("mirror", row.expand(100, 1, 3, 3), generator)
    assert {tuple(one.flatten().tolist()) for one in mirrored} == {
        tuple(row.flatten().tolist()), tuple(row.flip(-1).flatten().tolist())
    }  # fmt: skip


def test_a_turned_disc_stays_a_disc() -> None:
    across = torch.linspace(-1.0, 1.0, 32)
    disc = torch.exp(-16.0 * (across[:, None] ** 2 + across[None] ** 2)).view(1, 1, 32, 32)
    found = augment("rotate", disc.expand(20, 1, 32, 32), torch.Generator().manual_seed(0))
    assert float((found - disc).abs().max()) < 0.02
    bar = torch.zeros(1, 1, 32, 32)
    bar[..., 15:17, :] = 1.0
    turned = augment("rotate", bar.expand(50, 1, 32, 32), torch.Generator().manual_seed(0))
    assert float(turned[:, 0, :, 15:17].mean(dim=(1, 2)).std()) > 0.1  # at many angles


def test_signals_keep_their_shape_nearly() -> None:
    wave = torch.sin(torch.linspace(0.0, 6.0, 64)).view(1, 1, 64).expand(2000, 1, 64)
    generator = torch.Generator().manual_seed(0)
    factor = (augment("amplitude", wave, generator) / wave.where(wave != 0, torch.ones(1)))[:, 0, 10]
    assert float(factor.log().std()) == pytest.approx(0.05, abs=4.0 * 0.05 / np.sqrt(2 * 2000))
    moved = augment("shift", wave, generator) - wave
    assert 0.0 < float(moved.abs().max()) < 1.01 * 6.0 / 63.0  # one sample times the steepest slope


def test_augmentations_of_other_rows_are_refused() -> None:
    for name in AUGMENTATIONS:
        good, bad = ((3, 8, 8), (64,)) if name in ("mirror", "dihedral", "rotate") else ((64,), (3, 8, 8))
        check_augmentation(name, good)
        if name != "none":
            with pytest.raises(FlowError, match=f"augmentation `{name}`: expected"):
                check_augmentation(name, bad)
    with pytest.raises(FlowError, match="expected square pictures"):
        check_augmentation("dihedral", (1, 8, 4))
    with pytest.raises(FlowError, match="expected one of none, mirror"):
        check_augmentation("sideways", (64,))
