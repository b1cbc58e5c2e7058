"""Pictures of samples, beside real rows where there are any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.flows.checking.turns import turn
from infoloom.observations.flows.stepped import BATCH, SteppedFlow
from infoloom.observations.realism.quality import story_latents
from infoloom.observations.training.data.rows import BRIGHTNESS, GREY
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.packaging import all_classes

__all__ = ["row_picture", "sample_picture", "tiled", "whitening_picture"]

Pixels = NDArray[np.uint8]

_HANDED_OVER: Final = {"whiten": "whitened", "scale": "each row divided by its norm", "none": "unchanged"}
_HEADING: Final = 18  # pixels, of a block's name


def sample_picture(
    name: str, path: Path, *, rows: int = 6, data: TrainingData | None = None, seed: int = 0
) -> None:
    """Draw samples of a flow, one column a class, above as many real rows where data are given.

    Args:
        name: One of the zoo, or a `.safetensors` file.
        path: Picture to write.
        rows: Samples of each class.
        data: Real data of its kind.
        seed: Seed of the latents.
    """
    flow = all_classes(name)
    columns = min(len(flow.description.classes or ()), BATCH) or 8
    latents = torch.randn((_enough(rows, columns), flow.dim), generator=torch.Generator().manual_seed(seed))
    samples = _chosen(flow, latents, rows, columns)
    limits = _limits(flow, samples)
    blocks = {"samples": samples}
    if data is not None:
        blocks["real rows"] = _real(data, rows, columns)
    _drawn(blocks, limits, columns).save(path)


def whitening_picture(name: str, path: Path, *, rows: int = 3, seed: int = 0) -> None:
    """Draw a flow's samples of latents that carry a cause: whitened, divided by their norm, and as they are.

    Args:
        name: One of the zoo, or a `.safetensors` file.
        path: Picture to write; three blocks from top to bottom, each under its name.
        rows: Rows of pictures of each block, one column a class.
        seed: Seed of the latents, the same for all three.
    """
    flow = all_classes(name)
    columns = min(len(flow.description.classes or ()), BATCH) or 8
    latents = story_latents(flow.dim, _enough(rows, columns), seed)
    made = {text: _chosen(flow, latents[kind], rows, columns) for kind, text in _HANDED_OVER.items()}
    _drawn(made, _limits(flow, made["whitened"]), columns).save(path)


def row_picture(row: NDArray[np.float32], limits: tuple[float, float], size: int = 64) -> Pixels:
    """One row as pixels (h, w, 3): a picture enlarged, a signal or vector as curves.

    Args:
        row: (channels, h, w), (leads, samples) or (d,).
        limits: Values shown black and white, or at the bottom and the top.
        size: Smallest height of the result.
    """
    if row.ndim < 3:
        return _curves(row.reshape(-1, row.shape[-1]), limits, size)
    shown = np.clip((row - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    pixels = np.moveaxis(np.round(255.0 * shown).astype(np.uint8), 0, -1)
    colour = np.repeat(pixels[..., :1], 3, axis=2) if pixels.shape[2] < 3 else pixels[..., :3]
    factor = max(1, -(-size // colour.shape[0]))
    return np.asarray(np.repeat(np.repeat(colour, factor, axis=0), factor, axis=1))


def tiled(pictures: list[Pixels], columns: int, gap: int = 2) -> Pixels:
    """Pictures of one size in rows of `columns`, with white gaps."""
    framed = [np.pad(one, ((0, gap), (0, gap), (0, 0)), constant_values=255) for one in pictures]
    lines = [
        np.concatenate(framed[start : start + columns], axis=1) for start in range(0, len(framed), columns)
    ]
    return np.concatenate([line for line in lines if line.shape == lines[0].shape])


def _enough(rows: int, columns: int) -> int:
    """Latents in whole batches that hold `rows` of every class."""
    return max(-(-rows * columns // BATCH) + 1, -(-rows // (BATCH // columns))) * BATCH


def _limits(flow: SteppedFlow | ExactFlow, samples: NDArray[np.float32]) -> tuple[float, float]:
    """Values to show as black and white."""
    picture = str(flow.description.card.get("unit")) in (BRIGHTNESS, GREY) or flow.description.scale == 1.0
    return (-1.0, 1.0) if picture else (float(samples.min()), float(samples.max()))


def _drawn(
    blocks: Mapping[str, NDArray[np.float32]], limits: tuple[float, float], columns: int
) -> Image.Image:
    """Rows as blocks of pictures above each other, each block under its name."""
    parts = []
    for name, rows in blocks.items():
        block = tiled([row_picture(row, limits) for row in rows], columns)
        heading = Image.new("RGB", (block.shape[1], _HEADING), "white")
        ImageDraw.Draw(heading).text((2, 3), name, fill="black")
        parts += [np.asarray(heading), block]
    return Image.fromarray(np.concatenate(parts))


def _chosen(flow: SteppedFlow | ExactFlow, latents: Tensor, rows: int, columns: int) -> NDArray[np.float32]:
    """Samples of these latents, `rows` of every class, one column a class."""
    table, size = None if flow.label is None else torch.arange(BATCH) % columns, flow.batch
    with torch.no_grad():
        parts = [
            turn(flow, table, index, size).forward(part)
            for index, part in enumerate(torch.split(latents, size))
        ]
    found = np.asarray(torch.cat(parts).numpy())
    if flow.label is None:
        return found[: rows * columns]
    order = np.arange(len(found)) % BATCH % columns
    picked = [np.flatnonzero(order == column)[:rows] for column in range(columns)]
    return found[np.stack(picked, axis=1).reshape(-1)]


def _real(data: TrainingData, rows: int, columns: int) -> NDArray[np.float32]:
    values = data.held_out if len(data.held_out) else data.values
    labels = data.held_out_labels if len(data.held_out) else data.labels
    if labels is None:
        return values[: rows * columns]
    picked = [np.flatnonzero(labels == column)[:rows] for column in range(columns)]
    return values[np.stack(picked, axis=1).reshape(-1)]


def _curves(row: NDArray[np.float32], limits: tuple[float, float], size: int) -> Pixels:
    width = max(2 * size, row.shape[1])
    image = Image.new("RGB", (width, size), "white")
    draw = ImageDraw.Draw(image)
    across = np.linspace(1, width - 2, row.shape[1])
    for lead, colour in zip(row, ("#1f4e79", "#c0504d", "#4f8f3a", "#7f6084") * len(row), strict=False):
        share = np.clip((lead - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
        draw.line(list(zip(across, (size - 2) * (1.0 - share) + 1, strict=True)), fill=colour)
    return np.asarray(image)
