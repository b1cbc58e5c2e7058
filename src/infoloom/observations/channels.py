"""Channels: lossy maps of observations. They are no bijections, and information can only fall through them."""

from __future__ import annotations

import io
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.injection import Injection

__all__ = [
    "CHANNELS",
    "Channel",
    "Clip",
    "Crop",
    "EightBit",
    "Half",
    "Jpeg",
    "Loss",
    "Noise",
    "kept_information",
    "measure_loss",
]

Rows = NDArray[np.float32]


class Channel(ABC):
    """A map that loses information: what comes out carries at most what went in.

    Channels have no inverse and are not bijections, so that one can never stand where the other is needed.
    """

    statement = "at most"

    @abstractmethod
    def apply(self, x: Rows) -> NDArray[np.generic]:
        """Observations (n, *shape) → what is left of them, each row on its own."""

    def seen(self, x: Rows) -> Rows:
        """What is left, in the units of the observations."""
        return np.asarray(self.apply(x), dtype=np.float32)


@dataclass(frozen=True)
class EightBit(Channel):
    """Round to 256 levels between two fixed values; values outside are clipped.

    Args:
        low: Value of level 0.
        high: Value of level 255.
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _ordered("uint8", self.low, self.high)

    def apply(self, x: Rows) -> NDArray[np.uint8]:
        share = (np.clip(x, self.low, self.high) - self.low) / (self.high - self.low)
        return np.asarray(np.rint(255.0 * share), dtype=np.uint8)

    def seen(self, x: Rows) -> Rows:
        return np.asarray(self.low + self.apply(x) * ((self.high - self.low) / 255.0), dtype=np.float32)


@dataclass(frozen=True)
class Clip(Channel):
    """Replace values outside a range by its ends.

    Args:
        low: Lower end.
        high: Upper end.
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _ordered("clip", self.low, self.high)

    def apply(self, x: Rows) -> Rows:
        return np.clip(x, np.float32(self.low), np.float32(self.high))


@dataclass(frozen=True)
class Half(Channel):
    """Round to half precision."""

    def apply(self, x: Rows) -> NDArray[np.float16]:
        return x.astype(np.float16)


@dataclass(frozen=True)
class Noise(Channel):
    """Add independent normal noise.

    Args:
        spread: Standard deviation, in units of the observations.
        seed: Seed; row i gets noise of its own, whatever rows it comes with.
    """

    spread: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.spread) and self.spread > 0.0):
            raise FlowError(f"channel `noise(spread={self.spread})`: expected a number above 0.")

    def apply(self, x: Rows) -> Rows:
        noise = [
            np.random.default_rng([self.seed, index]).standard_normal(x.shape[1:]) for index in range(len(x))
        ]
        return np.asarray(x + self.spread * np.stack(noise), dtype=np.float32) if len(x) else x


@dataclass(frozen=True)
class Crop(Channel):
    """Keep the central part of a picture.

    Args:
        height: Rows kept.
        width: Columns kept.
    """

    height: int
    width: int

    def apply(self, x: Rows) -> Rows:
        top, left = self._corner(x)
        return x[..., top : top + self.height, left : left + self.width]

    def seen(self, x: Rows) -> Rows:
        """The kept part in its place, zero elsewhere."""
        top, left = self._corner(x)
        whole = np.zeros_like(x)
        whole[..., top : top + self.height, left : left + self.width] = self.apply(x)
        return whole

    def _corner(self, x: Rows) -> tuple[int, int]:
        if x.ndim != 4 or not (0 < self.height <= x.shape[2] and 0 < self.width <= x.shape[3]):
            raise FlowError(
                f"channel `crop({self.height}, {self.width})`: expected pictures at least that large, "
                f"got rows of shape {x.shape[1:]}."
            )
        return (x.shape[2] - self.height) // 2, (x.shape[3] - self.width) // 2


