"""The picture: sorted by the target, for images, signals and maps; or a reason why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infoloom.datasets import Dataset, generate
from infoloom.datasets.showing.preview import draw_preview, limits_of, picked_rows
from infoloom.datasets.showing.strip import draw_strip
from infoloom.errors import DatasetError
from infoloom.story import Story, compile_story


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def test_a_picture_is_drawn(small: Dataset, tmp_path: Path) -> None:
    path = draw_preview(small, tmp_path / "new folder" / "small.png")
    picture = pixels(path)
    assert picture.std() > 20
    assert [p.name for p in path.parent.iterdir()] == ["small.png"]
    again = draw_preview(small, tmp_path / "again.png", sort_by="style")
    assert not np.array_equal(pixels(again), picture)


@pytest.mark.parametrize(("name", "start"), [("a.svg", b"<?xml"), ("a.PDF", b"%PDF"), ("a.png", b"\x89PNG")])
def test_a_picture_is_what_its_name_says(small: Dataset, tmp_path: Path, name: str, start: bytes) -> None:
    assert draw_preview(small, tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["pair.pngg", "pair", "pair.gif"])
def test_an_unknown_ending_is_refused(small: Dataset, tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=r"expected a name ending in \.png, \.svg, \.pdf\. Rename it"):
        draw_preview(small, tmp_path / name)
    with pytest.raises(DatasetError, match=r"expected a name ending in \.png, \.svg, \.pdf\. Rename it"):
        draw_strip(small.story, "theta", tmp_path / name)
    assert not (tmp_path / name).exists()


def test_rows_rise_and_reach_the_extremes() -> None:
    values = np.random.default_rng(0).standard_normal(500)
    picked = picked_rows(values)
    assert np.all(np.diff(values[picked]) > 0)
    assert values[picked[0]] <= np.quantile(values, 0.02)
    assert values[picked[-1]] >= np.quantile(values, 0.98)
    assert list(picked_rows(np.array([3.0]))) == [0]


def test_without_a_scalar_there_is_nothing_to_sort_by(
    small_story: Story, small: Dataset, tmp_path: Path
) -> None:
    spec = {
        "name": "bare",
        "causes": {"u": {"size": 2}},
        "modalities": {"a": {"flow": "vector(3)", "latent": "u@random(1) + noise"}},
    }
    data = generate(compile_story(spec), tmp_path / "bare", 10)
    with pytest.raises(
        DatasetError, match="expected a target or a cause to sort by; this dataset keeps none"
    ):
        draw_preview(data, tmp_path / "x.png")
    with pytest.raises(DatasetError, match="sort by `tone`: expected a scalar"):
        draw_preview(small, tmp_path / "x.png", sort_by="tone")


def test_no_peak_of_a_curve_is_cut_off() -> None:
    curves = np.zeros((20, 2, 400))
    curves[3, 1, 7], curves[5, 0, 2] = 9.0, -4.0  # two numbers of 16,000
    low, high = limits_of(curves)
    assert low < -4.0
    assert high > 9.0
    assert limits_of(curves[:, :1].reshape(20, 400))[0] < -4.0
    pictures = np.zeros((20, 1, 20, 20))
    pictures[0, 0, 0, 0] = 9.0
    assert limits_of(pictures)[1] < 1.0
    assert limits_of(np.tile(pictures[:, 0], (1, 1, 1)))[1] < 1.0  # twenty leads: a spectrogram
