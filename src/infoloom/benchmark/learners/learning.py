"""What a learner knows of a story, beside what it could know: probes of its features joined with the ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.benchmark.learners.critics import BATCH, own_scores, pmi_of_pairs
from infoloom.datasets.making.observe import observe as observe_one
from infoloom.information.ceilings.ceilings import bayes_accuracy
from infoloom.ssl.probes.known import look_up, seen_by
from infoloom.ssl.probes.probe import Setting, classify, pair_up, regress
from infoloom.ssl.probes.score import FUSED, Score, Table
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
    """Observations of every modality but captions: its latent through whitening and flow.

    Args:
        story: A story.
        rows: Values by name, as `story.sample` gives them.

    Returns:
        Modality → shape (n, *shape).
    """
    return {name: observe_one(story, name, rows) for name in story.mapped}


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
        found = [*pair_up(own, data.setting, BATCH), *own_scores(data, learner, a, b)]
        yield from (replace(score, ceiling=ceilings.get(score.measure, score.ceiling)) for score in found)


def _pair_ceilings(data: Measured, a: str, b: str) -> dict[str, float]:
    """The bound and the retrieval of the best critic, by Monte Carlo over many batches."""
    from infoloom.information.ceilings.contrastive import contrastive

    best = contrastive(data.story.covariance, [a], [b], BATCH, seed=data.seed)
    return {"bound": best.bound.value, "retrieval": best.retrieval.value}
