"""Tones and spoken pictures of a dataset as sound, for listening."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.storage.channel_columns import SPOKEN_UNIT
from infoloom.datasets.storage.files import aside
from infoloom.errors import DatasetError
from infoloom.extras import extras_named
from infoloom.spec.flows.flow import flow_header, flow_path, parse_flow

if TYPE_CHECKING:
    from infoloom.datasets.reading.read import Dataset

__all__ = ["sound_file", "spoken_modalities", "write_sounds"]

_SAMPLE_BYTES: Final = 2


@extras_named()
def write_sounds(
    data: Dataset, folder: str | Path, rows: Sequence[int] = (0,), *, modality: str | None = None
) -> tuple[Path, ...]:
    """Write rows of a tone or of a spoken modality as WAV files at 8 kHz, `<modality>-<row>.wav`.

    A tone is written as it is, to 16 bits. A log-mel picture (0.64 s) holds neither phases nor fine pitch: they are
    estimated, so that its sound is approximate, and the picture cannot be had back from it; each has the same peak.

    Args:
        data: An open dataset.
        folder: Where the files go; it is made if need be, files of that name are replaced.
        rows: Positions of the rows.
        modality: Which one; the first that is spoken when left out.

    Returns:
        The files, in the order of the rows.

    Raises:
        DatasetError: No spoken modality, another modality, rows that are not there, or a folder that cannot be written.
    """
    from infoloom.observations.training.data.spectrogram import render_sound

    name = _chosen(data, modality)
    pictures = data.select(name).take(list(rows))[name]
    numbers = data.select("sample_id").take(list(rows))["sample_id"]
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        files = tuple(place / f"{name}-{number}.wav" for number in numbers)
        for file, picture in zip(files, pictures, strict=True):
            _write(file, _samples(picture) if picture.ndim == 1 else render_sound(picture))
    except OSError as error:
        raise DatasetError(
            f"folder `{place}`: cannot be written ({error.strerror or error}). Choose another folder."
        ) from error
    return files


def spoken_modalities(data: Dataset) -> tuple[str, ...]:
    """Modalities that can be heard: tones, and log-mel pictures of speech as the flow `spoken` makes them."""
    names = (column.name for column in data.columns if column.kind == "modality")
    return tuple(name for name in names if _spoken(data, name))


def _spoken(data: Dataset, name: str) -> bool:
    last = parse_flow(data.manifest.bijections[name]["flow"])[-1]
    if last.name == "tone":
        return True
    if not last.trained:
        return False
    return bool(flow_header(flow_path(last.name, data.root))["card"].get("unit") == SPOKEN_UNIT)


def _chosen(data: Dataset, modality: str | None) -> str:
    spoken = spoken_modalities(data)
    name = modality or next(iter(spoken), None)
    if name in spoken:
        return name
    found = (
        f"one of {', '.join(spoken)}"
        if spoken
        else "a dataset with a modality of the flow `spoken` or `tone`"
    )
    raise DatasetError(
        f"sound of `{name or data.manifest.name}`: expected {found}, because only tones and log-mel pictures of speech "
        "can be rendered. Look at the others with `infoloom preview`."
    )


def _samples(sound: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A sound between −1 and 1 as whole numbers of 16 bits."""
    return np.asarray(np.rint(32767.0 * np.clip(sound, -1.0, 1.0)))


def sound_file(sound: np.ndarray[Any, Any]) -> bytes:
    """A WAV file at 8 kHz of the samples of a tone, between −1 and 1, shape (n,)."""
    file = io.BytesIO()
    _write_to(file, _samples(sound))
    return file.getvalue()


def _write(path: Path, sound: np.ndarray[Any, Any]) -> None:
    with aside(path) as part, part.open("wb") as file:
        _write_to(file, sound)


def _write_to(into: IO[bytes], sound: np.ndarray[Any, Any]) -> None:
    from infoloom.observations.training.data.spectrogram import RATE

    with wave.open(into, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(_SAMPLE_BYTES)
        file.setframerate(RATE)
        file.writeframes(sound.astype("<i2").tobytes())
