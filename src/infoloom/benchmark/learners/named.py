"""Probes of what was learned of observations whose parts have names: factors of renderers, words of captions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.learners.critics import BATCH, own_scores, pmi_of_pairs
from infoloom.benchmark.learners.learning import PAIRED, Measured, scalars
from infoloom.information.words.ceilings import words_r_squared
from infoloom.ssl.probes.known import look_up, seen_by
from infoloom.ssl.probes.pairs import batches, contrastive_terms, partners_found
from infoloom.ssl.probes.probe import Setting, pair_up, regress
from infoloom.ssl.probes.score import FUSED, Score, Table
from infoloom.story import Story

if TYPE_CHECKING:
    from infoloom.ssl.learner import Learner

__all__ = ["factors_of", "measure_named", "told_of"]

Array = NDArray[np.float64]
Given = tuple[str, ...]
_COMPARED: Final = 4  # batches
_LARGEST: Final = 1.0  # R² of a factor from the observation that shows it


def factors_of(story: Story, rows: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    """Every factor of every renderer by its name, `x1.hue`, shape (n,).

    Args:
        story: A story.
        rows: Values by name, as `story.sample` gives them.
    """
    return {
        factor: rows[name][:, column].astype(np.float64)
        for name in story.mapped
        for column, factor in enumerate(story.graph.nodes[name].factors)
    }


def told_of(story: Story, factors: Sequence[str] = ()) -> dict[str, float]:
    """I of all pairs of modalities, and in a Gaussian story I(modalities; scalar) of targets, causes and factors.

    For a Gaussian scalar 1 − e^(−2I) bounds R² from anything, words too; for other scalars it does not.

    Args:
        story: A story.
        factors: Names of factors; nothing is said of one from the modality that shows it.
    """
    names = story.modalities
    sets: list[Given] = [*((name,) for name in names), *([names] if len(names) > 1 else [])]
    queries = [f"I({a}; {b})" for a, b in combinations(names, 2)]
    if story.gaussian:
        queries += [f"I({', '.join(given)}; {of})" for of in scalars(story) for given in sets]
        queries += [f"I({g}; {of})" for of in factors for g in names if of.partition(".")[0] != g]
    return {query: story.information(query) for query in queries}


def measure_named(
    features: Mapping[str, Array],
    data: Measured,
    learner: Learner | None = None,
    probes: Sequence[str] = ("ridge",),
) -> Table:
    """Probes of frozen features, each beside the most that anything can reach.

    Ridge for targets, causes and factors from every modality and from all of them together; further regressions for
    targets from all together; pairs of modalities by the canonical critic and by the learner's own scores.

    Args:
        features: Modality, or `fused` → shape (n, d), of the rows of `data`.
        data: Probe rows.
        learner: Whose own scores of pairs are looked at.
        probes: Regressions; `ridge` is of everything.
    """
    story = data.story
    factors = factors_of(story, data.rows) if len(story.modalities) <= PAIRED else {}
    setting = Setting(story.modalities, data.split, look_up(told_of(story, tuple(factors))), data.seed)
    values = {name: np.asarray(data.rows[name], np.float64) for name in scalars(story)}
    targets = {name: values[name] for name in story.targets}
    together = {name: rows for name, rows in features.items() if name == FUSED or "," in name}
    scores = [
        *regress(features, values, setting, ("ridge",)),
        *regress(together, targets, setting, [name for name in probes if name != "ridge"]),
        *regress(features, factors, setting, ("ridge",) if factors else ()),
    ]
    limits = _limits(story)
    scores = [_beside(score, story, limits) for score in scores]
    return Table((*scores, *(_pairs(features, data, setting, learner) if story.gaussian else ())))


def _limits(story: Story) -> dict[tuple[str, Given], float]:
    """R² ceilings that 1 − e^(−2I) does not give: of stories that are not Gaussian, and from words alone."""
    if not story.gaussian:
        return {(one.target, one.given): one.r_squared for one in story.ceilings(batch=None).targets}
    found = {
        (of, (name,)): words_r_squared(story.covariance, of, story.cells[name].cuts)
        for name in story.captions
        for of in scalars(story)
    }
    return {key: value for key, value in found.items() if value is not None}


def _beside(score: Score, story: Story, limits: Mapping[tuple[str, Given], float]) -> Score:
    """A score with its ceiling."""
    seen = seen_by(score.inputs, story.modalities)
    owner, dot, _ = score.of.partition(".")
    if dot:
        return replace(score, ceiling=_LARGEST) if owner in seen else score
    known = limits.get((score.of, seen))
    return score if known is None else replace(score, ceiling=known)


def _pairs(
    features: Mapping[str, Array], data: Measured, setting: Setting, learner: Learner | None
) -> Iterator[Score]:
    """Bounds and retrieval between modalities, beside those of the pointwise information on the same rows."""
    names = [name for name in data.story.modalities if name in features]
    for a, b in list(combinations(names, 2))[: 3 if len(names) <= PAIRED else 1]:
        best = _best(data, a, b)
        found = [
            *pair_up({n: features[n] for n in (a, b)}, setting, BATCH),
            *own_scores(data, learner, a, b),
        ]
        yield from (replace(score, ceiling=best.get(score.measure, score.ceiling)) for score in found)


def _best(data: Measured, a: str, b: str) -> dict[str, float]:
    """Bound and retrieval of the best critic, the pointwise information, in the first batches of test rows."""
    chosen = list(batches(data.split.test, BATCH))[:_COMPARED]
    scores = [pmi_of_pairs(data.story, data.rows, a, b, rows) for rows in chosen]
    return {
        "bound": float(np.mean([contrastive_terms(one).mean() for one in scores])),
        "retrieval": float(np.mean([partners_found(one).mean() for one in scores])),
    }
