"""Datasets whose observations are rendered: columns, checks, 8 bits, card, sound."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infoloom.datasets import Dataset, generate, make_plan, verify
from infoloom.datasets.exports import export
from infoloom.datasets.showing.influence import influence
from infoloom.datasets.showing.listen import write_sounds
from infoloom.errors import DatasetError
from infoloom.story import compile_story, load

SPEC: dict[str, Any] = {
    "name": "rendered",
    "causes": {"u": "normal"},
    "targets": {"theta": "u"},
    "modalities": {
        "curve": {"flow": "rotation_curve(64) | affine(scale=2)", "latent": {"disc": "0.8*u + 0.5*noise"}},
        "voice": {"flow": "tone(4096)", "latent": {"pitch": "3*u + 2*noise", "loudness": "u + noise"}},
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generate(
        compile_story(SPEC), tmp_path_factory.mktemp("rendered") / "data", 48, workers=1, also="uint8"
    )


def test_rows_are_rendered_and_verified(made: Dataset) -> None:
    assert made["curve"].shape == (48, 64)
    assert made["voice"].shape == (48, 4096)
    assert made["z_voice"].shape == (48, 5)
    report = verify(made.root, round_trip_rows=8)
    failed = [check for check in report.checks if not check.passed]
    assert not failed
    trips = {check.name: check.value for check in report.checks if check.name.startswith("round trip")}
    assert set(trips) == {"round trip of curve", "round trip of voice"}
    assert max(trips.values()) < 1e-3


def test_eight_bits_hold_every_observation(made: Dataset) -> None:
    for column in made.columns:
        if column.kind == "channel":
            observed = made[column.name.removesuffix("_uint8")]
            low, high = column.levels or (0.0, 0.0)
            assert low <= observed.min()
            assert observed.max() <= high
            assert np.ptp(observed) > 0.3 * (high - low)


def test_the_card_says_what_was_seen_and_what_the_factors_are(made: Dataset) -> None:
    card = (made.root / "README.md").read_text(encoding="utf-8")
    assert "`voice`: flow `tone(4096)`, injection, certified injective; round trip in float64 to" in card
    assert "no collision among 499,500 random and 128 fitted pairs" in card
    assert "`pitch` 220 to 440 Hz (of the fundamental)" in card


def test_tones_can_be_heard(made: Dataset, tmp_path: Path) -> None:
    (path,) = write_sounds(made, tmp_path, [3])
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 4096)
        heard = np.frombuffer(file.readframes(4096), dtype="<i2") / 32767.0
    np.testing.assert_allclose(heard, made["voice"][3], atol=2e-5)
    with pytest.raises(
        DatasetError, match="because only tones and log-mel pictures of speech can be rendered"
    ):
        write_sounds(made, tmp_path, [0], modality="curve")


def test_npz_needs_latents_of_the_observations_shape(made: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="those of a renderer have none of their observation's shape"):
        export(made.select("curve", "z_curve", "theta"), tmp_path / "npz", "npz")


def test_factors_far_out_of_range_are_refused_as_saturated(tmp_path: Path) -> None:
    story = compile_story({**SPEC, "do": {"voice.pitch": 40.0}})
    with pytest.raises(DatasetError, match=r"column `voice`: .* of .* numbers saturate"):
        generate(story, tmp_path / "far", 48, workers=1)


def test_where_a_cause_shows_in_a_rendered_curve() -> None:
    shown = influence(compile_story(SPEC), "u", "curve")
    assert shown.shape == (64,)
    assert shown.argmax() < 16  # the disc rules within 10 kpc


def test_presets_with_renderers_have_columns_of_their_observations() -> None:
    columns = {column.name: column.shape for column in make_plan(load("black-hole"), 10).columns}
    assert columns["radio"] == (1, 64, 64)
    assert columns["z_radio"] == (6,)
    assert columns["xray"] == (128,)
