"""Probes: what a frozen encoder knows, measured on rows that neither it nor the probe was fitted on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infoloom.arrays import reachable
from infoloom.errors import ProbeError
from infoloom.ssl.checks import expect_names, is_whole, refuse_coarse
from infoloom.ssl.probes import known
from infoloom.ssl.probes.ceilings import beside, best_of, ceilings_of
from infoloom.ssl.probes.frozen import features_of
from infoloom.ssl.probes.knn import knn
from infoloom.ssl.probes.linear import ridge, softmax_classes
from infoloom.ssl.probes.mlp import mlp
from infoloom.ssl.probes.pairs import bound_and_retrieval, canonical_critic
from infoloom.ssl.probes.score import Score, Table, mean_score, r_squared
from infoloom.ssl.probes.splits import Split

__all__ = ["REGRESSIONS", "Setting", "classify", "pair_up", "probe", "regress"]

Array = NDArray[np.float64]
Regression = Callable[[Array, Mapping[str, Array], Split, int], dict[str, Array]]

#: Name → regression: features, targets by name, rows, seed → predictions on the test rows.
REGRESSIONS: Final[Mapping[str, Regression]] = {"ridge": ridge, "knn": knn, "mlp": mlp}


_CLASSES: Final = 1000  # more of them fill the memory, rows times classes


@dataclass(frozen=True)
class Setting:
    """What all probes of one table share.

    Attributes:
        modalities: Names of everything that was encoded, in order.
        split: Rows.
        truth: Mutual information by the two sides, nats; see `infoloom.ssl.probes.known.look_up`.
        seed: Of the probes that draw.
    """

    modalities: tuple[str, ...]
    split: Split
    truth: known.Known
    seed: int = 0


def probe(
    encode: Any,
    dataset: Any,
    *,
    inputs: Sequence[str] | None = None,
    of: Sequence[str] | None = None,
    probes: Sequence[str] = tuple(REGRESSIONS),
    classes: int | None = None,
    batch: int | None = 128,
    truth: Mapping[str, float] | None = None,
    ceilings: Any = None,
    split: Split | None = None,
    seed: int = 0,
) -> Table:
    """Measure what the features of an encoder tell about targets, causes and other modalities, next to the ceilings.

    Every probe is fitted on training rows, its settings are chosen on validation rows, and the value is that of test
    rows. The encoder is used as it is; give rows that it was not trained on.

    Args:
        encode: A learner, a torch module, a function, or a mapping of modality → model; see `features_of`.
        dataset: Names → arrays: an opened dataset, or a dict. Where it tells kinds of columns, modalities are encoded
            and targets and causes are probed; of a dict, arrays (n, …) are encoded and arrays (n,) are probed.
        inputs: What is encoded, if not that.
        of: What is probed, if not that: scalars (n,), or vectors, of which R² is the fraction of total variance.
        probes: Regressions: `ridge`, `knn`, `mlp`.
        classes: Also tell in which of so many equally filled classes each scalar is, by softmax regression.
        batch: Pairs in a batch for the InfoNCE bound and retrieval between modalities, by the canonical critic of
            their features; None leaves these out.
        truth: Query such as `I(x1; theta)` → nats, for ceilings: R² ≤ 1 − e^(−2I), which holds for Gaussian scalars.
            Left out, those of the dataset if its story is Gaussian. Its columns `prediction(theta|x1)`, the optimal
            predictions, are scored on the same rows as probe `optimal`.
        ceilings: What `story.ceilings(classes=…, batch=…)` returns, for the best accuracy, bound and retrieval; left
            out, the dataset's story is asked, if it is Gaussian.
        split: Rows; else the dataset's train, validation and test, or three fifths, one and one at random.
        seed: Of that split and of the probes that draw.

    Returns:
        A table of scores, which prints.

    Raises:
        ProbeError: An encoder, arrays or names that do not fit.
    """
    for said, given_names in (("inputs", inputs), ("of", of), ("probes", probes)):
        expect_names(said, given_names, ProbeError)
    if not is_whole(seed, 0):
        raise ProbeError(f"seed `{seed}`: expected a whole number from 0. Use 0.")
    names = tuple(inputs) if inputs is not None else known.names_of(dataset, ("modality",), vectors=True)
    if not names:
        raise ProbeError("inputs: expected at least one array to encode. Name it with `inputs`.")
    unknown = next((name for name in probes if name not in REGRESSIONS), None)
    if unknown is not None:
        raise ProbeError(f"probe `{unknown}`: expected one of {', '.join(REGRESSIONS)}. Name one of them.")
    arrays: dict[str, NDArray[Any]] = {}
    for name in names:
        arrays[name] = known.array(dataset, name, len(arrays[names[0]]) if arrays else None)
    rows = len(arrays[names[0]])
    wanted = tuple(of) if of is not None else known.names_of(dataset, ("target", "cause"), vectors=False)
    targets = {name: _target(name, known.array(dataset, name, rows)) for name in wanted}
    shifts = {name: reachable(values, None) for name, values in targets.items()}
    targets = {name: np.ldexp(values, shifts[name]) for name, values in targets.items()}
    given = known.look_up(known.truth_of(dataset) if truth is None else truth)
    rows_of = known.rows_of(dataset, rows, seed) if split is None else split.within(rows)
    setting = Setting(names, rows_of, given, seed)
    if classes is not None:
        _check_classes(classes, rows_of)
    if batch is not None:
        _check_batch(batch, rows_of, len(names))
    best = best_of(ceilings_of(dataset, classes, batch) if ceilings is None else ceilings, batch)
    for name, values in arrays.items():
        if np.isfinite(values).all():
            refuse_coarse(f"array {name}", values, ProbeError)
    features = features_of(encode, arrays)
    scores = [
        *regress(features, targets, setting, probes),
        *_optimal(dataset, features, targets, setting, shifts),
    ]
    if classes is not None:
        scores += classify(features, targets, classes, setting)
    if batch is not None:
        scores += pair_up(features, setting, batch)
    return Table(tuple(beside(scores, best, names)))


def regress(
    features: Mapping[str, Array],
    targets: Mapping[str, Array],
    setting: Setting,
    probes: Sequence[str] = tuple(REGRESSIONS),
) -> Iterator[Score]:
    """R² of every target from the features of every input by some regressions.

    Args:
        features: Name → features, shape (n, d).
        targets: Name → values, shape (n,) or (n, k).
        setting: Rows, truth and seed.
        probes: Names of regressions.
    """
    for name in probes:
        for inputs, values in features.items():
            found = REGRESSIONS[name](values, targets, setting.split, setting.seed) if targets else {}
            for of, predicted in found.items():
                yield _squares(name, inputs, of, targets[of], predicted, setting)


def classify(
    features: Mapping[str, Array], targets: Mapping[str, Array], classes: int, setting: Setting
) -> Iterator[Score]:
    """Accuracy in telling the class of every scalar, cut at the quantiles of the rows that the probe is fitted on.

    Raises:
        ProbeError: Fewer than two classes, or too many.
    """
    split = setting.split
    _check_classes(classes, split)
    for of, values in targets.items():
        if values.ndim != 1:
            continue
        cuts = np.quantile(values[split.fit], np.arange(1, classes) / classes)
        labels = np.searchsorted(cuts, values, side="right").astype(np.int64)
        for inputs, own in features.items():
            right = softmax_classes(own, labels, classes, split) == labels[split.test]
            yield Score("softmax", inputs, f"{of} in {classes}", "accuracy", *mean_score(right.astype(float)))


def pair_up(features: Mapping[str, Array], setting: Setting, batch: int) -> Iterator[Score]:
    """The InfoNCE bound and top-1 retrieval of every pair of modalities by the canonical critic of their features.

    Raises:
        ProbeError: Too few test rows for two batches, which the standard error needs.
    """
    names = [name for name in setting.modalities if name in features]
    _check_batch(batch, setting.split, len(names))
    for a, b in combinations(names, 2):
        critic = canonical_critic(features[a], features[b], setting.split, batch)
        bound, found = bound_and_retrieval(critic, setting.split.test, batch)
        nats = known.information(setting.truth, b, (a,))
        yield Score("canonical", a, b, "bound", *bound, truth=nats)
        yield Score("canonical", a, b, "retrieval", *found)


def _check_classes(classes: int, split: Split) -> None:
    if not is_whole(classes, 2):
        raise ProbeError(
            f"classes `{classes}`: expected a whole number, at least 2. Use 10, or None for no classes."
        )
    if classes > min(_CLASSES, len(split.fit)):
        raise ProbeError(
            f"classes `{classes}`: expected at most {_CLASSES}, and no more than the {len(split.fit)} rows that they "
            "are cut by. Use 10, or None for no classes."
        )


def _check_batch(batch: int, split: Split, modalities: int) -> None:
    if modalities > 1 and not (is_whole(batch, 2) and len(split.test) >= 2 * batch):
        raise ProbeError(
            f"batch `{batch}`: expected a whole number, 2 or more, and two batches among {len(split.test)} test rows. "
            "Lower it, give more rows, or leave pairs out with None."
        )


def _target(name: str, values: NDArray[Any]) -> Array:
    """Values to be told, as float64.

    Raises:
        ProbeError: Not finite numbers, or always the same.
    """
    values = _finite(name, values)
    if (values == values[:1]).all():
        raise ProbeError(
            f"array `{name}`: expected values that vary, because R² compares with their variance. Leave it out."
        )
    return values


def _finite(name: str, values: NDArray[Any]) -> Array:
    """Values as float64.

    Raises:
        ProbeError: Some that are not finite.
    """
    if not np.isfinite(values).all():
        raise ProbeError(f"array `{name}`: expected finite numbers. Remove the other rows from all arrays.")
    return np.asarray(values, np.float64)


def _optimal(
    dataset: Any,
    features: Mapping[str, Array],
    targets: Mapping[str, Array],
    setting: Setting,
    shifts: Mapping[str, Any],
) -> Iterator[Score]:
    """Scores of the optimal predictions that a dataset carries, on the probes' rows and in their unit."""
    present = {column.name for column in getattr(dataset, "columns", ())}
    for inputs in features:
        seen = known.seen_by(inputs, setting.modalities)
        for of, values in targets.items():
            name = f"prediction({of}|{','.join(seen)})"
            if name in present:
                predicted = np.ldexp(_finite(name, known.array(dataset, name, len(values))), shifts[of])
                yield _squares("optimal", inputs, of, values, predicted[setting.split.test], setting)


def _squares(name: str, inputs: str, of: str, values: Array, predicted: Array, setting: Setting) -> Score:
    centre = values[setting.split.fit].mean(axis=0)
    found = r_squared(values[setting.split.test], predicted, centre)
    seen = known.seen_by(inputs, setting.modalities)
    nats = known.information(setting.truth, of, seen) if values.ndim == 1 else None
    return Score(name, inputs, of, "r_squared", *found, ceiling=known.ceiling(nats), truth=nats)
