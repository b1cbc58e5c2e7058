"""An array of rows, checked: real numbers, a row each along its first axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from infoloom.errors import FlowError
from infoloom.observations.training.data.labels import group_texts, label_texts
from infoloom.observations.training.data.picture_files import brightness
from infoloom.observations.training.data.rows import Array, Rows

__all__ = ["require_numbers", "rows_of_array"]


def rows_of_array(values: Array, path: Path, label: Array | None = None, group: Array | None = None) -> Rows:
    """Rows of numbers as they are given; whole numbers of 8 bits in two dimensions or more are pictures.

    Raises:
        FlowError: No rows of real numbers, or labels and groups that do not fit them.
    """
    require_numbers(values, path)
    named, grouped = label_texts(label, len(values), path), group_texts(group, len(values), path)
    if values.dtype == np.uint8 and values.ndim > 2:
        rows = brightness(values, path)
        return Rows(rows.values, named, grouped, unit=rows.unit, scale=rows.scale, notes=rows.notes)
    return Rows(values, named, grouped, notes=("axes: as given",))


def require_numbers(values: Array, path: Path) -> None:
    """Refuse what is no row of real numbers along each entry of the first axis.

    Raises:
        FlowError: Complex numbers, no numbers, or rows without any.
    """
    if np.iscomplexobj(values):
        raise FlowError(
            f"training data `{path}`: expected real numbers, got {values.dtype}. Give real and imaginary parts as two "
            "channels."
        )
    if values.ndim < 2 or values.dtype.kind not in "iuf":
        raise FlowError(
            f"training data `{path}`: expected rows of numbers, got {values.dtype} of shape {values.shape}."
        )
    if not values[:1].size and len(values):
        raise FlowError(
            f"training data `{path}`: expected rows of one number or more, got shape {values.shape}."
        )
