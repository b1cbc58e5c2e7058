"""Features of many rows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from infoloom.ssl.checks import by_name, check_arrays, expect, is_whole
from infoloom.ssl.learner import Learner
from infoloom.ssl.outputs import expect_learner, features_by

__all__ = ["features", "tensors_of"]

_LOOKED_AT: Final = 8  # rows that are encoded twice, all together and half of them alone
_ROUNDING: Final = 1e-2  # of the largest feature; encoders in half precision are that coarse


@torch.no_grad()
def features(learner: Learner, arrays: Any, *, batch: int = 1024) -> dict[str, NDArray[np.float32]]:
    """Encode rows with a frozen learner, on the device where it is.

    Args:
        learner: A trained learner.
        arrays: Modality → (n, *shape), or an opened dataset; those it holds are encoded, `fused` is of them together.
        batch: Rows at a time; the features do not depend on it but for rounding.

    Returns:
        Modality → (n, d), and `fused`.

    Raises:
        LearnerError: If it is no learner, no modality is among the arrays, one has another shape, features are not
            finite numbers, or features of a row change with the rows beside it (looked at on the first few rows) or
            with chance.
    """
    expect_learner(learner)
    expect(is_whole(batch), "batch", batch, "a whole number above 0", "Use 1024.")
    arrays = by_name(arrays, learner.shapes)
    shapes = {name: shape for name, shape in learner.shapes.items() if name in arrays}
    rows = check_arrays(arrays, shapes or learner.shapes)
    device = next((tensor.device for tensor in learner.buffers()), torch.device("cpu"))
    was_training = learner.training
    learner.eval()
    try:
        parts = []
        few = slice(0, _LOOKED_AT)
        for given in _batches(arrays, tuple(shapes), rows, batch, device):
            parts.append(features_by(learner, given, shapes))
            if len(parts) == 1:  # at once, before the many others
                _require_apart(learner, tensors_of(arrays, tuple(shapes), few, device), tuple(shapes))
    finally:
        learner.train(was_training)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def tensors_of(
    arrays: Mapping[str, Any], names: tuple[str, ...], rows: Any, device: torch.device
) -> dict[str, torch.Tensor]:
    """Some rows of some arrays as float32 tensors."""
    given = {name: arrays[name][rows] for name in names}
    return {
        name: torch.as_tensor(
            part.detach() if isinstance(part, torch.Tensor) else np.array(part, np.float32),
            dtype=torch.float32,
        ).to(device)
        for name, part in given.items()
    }


def _require_apart(learner: Learner, batch: dict[str, torch.Tensor], names: tuple[str, ...]) -> None:
    """Refuse an encoder whose features of a row depend on the rows that are encoded with it."""
    few = len(batch[names[0]]) // 2
    if not few:
        return
    together = features_by(learner, batch, names)
    alone = features_by(learner, {name: values[:few] for name, values in batch.items()}, names)
    for name, values in together.items():
        change = (
            float(np.abs(values[:few] - alone[name]).max())
            if values.shape[1:] == alone[name].shape[1:]
            else np.inf
        )
        expect(
            change <= _ROUNDING * float(np.abs(values).max()),
            f"features of {name}",
            f"others for the same row where other rows are encoded with it, by {change:.1e}",
            "the same",
            "Encode each row on its own, without statistics of the batch and without chance.",
        )


def _batches(
    arrays: Mapping[str, Any], names: tuple[str, ...], rows: int, batch: int, device: torch.device
) -> Iterator[dict[str, torch.Tensor]]:
    for first in range(0, rows, batch):
        yield tensors_of(arrays, names, slice(first, first + batch), device)
