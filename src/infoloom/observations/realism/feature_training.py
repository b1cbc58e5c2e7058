"""Training of the classifier whose features compare samples with real rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from infoloom.observations.realism.feature_network import FeatureNetwork, whiten_patches
from infoloom.observations.training.augment import augment
from infoloom.observations.training.data.own_scale import standardised
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.precision import Precision, autocast, choose_precision

__all__ = ["train_classifier"]

_BATCH: Final = 256
_RATE: Final = 0.3
_MOMENTUM: Final = 0.85
_DECAY: Final = 5e-4
_SMOOTHING: Final = 0.1
_SHIFT: Final = 2  # pixels or samples
_WARM: Final = 0.2  # share of the steps in which the rate rises


def train_classifier(
    data: TrainingData,
    classes: NDArray[np.int64],
    *,
    epochs: Sequence[float],
    sizes: tuple[int, ...],
    augmentation: str = "none",
    seed: int = 0,
    begun: Mapping[str, Tensor] | None = None,
    precision: Precision | None = None,
    report: Callable[[str, float], None] | None = None,
) -> dict[str, Tensor]:
    """Train a classifier on the training rows, each shifted by up to two pixels or samples.

    Args:
        data: Real rows with classes.
        classes: Class numbers of the training rows.
        epochs: Passes over the training rows; the rate falls to nearly nothing and rises again between several numbers.
        sizes: Channels of each stage.
        augmentation: See `AUGMENTATIONS`; what leaves the class of a row as it is.
        seed: Of weights, order and changes.
        begun: Weights of a network that was trained already; only the last of `epochs` is then trained.
        precision: `float32` or `bfloat16`; measured on a first step when None, so that it may differ from run to run.
        report: Called with what is being done and the share that is done.

    Returns:
        Weights of a `FeatureNetwork`.
    """
    values = torch.from_numpy(standardised(data.values, data.center, data.scale))
    labels = torch.from_numpy(classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FeatureNetwork(data.shape, len(data.classes or ()), sizes)
    whiten_patches(network, values[:5000])
    if begun is not None:
        network.load_state_dict(begun, strict=False)  # counters of batches are no weights
    for cycle, passes in list(enumerate(epochs))[0 if begun is None else -1 :]:
        generator = torch.Generator().manual_seed(seed + cycle)
        _cycle(network, values, labels, passes, augmentation, generator, precision, report)
    return {name: value.detach() for name, value in network.state_dict().items() if value.is_floating_point()}


def _cycle(
    network: FeatureNetwork,
    values: Tensor,
    labels: Tensor,
    epochs: float,
    augmentation: str,
    generator: torch.Generator,
    precision: Precision | None,
    report: Callable[[str, float], None] | None,
) -> None:
    """Train with a rate that rises and then falls to nearly nothing."""
    batch = min(_BATCH, len(values))
    steps = max(1, round(epochs * len(values) / batch))
    learned = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.SGD(learned, _RATE, momentum=_MOMENTUM, nesterov=True, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share_of_rate(step / steps))

    def loss(chosen: Tensor) -> Tensor:
        rows = _shifted(augment(augmentation, values[chosen], generator), generator)
        scores = network(rows).float()
        return functional.cross_entropy(scores, labels[chosen], label_smoothing=_SMOOTHING)

    device = torch.device("cpu")
    precision = precision or choose_precision(lambda: loss(torch.arange(batch)), device)[0]
    order = torch.empty(0, dtype=torch.long)
    for step in range(steps):
        if len(order) < batch:
            order = torch.randperm(len(values), generator=generator)
        chosen, order = order[:batch], order[batch:]
        optimizer.zero_grad()
        with autocast(device, precision):
            found = loss(chosen)
        found.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if report is not None and step % 50 == 0:
            report(f"training the classifier, loss {found.item():.3f}", step / steps)


def _share_of_rate(done: float) -> float:
    """Rises from a fifth, then falls to nearly nothing."""
    return 0.2 + 0.8 * done / _WARM if done < _WARM else max(0.02, (1.0 - done) / (1.0 - _WARM))


def _shifted(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Each row moved by up to two places on its last one or two axes, the edge mirrored; small rows stay."""
    axes = 2 if rows.ndim == 4 else 1
    if min(rows.shape[-axes:]) < 8 * _SHIFT:
        return rows
    flat = rows.reshape(len(rows), -1, *(rows.shape[-2:] if axes == 2 else (1, rows.shape[-1])))
    sides = [_SHIFT, _SHIFT, _SHIFT, _SHIFT] if axes == 2 else [_SHIFT, _SHIFT, 0, 0]
    padded = functional.pad(flat, sides, mode="reflect")
    places = []
    for axis in (2, 3):
        extent, room = flat.shape[axis], padded.shape[axis] - flat.shape[axis]
        start = torch.randint(room + 1, (len(rows), 1), generator=generator)
        places.append(start + torch.arange(extent))
    which = torch.arange(len(rows))
    moved = padded[which[:, None, None], :, places[0][:, :, None], places[1][:, None, :]]
    return moved.permute(0, 3, 1, 2).reshape(rows.shape)
