"""Features of many rows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from infoloom.ssl.checks import check_arrays
from infoloom.ssl.learner import Learner

__all__ = ["features", "tensors_of"]


@torch.no_grad()
def features(
    learner: Learner, arrays: Mapping[str, Any], *, batch: int = 1024
) -> dict[str, NDArray[np.float32]]:
    """Encode rows with a frozen learner, on the device where it is.

    Args:
        learner: A trained learner.
        arrays: Modality → (n, *shape); those it holds are encoded, `fused` is of them together.
        batch: Rows at a time; the features do not depend on it.

    Returns:
        Modality → (n, d), and `fused`.

    Raises:
        LearnerError: If no modality is among the arrays, or one has another shape.
    """
    shapes = {name: shape for name, shape in learner.shapes.items() if name in arrays}
    rows = check_arrays(arrays, shapes or learner.shapes)
    device = next((tensor.device for tensor in learner.buffers()), torch.device("cpu"))
    was_training = learner.training
    learner.eval()
    parts = [
        {name: values.float().cpu().numpy() for name, values in learner.encode(given).items()}
        for given in _batches(arrays, tuple(shapes), rows, batch, device)
    ]
    learner.train(was_training)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def tensors_of(
    arrays: Mapping[str, Any], names: tuple[str, ...], rows: Any, device: torch.device
) -> dict[str, torch.Tensor]:
    """Some rows of some arrays as float32 tensors."""
    return {name: torch.as_tensor(arrays[name][rows], dtype=torch.float32).to(device) for name in names}


def _batches(
    arrays: Mapping[str, Any], names: tuple[str, ...], rows: int, batch: int, device: torch.device
) -> Iterator[dict[str, torch.Tensor]]:
    for first in range(0, rows, batch):
        yield tensors_of(arrays, names, slice(first, first + batch), device)
