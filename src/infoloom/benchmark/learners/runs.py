"""One run of the benchmark of self-supervised learners: a story, a training, and every probe of what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.learners.learning import PAIRED, Measured, measure, observe
from infoloom.benchmark.learners.stories import make_story
from infoloom.ssl.probes.score import FUSED
from infoloom.ssl.probes.splits import Split
from infoloom.story import Story

if TYPE_CHECKING:
    from infoloom.ssl.learner import Learner

__all__ = ["Size", "learn"]

_DIGITS: Final = 5


@dataclass(frozen=True)
class Size:
    """How much is spent on a run.

    Attributes:
        rows: Rows that the learner is trained on; probes never see them.
        epochs: Passes over them.
        batch: Rows a step.
        learning_rate: Highest rate.
        probe: Rows that fit a probe, choose its settings, and are reported.
        settings: Of the learner, such as `features`.
    """

    rows: int = 12_288
    epochs: int = 6
    batch: int = 128
    learning_rate: float = 3e-3
    probe: tuple[int, int, int] = (3072, 1024, 3072)
    settings: Mapping[str, Any] = field(default_factory=dict)


def learn(
    experiment: str, params: Mapping[str, Any], objective: str, seed: int, size: Mapping[str, Any]
) -> dict[str, Any]:
    """Train one learner on one story and probe it.

    The seed draws the rows, the first weights, the order of batches and the probes, so that a spread over seeds
    holds all of them.

    Args:
        experiment: Name of an experiment of `ssl_stories`.
        params: Its parameters.
        objective: Name of a learner of `infoloom.ssl`.
        seed: Seed of everything.
        size: Fields of `Size`.

    Returns:
        The fields of a row of results.
    """
    from infoloom import ssl

    spent = Size(**size)
    story = make_story(experiment, **params)
    train = story.sample(spent.rows, seed=seed)
    arrays = {**observe(story, train), **{name: train[name] for name in story.targets}}
    shapes = {name: story.shape(name) for name in story.modalities}
    given = {**spent.settings, **({"targets": story.targets} if objective == "supervised" else {})}
    learner = ssl.build(objective, shapes, seed=seed, **given)
    training = ssl.Training(
        epochs=spent.epochs, batch=spent.batch, learning_rate=spent.learning_rate, seed=seed
    )
    history = ssl.train(learner, arrays, training)
    data = _probe_rows(story, spent, seed)
    features = _features(learner, data)
    table = measure(features, data, learner)
    return {
        "experiment": experiment,
        "story": story.name,
        "params": dict(params),
        "objective": objective,
        "settings": {**asdict(spent), "learner": asdict(learner.settings)},
        "seed": seed,
        "rows": spent.rows,
        "scores": [_rounded(score) for score in table.to_json()],
        "details": {
            "steps": history.steps,
            "training_seconds": round(history.seconds, 2),
            "first_loss": _mean(history.losses[:20]),
            "last_loss": _mean(history.losses[-20:]),
            "parameters": sum(weight.numel() for weight in learner.parameters()),
            "truth": {query: round(nats, _DIGITS) for query, nats in story.truth_table().items()}
            if len(story.modalities) <= 3
            else {},
        },
    }


def _features(learner: Learner, data: Measured) -> dict[str, NDArray[np.float64]]:
    """Features of all modalities, fused as the learner does it and, where that differs, side by side as well."""
    from infoloom.ssl import features

    found = {name: values.astype(np.float64) for name, values in features(learner, data.observed).items()}
    names = data.story.modalities
    beside = np.concatenate([found[name] for name in names], axis=1)
    if len(names) <= PAIRED and not np.array_equal(beside, found[FUSED]):
        found[",".join(names)] = beside
    return found


def _probe_rows(story: Story, size: Size, seed: int) -> Measured:
    """Rows that follow those of the training: the learner has seen none of them."""
    whole = sum(size.probe)
    rows = story.sample(whole, seed=seed, start=size.rows)
    ends = np.cumsum((0, *size.probe))
    train, validation, test = (np.arange(first, last, dtype=np.intp) for first, last in pairwise(ends))
    return Measured(story, rows, observe(story, rows), Split(train, validation, test), seed)


def _mean(losses: tuple[float, ...]) -> float | None:
    return round(float(np.mean(losses)), _DIGITS) if losses else None


def _rounded(score: Mapping[str, Any]) -> dict[str, Any]:
    return {key: round(value, _DIGITS) if isinstance(value, float) else value for key, value in score.items()}
