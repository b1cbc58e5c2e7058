"""Data to train a small flow on: two arcs in the plane, one for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from infoloom.observations.training.data.training_data import TrainingData

CLASSES = ("high", "low")


def arcs(rows: int = 2000) -> TrainingData:
    """Two arcs in the plane, one for each class."""
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, rows)
    angle = np.pi * (generator.random(rows) + label)
    values = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    held = np.arange(rows) % 10 == 9
    return TrainingData(values[~held], label[~held], values[held], label[held], CLASSES, "metre")


def write_arcs(path: Path, *, size: float = 1.0) -> None:
    """The training rows as a file, times a size."""
    data = arcs()
    np.savez(path, x=size * data.values, y=np.array(CLASSES)[data.labels])
