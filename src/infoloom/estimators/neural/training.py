"""Training with early stopping: the weights that were best on validation rows come back, never the last."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from infoloom.errors import EstimatorError
from infoloom.estimators.settings import Training

__all__ = ["fit", "tensors"]


def fit(
    module: nn.Module,
    loss: Callable[..., Tensor],
    validate: Callable[[], Tensor],
    train: tuple[Tensor, ...],
    training: Training,
    seed: int,
) -> dict[str, Any]:
    """Train a module in place with Adam and leave it with the weights of the best epoch.

    Args:
        module: What is trained; the state before the first step counts as an epoch.
        loss: Loss of one batch, called with the rows of each tensor of `train`.
        validate: Loss on validation rows, lower is better; called without gradients.
        train: Tensors with the same number of rows.
        training: Batch, learning rate, epochs, patience, seconds.
        seed: Seed of the order of rows.

    Returns:
        `best_epoch`, `epochs`, `validation` (the best loss) and `stopped` (patience, epochs, seconds or diverged;
        the last with `reliable` False, because what is left are weights of before).

    Raises:
        EstimatorError: If the validation loss is never finite.
    """
    optimiser = torch.optim.Adam(
        module.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    generator = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    best, best_epoch, weights = _score(module, validate), 0, copy.deepcopy(module.state_dict())
    epoch, stopped = 0, "epochs"
    while epoch < training.epochs:
        epoch += 1
        _epoch(module, loss, train, optimiser, training.batch, generator)
        value = _score(module, validate)
        if value < best:
            best, best_epoch, weights = value, epoch, copy.deepcopy(module.state_dict())
        if not math.isfinite(value) and not _finite(module):
            stopped = "diverged"
            break
        if epoch - best_epoch >= training.patience:
            stopped = "patience"
            break
        if training.seconds is not None and time.perf_counter() - start > training.seconds:
            stopped = "seconds"
            break
    module.load_state_dict(weights)
    module.eval()
    if not math.isfinite(best):
        raise EstimatorError(
            f"`training` `{type(module).__name__}`: expected a finite validation loss in {epoch} epochs, because "
            "a diverged network estimates nothing. Lower the learning rate or prepare the rows."
        )
    report = {"best_epoch": best_epoch, "epochs": epoch, "validation": best, "stopped": stopped}
    return {**report, "reliable": False} if stopped == "diverged" else report


def tensors(*arrays: Any) -> tuple[Tensor, ...]:
    """Arrays as float32 tensors."""
    return tuple(torch.as_tensor(array, dtype=torch.float32) for array in arrays)


def _epoch(
    module: nn.Module,
    loss: Callable[..., Tensor],
    train: tuple[Tensor, ...],
    optimiser: torch.optim.Optimizer,
    batch: int,
    generator: torch.Generator,
) -> None:
    """One pass over the rows in batches of equal size, the remainder left to another epoch."""
    module.train()
    rows = len(train[0])
    size = min(batch, rows)
    order = torch.randperm(rows, generator=generator)
    for first in range(0, rows - size + 1, size):
        chosen = order[first : first + size]
        optimiser.zero_grad()
        loss(*(tensor[chosen] for tensor in train)).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimiser.step()


def _score(module: nn.Module, validate: Callable[[], Tensor]) -> float:
    """The validation loss, infinite where it is not a number."""
    module.eval()
    with torch.no_grad():
        value = float(validate())
    return value if math.isfinite(value) else math.inf


def _finite(module: nn.Module) -> bool:
    return all(bool(torch.isfinite(weights).all()) for weights in module.parameters())
