"""What a learner knows of a story, beside what it could know: probes of its features joined with the ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.datasets.making.observe import observe as observe_one
from infoloom.information.ceilings.ceilings import bayes_accuracy
from infoloom.ssl.probes.known import look_up, seen_by
from infoloom.ssl.probes.pairs import Agreement, agreement, batches, contrastive_terms, partners_found
from infoloom.ssl.probes.probe import Setting, classify, pair_up, regress
from infoloom.ssl.probes.score import FUSED, Score, Table, mean_score
from infoloom.ssl.probes.splits import Split
from infoloom.story import Story

if TYPE_CHECKING:
    from infoloom.ssl.learner import Learner

__all__ = [
    "PAIRED",
    "Measured",
    "latent_ceiling",
    "measure",
    "observe",
    "pmi_of_pairs",
    "template_ceiling",
    "truth_of",
]

Array = NDArray[np.float64]
Rows = Mapping[str, NDArray[Any]]
Given = tuple[str, ...]

BATCH: Final = 128
_COMPARED: Final = 4  # batches on which every pair's score meets its pmi
PAIRED: Final = 3  # modalities up to which every pair is probed; of more, the first pair


@dataclass(frozen=True)
class Measured:
    """Probe rows of a story: what a learner sees and what probes are to find.

    Attributes:
        story: What the rows were drawn from.
        rows: Values by name, as `story.sample` gives them.
        observed: Modality → observations, shape (n, *shape).
        split: Which rows fit, choose and report.
        seed: Of the probes.
    """

    story: Story
    rows: Rows
    observed: Rows
    split: Split
    seed: int = 0

    @property
    def setting(self) -> Setting:
        """The same for the probes."""
        return Setting(self.story.modalities, self.split, look_up(truth_of(self.story)), self.seed)


def observe(story: Story, rows: Rows) -> dict[str, NDArray[np.float32]]:
    """Observations of every modality: its latent through whitening and flow.

    Args:
        story: A story.
        rows: Values by name, as `story.sample` gives them.

    Returns:
        Modality → shape (n, *shape).
    """
    return {name: observe_one(story, name, rows) for name in story.modalities}


def truth_of(story: Story) -> dict[str, float]:
    """I(modalities; scalar) of every target and cause from each modality and from all, and I of all pairs, nats."""
    sets: list[Given] = [(name,) for name in story.modalities]
    sets += [story.modalities] if len(sets) > 1 else []
    queries = [f"I({', '.join(given)}; {of})" for of in scalars(story) for given in sets]
    queries += [f"I({a}; {b})" for a, b in combinations(story.modalities, 2)]
    return {query: story.information(query) for query in queries}


def scalars(story: Story) -> tuple[str, ...]:
    """Targets, and causes that are not a target by another name."""
    expressions = {str(target) for target in story.spec.targets.values()}
    return (*story.targets, *(n for n in story.causes if story.shape(n) == () and n not in expressions))


def measure(features: Mapping[str, Array], data: Measured, learner: Learner | None = None) -> Table:
    """Every probe of frozen features, each with the ceiling of the story.

    Ridge and a network for targets and causes; nearest neighbours for targets (of more than three modalities, these two
    from all together only); ridge for what is along each template
    and for whole latents (fraction of the total variance); classes of targets; pairs. Where the learner has scores of
    pairs of its own, their loss, retrieval and agreement with the pointwise information.

    Args:
        features: Modality or `fused` → shape (n, d), of the rows of `data`.
        data: Probe rows.
        learner: Whose own scores are to be compared.
    """
    story, setting = data.story, data.setting
    targets, causes, along, whole = _wanted(story, data.rows)
    few = {FUSED, *(story.modalities if len(story.modalities) <= PAIRED else ())} & features.keys()
    some = {name: features[name] for name in features if name in few}
    scores = [
        *regress(features, targets | causes, setting, ("ridge",)),
        *regress(some, targets | causes, setting, ("mlp",)),
        *regress(some, targets, setting, ("knn",)),
        *(_along(score, story) for score in regress(features, along, setting, ("ridge",))),
        *(_whole(score, story) for score in regress(features, whole, setting, ("ridge",))),
        *_classes(features, targets, setting),
        *_pairs(features, data, learner),
    ]
    return Table(tuple(scores))


def template_ceiling(story: Story, modality: str, template: Array, given: Given) -> float:
    """The largest R² about ⟨t, z⟩ of one modality's latent from modalities: 1 from its own.

    Args:
        story: A Gaussian story.
        modality: Whose latent.
        template: Shape of the modality or flat; it lies in the span of the story's templates.
        given: What is observed.
    """
    if modality in given:
        return 1.0
    system = story.covariance.system
    loading = (system.group(modality).basis @ template.ravel()) @ system.in_span[modality]
    return _explained(loading[None, :], np.concatenate([system.in_span[name] for name in given]))


def latent_ceiling(story: Story, modality: str, given: Given) -> float:
    """The largest fraction of a latent's total variance that modalities explain: 1 from its own."""
    if modality in given:
        return 1.0
    found, total = 0.0, 0.0
    for block in story.covariance.blocks([modality, *given]):
        own = np.array([name == modality for name in block.owners])
        size = block.copies * float(np.square(block.rows[own]).sum())
        found += size * _explained(block.rows[own], block.rows[~own])
        total += size
    return found / total


