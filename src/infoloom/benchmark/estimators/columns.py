"""Estimates from two columns of a dataset, beside what its story says they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infoloom.datasets.reading.read import open_dataset
from infoloom.errors import EstimatorError, InfoloomError
from infoloom.estimators import Estimate, as_estimator, build

if TYPE_CHECKING:
    from infoloom.datasets.storage.columns import Column
    from infoloom.information.quantity import Quantity
    from infoloom.story import Story

__all__ = ["ColumnEstimate", "estimate_columns"]

#: Kinds of columns that hold all of what a variable of the story says, with what is added to its name.
_VARIABLES: Final = {
    "modality": "",
    "target": "",
    "label": "",
    "cause": "",
    "words": "_words",
    "tokens": "_tokens",
}


@dataclass(frozen=True)
class ColumnEstimate:
    """An estimate beside the truth.

    Args:
        x, y: Names of the columns.
        estimator: Name of the estimator.
        rows: Rows that it saw.
        estimate: What it found (nats).
        truth: What the story says (nats), or None where a column holds only a part of a variable.
    """

    x: str
    y: str
    estimator: str
    rows: int
    estimate: Estimate
    truth: Quantity | None

    def to_json(self) -> dict[str, Any]:
        """The values as JSON holds them, nats."""
        found = self.estimate
        return {
            "x": self.x,
            "y": self.y,
            "estimator": self.estimator,
            "rows": self.rows,
            "nats": found.nats,
            "interval": None if found.interval is None else list(found.interval),
            "reliable": found.reliable,
            "doubts": list(found.details.get("doubts", ())),
            "seconds": found.seconds,
            "truth": None if self.truth is None else self.truth.to_json(),
        }


def estimate_columns(
    data: str | Path, x: str, y: str, estimator: Any, *, rows: int | None = None, seed: int = 0
) -> ColumnEstimate:
    """Estimate the mutual information of two columns of a dataset.

    Columns of whole numbers are discrete: classes of labels, `text_words`, `text_tokens`. A column of sentences is
    refused; beside `text` its words are `text_words`.

    Args:
        data: The dataset's folder.
        x: Name of a column.
        y: Name of another column.
        estimator: A name, or what `as_estimator` takes.
        rows: The first so many rows; all when left out.
        seed: Of estimators by name that take one.

    Raises:
        DatasetError: No such dataset or column.
        EstimatorError: An estimator that is unknown or does not take these columns, or too many rows.
    """
    view = open_dataset(data).select(x, y)
    if rows is not None and not 1 <= rows <= len(view):
        raise EstimatorError(
            f"`rows` `{rows}`: expected 1 to {len(view)}, the rows of `{data}`. Ask for fewer."
        )
    if x == y:
        raise EstimatorError(f"`y` `{y}`: expected another column than x. Name two.")
    arrays = view[: rows or len(view)]
    found = _method(estimator, seed).estimate_with_info(arrays[x], arrays[y])
    name = estimator if isinstance(estimator, str) else _name(estimator)
    kinds = {column.name: column for column in view.columns}
    truth = _truth(view.story, kinds[x], kinds[y])
    return ColumnEstimate(x, y, name, rows or len(view), found, truth)


def _name(estimator: Any) -> str:
    """What results call an estimator that was not given by name: a program, a function or an object."""
    if isinstance(estimator, list | tuple):
        return "program"
    return str(getattr(estimator, "__name__", type(estimator).__name__))


def _method(estimator: Any, seed: int) -> Any:
    if not isinstance(estimator, str):
        return as_estimator(estimator)
    seeded = {"seed": seed} if "seed" in build(estimator).parameters() else {}
    return build(estimator, **seeded)


def _truth(story: Story, x: Column, y: Column) -> Quantity | None:
    """What the variables of two columns share; nothing where a column is no variable, or the story does not know it."""
    if not {x.kind, y.kind} <= _VARIABLES.keys():
        return None
    one, other = (column.name.removesuffix(_VARIABLES[column.kind]) for column in (x, y))
    if one == other:
        return None
    try:
        return story.quantity(f"I({one}; {other})")
    except InfoloomError:
        return None
