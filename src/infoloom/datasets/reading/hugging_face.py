"""The same folder through the package `datasets`, for those whose training code speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infoloom.errors import DatasetError

if TYPE_CHECKING:
    from infoloom.datasets.storage.reading.view import View

__all__ = ["hugging_face"]


def hugging_face(data: View) -> Any:
    """A view of one split as a `datasets.Dataset`, of the whole dataset as a `datasets.DatasetDict`.

    Args:
        data: An open dataset, with the wanted columns selected.

    Returns:
        Formatted as numpy arrays, because the default format, Python lists, is hundreds of times slower.

    Raises:
        DatasetError: The package is missing, or the view is neither a split nor everything.
    """
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise DatasetError(
            "package `datasets`: expected it for `.hf()`. Install it: pip install 'infoloom[hf]'."
        ) from error
    loaded = load_dataset(str(data.root))
    if len(data) == data.manifest.rows:
        return loaded.select_columns(list(data.names)).with_format("numpy")
    for name in data.splits:
        view = data.split(name)
        if (view.start, view.stop) == (data.start, data.stop):
            return loaded[name].select_columns(list(data.names)).with_format("numpy")
    raise DatasetError(
        f"rows {data.start} to {data.stop}: expected a whole split for `.hf()`. Use `.split(name)`."
    )