@dataclass(frozen=True)
class Jpeg(Channel):
    """Compress as JPEG and decode again, after rounding to 8 bits between two fixed values.

    Args:
        quality: 1 to 95.
        low: Value of black.
        high: Value of white.
    """

    quality: int = 75
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _ordered("jpeg", self.low, self.high)
        if not 1 <= self.quality <= 95:
            raise FlowError(f"channel `jpeg(quality={self.quality})`: expected 1 to 95.")

    def apply(self, x: Rows) -> NDArray[np.uint8]:
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise FlowError(
                f"channel `jpeg`: expected pictures of 1 or 3 channels, got rows of shape {x.shape[1:]}."
            )
        levels = EightBit(self.low, self.high).apply(x)
        return np.stack([self._one(picture) for picture in levels]) if len(x) else levels

    def seen(self, x: Rows) -> Rows:
        return np.asarray(self.low + self.apply(x) * ((self.high - self.low) / 255.0), dtype=np.float32)

    def _one(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        from PIL import Image

        buffer = io.BytesIO()
        pixels = np.moveaxis(picture, 0, -1)
        Image.fromarray(pixels[..., 0] if len(picture) == 1 else pixels).save(
            buffer, "JPEG", quality=self.quality
        )
        decoded = np.asarray(Image.open(buffer), dtype=np.uint8)
        return decoded[None] if len(picture) == 1 else np.moveaxis(decoded, -1, 0)


CHANNELS: dict[str, Callable[..., Channel]] = {
    "clip": Clip,
    "crop": Crop,
    "float16": Half,
    "jpeg": Jpeg,
    "noise": Noise,
    "uint8": EightBit,
}


@dataclass(frozen=True)
class Loss:
    """What a channel takes away, measured; see `measure_loss`.

    Args:
        error: Root mean square of the latent's error, in units of its standard deviation.
        correlation: Correlation of the latent and its recovery.
        kept: Information about one average latent component that is kept, at least in the linearised model, nats.
        information: Information I(θ; what is left) in that model, nats, where a template was given.
    """

    error: float
    correlation: float
    kept: float
    information: float | None


def measure_loss(
    channel: Channel, bijection: Injection, latents: Tensor, *, template: NDArray[np.float64] | None = None
) -> Loss:
    """Estimate what a channel behind a bijection takes away.

    Linearised: x = f(z), the channel adds the error e = seen(x) − x, and the latent it seems to stand for is off by
    δ = J⁻¹ e with J the Jacobian of f at z. Taken as normal noise of covariance C = mean δδᵀ beside z, a cause θ
    that enters as
    z = w θ + ε with ε ~ N(0, I) keeps I = ½ log(1 + wᵀ (I + C)⁻¹ w) instead of ½ log(1 + wᵀ w).

    Args:
        channel: The channel.
        bijection: What makes the observations.
        latents: Rows of N(0, I), (n, d); a thousand make C precise to a few per cent along a template.
        template: w, (d,), or None.
    """
    with torch.no_grad():
        x = bijection.forward(latents)
        moved = bijection.pull_back(latents, torch.from_numpy(channel.seen(x.numpy())) - x)
    delta, z_rows = moved.double().numpy(), latents.double().numpy()
    seen = z_rows + delta
    correlation = float((z_rows * seen).mean() / math.sqrt((z_rows**2).mean() * (seen**2).mean()))
    variance = float((delta**2).mean())
    information = None
    if template is not None:
        # Woodbury: wᵀ (I + ΔᵀΔ/n)⁻¹ w = wᵀw − (Δw)ᵀ (n I + ΔΔᵀ)⁻¹ Δw
        along = delta @ template
        lost = along @ np.linalg.solve(len(delta) * np.eye(len(delta)) + delta @ delta.T, along)
        information = 0.5 * math.log1p(float(template @ template - lost))
    return Loss(
        math.sqrt(variance),
        correlation,
        0.5 * math.log1p(1.0 / variance) if variance else math.inf,
        information,
    )


def kept_information(information: float, error: float) -> float:
    """What is left of an information about a scalar θ when the latent comes back with an error.

    Linearised and Gaussian, as in `measure_loss`, for a θ that enters along an average direction of z ~ N(0, I):
    I' = −½ log(1 − (1 − exp(−2 I)) / (1 + error²)).

    Args:
        information: I(θ; z), nats.
        error: Root mean square of the latent's error, in units of its standard deviation.

    Returns:
        Nats, at most `information`.

    Example:
        >>> round(kept_information(0.5, 0.0), 12), round(kept_information(0.5, 0.5), 6)
        (0.5, 0.352303)
    """
    return -0.5 * math.log1p(math.expm1(-2.0 * information) / (1.0 + error**2))


def _ordered(name: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise FlowError(f"channel `{name}(low={low}, high={high})`: expected two numbers, the lower first.")
