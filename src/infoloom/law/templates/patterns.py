"""The patterns by which a cause is spread over the components of a latent, one function each.

A drawing function takes a `Place` and its own parameters, and returns an array that broadcasts to the
place's shape (a leading axis of `place.count` where it can serve a cause with several components).
Coordinates are pixels, counted from the top left, in `patch`; everywhere else fractions of the side, from
0 to 1: x runs along the columns (or samples), y down the rows, and radii and widths are fractions of the
shorter side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoloom.law.templates.arguments import Misfit

__all__ = ["Place"]

Array = NDArray[np.float64]

# Keeps the streams of templates apart from those of any other draw with the same seed.
STREAM = int.from_bytes(b"template", "big")


@dataclass(frozen=True)
class Place:
    """Where a template is drawn.

    Args:
        shape: (channels, height, width) of an image, (leads, samples) of a signal, or (size,) of a vector.
        directory: What a relative file path is relative to; None for the working directory.
        count: Number of components of the cause; None for a scalar cause.
    """

    shape: tuple[int, ...]
    directory: Path | None = None
    count: int | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def spatial(self) -> tuple[int, ...]:
        """The axes a pattern lives on: (height, width), (samples,) or (size,)."""
        return self.shape[1:] if len(self.shape) > 1 else self.shape

    def streams(self, seed: int) -> list[np.random.Generator]:
        """One independent random stream a component, the first of which serves a scalar cause."""
        return [np.random.default_rng([STREAM, seed, j]) for j in range(self.count or 1)]


def ones(place: Place) -> Array:
    """Spread evenly over all components."""
    return np.ones(place.shape)


def random(place: Place, seed: int = 0) -> Array:
    """Independent standard normal values, one a component of the latent."""
    return np.stack([rng.standard_normal(place.size).reshape(place.shape) for rng in place.streams(seed)])


def sparse(place: Place, k: int, seed: int = 0) -> Array:
    """Equal values on `k` components of the latent drawn without replacement, zero elsewhere."""
    if not 1 <= k <= place.size:
        raise Misfit(f"expected k from 1 to {place.size}, the number of components. Change `k`")
    patterns = np.zeros((place.count or 1, place.size))
    for pattern, rng in zip(patterns, place.streams(seed), strict=True):
        pattern[rng.choice(place.size, size=k, replace=False, shuffle=False)] = 1.0
    return patterns.reshape(-1, *place.shape)


def image_patch(place: Place, row: int, col: int, height: int, width: int) -> Array:
    """Even on a rectangle of pixels, zero elsewhere; `row` and `col` are its top left pixel, from 0."""
    pattern = np.zeros(place.spatial)
    pattern[
        _span("row", row, "height", height, place.spatial[0]),
        _span("col", col, "width", width, place.spatial[1]),
    ] = 1.0
    return pattern


def line_patch(place: Place, start: int, length: int) -> Array:
    """Even on `length` samples from `start` (from 0), zero elsewhere."""
    pattern = np.zeros(place.spatial)
    pattern[_span("start", start, "length", length, place.spatial[0])] = 1.0
    return pattern


def image_blob(place: Place, x: float, y: float, width: float) -> Array:
    """A round Gaussian centred on (x, y) with standard deviation `width`."""
    down, across = _pixels(place, _fraction("x", x), _fraction("y", y))
    return _bell(np.hypot(down, across), _positive("width", width) * min(place.spatial))


def line_blob(place: Place, x: float, width: float) -> Array:
    """A Gaussian centred on x with standard deviation `width`."""
    (samples,) = place.spatial
    return _bell(np.arange(samples) + 0.5 - _fraction("x", x) * samples, _positive("width", width) * samples)


def disk(place: Place, radius: float = 0.25) -> Array:
    """Even on the pixels whose centre lies within `radius` of the centre of the image."""
    distance = np.hypot(*_pixels(place, 0.5, 0.5))
    pattern: Array = (distance <= _positive("radius", radius) * min(place.spatial)).astype(np.float64)
    if not pattern.any():
        least = math.ceil(1e4 * distance.min() / min(place.spatial)) / 1e4
        raise Misfit(
            f"expected a radius of at least {least:g}, because a smaller disk covers no pixel. "
            "Enlarge `radius`"
        )
    return pattern


def ring(place: Place, radius: float, width: float = 0.05) -> Array:
    """A ring about the centre of the image, Gaussian across with standard deviation `width`."""
    side = min(place.spatial)
    distance = np.hypot(*_pixels(place, 0.5, 0.5))
    return _bell(distance - _positive("radius", radius) * side, _positive("width", width) * side)


def image_frequency(place: Place, u: float, v: float) -> Array:
    """A cosine wave with `u` cycles across the image and `v` cycles down it: cos 2π(u·col/W + v·row/H)."""
    height, width = place.spatial
    across = _cycles("u", u, width) * np.arange(width) / width
    down = _cycles("v", v, height) * np.arange(height) / height
    return _wave(down[:, None] + across[None, :])


def line_frequency(place: Place, u: float) -> Array:
    """A cosine wave with `u` cycles along the signal: cos 2πu·sample/n."""
    (samples,) = place.spatial
    return _wave(_cycles("u", u, samples) * np.arange(samples) / samples)


def _wave(turns: NDArray[Any]) -> Array:
    return np.asarray(np.cos(2.0 * np.pi * turns), dtype=np.float64)


def _pixels(place: Place, x: float, y: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Offsets of the pixel centres from (x, y), in pixels, down (height, 1) and across (1, width)."""
    height, width = place.spatial
    return (np.arange(height) + 0.5 - y * height)[:, None], (np.arange(width) + 0.5 - x * width)[None, :]


def _bell(distance: NDArray[Any], width: float) -> Array:
    # Far tails underflow to zero, which is what they are; a pattern without any support is refused later.
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(-0.5 * np.square(distance / width)), dtype=np.float64)


def _span(start_name: str, start: int, length_name: str, length: int, side: int) -> slice:
    if length < 1:
        raise Misfit(f"expected `{length_name}` of at least 1, got {length}. Change `{length_name}`")
    if not 0 <= start <= side - length:
        raise Misfit(
            f"expected 0 <= {start_name} and {start_name} + {length_name} <= {side}, "
            f"got {start_name} {start} and {length_name} {length}. Change `{start_name}` or `{length_name}`"
        )
    return slice(start, start + length)


def _fraction(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise Misfit(
            f"expected `{name}` from 0 to 1, because it is a fraction of the side, got {value:g}. "
            f"Change `{name}`"
        )
    return value


def _positive(name: str, value: float) -> float:
    if not 0.0 < value <= 1.0:
        raise Misfit(
            f"expected `{name}` above 0 and at most 1, because it is a fraction of the side, got {value:g}. "
            f"Change `{name}`"
        )
    return value


def _cycles(name: str, value: float, side: int) -> float:
    if abs(value) > side / 2:
        raise Misfit(
            f"expected `{name}` from {-side / 2:g} to {side / 2:g} cycles, because more than half a cycle a "
            f"pixel looks like fewer, got {value:g}. Change `{name}`"
        )
    return value
