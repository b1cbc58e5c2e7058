"""Pictures of samples, beside real rows where there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from infoloom.bijections.packaging import all_classes
from infoloom.bijections.stepped import BATCH, SteppedFlow
from infoloom.bijections.training_data import TrainingData

__all__ = ["row_picture", "sample_picture", "tiled"]

Pixels = NDArray[np.uint8]


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
    columns = len(flow.description.classes or ()) or 8
    samples = _samples(flow, rows, columns, seed)
    limits = (-1.0, 1.0) if flow.description.scale == 1.0 else (float(samples.min()), float(samples.max()))
    blocks = [tiled([row_picture(row, limits) for row in samples], columns)]
    if data is not None:
        real = _real(data, rows, columns)
        blocks.append(tiled([row_picture(row, limits) for row in real], columns))
    gap = np.full((6, *blocks[0].shape[1:]), 255, dtype=np.uint8)
    joined = np.concatenate([part for block in blocks for part in (block, gap)][:-1])
    Image.fromarray(joined).save(path)


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


def _samples(flow: SteppedFlow, rows: int, columns: int, seed: int) -> NDArray[np.float32]:
    generator = torch.Generator().manual_seed(seed)
    batches = -(-rows * columns // BATCH) + 1
    with torch.no_grad():
        found = flow.forward(torch.randn((batches * BATCH, flow.dim), generator=generator)).numpy()
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
