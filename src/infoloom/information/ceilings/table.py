"""The ceilings of a story: for every target, label and pair of modalities what the best possible learner reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from infoloom.errors import QueryError
from infoloom.information.ceilings.ceilings import bayes_accuracy, class_information, mmse, r_squared
from infoloom.information.ceilings.contrastive import contrastive
from infoloom.information.ceilings.labels import Label
from infoloom.information.measures import mutual_information
from infoloom.information.quantity import Quantity
from infoloom.law.covariance import StructuredCovariance

__all__ = ["Ceilings", "ClassCeiling", "PairCeiling", "TargetCeiling", "find_ceilings"]

MAX_PAIRS: Final = 45


@dataclass(frozen=True)
class TargetCeiling:
    """What can be predicted of a target from some modalities.

    Attributes:
        information: I(target; given), nats.
        r_squared: The largest R².
        mmse: The smallest mean squared error, in the target's units squared.
        information_error: What the information may be off by; this and the others are 0 in a Gaussian story.
        r_squared_error: Standard error of R².
        mmse_error: Standard error of the mean squared error.
        at_most: Whether an observation among them tells less than its latent and class, so that information and R²
            are at most these, and the mean squared error is at least this.
    """

    target: str
    given: tuple[str, ...]
    information: float
    r_squared: float
    mmse: float
    information_error: float = 0.0
    r_squared_error: float = 0.0
    mmse_error: float = 0.0
    at_most: bool = False


@dataclass(frozen=True)
class ClassCeiling:
    """What can be told of the quantile class of a target from some modalities.

    Attributes:
        label: Name of the label, or of the target where the classes were asked for.
        information: I(class; given), nats; at most log(classes) and the target's information.
        accuracy: The largest probability of naming the right class.
        information_error: Standard error of the information; 0 in a Gaussian story.
        accuracy_error: Standard error of the accuracy.
        at_most: Whether an observation among them tells less than its latent and class, so that both are at most these.
    """

    label: str
    target: str
    classes: int
    given: tuple[str, ...]
    information: float
    accuracy: float
    information_error: float = 0.0
    accuracy_error: float = 0.0
    at_most: bool = False


@dataclass(frozen=True)
class PairCeiling:
    """What contrastive learning reaches on a pair of modalities.

    Attributes:
        information: I(a; b), nats.
        bound: The InfoNCE bound at this batch size, nats, by Monte Carlo.
        retrieval: Probability of finding the partner in a batch, by Monte Carlo.
        limit: min(I, log batch), nats, which the bound cannot pass.
        at_most: Whether one of the observations tells less than its latent and class, so that all values are at most
            these.
    """

    pair: tuple[str, str]
    batch: int
    information: float
    bound: Quantity
    retrieval: Quantity
    limit: float
    at_most: bool = False


@dataclass(frozen=True)
class Ceilings:
    """All ceilings of a story."""

    targets: tuple[TargetCeiling, ...]
    classes: tuple[ClassCeiling, ...]
    pairs: tuple[PairCeiling, ...]

    def to_json(self, unit: float = 1.0) -> dict[str, Any]:
        """As plain values; Monte Carlo ones with their standard errors.

        Args:
            unit: Nats in the unit of information.
        """
        return {
            "targets": [_tree(one, unit) for one in self.targets],
            "classes": [_tree(one, unit) for one in self.classes],
            "pairs": [
                {
                    **_tree(one, unit),
                    "bound": _estimate(one.bound, unit),
                    "retrieval": _estimate(one.retrieval, 1.0),
                }
                for one in self.pairs
            ],
        }


def find_ceilings(
    covariance: StructuredCovariance,
    targets: Sequence[str],
    modalities: Sequence[str],
    labels: Sequence[Label] = (),
    *,
    classes: int | None = None,
    batch: int | None = 256,
    batches: int | None = None,
    seed: int = 0,
) -> Ceilings:
    """The ceilings of every target and label from each modality and from all, and of every pair of modalities.

    Args:
        covariance: The joint law.
        targets: Names of scalar targets.
        modalities: Names of the modalities.
        labels: Labels of the spec.
        classes: Also cut every target into so many classes.
        batch: Pairs in a contrastive batch; None leaves pairs of modalities out.
        batches: Batches to draw for each pair; see `contrastive`.
        seed: Seed of the batches.

    Raises:
        QueryError: The story is not Gaussian, or has more than 45 pairs.
    """
    if not covariance.system.law.gaussian:
        raise QueryError(
            "ceilings: expected a story without a common scale, because they are not known then. Remove the scale."
        )
    size = batch or 0
    combined = list(combinations(modalities, 2)) if batch is not None else []
    if len(combined) > MAX_PAIRS:
        raise QueryError(
            f"ceilings: {len(modalities)} modalities have more than {MAX_PAIRS} pairs. "
            "Ask for fewer modalities at a time."
        )
    of_targets = tuple(_of_targets(covariance, targets, modalities))
    cut = [(label.name, label.target, label.classes) for label in labels]
    cut += [] if classes is None else [(name, name, classes) for name in targets]
    of_classes = tuple(
        ClassCeiling(name, target, count, one.given, *_of_classes(one.information, count))
        for name, target, count in cut
        for one in of_targets
        if one.target == target
    )
    pairs = []
    for a, b in combined:
        found = contrastive(covariance, [a], [b], size, batches, seed)
        information = mutual_information(covariance, [a], [b])
        pairs.append(PairCeiling((a, b), size, information, found.bound, found.retrieval, found.limit))
    return Ceilings(of_targets, of_classes, tuple(pairs))


def _of_targets(
    covariance: StructuredCovariance, targets: Sequence[str], modalities: Sequence[str]
) -> Iterator[TargetCeiling]:
    sets = [(name,) for name in modalities] + ([tuple(modalities)] if len(modalities) > 1 else [])
    for target in targets:
        variance = float(np.sum(covariance.system.in_span[target] ** 2))
        for given in sets:
            value = mutual_information(covariance, [target], list(given))
            yield TargetCeiling(target, given, value, r_squared(value), mmse(value, variance))


def _of_classes(information: float, classes: int) -> tuple[float, float]:
    return class_information(information, classes), bayes_accuracy(information, classes)


def _tree(one: TargetCeiling | ClassCeiling | PairCeiling, unit: float) -> dict[str, Any]:
    """As plain values; errors only where there are any, and `at_most` only where it holds."""
    tree: dict[str, Any] = {
        key: list(value) if isinstance(value, tuple) else value for key, value in vars(one).items()
    }
    for key in ("information", "information_error", "limit"):
        if key in tree:
            tree[key] = tree[key] / unit
    return {
        key: value
        for key, value in tree.items()
        if not (key.endswith("_error") and value == 0.0) and not (key == "at_most" and not value)
    }


def _estimate(quantity: Quantity, unit: float) -> dict[str, float]:
    return {"value": quantity.value / unit, "standard_error": quantity.error / unit}
