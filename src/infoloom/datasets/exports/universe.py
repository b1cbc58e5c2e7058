"""HDF5 with the keys of Multimodal Universe v1: images in bands, one spectrum, a catalogue of numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.exports.base import modalities
from infoloom.datasets.exports.hdf5 import h5, keep_truth
from infoloom.datasets.storage.columns import Column, rows_at_once
from infoloom.datasets.storage.files import aside
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["write_universe"]

_ROWS: Final = 1024
_KEYS: Final = ("object_id", "ra", "dec", "healpix")
_GOLDEN: Final = math.pi * (3.0 - math.sqrt(5.0))
Arrays = dict[str, np.ndarray[Any, Any]]


def write_universe(data: View, path: Path) -> None:
    """Write `healpix=0/001-of-001.hdf5` in a new folder.

    Images (channels, height, width) of one size become the bands of `image_array`; one signal becomes `spectrum_flux`.
    Observations are exact: `ivar` is 1, `mask` true, `psf_fwhm` 0. Rows have no place on the sky, so `ra` and `dec` are
    spread evenly over it by row number. Numbers and sentences of a row go into columns of their own; other columns
    with a shape, such as words, are left out.

    Raises:
        DatasetError: Images of several sizes, several signals, another shape, or a name that the format has itself.
    """
    images, spectrum = _sorted(modalities(data))
    numbers = [
        column for column in data.columns if column.kind not in ("id", "modality") and not column.shape
    ]
    _unlike_the_formats(numbers)
    (path / "healpix=0").mkdir(parents=True)
    with aside(path / "healpix=0" / "001-of-001.hdf5") as part, h5().File(part, "w") as file:
        keep_truth(data, file)
        place = 0
        for batch in data.batches(rows_at_once(data.columns, _ROWS)):
            rows = len(next(iter(batch.values())))
            first = data.start + place
            columns = _position(first, rows) | _images(images, batch) | _spectrum(spectrum, batch)
            columns |= {column.name: batch[column.name] for column in numbers}
            for name, values in columns.items():
                textual = values.dtype.kind == "U"
                if name not in file:
                    kind = h5().string_dtype() if textual else values.dtype
                    file.create_dataset(name, (len(data), *values.shape[1:]), kind)
                file[name][place : place + rows] = values.astype(object) if textual else values
            place += rows


def _unlike_the_formats(columns: list[Column]) -> None:
    """Refuse columns whose names are keys of the format: one would stand for the other."""
    for column in columns:
        if column.name in _KEYS or column.name.startswith(("image_", "spectrum_")):
            raise DatasetError(
                f"export `mmu`: expected another name than `{column.name}`, because it is a key of the format. Leave "
                "the column out, or rename it in the story."
            )


def _sorted(columns: tuple[Column, ...]) -> tuple[list[Column], Column | None]:
    images = [column for column in columns if len(column.shape) in (2, 3)]
    signals = [column for column in columns if len(column.shape) == 1]
    strange = [column.name for column in columns if column not in images and column not in signals]
    if strange or len({column.shape[-2:] for column in images}) > 1 or len(signals) > 1:
        shapes = ", ".join(f"{column.name} {column.shape}" for column in columns)
        raise DatasetError(
            f"export `mmu`: expected images of one height and width and at most one signal, got {shapes}. Select "
            "modalities that fit."
        )
    return images, signals[0] if signals else None


def _position(first: int, rows: int) -> Arrays:
    ids = np.arange(first, first + rows)
    dec = np.degrees(np.arcsin(2.0 * ((ids * 0.6180339887498949) % 1.0) - 1.0))
    return {
        "object_id": ids.astype("S20"),
        "ra": np.degrees((ids * _GOLDEN) % (2.0 * math.pi)),
        "dec": dec,
        "healpix": np.zeros(rows, np.int64),
    }


def _images(images: list[Column], batch: Arrays) -> Arrays:
    if not images:
        return {}
    height, width = images[0].shape[-2:]
    stacked = np.concatenate(
        [batch[c.name].reshape(-1, c.size // (height * width), height, width) for c in images], 1
    )
    bands = [f"{c.name}_{i}".encode() for c in images for i in range(c.size // (height * width))]
    rows = len(stacked)
    return {
        "image_array": stacked,
        "image_band": np.tile(np.array(bands, f"S{max(64, *map(len, bands))}"), (rows, 1)),
        "image_ivar": np.ones_like(stacked),
        "image_mask": np.ones(stacked.shape, bool),
        "image_psf_fwhm": np.zeros((rows, len(bands)), np.float32),
        "image_scale": np.ones((rows, len(bands)), np.float32),
    }


def _spectrum(column: Column | None, batch: Arrays) -> Arrays:
    if column is None:
        return {}
    flux = batch[column.name]
    return {
        "spectrum_flux": flux,
        "spectrum_ivar": np.ones_like(flux),
        "spectrum_lsf_sigma": np.zeros_like(flux),
        "spectrum_lambda": np.tile(np.arange(column.size, dtype=np.float32), (len(flux), 1)),
        "spectrum_mask": np.ones(flux.shape, bool),
    }
