"""Spoken pictures as sound: the files play, and what is heard is what the picture shows."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from infoloom.cli.data import using as commands
from infoloom.datasets import Dataset, generate
from infoloom.datasets.showing.listen import spoken_modalities, write_sounds
from infoloom.errors import DatasetError
from infoloom.observations.training.data.spectrogram import FLOOR, FRAMES, HOP, RATE, log_mel
from infoloom.story import compile_story


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    tree = {
        "name": "said",
        "causes": {"u": "normal"},
        "targets": {"theta": "u + 0.5*noise"},
        "modalities": {
            "voice": {"flow": "spoken[7]", "latent": "0.3*u + noise"},
            "warped": {"flow": "spoken[7] | affine(scale=2)", "latent": "0.3*u + noise"},
            "picture": {"flow": "identity(1, 32, 32)", "latent": "0.3*u + noise"},
        },
    }
    return generate(compile_story(tree), tmp_path_factory.mktemp("spoken") / "out", 12, latents=False)


def heard(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_the_sound_shows_its_picture_again(spoken: Dataset, tmp_path: Path) -> None:
    files = write_sounds(spoken, tmp_path / "new" / "sounds", range(8))
    assert [path.name for path in files] == [f"voice-{row}.wav" for row in range(8)]
    for row, path in enumerate(files):
        sound = heard(path)
        assert len(sound) == FRAMES * HOP  # 0.64 s
        assert np.abs(sound.astype(int)).max() == pytest.approx(0.9 * 32767, abs=1)
        assert 0.01 < np.sqrt(np.mean((sound / 32768.0) ** 2)) < 0.5  # neither silent nor a block of noise
        assert abs(sound.mean()) < 0.01 * 32768
        picture = spoken["voice"][row].clip(FLOOR, None)
        assert np.corrcoef(picture.ravel(), log_mel(sound).ravel())[0, 1] > 0.95


def test_files_carry_the_number_of_the_row(spoken: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    later = replace(spoken, start=5)
    assert write_sounds(later, tmp_path, [2])[0].name == "voice-7.wav"
    np.testing.assert_array_equal(
        heard(tmp_path / "voice-7.wav"), heard(write_sounds(spoken, tmp_path / "b", [7])[0])
    )


def test_what_is_no_spoken_picture_is_refused(spoken: Dataset, small: Dataset, tmp_path: Path) -> None:
    assert spoken_modalities(spoken) == ("voice",)
    for name in ("picture", "warped", "theta"):
        with pytest.raises(
            DatasetError, match=f"^sound of `{name}`: expected one of voice, because only tones and log-mel"
        ):
            write_sounds(spoken, tmp_path, modality=name)
    with pytest.raises(
        DatasetError, match="sound of `small`: expected a dataset with a modality of the flow `spoken`"
    ):
        write_sounds(small, tmp_path)
    with pytest.raises(DatasetError, match="row `12`: expected a position from 0 to 11"):
        write_sounds(spoken, tmp_path, [12])
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"folder `.*file`: cannot be written .* Choose another folder"):
        write_sounds(spoken, tmp_path / "file")


def test_the_command_says_that_sound_is_approximate(spoken: Dataset, tmp_path: Path) -> None:
    app = typer.Typer()
    commands.register(app)
    arguments = [
        "listen",
        str(spoken.root),
        "-o",
        str(tmp_path),
        "--row",
        "3",
        "--row",
        "1",
        "--modality",
        "voice",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == [str(tmp_path / "voice-3.wav"), str(tmp_path / "voice-1.wav")]
    assert lines[2].startswith("Approximate: a log-mel picture holds no phases")
    assert CliRunner().invoke(app, ["listen", str(spoken.root), "-o", str(tmp_path / "four")]).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "four").iterdir()) == [
        f"voice-{row}.wav" for row in range(4)
    ]
