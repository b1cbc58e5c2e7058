"""How real a flow's samples look, measured against real rows and against real-with-real as the floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

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
from infoloom.observations.realism.inception import InceptionFeatures
from infoloom.observations.realism.sides import Sides, real_with_noise, sampled, strongly_told, trained_change
from infoloom.observations.realism.two_sample import FEWEST_TESTED, two_sample_test
from infoloom.observations.training.data.training_data import TrainingData
from infoloom.observations.training.packaging import all_classes, real_rows

__all__ = [
    "drawn_beside_real",
    "gaussianity",
    "measure_quality",
    "require_rows",
    "moments",
    "sample_quality",
    "story_latents",
]

Array = NDArray[np.float64]
Rows = NDArray[np.float32]
Report = Callable[[str, float], None]
_FEWEST: Final = 40
_FLOOR_ROWS: Final = 10_000


def require_rows(data: TrainingData) -> None:
    """Refuse data of which too few rows are there to compare with.

    Raises:
        FlowError: Too few to train on, or too few held out.
    """
    trained, held = len(data.values), len(data.held_out)
    if min(trained, held) < _FEWEST:
        advice = "Give both files of the data."
        if data.one_in is not None:
            advice = f"One row in {data.one_in} is held out here, so give about {_FEWEST * data.one_in} rows or more."
        raise FlowError(
            f"quality `{trained + held} rows`: expected at least {_FEWEST} training rows and {_FEWEST} held-out rows, "
            f"got {trained} and {held}. {advice}"
        )


def measure_quality(
    name: str,
    data: TrainingData,
    *,
    rows: int = 2048,
    features: Features | None = None,
    inception: InceptionFeatures | None = None,
    strong: bool = False,
    seed: int = 0,
    report: Report | None = None,
) -> dict[str, Any]:
    """Compare samples with held-out real rows.

    Args:
        name: One of the zoo, or a path.
        data: Real data of its kind.
        rows: Samples of each kind.
        features: What to compare by; trained on the data when None.
        inception: Features of a user's Inception weights, compared by too.
        strong: Tell samples from real rows by a larger network as well, from up to 5,000 rows of each.
        seed: Seed of the latents.
        report: Called with what is being done and the share that is done.

    Returns:
        `floor` (real with real), `samples` (from N(0, I)), `story_whiten`, `story_scale`, `story_none` (from latents
        that carry a strong cause on half of the components), each with the Fréchet and kernel distance, precision,
        recall and the classifier's accuracy; `gaussianity` of inverted real rows; `moments`, and `moments_floor`
        of training rows in place of samples; `nearest_ratio`;
        `two_sample`, `two_sample_story_whiten` and `two_sample_floor`; `two_sample_augmented`, where the real rows
        were changed at random as they were in training, if they were; on demand `two_sample_strong` and `inception`
        (floor and samples).
    """
    tell = report or (lambda what, share: None)
    require_rows(data)
    flow = all_classes(name)
    tell("training the feature classifier", 0.0)
    found = features or train_features(data, seed=seed)
    sides = Sides.of(flow, data, rows, seed)
    result: dict[str, Any] = {
        "rows": rows,
        "held_out_rows": len(sides.held),
        "classifier_accuracy": found.accuracy,
    }
    result["floor"] = _compared(found, sides.held, sides.again, None)
    trained_on, _ = real_with_noise(data, flow, _FLOOR_ROWS, seed + 1, held_out=False)
    result["moments_floor"] = moments(sides.held, trained_on)
    if min(len(sides.held), len(sides.again)) >= FEWEST_TESTED:
        result["two_sample_floor"] = two_sample_test(sides.held, sides.again, seed=seed).to_dict()
    for index, (kind, latents) in enumerate({"samples": None, **story_latents(flow.dim, rows, seed)}.items()):
        tell(f"quality: {kind}", index / 5)
        made = sampled(flow, latents, rows, seed, sides.wanted)
        result[kind if latents is None else f"story_{kind}"] = _compared(
            found, sides.held, made, sides.wanted
        )
        if latents is None:
            result.update(_of_samples(sides, made, data, inception))
        if kind in ("samples", "whiten"):
            tell("telling samples from real rows", index / 5 + 0.1)
            name_of = "two_sample" if latents is None else "two_sample_story_whiten"
            result[name_of] = sides.told_apart(flow, made, latents, seed)
        if latents is None and (change := trained_change(flow)) != "none":
            tell(f"telling samples from real rows after {change}", index / 5 + 0.15)
            alike = Sides.of(flow, data, rows, seed, change)
            result["two_sample_augmented"] = alike.told_apart(flow, made, None, seed) | {"augment": change}
    if strong:
        tell("telling samples from real rows by a larger network", 0.8)
        result["two_sample_strong"] = strongly_told(flow, data, seed)
    tell("inverting real rows", 0.9)
    with torch.no_grad():
        some = real_rows(data, flow, seed=seed, held_out=False)[: min(rows, 256)]
        if len(some):
            result["gaussianity"] = gaussianity(flow.inverse(some).double().numpy())
    tell("done", 1.0)
    return result


def _of_samples(
    sides: Sides, made: Rows, data: TrainingData, inception: InceptionFeatures | None
) -> dict[str, Any]:
    """What is asked of the flow's own samples alone: moments, distance to training rows, FID."""
    flat = [
        part.reshape(len(part), -1).astype(np.float64) for part in (made, sides.held, data.values[:10_000])
    ]
    found: dict[str, Any] = {"moments": moments(sides.held, made), "nearest_ratio": nearest_ratio(*flat)}
    if inception is not None:
        held = inception.embed(sides.held)
        found["inception"] = {
            "floor": frechet_distance(held, inception.embed(sides.again)),
            "samples": frechet_distance(held, inception.embed(made)),
        }
    return found


