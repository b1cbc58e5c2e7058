"""How real a flow's samples look, measured against real rows and against real-with-real as the floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from infoloom.errors import FlowError
from infoloom.observations.adopted.exact import ExactFlow
from infoloom.observations.flows.stepped import SteppedFlow
from infoloom.observations.formulas.linear import Whitening
from infoloom.observations.realism.distances import (
    frechet_distance,
    kernel_distance,
    nearest_ratio,
    precision_recall,
)
from infoloom.observations.realism.features import Features, train_features
from infoloom.observations.training.packaging import all_classes, real_rows
from infoloom.observations.training.training_data import TrainingData

__all__ = ["gaussianity", "measure_quality", "sample_quality", "story_latents"]

Array = NDArray[np.float64]
Rows = NDArray[np.float32]
Report = Callable[[str, float], None]


def measure_quality(
    name: str,
    data: TrainingData,
    *,
    rows: int = 512,
    features: Features | None = None,
    seed: int = 0,
    report: Report | None = None,
) -> dict[str, Any]:
    """Compare samples with held-out real rows.

    Args:
        name: One of the zoo, or a path.
        data: Real data of its kind.
        rows: Samples of each kind.
        features: What to compare by; trained on the data when None.
        seed: Seed of the latents.
        report: Called with what is being done and the share that is done.

    Returns:
        `floor` (real with real), `samples` (from N(0, I)), `story_whiten`, `story_scale`, `story_none` (from
        latents that carry
        a strong cause on half of the components), each with the Fréchet and kernel distance, precision, recall
        and the
        classifier's accuracy; `gaussianity` of inverted real rows; `nearest_ratio`.
    """
    tell = report or (lambda what, share: None)
    if min(len(data.values), len(data.held_out)) < 64:
        raise FlowError(
            "quality: expected at least 64 training rows and 64 held-out rows. Give both files of the data."
        )
    flow = all_classes(name)
    tell("training the feature classifier", 0.0)
    found = features or train_features(data, seed=seed)
    held, trained = _even(real_rows(data, flow, seed=seed), rows), data.values
    again = _even(real_rows(data, flow, seed=seed + 1, held_out=False), rows)
    if min(len(held), len(again)) < 64:
        raise FlowError(
            f"quality: expected at least 64 rows with all classes in turn, got {len(held)} held out and {len(again)} "
            "trained on. Give data with more rows of every class."
        )
    result: dict[str, Any] = {"rows": rows, "classifier_accuracy": found.accuracy}
    result["floor"] = _compared(found, held, again, None)
    for index, (kind, latents) in enumerate({"samples": None, **story_latents(flow.dim, rows, seed)}.items()):
        tell(f"sampling: {kind}", index / 5)
        made = _sampled(flow, latents, rows, seed)
        measures = _compared(found, held, made, _classes_in_turn(flow, len(made)))
        result[kind if latents is None else f"story_{kind}"] = measures
        if latents is None:
            flat = [part.reshape(len(part), -1).astype(np.float64) for part in (made, held, trained[:10_000])]
            result["nearest_ratio"] = nearest_ratio(*flat)
    tell("inverting real rows", 0.9)
    with torch.no_grad():
        result["gaussianity"] = gaussianity(
            flow.inverse(torch.from_numpy(held[: min(rows, 256)])).double().numpy()
        )
    tell("done", 1.0)
    return result


def sample_quality(
    flow: SteppedFlow | ExactFlow, data: TrainingData, features: Features, *, rows: int = 256, seed: int = 0
) -> dict[str, float]:
    """Only the `samples` of `measure_quality`, of a flow that need not lie in a file.

    Args:
        flow: A flow with all its classes in turn.
        data: Real data of its kind.
        features: What to compare by.
        rows: Samples.
        seed: Seed of the latents.
    """
    held = _even(real_rows(data, flow, seed=seed), rows)
    return _compared(features, held, _sampled(flow, None, rows, seed), _classes_in_turn(flow, rows))


def story_latents(dim: int, rows: int, seed: int) -> dict[str, torch.Tensor]:
    """Latents z = u + θ·1 on the first half of the components, handed over in three ways.

    `none` as they are; `scale` divided by their root mean square, as the paper's code does; `whiten` blockwise
    whitened, as
    infoloom does.
    """
    generator = torch.Generator().manual_seed(seed)
    template = (torch.arange(dim) < dim // 2).double()
    u = torch.randn((rows, dim), generator=generator, dtype=torch.float64)
    z = u + torch.randn((rows, 1), generator=generator, dtype=torch.float64) * template
    size = float(template.norm())
    whitening = Whitening(
        _OneCause(template.numpy()[None] / size, np.array([[(1.0 + size**2) ** -0.5]]), 1.0)
    )
    scaled = z / z.square().mean(dim=1, keepdim=True).sqrt()
    return {"whiten": whitening.forward(z).float(), "scale": scaled.float(), "none": z.float()}


def gaussianity(latents: Array) -> dict[str, float]:
    """How close latents are to N(0, I): variance, excess kurtosis, mean of |z|²/d and its spread over that of a
    normal, and
    the largest difference of the pooled distribution from Φ.

    Args:
        latents: (n, d).
    """
    from scipy.special import ndtr

    dim = latents.shape[1]
    size = (latents**2).mean(axis=1)
    pooled = np.sort(latents.ravel())
    steps = np.arange(1, len(pooled) + 1) / len(pooled)
    return {
        "variance": float(latents.var()),
        "excess_kurtosis": float(((latents - latents.mean()) ** 4).mean() / latents.var() ** 2 - 3.0),
        "norm_mean": float(size.mean()),
        "norm_spread": float(size.std() / np.sqrt(2.0 / dim)),
        "distribution_distance": float(np.abs(steps - ndtr(pooled)).max()),
    }


class _OneCause:
    def __init__(self, basis: Array, in_span: Array, complement: float) -> None:
        self.basis, self.in_span, self.complement = basis, in_span, complement


def _compared(
    features: Features, real: Rows, made: Rows, wanted: NDArray[np.int64] | None
) -> dict[str, float]:
    ours, theirs = features.embed(made), features.embed(real)
    precision, recall = precision_recall(theirs, ours)
    found = {
        "frechet": frechet_distance(theirs, ours),
        "kernel": kernel_distance(theirs, ours),
        "precision": precision,
        "recall": recall,
    }
    if features.classes and wanted is not None:
        found["class_accuracy"] = float((features.classify(made) == wanted).mean())
    return found


def _classes_in_turn(flow: SteppedFlow | ExactFlow, count: int) -> NDArray[np.int64] | None:
    classes = len(flow.description.classes or ())
    return np.arange(count) % flow.batch % classes if classes else None


def _sampled(flow: SteppedFlow | ExactFlow, latents: torch.Tensor | None, rows: int, seed: int) -> Rows:
    generator = torch.Generator().manual_seed(seed + 2)
    chosen = torch.randn((rows, flow.dim), generator=generator) if latents is None else latents
    with torch.no_grad():
        return np.asarray(flow.forward(chosen).numpy())


def _even(rows: torch.Tensor, count: int) -> Rows:
    return np.asarray(rows[:count].numpy())