def pmi_of_pairs(story: Story, rows: Rows, a: str, b: str, chosen: NDArray[np.intp]) -> Array:
    """pmi(aᵢ; bⱼ) of all pairs of some rows, shape (m, m), nats."""
    first, second = (grid.ravel() for grid in np.meshgrid(chosen, chosen, indexing="ij"))
    pairs = {a: rows[a][first], b: rows[b][second]}
    return np.asarray(story.pmi(pairs, a, b).reshape(len(chosen), len(chosen)))


def _explained(rows: Array, given: Array) -> float:
    """Fraction of the squared length of loadings that lies in the row space of others."""
    length = float(np.square(rows).sum())
    if not len(given) or length == 0.0:
        return 0.0
    _, sizes, basis = np.linalg.svd(given, full_matrices=False)
    basis = basis[sizes > 1e-12 * sizes[0]]
    return float(np.square(rows @ basis.T).sum()) / length


def _wanted(story: Story, rows: Rows) -> tuple[dict[str, Array], ...]:
    """Targets, other causes, latents along their templates, and whole latents."""
    targets = {name: np.asarray(rows[name], np.float64) for name in story.targets}
    causes = {name: np.asarray(rows[name], np.float64) for name in scalars(story) if name not in targets}
    along = {}
    if len(story.modalities) <= PAIRED:
        for term, template in story.templates().items():
            name = term.partition(":")[0]
            along[term] = rows[name].astype(np.float64) @ (template.ravel() / np.linalg.norm(template))
    names = story.modalities if len(story.modalities) <= PAIRED else ()
    whole = {f"z_{name}": rows[name].astype(np.float64) for name in names}
    return targets, causes, along, whole


def _along(score: Score, story: Story) -> Score:
    modality = score.of.partition(":")[0]
    given = seen_by(score.inputs, story.modalities)
    return replace(score, ceiling=template_ceiling(story, modality, story.templates()[score.of], given))


def _whole(score: Score, story: Story) -> Score:
    given = seen_by(score.inputs, story.modalities)
    return replace(score, ceiling=latent_ceiling(story, score.of.removeprefix("z_"), given))


def _classes(
    features: Mapping[str, Array], targets: Mapping[str, Array], setting: Setting, classes: int = 10
) -> Iterator[Score]:
    """Classes of the first target from everything, beside the Bayes accuracy."""
    of = next(iter(targets))
    inputs = FUSED if FUSED in features else next(iter(features))
    nats = setting.truth[frozenset((frozenset((of,)), frozenset(seen_by(inputs, setting.modalities))))]
    for score in classify({inputs: features[inputs]}, {of: targets[of]}, classes, setting):
        yield replace(score, ceiling=bayes_accuracy(nats, classes), truth=nats)


def _pairs(features: Mapping[str, Array], data: Measured, learner: Learner | None) -> Iterator[Score]:
    names = [name for name in data.story.modalities if name in features]
    shown = list(combinations(names, 2)) if len(names) <= PAIRED else [(names[0], names[1])]
    for a, b in shown:
        own = {a: features[a], b: features[b]}
        ceilings = _pair_ceilings(data, a, b)
        found = [*pair_up(own, data.setting, BATCH), *_own_scores(data, learner, a, b)]
        yield from (replace(score, ceiling=ceilings.get(score.measure, score.ceiling)) for score in found)


def _pair_ceilings(data: Measured, a: str, b: str) -> dict[str, float]:
    """The bound and the retrieval of the best critic, by Monte Carlo over many batches."""
    from infoloom.information.ceilings.contrastive import contrastive

    best = contrastive(data.story.covariance, [a], [b], BATCH, seed=data.seed)
    return {"bound": best.bound.value, "retrieval": best.retrieval.value}


def _own_scores(data: Measured, learner: Learner | None, a: str, b: str) -> Iterator[Score]:
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
