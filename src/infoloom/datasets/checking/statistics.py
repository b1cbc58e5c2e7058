"""Whether the rows of a dataset carry the information that it claims: means of pointwise information, covariances."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infoloom.datasets.checking.chance import Spread, fresh_rows, gaussian_bound, unseen_information
from infoloom.datasets.checking.moments import Features, Moments, deviation, spread_spans, story_features
from infoloom.datasets.checking.outcome import Check
from infoloom.datasets.making.observe import rows_of
from infoloom.datasets.making.pmi import parse_pmi
from infoloom.datasets.reading.read import Dataset
from infoloom.datasets.storage.columns import Column, rows_at_once
from infoloom.errors import InfoloomError

if TYPE_CHECKING:
    from infoloom.information.quantity import Quantity
    from infoloom.story import Story

__all__ = ["BATCH", "TRUTH_TOLERANCE", "information_after", "statistics"]

TRUTH_TOLERANCE: Final = 1e-9
BATCH: Final = 1024
_SIGMAS: Final = 4.0
_MANY: Final = 100

Array = np.ndarray[Any, Any]
Names = tuple[str, ...]


def statistics(data: Dataset, limit: int) -> Iterator[Check]:
    """Means of pointwise information, and sample covariances, of at most so many rows."""
    pairs = [column for column in data.columns if column.kind == "pmi"]
    latent = [c.name.removeprefix("z_") for c in data.columns if c.kind == "latent"]
    scalars = [c.name for c in data.columns if c.kind in ("target", "cause")]
    if not (pairs or latent or scalars):
        return
    features = story_features(data.story, scalars, latent)
    means = [_Mean.of(data.story, column) for column in pairs]
    moments = Moments.none(len(features.names))
    view = data.select(*(c.name for c in data.columns if c.kind in ("target", "cause", "latent", "pmi")))
    shards = [(record.shard.first, record.shard.rows) for record in data.manifest.shards]
    step = rows_at_once(view.columns, BATCH)
    for start, stop in spread_spans(shards, limit):
        for first in range(start, stop, step):
            rows = view[first : min(first + step, stop)]
            moments = moments.add(features.values(rows, "z_"))
            for mean, column in zip(means, pairs, strict=True):
                mean.add(rows[column.name])
    yield from (mean.check(data.story) for mean in means)
    if features.names:
        yield _covariances(data.story, features, moments)


@dataclass
class _Mean:
    """Sums over rows of one column of pointwise information."""

    column: Column
    quantity: Quantity
    rows: int = 0
    off: float = 0.0
    squares: float = 0.0
    largest: float = 0.0

    @staticmethod
    def of(story: Story, column: Column) -> _Mean:
        left, right = parse_pmi(column.name)
        return _Mean(column, story.quantity(f"I({', '.join(left)}; {', '.join(right)})"))

    def add(self, values: Array) -> None:
        off = values.astype(np.float64) - self.quantity.value
        self.rows, self.off, self.squares = (
            self.rows + len(off),
            self.off + off.sum(),
            self.squares + (off**2).sum(),
        )
        self.largest = max(self.largest, float(np.abs(off).max(initial=0.0)))

    def check(self, story: Story) -> Check:
        spread = Spread(math.sqrt(self.squares / self.rows), self.largest)
        return _against(
            story, f"mean of {self.column.name}", parse_pmi(self.column.name), self.quantity,
            self.off / self.rows, self.rows, spread,
        )  # fmt: skip


def _against(
    story: Story,
    name: str,
    pair: tuple[Names, Names],
    quantity: Quantity,
    off: float,
    rows: int,
    spread: Spread,
    scalar: bool = False,
) -> Check:
    """The mean of pointwise information, less the information, against what chance allows.

    `scalar` says that one side is a number: there is one canonical correlation r, and r² = 1 − exp(−2I).
    """
    truth = quantity.value
    if story.gaussian and quantity.method == "closed form":
        few = -math.expm1(-2.0 * truth) if scalar else 2.0 * truth
        variance = max(spread.deviation**2 - off**2, 0.0) if rows >= _MANY and not scalar else max(few, 0.0)
        bound, deviation_of_one = gaussian_bound(truth, rows, variance), math.sqrt(variance)
    else:
        count, fresh = fresh_rows(story, sum(story.dim(one) for one in story.modalities))
        spread = spread.joined(Spread.of(story.pmi(fresh, *pair), truth))
        bound, deviation_of_one = (
            spread.bound(rows) + unseen_information(rows + count),
            float(spread.deviation),
        )
    bound, off = float(bound) + _SIGMAS * quantity.error + TRUTH_TOLERANCE, float(off)
    detail = (
        f"mean {truth + off:.4g} nats over {rows:,} rows, exact {truth:.4g}; the difference is "
        f"{abs(off) / bound:.2f} of the largest that chance allows"
    )
    error = math.hypot(deviation_of_one / math.sqrt(rows), quantity.error)
    return Check(name, abs(off) <= bound, detail, truth + off, truth, error)


def _covariances(story: Story, features: Features, moments: Moments) -> Check:
    worst = deviation(moments, features, None if features.gaussian else _fresh_moments(story, features))
    detail = (
        f"{len(features.names)} scalars and projections of latents over {moments.rows:,} rows; the furthest entry "
        f"is ({worst.names[0]}; {worst.names[1]}), {worst.ratio:.2f} of what chance allows"
    )
    return Check("covariances", worst.ratio <= 1.0, detail, worst.value, worst.expected, worst.standard_error)


def _fresh_moments(story: Story, features: Features) -> Moments:
    """Of rows that the dataset does not have."""
    _, fresh = fresh_rows(story, sum(story.dim(one) for one in story.modalities), most=2**17)
    return Moments.none(len(features.names)).add(features.values(fresh))


def information_after(data: Dataset, name: str, back: Array, spans: list[tuple[int, int]]) -> Iterator[Check]:
    """Information about the first target, estimated from observations sent back, against the truth.

    Args:
        data: The dataset.
        name: A modality.
        back: What its map takes, from the observations of the rows in the spans.
        spans: First row and the row after the last.
    """
    story = data.story
    names = {column.name for column in data.columns}
    target = next((t for t in story.targets if t in names and t not in story.held), None)
    if target is None or name in story.held:
        return
    values = np.concatenate([data.select(target)[start:stop][target] for start, stop in spans])
    try:
        quantity = story.quantity(f"I({name}; {target})")
        seen = story.pmi({**rows_of(story, name, back), target: values}, name, target)
        spread, off = Spread.of(seen, quantity.value), float(np.mean(seen)) - quantity.value
        found = _against(
            story,
            f"information after the bijection of {name}",
            ((name,), (target,)),
            quantity,
            off,
            len(seen),
            spread,
            scalar=True,
        )
    except InfoloomError:
        return  # infinite, or not within reach row by row
    detail = (
        f"I({name}; {target}) of {len(values)} observations {found.value:.3f} ± {found.standard_error:.3f}, truth "
        f"{found.expected:.3f} nats"
    )
    yield replace(found, detail=detail)
