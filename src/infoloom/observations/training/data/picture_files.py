"""Pictures from files and from bytes: turned as they were meant, of any depth, grey or colour, never clipped."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from infoloom.errors import FlowError
from infoloom.observations.training.data.rows import BRIGHTNESS, Array, Rows

__all__ = ["PICTURES", "brightness", "decoded", "folder_of_pictures"]

PICTURES: Final = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
_GREY: Final = ("1", "L", "I", "I;16", "I;16B", "I;16L", "F")
_CHANNELS: Final = (1, 3)


def brightness(pictures: Array, source: object) -> Rows:
    """Pictures of 8 bits as brightness from −1 to 1, channels first.

    Args:
        pictures: (n, height, width), (n, channels, height, width) or (n, height, width, channels), uint8.
        source: Where they are from, for messages.

    Raises:
        FlowError: It cannot be told which axis holds the channels.
    """
    note = "axes: rows, height, width"
    if pictures.ndim == 3:
        pictures = pictures[:, None]
    elif pictures.ndim == 4:
        first, last = pictures.shape[1] in _CHANNELS, pictures.shape[-1] in _CHANNELS
        if first == last:
            raise FlowError(
                f"training data `{source}`: expected pictures of 1 or 3 channels, got uint8 of shape {pictures.shape}, "
                "whose axes are ambiguous. Give (n, channels, height, width) as float, or other sizes."
            )
        note = f"axes: rows, {'channels, height, width' if first else 'height, width, channels'}"
        pictures = pictures if first else np.moveaxis(pictures, -1, 1)
    values = np.ascontiguousarray(pictures).astype(np.float32) / 127.5 - 1.0
    return Rows(values, unit=BRIGHTNESS, scale=(0.0, 1.0), notes=(note,))


def folder_of_pictures(folder: Path) -> Rows:
    """All pictures below a folder; with one folder a class if there are several folders.

    Raises:
        FlowError: No pictures, pictures of several sizes, or one that cannot be read.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    if not files:
        raise FlowError(f"training data `{folder}`: expected pictures ({', '.join(PICTURES)}), found none.")
    rows = decoded([path.read_bytes() for path in files], [str(path) for path in files], str(folder))
    groups = np.array([path.parent.relative_to(folder).as_posix() for path in files])
    several = len(set(groups)) > 1
    return Rows(rows.values, groups if several else None, unit=BRIGHTNESS, scale=(0.0, 1.0), notes=rows.notes)


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
    return Rows(2.0 * whole - 1.0, unit=BRIGHTNESS, scale=(0.0, 1.0), notes=tuple(notes))


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
        values = np.asarray(picture, np.float64)
        if picture.mode == "1":
            return values[None]
        if picture.mode == "F":
            raise ValueError("its values have no known range; give them as an array")
        deep = picture.mode.startswith("I")
        if deep:
            notes["16-bit pictures: 65535 is white"] = None
        if deep and not 0 <= values.min() <= values.max() <= 65535:
            raise ValueError("its values lie outside 0 to 65535")
        return values[None] / (65535.0 if deep else 255.0)
    if picture.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in picture.info:
        notes["transparent pictures were laid on white"] = None
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(ground, picture)
    return np.moveaxis(np.asarray(picture.convert("RGB"), np.float64) / 255.0, -1, 0)
