"""Pictures: transparent levels, and axes that cannot be told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infoloom.errors import FlowError
from infoloom.observations.training.data.training_data import load_training_data


@pytest.mark.parametrize(
    ("kind", "clear", "white"),
    [(np.uint8, 0, 255), (np.uint8, 100, 255), (np.uint16, 1000, 65535), (bool, 0, 1)],
)
def test_the_transparent_level_of_a_grey_picture_is_white(
    tmp_path: Path, kind: type, clear: int, white: int
) -> None:
    half = np.full((8, 8), clear, kind)
    half[:4] = other = 1 if kind is bool else 50
    for i in range(20):
        Image.fromarray(half).save(tmp_path / f"{i}.png", transparency=clear)
    data = load_training_data(str(tmp_path))
    assert data.shape == (1, 8, 8)
    assert "transparent pictures were laid on white" in data.notes
    np.testing.assert_allclose(data.values[:, :, 4:], 1.0)
    np.testing.assert_allclose(data.values[:, :, :4], 2.0 * other / white - 1.0, atol=1e-6)


@pytest.mark.parametrize("shape", [(64, 3, 16, 16, 3), (64, 3, 16), (64, 16, 3), (64, 1, 16), (64, 16, 1)])
def test_bytes_that_may_be_other_than_pictures_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    with pytest.raises(
        FlowError, match=r"expected pictures of 1 or 3 channels, got uint8 of shape .* are ambiguous"
    ):
        load_training_data(str(tmp_path / "x.npy"))
