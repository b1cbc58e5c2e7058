"""Channels: lossy maps of observations. They are no bijections, and information can only fall through them."""

from __future__ import annotations

import hashlib
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

_REACH = 4.0  # standard deviations of a latent within which its recovery is sought
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
    """Add normal noise.

    A row's noise follows from the seed and the row's own values. So it does not depend on the rows that come with it,
    views of other rows have other noise, and no two views can share more than their rows do. Two views of the *same*
    rows need two seeds.

    Args:
        spread: Standard deviation, in units of the observations.
        seed: Seed.
    """

    spread: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.spread) and self.spread > 0.0):
            raise FlowError(f"channel `noise(spread={self.spread})`: expected a number above 0.")

    def apply(self, x: Rows) -> Rows:
        noise = [np.random.default_rng([self.seed, _number(row)]).standard_normal(x.shape[1:]) for row in x]
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
        correlation: Correlation ρ of the latent and its recovery, over all components.
        kept: Information about one average latent component that is kept, nats: −½ log(1 − ρ²). For normal latents it
            is a lower bound in the linearised model, whatever the error depends on.
        information: An estimate of the information I(θ; what is left), nats, where a template was given.
    """

    error: float
    correlation: float
    kept: float
    information: float | None


def measure_loss(
    channel: Channel,
    bijection: Injection,
    latents: Tensor,
    *,
    template: NDArray[np.float64] | None = None,
    mean: NDArray[np.float64] | float = 0.0,
    deviation: NDArray[np.float64] | float = 1.0,
) -> Loss:
    """Estimate what a channel behind a bijection takes away.

    Linearised: x = f(z), the channel adds the error e = seen(x) − x, and the latent it seems to stand for is off by
    δ = J⁻¹ e with J the Jacobian of f at z, or f⁻¹(x + e) − z for curves of single components. δ is cut where z + δ
    would be more than four standard deviations from the mean: no reader would believe it. Taken as normal noise of
    covariance C = mean δδᵀ beside z, a cause θ
    that enters as z = w θ + ε with ε ~ N(0, I) keeps I = ½ log(1 + wᵀ (I + C)⁻¹ w) instead of ½ log(1 + wᵀ w).
    Clipping and cropping make errors that are not noise: they take z itself away. Along an average direction
    ½ log(1 + ρ² wᵀ w) is left then. The smaller of the two is given.

    Args:
        channel: The channel.
        bijection: What makes the observations.
        latents: Rows of latents, (n, d); a thousand make C precise to a few per cent along a template.
        template: w, (d,), in standard deviations of the latents, or None.
        mean: Mean of each latent, (d,) or one number.
        deviation: Standard deviation of each latent, (d,) or one number.
    """
    with torch.no_grad():
        x = bijection.forward(latents)
        moved = bijection.move_back(latents, torch.from_numpy(channel.seen(x.numpy())) - x)
    z_rows = (latents.double().numpy() - mean) / deviation
    reach = np.maximum(np.abs(z_rows), _REACH)
    seen = np.clip(z_rows + moved.double().numpy() / deviation, -reach, reach)
    delta = seen - z_rows
    noise = (
        delta - (z_rows * delta).mean() / (z_rows**2).mean() * z_rows
    )  # what of the error z does not explain
    missed = float((noise**2).mean() / (seen**2).mean()) if seen.any() else 1.0  # 1 − ρ²
    correlation = math.copysign(math.sqrt(max(1.0 - missed, 0.0)), float((z_rows * seen).mean()))
    information = None
    if template is not None:
        # Woodbury: wᵀ (I + ΔᵀΔ/n)⁻¹ w = wᵀw − (Δw)ᵀ (n I + ΔΔᵀ)⁻¹ Δw
        along = delta @ template
        lost = along @ np.linalg.solve(len(delta) * np.eye(len(delta)) + delta @ delta.T, along)
        left = float(template @ template) * max(1.0 - missed, 0.0)
        information = 0.5 * math.log1p(min(float(template @ template - lost), left))
    kept = max(-0.5 * math.log(missed), 0.0) if missed else math.inf
    return Loss(math.sqrt(float((delta**2).mean())), correlation, kept, information)


def kept_information(information: float, correlation: float) -> float:
    """What is left of an information about a scalar θ when the latent comes back changed.

    Linearised and Gaussian, as in `measure_loss`, for a θ that enters along an average direction of the latents:
    I' = −½ log(1 − ρ² (1 − exp(−2 I))).

    Args:
        information: I(θ; z), nats.
        correlation: Correlation ρ of the latent and its recovery.

    Returns:
        Nats, at most `information`.

    Example:
        >>> round(kept_information(0.5, 1.0), 12), round(kept_information(0.5, 0.8), 6)
        (0.5, 0.259225)
    """
    return -0.5 * math.log1p(math.expm1(-2.0 * information) * correlation**2)


def _number(row: Rows) -> int:
    """A number that follows from the values of a row."""
    return int.from_bytes(
        hashlib.blake2b(np.ascontiguousarray(row).tobytes(), digest_size=16).digest(), "big"
    )


def _ordered(name: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise FlowError(f"channel `{name}(low={low}, high={high})`: expected two numbers, the lower first.")
