"""What a dataset says about itself that probes can use: kinds of columns, splits, information values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from numpy.typing import NDArray

from infoloom.arrays import plain_array, real_array
from infoloom.errors import ProbeError
from infoloom.ssl.probes.score import FUSED
from infoloom.ssl.probes.splits import Split, named_split, random_split

__all__ = ["Known", "look_up", "names_of", "rows_of"]

Known = Mapping[frozenset[frozenset[str]], float]
_QUERY: Final = re.compile(r"I\(([^;|()]+);([^;|()]+)\)")


def names_of(dataset: Any, kinds: tuple[str, ...], vectors: bool) -> tuple[str, ...]:
    """Columns of some kinds where the dataset tells kinds, else all arrays that are vectors a row, or are not."""
    columns = getattr(dataset, "columns", None)
    if columns is not None and all(hasattr(column, "kind") for column in columns):
        return tuple(column.name for column in columns if column.kind in kinds)
    return tuple(name for name in dataset if (_axes(dataset[name], name) > 1) is vectors)


def _axes(values: Any, name: str) -> int:
    """Number of axes of an array, a tensor or a list."""
    found = getattr(values, "ndim", None)
    return found if isinstance(found, int) else plain_array(values, name, ProbeError).ndim


def rows_of(dataset: Any, rows: int, seed: int) -> Split:
    """The dataset's own training, validation and test rows if it has them, else three parts at random."""
    splits = getattr(dataset, "splits", None)
    named = named_split(splits) if isinstance(splits, Mapping) and sum(splits.values()) == rows else None
    return named or random_split(rows, seed)


def look_up(truth: Mapping[str, float]) -> Known:
    """Mutual information by what stands on its two sides, whatever their order.

    Args:
        truth: Query such as `I(x1, x2; theta)` → nats; quantities that are not mutual information are passed over.
    """
    found = {}
    for query, value in truth.items():
        match = _QUERY.fullmatch(query.strip())
        if match is not None:
            sides = (frozenset(name.strip() for name in side.split(",")) for side in match.groups())
            found[frozenset(sides)] = float(value)
    return found


def information(known: Known, of: str, given: tuple[str, ...]) -> float | None:
    """I(of; given) in nats where it is known."""
    return known.get(frozenset((frozenset((of,)), frozenset(given))))


def ceiling(nats: float | None) -> float | None:
    """The largest R² about a scalar Gaussian variable, 1 − e^(−2I)."""
    return None if nats is None else -math.expm1(-2.0 * nats)


def seen_by(inputs: str, modalities: tuple[str, ...]) -> tuple[str, ...]:
    """The modalities behind a name of features."""
    return modalities if inputs == FUSED else tuple(name.strip() for name in inputs.split(","))


def truth_of(dataset: Any) -> Mapping[str, float]:
    """The dataset's information values, where its story is Gaussian: only there do they bound squared errors."""
    truth = getattr(dataset, "truth", None)
    gaussian = getattr(getattr(dataset, "story", None), "gaussian", False)
    return truth if isinstance(truth, Mapping) and gaussian is True else {}


def array(dataset: Any, name: str, rows: int | None) -> NDArray[Any]:
    """One array of the dataset.

    Raises:
        ProbeError: There is none, it holds no real numbers or masked values, or it has another number of rows.
    """
    try:
        given = dataset[name]
    except (KeyError, LookupError) as error:
        raise ProbeError(f"array `{name}`: expected to be in the dataset. Name one that is there.") from error
    values = real_array(given, name, ProbeError)
    if values.ndim < 1 or (rows is not None and len(values) != rows):
        raise ProbeError(
            f"array `{name}` of shape {values.shape}: expected {rows} rows, as many as the first array has. "
            "Give all the same rows in the same order."
        )
    return values