def sample_quality(
    flow: SteppedFlow | ExactFlow, data: TrainingData, features: Features, *, rows: int = 256, seed: int = 0
) -> dict[str, float]:
    """The `samples` of `measure_quality` with their `mean` and `deviation`, of a flow that need not lie in a file.

    Args:
        flow: A flow with all its classes in turn.
        data: Real data of its kind.
        features: What to compare by.
        rows: Samples.
        seed: Seed of the latents.
    """
    held, labels = real_with_noise(data, flow, rows, seed, held_out=True)
    wanted = None if labels is None else np.resize(labels, rows)
    made = sampled(flow, None, rows, seed, wanted)
    apart = moments(held, made)
    return _compared(features, held, made, wanted) | {of: apart[of] for of in ("mean", "deviation")}


def moments(real: Rows, made: Rows) -> dict[str, float]:
    """How far mean and deviation of samples lie from those of real rows, in units of the real deviation.

    Args:
        real: (n, *shape).
        made: (m, *shape).

    Returns:
        `mean` and `deviation`, overall: the differences over the real deviation; `mean_error` and
        `deviation_error`: their standard errors, over rows; `component_mean` and `component_deviation`: root mean
        squares over the components of the differences.
    """
    one, other = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (real, made))
    size = float(one.std())
    apart = other.mean(axis=0) - one.mean(axis=0), other.std(axis=0) - one.std(axis=0)
    errors = np.hypot(_moment_errors(one), _moment_errors(other)) / size
    return {
        "mean": float(other.mean() - one.mean()) / size,
        "mean_error": float(errors[0]),
        "deviation": float(other.std()) / size - 1.0,
        "deviation_error": float(errors[1]),
        "component_mean": float(np.sqrt((apart[0] ** 2).mean())) / size,
        "component_deviation": float(np.sqrt((apart[1] ** 2).mean())) / size,
    }


def _moment_errors(rows: Array) -> Array:
    """Standard errors of the overall mean and deviation of independent rows (n, d), by the delta method, (2,)."""
    middle, size = rows.mean(), rows.std()
    means = (rows - middle).mean(axis=1)
    squares = ((rows - middle) ** 2).mean(axis=1) / (2.0 * size)
    return np.array([means.std(), squares.std()], np.float64) / float(len(rows) ** 0.5)


def drawn_beside_real(
    name: str, data: TrainingData, count: int, *, seed: int = 0
) -> tuple[Rows, Rows, NDArray[np.int64] | None]:
    """Samples and held-out real rows of the same classes, one class after the other, for a picture.

    Args:
        name: One of the zoo, or a path.
        data: Real data of its kind.
        count: Rows of each.
        seed: Of the latents and the choice.

    Returns:
        Samples, real rows with the noise of the flow's path, and their classes.
    """
    flow = all_classes(name)
    real, labels = real_with_noise(data, flow, len(data.held_out), seed, held_out=True)
    if labels is None:
        order = np.arange(min(count, len(real)))
    else:
        classes = len(data.classes or ())
        of_class = [np.flatnonzero(labels == number) for number in range(classes)]
        shares = [len(part) for part in np.array_split(np.arange(count), classes)]
        order = np.concatenate([places[:share] for places, share in zip(of_class, shares, strict=True)])
        labels = labels[order]
    return sampled(flow, None, len(order), seed, labels), real[order], labels


def story_latents(dim: int, rows: int, seed: int) -> dict[str, torch.Tensor]:
    """Latents z = u + θ·1 on the first half of the components, handed over in three ways.

    `none` as they are; `scale` each row divided by its own root mean square, as the paper's code does, which loses the
    row's norm; `whiten` blockwise whitened, as infoloom does.
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
    normal, and the largest difference of the pooled distribution from that of N(0, 1).

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
