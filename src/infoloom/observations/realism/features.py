"""Features by which samples are compared with real rows: a small classifier of our own, or principal components."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from safetensors import SafetensorError
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.foreign.trees import Finite, Tree, checked, parse_json
from infoloom.observations.flows.scaling import Numbers, as_array, checked_numbers
from infoloom.observations.realism.feature_network import FeatureNetwork
from infoloom.observations.realism.feature_training import train_classifier
from infoloom.observations.training.data.own_scale import standardised
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.precision import Precision
from infoloom.tensor_files import read_tensors, write_tensors

__all__ = ["CLASSIFIERS", "Features", "load_features", "save_features", "train_features"]

HEADER = "infoloom-features"
CLASSIFIERS: Final = Path(__file__).with_name("classifiers")  # shipped, one a file named as its flow
SIZES: Final = (32, 64, 128)
_STEPS: Final = 300  # of a classifier made on the way
Array = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """A map of rows to feature vectors and, where the data have classes, to class numbers.

    Args:
        shape: Shape of one row.
        classes: Number of classes; 0 for principal components.
        center: Value that stands for zero.
        scale: Size that stands for one.
        weights: Of the classifier; or `middle` (d,) and `directions` (f, d).
        accuracy: Share of held-out real rows that it gets right, or None.
        sizes: Channels of the classifier's stages.
    """

    shape: tuple[int, ...]
    classes: int
    center: Numbers
    scale: Numbers
    weights: Mapping[str, Tensor]
    accuracy: float | None = None
    sizes: tuple[int, ...] = SIZES

    def embed(self, rows: Rows) -> Array:
        """(n, *shape) → features (n, f)."""
        if not self.classes:
            flat = self._scaled(rows).flatten(1).double()
            return np.asarray(((flat - self.weights["middle"]) @ self.weights["directions"].T).numpy())
        network = self._network()
        return np.asarray(self._in_parts(network.features, rows).double().numpy())

    def classify(self, rows: Rows) -> NDArray[np.int64]:
        """(n, *shape) → class numbers (n,); of a classifier only."""
        return np.asarray(self._in_parts(self._network(), rows).argmax(dim=1).numpy())

    def fits(self, data: TrainingData) -> bool:
        """Whether rows and classes are those that it was trained on."""
        return self.shape == data.shape and self.classes == len(data.classes or ())

    def _scaled(self, rows: Rows) -> Tensor:
        return torch.from_numpy(standardised(rows, self.center, self.scale))

    def _in_parts(self, function: Callable[[Tensor], Tensor], rows: Rows) -> Tensor:
        return torch.cat([function(part) for part in torch.split(self._scaled(rows), 256)])

    def _network(self) -> FeatureNetwork:
        network = FeatureNetwork(self.shape, self.classes, self.sizes)
        network.load_state_dict(dict(self.weights))
        return network.eval().requires_grad_(False)


def train_features(
    data: TrainingData,
    *,
    epochs: Sequence[float] | None = None,
    sizes: tuple[int, ...] = SIZES,
    augmentation: str = "none",
    seed: int = 0,
    begun: Features | None = None,
    precision: Precision | None = None,
    report: Callable[[str, float], None] | None = None,
) -> Features:
    """Train a classifier on the real data; principal components where there are no classes.

    Args:
        data: Real data.
        epochs: Passes over the training rows, the rate of learning rising anew for each number; None for 300 steps.
        sizes: Channels of the classifier's stages.
        augmentation: Changes that leave the class of a row as it is, see `AUGMENTATIONS`.
        seed: Seed of weights and order.
        begun: A classifier of the same sizes that was trained already; only the last of `epochs` is then trained.
        precision: Of the training; measured when None, so that it may differ from run to run.
        report: Called with what is being done and the share that is done.
    """
    if data.labels is None:
        return _principal(data)
    passes = [_STEPS * 256 / len(data.values)] if epochs is None else epochs
    trained = train_classifier(
        data,
        data.labels,
        epochs=passes,
        sizes=sizes,
        augmentation=augmentation,
        seed=seed,
        precision=precision,
        report=report,
        begun=None if begun is None else begun.weights,
    )
    weights = {name: value.half().float() for name, value in trained.items()}
    classes = len(data.classes or ())
    return _with_accuracy(Features(data.shape, classes, data.center, data.scale, weights, sizes=sizes), data)


def save_features(path: Path, features: Features) -> None:
    """Write features as a small safetensors file, a classifier in half precision."""
    description = {
        "shape": features.shape,
        "classes": features.classes,
        "center": features.center,
        "scale": features.scale,
        "accuracy": features.accuracy,
        "sizes": features.sizes,
    }
    kept = torch.float16 if features.classes else torch.float64
    weights = {name: value.to(kept).contiguous() for name, value in features.weights.items()}
    write_tensors(path, weights, {HEADER: json.dumps(description)})


def load_features(path: Path) -> Features:
    """Read features that `save_features` wrote.

    Raises:
        FlowError: Not such a file.
    """
    try:
        weights, metadata = read_tensors(path)
        description = checked(FeaturesTree, parse_json(metadata[HEADER]))
        center = checked_numbers(description.center, description.shape, "center")
        scale = checked_numbers(description.scale, description.shape, "scale", positive=True)
        _check_weights(description, weights)
    except (OSError, SafetensorError, KeyError, ValueError, FlowError) as error:
        raise FlowError(
            f"features `{path}`: expected a file that `infoloom flow check --features` wrote ({error}). "
            "Remove it to train them anew."
        ) from error
    used = torch.float32 if description.classes else torch.float64
    return Features(
        shape=tuple(description.shape),
        classes=description.classes,
        center=center,
        scale=scale,
        weights={name: value.to(used) for name, value in weights.items()},
        accuracy=description.accuracy,
        sizes=tuple(description.sizes),
    )


def _check_weights(description: FeaturesTree, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights of other shapes than the description asks for, before any memory is taken.

    Raises:
        ValueError: They are.
    """
    shape, dim = tuple(description.shape), math.prod(description.shape)
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if description.classes:
        with torch.device("meta"):
            network = FeatureNetwork(shape, description.classes, tuple(description.sizes))
        state = network.state_dict()
        wanted = {name: tuple(value.shape) for name, value in state.items() if value.is_floating_point()}
    else:
        wanted = {"middle": (dim,), "directions": (found.get("directions", (0,))[0], dim)}
    if found != wanted:
        name = next(name for name in (*wanted, *found) if found.get(name) != wanted.get(name))
        raise ValueError(f"`{name}`: expected the shape {wanted.get(name)}, got {found.get(name)}")


