"""Pictures from files and from bytes: turned as they were meant, of any depth, grey or colour, never clipped."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from infoloom.errors import FlowError
from infoloom.observations.training.data.own_scale import of_brightness
from infoloom.observations.training.data.rows import BRIGHTNESS, Array, Rows

__all__ = ["PICTURES", "brightness", "channels_first", "decoded"]

PICTURES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_GREY: Final = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F")
_CHANNELS: Final = (1, 3)
_ON_WHITE: Final = "transparent pictures were laid on white"


def brightness(pictures: Array, source: object) -> Rows:
    """Pictures of 8 bits as brightness from −1 to 1, channels first.

    Args:
        pictures: (n, height, width), (n, channels, height, width) or (n, height, width, channels), uint8.
        source: Where they are from, for messages.

    Raises:
        FlowError: It cannot be told which axis holds the channels.
    """
    if pictures.ndim > 4 or (pictures.ndim > 2 and _channel_axis(pictures.shape) is None):
        raise FlowError(
            f"training data `{source}`: expected pictures of 1 or 3 channels, got uint8 of shape {pictures.shape}, "
            "whose axes are ambiguous. Give (n, channels, height, width) as float, or other sizes."
        )
    moved, note = channels_first(pictures)
    values = np.ascontiguousarray(moved).astype(np.float32) / 127.5 - 1.0
    return Rows(values, unit=BRIGHTNESS, scale=of_brightness, notes=(note,))


def channels_first(pictures: Array) -> tuple[Array, str]:
    """Pictures with their channels first, and what was found; as they are where their axes are ambiguous."""
    axis = _channel_axis(pictures.shape)
    if axis is None:
        return pictures, "axes: as given"
    if axis == 0:
        return pictures[:, None], "axes: rows, height, width"
    if axis == 1:
        return pictures, "axes: rows, channels, height, width"
    return np.moveaxis(pictures, -1, 1), "axes: rows, height, width, channels"


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    """The axis of the channels, 1 or 3; 0 of pictures without; None where it cannot be told."""
    first, last = shape[1] in _CHANNELS, shape[-1] in _CHANNELS
    if len(shape) == 3:
        return None if first or last else 0
    if len(shape) == 4 and first != last:
        return 1 if first else 3
    return None


def decoded(files: Sequence[bytes], names: Sequence[str], source: str) -> Rows:
    """Encoded pictures as brightness from −1 to 1, (n, channels, height, width).

    Raises:
        FlowError: Pictures of several sizes, or bytes that are no picture.
    """
    notes: dict[str, None] = {}
    pictures = [_one(content, name, notes) for content, name in zip(files, names, strict=True)]
    sizes = {picture.shape[-2:] for picture in pictures}
    if len(sizes) > 1:
        raise FlowError(
            f"training data `{source}`: expected pictures of one size, got {len(sizes)} such as "
            f"{', '.join(map(str, sorted(sizes)[:3]))}. Resize them first."
        )
    channels = max(len(picture) for picture in pictures)
    grey = sum(len(picture) < channels for picture in pictures)
    if grey:
        notes[f"{grey} grey pictures among colour were read as colour"] = None
    whole = np.stack([np.broadcast_to(p, (channels, *p.shape[1:])) for p in pictures]).astype(np.float32)
    return Rows(2.0 * whole - 1.0, unit=BRIGHTNESS, scale=of_brightness, notes=tuple(notes))


def _one(content: bytes, name: str, notes: dict[str, None]) -> Array:
    """One picture, (channels, height, width), from 0 black to 1 white."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as opened:
            turned = ImageOps.exif_transpose(opened)
            if turned.size != opened.size or opened.getexif().get(274, 1) != 1:
                notes["pictures were turned as their EXIF says"] = None
            return _levels(turned, notes)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FlowError(
            f"training data `{name}`: expected a picture ({error}). Remove or mend it."
        ) from error


def _levels(picture: Any, notes: dict[str, None]) -> Array:
    from PIL import Image

    if picture.mode in _GREY:
        return _grey_levels(picture, notes)
    if picture.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in picture.info:
        notes[_ON_WHITE] = None
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(ground, picture)
    return np.moveaxis(np.asarray(picture.convert("RGB"), np.float64) / 255.0, -1, 0)


def _grey_levels(picture: Any, notes: dict[str, None]) -> Array:
    """A grey picture, (1, height, width); one of its levels may stand for transparent."""
    values = np.asarray(picture, np.float64)
    if picture.mode == "F":
        raise ValueError("its values have no known range; give them as an array")
    deep = picture.mode.startswith("I")
    if deep:
        notes["16-bit pictures: 65535 is white"] = None
    if deep and not 0 <= values.min() <= values.max() <= 65535:
        raise ValueError("its values lie outside 0 to 65535")
    white = 65535.0 if deep else 1.0 if picture.mode == "1" else 255.0
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        notes[_ON_WHITE] = None
        values = np.where(values == min(clear, white), white, values)
    return values[None] / white
