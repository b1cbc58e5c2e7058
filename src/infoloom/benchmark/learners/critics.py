"""Scores of pairs that a learner was trained on, beside the pointwise information."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.ssl.probes.pairs import Agreement, agreement, batches, contrastive_terms, partners_found
from infoloom.ssl.probes.score import Score, mean_score
from infoloom.story import Story

if TYPE_CHECKING:
    from infoloom.benchmark.learners.learning import Measured
    from infoloom.ssl.learner import Learner

__all__ = ["BATCH", "own_scores", "pmi_of_pairs"]

Array = NDArray[np.float64]
Rows = Mapping[str, NDArray[Any]]

BATCH: Final = 128
_COMPARED: Final = 4  # batches on which every pair's score meets its pmi


def pmi_of_pairs(story: Story, rows: Rows, a: str, b: str, chosen: NDArray[np.intp]) -> Array:
    """pmi(aᵢ; bⱼ) of all pairs of some rows, shape (m, m), nats."""
    first, second = (grid.ravel() for grid in np.meshgrid(chosen, chosen, indexing="ij"))
    pairs = {a: rows[a][first], b: rows[b][second]}
    return np.asarray(story.pmi(pairs, a, b).reshape(len(chosen), len(chosen)))


def own_scores(data: Measured, learner: Learner | None, a: str, b: str) -> Iterator[Score]:
    """Loss, retrieval and agreement with the pointwise information of the scores that a learner was trained on."""
    rows = list(batches(data.split.test, BATCH))
    scored = (_scored({n: data.observed[n][chosen] for n in (a, b)}, learner) for chosen in rows)
    found = [scores for scores in scored if scores is not None]
    if not found:
        return
    nats = data.setting.truth[frozenset((frozenset((a,)), frozenset((b,))))]
    bound = np.array([contrastive_terms(one).mean() for one in found])
    right = np.array([partners_found(one).mean() for one in found])
    yield Score("critic", a, b, "bound", *mean_score(bound), truth=nats)
    yield Score("critic", a, b, "retrieval", *mean_score(right))
    compared = [
        agreement(one, pmi_of_pairs(data.story, data.rows, a, b, chosen))
        for one, chosen in zip(found[:_COMPARED], rows, strict=False)
    ]
    yield from _agreements(compared, a, b)


def _scored(observed: Rows, learner: Learner | None) -> Array | None:
    """Scores (n, n) of the pairs of a batch, factor times cosine, where the learner was trained on such."""
    import torch

    from infoloom.ssl.models.towers import Towers
    from infoloom.ssl.objectives.contrastive.clip import Clip, clip_scores
    from infoloom.ssl.objectives.contrastive.siglip import Siglip

    if not isinstance(learner, Towers) or not isinstance(learner.compare, Clip | Siglip):
        return None
    with torch.no_grad():
        a, b = learner.embed({name: torch.from_numpy(rows) for name, rows in observed.items()}).values()
        return np.asarray(clip_scores(a, b, learner.compare.scale).double().numpy())


def _agreements(compared: Sequence[Agreement], a: str, b: str) -> Iterator[Score]:
    for measure_name in ("correlation", "slope"):
        values = np.array([getattr(one, measure_name) for one in compared])
        yield Score("critic", a, b, f"pmi_{measure_name}", *mean_score(values), ceiling=1.0)
