"""One run of the benchmark of self-supervised learners: a story, a training, and every probe of what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.learners.learning import PAIRED, Measured, measure
from infoloom.benchmark.learners.mismatch import lost_rows, mismatched_information, mixed_in
from infoloom.benchmark.learners.named import measure_named
from infoloom.benchmark.learners.own import make_learner, named, own_encoders, with_files_beside
from infoloom.benchmark.learners.scenes import LEFT, SCENES
from infoloom.benchmark.learners.shared_rows import observed_rows, tokens_of
from infoloom.benchmark.learners.stories import make_story
from infoloom.datasets.making.captions import speaker
from infoloom.errors import BenchmarkError
from infoloom.ssl.probes.score import FUSED
from infoloom.ssl.probes.splits import Split
from infoloom.story import Story

if TYPE_CHECKING:
    from infoloom.ssl.learner import Learner
    from infoloom.ssl.settings import Training
    from infoloom.ssl.training import History

__all__ = ["Size", "learn", "learner_of"]

_DIGITS: Final = 5
_FAR: Final = 1 << 20  # rows behind all that a run uses


@dataclass(frozen=True)
class Size:
    """How much is spent on a run.

    Attributes:
        rows: Rows that the learner is trained on; probes never see them.
        epochs: Passes over them, at most so many where `stopping` is given.
        batch: Rows a step.
        learning_rate: Highest rate.
        probe: Rows that fit a probe, choose its settings, and are reported.
        settings: Of the learner, such as `features`.
        stopping: Fields of `infoloom.ssl.Stopping`, to train to a plateau; empty to train for all epochs.
        held_out: Rows whose loss is watched then; neither training nor probes see them.
        rows_seed: Seed of the rows, where all runs share them and they are kept; that of the run when left out.
        probes: Regressions of targets from all features, of stories whose observations have named parts.
    """

    rows: int = 12_288
    epochs: int = 6
    batch: int = 128
    learning_rate: float = 3e-3
    probe: tuple[int, int, int] = (3072, 1024, 3072)
    settings: Mapping[str, Any] = field(default_factory=dict)
    stopping: Mapping[str, Any] = field(default_factory=dict)
    held_out: int = 1024
    rows_seed: int | None = None
    probes: tuple[str, ...] = ("ridge",)

    def __post_init__(self) -> None:
        for name, least in (("rows", 2), ("held_out", 2), ("rows_seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise BenchmarkError(f"size `{name}={value}`: expected {least} or more. Raise it.")
        self.training(0)

    def training(self, seed: int) -> Training:
        """The same for the training.

        Raises:
            LearnerError: Numbers that no training takes.
        """
        from infoloom.ssl.settings import Stopping, Training

        return Training(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            seed=seed,
            stopping=Stopping(**self.stopping) if self.stopping else None,
        )


def learn(
    experiment: str,
    params: Mapping[str, Any],
    objective: str,
    seed: int,
    size: Mapping[str, Any],
    learner_file: str | None = None,
    encoder_file: str | None = None,
) -> dict[str, Any]:
    """Train one learner on one story and probe it.

    The seed draws the first weights, the order of batches and the probes, and the rows, unless all runs share those, so
    that a spread over seeds holds all of them.

    Args:
        experiment: Name of an experiment of `ssl_stories`.
        params: Its parameters.
        objective: Name of a learner of `infoloom.ssl`.
        seed: Seed of everything.
        size: Fields of `Size`.
        learner_file: `FILE.py:make` of a learner in place of the objective's; see `own.make_learner`.
        encoder_file: `FILE.py:make` of encoders in place of the learner's; see `own.own_encoders`.

    Returns:
        The fields of a row of results.
    """
    spent = Size(**size)
    story = make_story(experiment, **params)
    with with_files_beside(learner_file, encoder_file):
        learner = learner_of(story, objective, seed, spent, learner_file, encoder_file)
        history, pairs = _trained(learner, story, spent, params, seed)
        data = _probe_rows(story, spent, _rows_seed(spent, seed), seed)
        features = _features(learner, data)
        if experiment in SCENES:
            table = measure_named(features, data, learner, spent.probes)
        else:
            table = measure(features, data, learner)
    return {
        "experiment": experiment,
        "story": story.name,
        "params": dict(params),
        "objective": named(objective, encoder_file),
        "settings": {**asdict(spent), "learner": asdict(learner.settings)},
        "seed": seed,
        "rows": spent.rows,
        "scores": [_rounded(score) for score in table.to_json()],
        "details": {
            **_course(history),
            "parameters": sum(weight.numel() for weight in learner.parameters()),
            **pairs,
            "truth": {query: round(nats, _DIGITS) for query, nats in story.truth_table().items()}
            if len(story.modalities) <= 3
            else {},
        },
    }


def _trained(
    learner: Learner, story: Story, spent: Size, params: Mapping[str, Any], seed: int
) -> tuple[History, dict[str, float]]:
    """Train a learner in place; the course of the training, and what is to be said of pairs that are not whole."""
    from infoloom import ssl

    training = spent.training(seed)
    rows_seed, after = _rows_seed(spent, seed), spent.rows + sum(spent.probe)
    share = float(params.get("share", 0.0))
    arrays = _arrays(story, spent, rows_seed, 0, spent.rows, share)
    held_out = _arrays(story, spent, rows_seed, after, spent.held_out, share) if spent.stopping else None
    lost = lost_rows(story.modalities, spent.rows, float(params.get("absent", 0.0)), seed)
    complete = ~np.any([np.zeros(spent.rows, bool), *lost.values()], axis=0)
    if params.get("incomplete") == LEFT:
        arrays = {name: values[complete] for name, values in arrays.items()}
        history = ssl.train(learner, arrays, training, held_out=held_out)
    else:
        history = ssl.train(learner, arrays, training, held_out=held_out, missing=lost or None)
    return history, _mixture(story, share) | ({"complete_rows": int(complete.sum())} if lost else {})


def _course(history: History) -> dict[str, Any]:
    """How a training went."""
    return {
        "steps": history.steps,
        "training_seconds": round(history.seconds, 2),
        "first_loss": _mean(history.losses[:20]),
        "last_loss": _mean(history.losses[-20:]),
        "plateau": history.plateau,
        "best_epoch": history.best_epoch,
        "held_out_losses": [round(loss, _DIGITS) for _, loss in history.looks],
    }


def _rows_seed(spent: Size, seed: int) -> int:
    return seed if spent.rows_seed is None else spent.rows_seed


def _features(learner: Learner, data: Measured) -> dict[str, NDArray[np.float64]]:
    """Features of all modalities, fused as the learner does it and, where that differs, side by side as well."""
    from infoloom.ssl import features

    found = {name: values.astype(np.float64) for name, values in features(learner, data.observed).items()}
    names = data.story.modalities
    beside = np.concatenate([found[name] for name in names], axis=1)
    if len(names) <= PAIRED and not np.array_equal(beside, found[FUSED]):
        found[",".join(names)] = beside
    return found


def learner_of(
    story: Story,
    objective: str,
    seed: int,
    spent: Size,
    learner_file: str | None = None,
    encoder_file: str | None = None,
) -> Learner:
    """The learner of an objective, or that of a file, told which modalities are words; see `learn`."""
    from infoloom import ssl

    speakers = {name: speaker(story, name) for name in story.captions}
    shapes = {
        name: (speakers[name].length,) if name in speakers else story.shape(name) for name in story.modalities
    }
    words = {name: len(one.vocabulary) + 1 for name, one in speakers.items()}
    given = {
        **spent.settings,
        **({"targets": story.targets} if objective == "supervised" else {}),
        **({"vocabularies": words} if words else {}),
    }
    if learner_file is not None:
        learner = make_learner(learner_file, shapes, seed)
    else:
        learner = ssl.build(objective, shapes, seed=seed, **given)
    return learner if encoder_file is None else own_encoders(learner, encoder_file)


def _arrays(
    story: Story, size: Size, seed: int, start: int, rows: int, share: float
) -> dict[str, NDArray[Any]]:
    """What a learner's loss reads: observations and targets, a share of captions from rows far behind."""
    drawn, observed = observed_rows(story, rows, seed, start, keep=size.rows_seed is not None)
    for name in story.captions if share > 0.0 else ():
        others = tokens_of(story, story.sample(rows, seed=seed, start=start + _FAR))[name]
        observed = mixed_in(observed, others, name, share, seed)
    return {**observed, **{name: drawn[name] for name in story.targets}}


def _mixture(story: Story, share: float) -> dict[str, float]:
    """The information of the pairs that were trained on, where some do not belong together."""
    if share == 0.0:
        return {}
    nats, error = mismatched_information(story, story.mapped[0], story.captions[0], share)
    return {"mixture_nats": round(nats, _DIGITS), "mixture_standard_error": round(error, _DIGITS)}


def _probe_rows(story: Story, size: Size, rows_seed: int, seed: int) -> Measured:
    """Rows that follow those of the training: the learner has seen none of them."""
    keep = size.rows_seed is not None
    rows, observed = observed_rows(story, sum(size.probe), rows_seed, size.rows, keep=keep)
    ends = np.cumsum((0, *size.probe))
    train, validation, test = (np.arange(first, last, dtype=np.intp) for first, last in pairwise(ends))
    return Measured(story, rows, observed, Split(train, validation, test), seed)


def _mean(losses: tuple[float, ...]) -> float | None:
    return round(float(np.mean(losses)), _DIGITS) if losses else None


def _rounded(score: Mapping[str, Any]) -> dict[str, Any]:
    return {key: round(value, _DIGITS) if isinstance(value, float) else value for key, value in score.items()}
