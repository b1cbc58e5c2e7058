"""Speech as a small log-mel picture, and an approximate way back to sound for listening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["HOP", "RATE", "log_mel", "render_sound"]

RATE = 8000
BANDS = 32
FRAMES = 32
WINDOW = 512
HOP = 160
FLOOR = -60.0

Array = NDArray[np.float64]


def log_mel(pcm: NDArray[np.int16]) -> NDArray[np.float32]:
    """A recording at 8 kHz as a log-mel picture: 32 bands from low to high, 32 frames of 20 ms, in decibels.

    The loudest 0.64 s are kept, shorter recordings are centred in silence; 0 dB is the loudest point, −60 dB the
    floor.

    Args:
        pcm: Samples, (n,).

    Returns:
        (1, 32, 32) float32, decibels.
    """
    sound = pcm.astype(np.float64) / 32768.0
    sound = _centred(sound, FRAMES * HOP)
    power = np.abs(_spectrum(sound)) ** 2
    mel = _filters() @ power.T
    decibels = 10.0 * np.log10(mel / max(float(mel.max()), 1e-12) + 10.0 ** (FLOOR / 10.0))
    return np.asarray(decibels[None], dtype=np.float32)


def render_sound(picture: NDArray[np.float32], rounds: int = 60, seed: int = 0) -> NDArray[np.int16]:
    """Turn a log-mel picture back into sound, approximately, for listening.

    Args:
        picture: (1, 32, 32) or (32, 32), decibels.
        rounds: Rounds of phase estimation.
        seed: Seed of the starting phases.

    Returns:
        (5120,) samples at 8 kHz.

    Source:
        Griffin and Lim, Signal estimation from modified short-time Fourier transform (1984).
    """
    decibels = np.clip(np.asarray(picture, dtype=np.float64).reshape(BANDS, FRAMES), FLOOR, None)
    power = np.clip(10.0 ** (decibels / 10.0) - 10.0 ** (FLOOR / 10.0), 0.0, None)
    magnitude = np.sqrt(_spread(power)).T
    phase = np.exp(2j * np.pi * np.random.default_rng(seed).random(magnitude.shape))
    for _ in range(rounds):
        sound = _overlap_add(magnitude * phase)
        phase = np.exp(1j * np.angle(_spectrum(sound)))
    sound = _overlap_add(magnitude * phase)
    return np.asarray(0.9 * 32767.0 * sound / max(float(np.abs(sound).max()), 1e-9), dtype=np.int16)


def _spread(mel: Array) -> Array:
    """A spectrum without negative parts that has these mel powers, by multiplicative updates."""
    filters = _filters()
    power = filters.T @ mel + 1e-12
    for _ in range(200):
        power = power * (filters.T @ mel) / (filters.T @ (filters @ power) + 1e-12)
    return np.asarray(power)


def _centred(sound: Array, length: int) -> Array:
    if len(sound) <= length:
        before = (length - len(sound)) // 2
        return np.pad(sound, (before, length - len(sound) - before))
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return sound[start : start + length]


def _window() -> Array:
    return np.hanning(WINDOW + 1)[:-1]


def _spectrum(sound: Array) -> NDArray[np.complex128]:
    padded = np.pad(sound, ((WINDOW - HOP) // 2, (WINDOW - HOP) // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:FRAMES]
    return np.fft.rfft(frames * _window(), axis=1)


def _overlap_add(spectrum: NDArray[np.complex128]) -> Array:
    frames = np.fft.irfft(spectrum, n=WINDOW, axis=1) * _window()
    total = np.zeros(FRAMES * HOP + WINDOW - HOP)
    weight = np.zeros_like(total)
    for index, frame in enumerate(frames):
        place = slice(index * HOP, index * HOP + WINDOW)
        total[place] += frame
        weight[place] += _window() ** 2
    margin = (WINDOW - HOP) // 2
    return (total / np.maximum(weight, 1e-3))[margin : margin + FRAMES * HOP]


def _filters() -> Array:
    def mel(hertz: float) -> float:
        return 2595.0 * float(np.log10(1.0 + hertz / 700.0))

    edges = 700.0 * (10.0 ** (np.linspace(mel(60.0), mel(RATE / 2), BANDS + 2) / 2595.0) - 1.0)
    hertz = np.fft.rfftfreq(WINDOW, 1.0 / RATE)
    rising = (hertz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rising, falling), 0.0, None)
