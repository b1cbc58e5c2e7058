"""Opening a dataset: names to numpy arrays, and the doors to other libraries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infoloom.datasets.exports import export
from infoloom.datasets.reading.hugging_face import hugging_face
from infoloom.datasets.storage.manifest import read_manifest
from infoloom.datasets.storage.reading.store import ParquetStore, check_shards
from infoloom.datasets.storage.reading.view import View
from infoloom.errors import DatasetError
from infoloom.extras import extras_named
from infoloom.flags import expect_flags

__all__ = ["Dataset", "open_dataset"]


@dataclass(frozen=True, repr=False)
class Dataset(View):
    """A dataset, or a view of some of its columns over a range of its rows.

    `data["radio"]` is a whole column, `data[7]` a row, `data[10:20]` and `data[[3, 5]]` several rows.
    """

    @extras_named()
    def torch(self, **options: Any) -> Any:
        """The view as a `torch.utils.data` dataset: rows by position, or with `batch_size` a stream of ready batches.

        Args:
            options: `memmap` and `batch_size`; with `batch_size` also `shuffle`, `seed`, `drop_last`, `rank`,
                `world_size` and `window`. See `torch_view` and `BatchStream` of `infoloom.datasets.reading.torch_view`.
        """
        from infoloom.datasets.reading.torch_view import torch_view  # with it comes torch

        return torch_view(self, **options)

    def hf(self) -> Any:
        """The view's splits and columns as a Hugging Face dataset (needs the package `datasets`)."""
        return hugging_face(self)

    def export(self, out: str | Path, kind: str) -> Path:
        """Write the view as `hdf5`, `mmu`, `webdataset`, `4m` or `npz`; see `infoloom.datasets.exports`."""
        return export(self, out, kind)


def open_dataset(path: str | Path, *, check: bool = False) -> Dataset:
    """Open a finished dataset. No code in it is run, and no array is read yet.

    Args:
        path: The dataset's folder.
        check: Whether to read every shard once now and compare its checksum. Without it, damage is found where it is
            read: pages and footers have checksums of their own.

    Raises:
        DatasetError: Not finished, a newer format, a manifest that does not hold together, or with `check` a shard that
            is not what the manifest says.
    """
    expect_flags(DatasetError, check=check)
    root = Path(path)
    manifest = read_manifest(root)
    if check:
        check_shards(root, manifest)
    names = tuple(column.name for column in manifest.columns)
    return Dataset(root, manifest, names, 0, manifest.rows, ParquetStore(root, manifest))
