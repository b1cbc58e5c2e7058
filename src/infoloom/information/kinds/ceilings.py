"""What the best learner reaches where categories choose or enter equations: targets, labels, and the categories."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy.special

from infoloom.errors import QueryError
from infoloom.information.beyond_gaussian.ceilings_special import quantiles
from infoloom.information.beyond_gaussian.nongaussian import Special
from infoloom.information.ceilings.labels import Label
from infoloom.information.ceilings.prediction import predict
from infoloom.information.ceilings.special_table import find_special_ceilings
from infoloom.information.ceilings.table import Ceilings, ClassCeiling, TargetCeiling, find_ceilings
from infoloom.information.kinds.drawn import draw_parts
from infoloom.information.kinds.law import KindLaw
from infoloom.information.kinds.parts import Kind
from infoloom.information.kinds.rows import KindPointwise
from infoloom.information.measures import mutual_information
from infoloom.information.notation import Query
from infoloom.information.words.ceilings import class_ceilings, target_ceilings
from infoloom.law.choices import choosing
from infoloom.law.equations import Array

__all__ = ["kind_ceilings", "kinds_told", "predicted", "special_ceilings"]

_BATCHES: Final = 4
_SEED: Final = 20_251_130
Names = tuple[str, ...]


@dataclass(frozen=True)
class _Guess:
    """A target given some variables in every part: means of rows, shape (n, parts), and variances, shape (parts,)."""

    means: Array
    variances: Array


def special_ceilings(
    law: KindLaw | None,
    special: Special,
    targets: Sequence[str],
    modalities: Sequence[str],
    captions: Sequence[str],
    labels: Sequence[Label],
    *,
    classes: int | None,
    batch: int | None,
    batches: int | None,
    seed: int,
) -> Ceilings:
    """Ceilings of a story that is not Gaussian, and of its categories; the arguments are those of `find_ceilings`.

    Raises:
        QueryError: Words or choices beside causes that are neither normal nor categorical; see `find_special_ceilings`.
    """
    if law is not None and (captions or choosing(law.graph)):
        sizes: dict[str, Any] = {"classes": classes, "batch": batch, "batches": batches, "seed": seed}
        return kind_ceilings(law, targets, modalities, captions, labels, **sizes)
    found = find_special_ceilings(special, targets, modalities, labels, classes)
    if law is None or not law.split.gaussian:
        return found
    return replace(found, classes=(*found.classes, *kinds_told(law, _alone_and_together(modalities))))


def kind_ceilings(
    law: KindLaw,
    targets: Sequence[str],
    modalities: Sequence[str],
    captions: Sequence[str],
    labels: Sequence[Label],
    *,
    classes: int | None,
    batch: int | None,
    batches: int | None,
    seed: int,
) -> Ceilings:
    """Ceilings of a story with categories; the arguments are those of `find_ceilings`, captions by their words.

    Where an equation has a category, values are averages over rows with their standard errors, and pairs of modalities
    are left out; so are pairs that show the same category.

    Raises:
        QueryError: A story that is not Gaussian where its categories are known.
    """
    if not law.split.gaussian:
        raise QueryError(
            "ceilings: expected a story of normal and categorical causes, because more is not known where categories "
            "choose or words are said. Use such causes, or remove the choice."
        )
    sets = _alone_and_together(modalities)
    if law.split.coupled:
        found = Ceilings(
            tuple(_targets(law, targets, sets)), tuple(_classes(law, targets, sets, labels, classes)), ()
        )
    else:
        found = _of_one_part(law, targets, modalities, captions, labels, classes, batch, batches, seed)
    told = kinds_told(law, [*sets, *((name,) for name in captions)])
    return _marked(law, replace(found, classes=(*found.classes, *told)))


def _marked(law: KindLaw, found: Ceilings) -> Ceilings:
    """The same, with what is only a bound marked: an observation that does not tell its class tells less."""

    def lossy(names: Names) -> bool:
        return any(law.split.member(name).lossy for name in names)

    return Ceilings(
        tuple(replace(one, at_most=lossy(one.given)) for one in found.targets),
        tuple(replace(one, at_most=lossy(one.given)) for one in found.classes),
        tuple(replace(one, at_most=lossy(one.pair)) for one in found.pairs),
    )


def _alone_and_together(modalities: Sequence[str]) -> list[Names]:
    """What ceilings are for: each modality, and all of them where there are several."""
    return [*((name,) for name in modalities), *([tuple(modalities)] if len(modalities) > 1 else [])]


def _of_one_part(
    law: KindLaw,
    targets: Sequence[str],
    modalities: Sequence[str],
    captions: Sequence[str],
    labels: Sequence[Label],
    classes: int | None,
    batch: int | None,
    batches: int | None,
    seed: int,
) -> Ceilings:
    """Where categories only choose, targets are those of a Gaussian story."""
    (part,) = law.split.parts
    found = find_ceilings(
        part.covariance,
        targets,
        modalities,
        labels,
        classes=classes,
        batch=batch,
        batches=batches,
        seed=seed,
    )
    cut = [(label.name, label.target, label.bounds) for label in labels]
    said = [name for name in captions if part.mixed.cells[name].cuts]
    shown = {name: law.split.member(name).kinds for name in modalities}
    return Ceilings(
        (*found.targets, *target_ceilings(part.mixed, targets, said)),
        (*found.classes, *class_ceilings(part.mixed, cut, said)),
        tuple(one for one in found.pairs if not shown[one.pair[0]] & shown[one.pair[1]]),
    )


def kinds_told(law: KindLaw, sets: Sequence[Names]) -> Iterator[ClassCeiling]:
    """The largest accuracy in telling every category from some variables, Σ max_k p(k, variables).

    It is 1 from what shows the category, 1/K from what is independent of it, else an average over rows.
    """
    for kind in law.split.kinds.values():
        for given in sets:
            information = law.quantity(Query("I", ((kind.name,), given)))
            shown, _ = law.split.taken_apart(given)
            size = len(kind.atoms)
            if kind.name in shown or not kind.coupled or information.value == 0.0:
                accuracy, error = (1.0 if kind.name in shown else 1.0 / size), 0.0
            else:
                accuracy, error = _accuracy(law, kind, given)
            yield ClassCeiling(
                kind.name,
                kind.name,
                size,
                given,
                information.value,
                accuracy,
                information_error=information.error,
                accuracy_error=error,
            )


def predicted(law: KindLaw, rows: KindPointwise, target: str, given: Names) -> Array:
    """E[target | given] of every row: the predictions of the parts, weighted by their probabilities given the row."""
    weights, guess = rows.posterior(given), _guess(law, rows, target, given)
    return np.asarray((weights * guess.means).sum(axis=1))


def _guess(law: KindLaw, rows: KindPointwise, target: str, given: Names) -> _Guess:
    _, rest = law.split.taken_apart(given)
    means, variances = [], []
    for part in law.split.parts:
        system = part.covariance.system
        variance = float(np.sum(system.in_span[target] ** 2))
        if rest:
            means.append(predict(part.covariance, rows.rows, target, rest))
            told = mutual_information(part.covariance, [target], list(rest))
            variances.append(variance * math.exp(-2.0 * told))
        else:
            mean = float(system.law.mean.get(target, np.zeros(1))[0])
            means.append(np.full(len(next(iter(rows.rows.values()))), mean))
            variances.append(variance)
    return _Guess(np.stack(means, axis=1), np.array(variances))


def _averages(law: KindLaw, value: Callable[[KindPointwise], list[Array]]) -> list[tuple[float, float]]:
    """Means over rows of every part, and their standard errors, of each number that a function makes of rows."""
    sums: list[list[tuple[float, float]]] = []
    for batch in range(_BATCHES):
        columns = [
            (part.probability, np.stack(value(rows)))
            for part, rows in draw_parts(law.split, law.graph, _SEED, batch)
        ]
        count = len(columns[0][1])
        sums.append(
            [
                (
                    sum(share * float(one[i].mean()) for share, one in columns),
                    sum(share**2 * float(one[i].var(ddof=1)) / one.shape[1] for share, one in columns),
                )
                for i in range(count)
            ]
        )
    return [
        (
            float(np.mean([one[i][0] for one in sums])),
            math.sqrt(float(np.sum([one[i][1] for one in sums]))) / _BATCHES,
        )
        for i in range(len(sums[0]))
    ]


def _accuracy(law: KindLaw, kind: Kind, given: Names) -> tuple[float, float]:
    groups = np.array([part.categories[kind.name] for part in law.split.parts])

    def best(rows: KindPointwise) -> list[Array]:
        weights = rows.posterior(given)
        joint = np.stack([weights[:, groups == k].sum(axis=1) for k in range(len(kind.atoms))], axis=1)
        return [joint.max(axis=1)]

    return _averages(law, best)[0]


def _targets(law: KindLaw, targets: Sequence[str], sets: Sequence[Names]) -> Iterator[TargetCeiling]:
    for target in targets:
        variance = float(np.sum(law.special.covariance.system.in_span[target] ** 2))
        for given in sets:

            def doubt(rows: KindPointwise, target: str = target, given: Names = given) -> list[Array]:
                weights, guess = rows.posterior(given), _guess(law, rows, target, given)
                mean = (weights * guess.means).sum(axis=1)
                return [(weights * (guess.variances + (guess.means - mean[:, None]) ** 2)).sum(axis=1)]

            (left, error), told = _averages(law, doubt)[0], law.quantity(Query("I", ((target,), given)))
            yield TargetCeiling(
                target,
                given,
                told.value,
                1.0 - left / variance,
                left,
                information_error=told.error,
                r_squared_error=error / variance,
                mmse_error=error,
            )


def _classes(
    law: KindLaw,
    targets: Sequence[str],
    sets: Sequence[Names],
    labels: Sequence[Label],
    classes: int | None,
) -> Iterator[ClassCeiling]:
    covariance = law.special.covariance
    cut = [(label.name, label.target, label.bounds) for label in labels]
    if classes is not None:
        cut += [(t, t, quantiles(covariance, t, np.arange(1, classes) / classes)) for t in targets]
    for name, target, bounds in cut:
        for given in sets:

            def told(
                rows: KindPointwise, target: str = target, bounds: Array = bounds, given: Names = given
            ) -> list[Array]:
                weights, guess = rows.posterior(given), _guess(law, rows, target, given)
                away = (bounds - guess.means[:, :, None]) / np.sqrt(guess.variances)[:, None]
                below = (weights[:, :, None] * scipy.special.ndtr(away)).sum(axis=1)
                share = np.diff(below, axis=1, prepend=0.0, append=1.0)
                return [share.max(axis=1), scipy.special.entr(np.maximum(share, 0.0)).sum(axis=1)]

            (accuracy, error), (open_, off) = _averages(law, told)
            count = len(bounds) + 1
            yield ClassCeiling(
                name,
                target,
                count,
                given,
                math.log(count) - open_,
                accuracy,
                information_error=off,
                accuracy_error=error,
            )
