"""Log-mel pictures of speech, and the approximate way back."""

from __future__ import annotations

import numpy as np

from infoloom.observations.training.data.spectrogram import FRAMES, HOP, RATE, log_mel, render_sound


def tone(hertz: float, seconds: float = 0.64) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return (12_000 * np.sin(2.0 * np.pi * hertz * time)).astype(np.int16)


def test_a_higher_tone_lies_in_a_higher_band() -> None:
    bands = [int(log_mel(tone(hertz))[0].mean(axis=1).argmax()) for hertz in (200, 600, 1500, 3000)]
    assert bands == sorted(set(bands))


def test_values_lie_between_the_floor_and_the_loudest_point() -> None:
    picture = log_mel(tone(500, 0.2))
    assert picture.shape == (1, 32, FRAMES)
    assert picture.dtype == np.float32
    assert abs(float(picture.max())) < 1e-3
    assert float(picture.min()) > -60.1
    assert float(picture[0, :, :5].max()) < -50.0  # a short sound is centred in silence


def test_the_loudest_part_of_a_long_sound_is_kept() -> None:
    quiet, loud = tone(500, 1.0) // 100, tone(2000, 0.64)
    kept = log_mel(np.concatenate([quiet, loud, quiet]))
    assert int(kept[0].mean(axis=1).argmax()) == int(log_mel(loud)[0].mean(axis=1).argmax())


def test_a_rendered_sound_looks_like_its_picture() -> None:
    sweep = np.concatenate([tone(hertz, 0.16) for hertz in (300, 800, 1600, 3000)])
    picture = log_mel(sweep)
    sound = render_sound(picture)
    assert sound.shape == (FRAMES * HOP,)
    assert sound.dtype == np.int16
    again = log_mel(sound)
    assert np.corrcoef(picture.ravel(), again.ravel())[0, 1] > 0.9
    np.testing.assert_array_equal(sound, render_sound(picture))
