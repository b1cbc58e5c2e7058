"""Templates read from a file: a NumPy array or an image."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from infoloom.foreign.arrays import map_npy
from infoloom.law.templates.arguments import Misfit
from infoloom.law.templates.patterns import Place

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["file"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def file(place: Place, path: str) -> NDArray[np.float64]:
    """The values of a `.npy` array, or the brightness from 0 to 1 of an image.

    An array has the place's shape, its shape without the channel axis (then every channel gets the same
    pattern) or is flat; for a cause with several components it has one leading axis more. An image is used
    on images of the same height and width; a colour image on three channels keeps its colours apart.
    """
    full = (place.directory or Path()) / path
    if not full.is_file():
        raise Misfit(f"expected a file at {full}, found none. Check the path, which is relative to the spec")
    if full.suffix.lower() == ".npy":
        return _fit(_read_array(full, place), place)
    if full.suffix.lower() in IMAGE_SUFFIXES:
        return _fit(_read_image(full, place), place)
    raise Misfit(f"expected a file ending in .npy, {', '.join(IMAGE_SUFFIXES)}. Convert the file")


def _read_array(path: Path, place: Place) -> NDArray[np.float64]:
    try:
        # Mapped, so that a wrong shape is refused before a large file is read; a pickle is never loaded.
        array = map_npy(path)
    except (ValueError, OSError) as error:
        raise Misfit(
            f"expected a plain array of numbers in {path}, because pickled objects are never loaded. "
            "Write it with numpy.save(path, array, allow_pickle=False)"
        ) from error
    if array.dtype.kind not in "biuf":
        raise Misfit(
            f"expected real numbers in {path}, got dtype {array.dtype}. Convert the array to float64"
        )
    accepted = _accepted(place)
    if array.shape not in accepted:
        options = " or ".join(str(shape) for shape in accepted)
        raise Misfit(f"expected an array of shape {options} in {path}, got {array.shape}. Reshape the array")
    return np.asarray(array, dtype=np.float64)


def _read_image(path: Path, place: Place) -> NDArray[np.float64]:
    if len(place.shape) != 3 or place.count is not None:
        raise Misfit(
            "expected an image only on image latents and scalar causes. Write the pattern as a .npy array"
        )
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_pixels(image.size, place, path)
                pixels = _brightness(image, colours=place.shape[0] == 3)
    except Misfit:
        raise
    except Exception as error:  # a damaged picture makes its decoder raise what it likes
        raise Misfit(
            f"expected a readable image in {path}. Open it in a viewer and save it again as PNG"
        ) from error
    return np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels


def _brightness(image: Image.Image, *, colours: bool) -> NDArray[np.float64]:
    """Values from 0 to 1, (height, width), or (height, width, 3) for colours that are wanted."""
    if image.mode.startswith("I;16"):  # a conversion to 8 bits would clip it
        return np.asarray(image, dtype=np.float64) / 65535.0
    if image.mode in ("I", "F"):
        return np.asarray(image, dtype=np.float64)
    grey = image.mode in ("1", "L", "LA") or not colours
    return np.asarray(image.convert("L" if grey else "RGB"), dtype=np.float64) / 255.0


def _check_pixels(size: tuple[int, int], place: Place, path: Path) -> None:
    height, width = place.spatial
    if size != (width, height):
        raise Misfit(
            f"expected an image of {width} x {height} pixels in {path}, got {size[0]} x {size[1]}. "
            "Resize the image"
        )


def _accepted(place: Place) -> list[tuple[int, ...]]:
    lead = () if place.count is None else (place.count,)
    # In this order and without repetition: the messages list them.
    return list(dict.fromkeys(lead + shape for shape in (place.shape, place.spatial, (place.size,))))


def _fit(array: NDArray[np.float64], place: Place) -> NDArray[np.float64]:
    if not np.isfinite(array).all():
        raise Misfit("expected finite values in the file, got infinities or not-a-numbers. Replace them")
    lead = () if place.count is None else (place.count,)
    if array.shape == lead + place.shape:
        return array
    if array.shape == lead + place.spatial:
        return array.reshape(*lead, *([1] * (len(place.shape) - len(place.spatial))), *place.spatial)
    return array.reshape(lead + place.shape)