class FeaturesTree(Tree):
    """The description of features in their file."""

    shape: Annotated[list[Annotated[int, Field(ge=1, le=10**8)]], Field(min_length=1, max_length=3)]
    classes: Annotated[int, Field(ge=0, le=10**6)]
    center: Finite | Annotated[list[Any], Field(max_length=10**6)]
    scale: Finite | Annotated[list[Any], Field(max_length=10**6)]
    accuracy: Finite | None
    sizes: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(max_length=8)]


def _with_accuracy(features: Features, data: TrainingData) -> Features:
    if data.held_out_labels is None or not len(data.held_out):
        return features
    right = features.classify(data.held_out) == data.held_out_labels
    return replace(features, accuracy=float(right.mean()))


def _principal(data: TrainingData, count: int = 32) -> Features:
    rows = (data.values.astype(np.float64) - as_array(data.center)) / as_array(data.scale)
    rows = rows.reshape(len(rows), -1)
    middle = rows.mean(axis=0)
    directions = np.linalg.svd(rows[:2000] - middle, full_matrices=False)[2][:count]
    size = float(((rows - middle) @ directions.T).std())
    weights = {"middle": torch.from_numpy(middle), "directions": torch.from_numpy(directions / size)}
    return Features(data.shape, 0, data.center, data.scale, weights)
