"""What all exports share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from infoloom.datasets.storage.columns import Column
from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["fresh", "modalities", "splits"]


def fresh(path: Path) -> Path:
    """A path where nothing is yet, its folder made.

    Raises:
        DatasetError: Something is there.
    """
    if path.exists():
        raise DatasetError(
            f"export `{path}`: expected a new path, because nothing is overwritten. Choose another."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(
            f"export `{path}`: cannot be written ({error.strerror}). Choose another place."
        ) from error
    return path


def modalities(data: View) -> tuple[Column, ...]:
    """The observations among the selected columns.

    Raises:
        DatasetError: There are none.
    """
    found = tuple(column for column in data.columns if column.kind == "modality")
    if not found:
        raise DatasetError("export: expected at least one modality among the selected columns.")
    return found


def splits(data: View) -> list[tuple[str, View]]:
    """The splits that a view covers, each cut to the view's rows."""
    from dataclasses import replace

    cut = []
    for name in data.splits:
        split = data.split(name)
        start, stop = max(data.start, split.start), min(data.stop, split.stop)
        if start < stop:
            cut.append((name, replace(data, start=start, stop=stop)))
    return cut
