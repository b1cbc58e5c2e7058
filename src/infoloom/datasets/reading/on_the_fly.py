"""Batches of a story that are drawn and mapped when they are asked for, without a dataset on a disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.utils import data as torch_data

from infoloom.datasets.making.captions import caption_of, caption_rows
from infoloom.datasets.making.computing import one_thread, usable_device
from infoloom.datasets.making.observe import flow_input, map_rows, observer, refuse_saturated
from infoloom.datasets.making.plan import parse_splits, plan_columns, split_rows
from infoloom.datasets.reading.prefetch import ahead
from infoloom.datasets.reading.stream import Arrays, Batch, Stream, expect_whole, recut
from infoloom.datasets.storage.columns import Column
from infoloom.datasets.storage.layout import MAX_ROWS
from infoloom.datasets.storage.reading.shuffle import Epoch
from infoloom.errors import DatasetError
from infoloom.flags import expect_flags

if TYPE_CHECKING:
    from infoloom.observations.injection import Injection
    from infoloom.story import Story

__all__ = ["StoryStream"]

_WINDOW_VALUES: Final = 2**24  # latent values of the blocks that are in memory at once
_WINDOW: Final = 16
_USUAL: Final = ("id", "modality", "text", "words", "tokens", "target", "label")
Numbers = np.ndarray[Any, np.dtype[np.int64]]


class StoryStream(Stream):
    """Ready batches of a story, drawn and mapped on a device; see `Stream` for epochs, ranks, workers and resuming.

    On a processor the rows are those of a dataset of the same seed, rows and splits, to the bit: `sample_id` is the
    number of the row in it. Flows then compute on one thread; workers of a loader use further cores. On CUDA each batch
    is computed on a second stream while the one before is trained on, in the process that trains.

    Args:
        story: A compiled story.
        batch: Rows of a batch.
        rows: Rows in all splits together; every epoch passes over those of the split.
        device: Where flows compute and batches lie, such as `cpu` or `cuda`.
        seed: Seed of the story's random numbers, and of the order.
        split: Name of one of `splits`, or None for all rows.
        splits: As `generate` takes them: `"train=0.8,test=0.2"`, fractions or rows by name.
        columns: Names of columns, which may be causes and latents (`z_…`) too; observations, captions, targets, labels
            and `sample_id` when left out.
        shuffle: Whether to shuffle: the order of blocks of rows, then rows within windows of them.
        drop_last: Whether to leave out a last batch that is not full.
        rank, world_size: As `Stream` takes them.
        allow_uncertified: Whether flows are used whose certificate fails; information is then an upper bound.

    Raises:
        DatasetError: Sizes, splits or columns that make no sense, rows that are not finite or saturate.
        FlowError: A flow cannot be built, or is not certified.
    """

    def __init__(
        self,
        story: Story,
        batch: int,
        *,
        rows: int,
        device: str = "cpu",
        seed: int = 0,
        split: str | None = None,
        splits: str | Mapping[str, float | int] | None = None,
        columns: Sequence[str] | None = None,
        shuffle: bool = False,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        allow_uncertified: bool = False,
    ) -> None:
        expect_flags(DatasetError, shuffle=shuffle, allow_uncertified=allow_uncertified)
        if expect_whole("batch", batch) < 1:
            raise DatasetError(f"batch `{batch}`: expected a positive number.")
        if not 0 < expect_whole("rows", rows) <= MAX_ROWS:
            raise DatasetError(f"rows `{rows}`: expected a number from 1 to {MAX_ROWS:,}.")
        self.first, last = _part(rows, split, splits)
        super().__init__(
            last - self.first, batch, seed=seed, drop_last=drop_last, rank=rank, world_size=world_size
        )
        self.story, self.shuffle = story, shuffle
        self.columns = _columns(story, columns)
        self.device, self.allow_uncertified = usable_device(device), allow_uncertified

    @property
    def settings(self) -> dict[str, int]:
        """What decides which rows a batch holds; `first_row` is that of the split."""
        return {**super().settings, "shuffle": self.shuffle, "first_row": self.first}

    def between(self, edges: Sequence[int]) -> Iterator[Batch]:
        """Batches drawn and mapped on the device, the next one ahead where that is CUDA."""
        if self.device.type != "cpu" and torch_data.get_worker_info() is not None:
            raise DatasetError(
                f"device `{self.device}`: expected `cpu` in workers of a loader, because each would hold flows of "
                "its own on the device. Use num_workers=0; batches are computed ahead without workers."
            )
        return ahead(self._computed(edges), self.device)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_maps"}

    @cached_property
    def _maps(self) -> dict[str, Injection]:
        """The bijections, built once in each process."""
        return {
            column.name: observer(
                self.story, column.name, str(self.device), allow_uncertified=self.allow_uncertified
            )
            for column in self.columns
            if column.kind == "modality"
        }

    def _computed(self, edges: Sequence[int]) -> Iterator[Batch]:
        drawn = (self._drawn(numbers) for numbers in self._windows(edges[0], edges[-1]))
        return (self._mapped(batch) for batch in recut(drawn, edges))

    def _windows(self, start: int, stop: int) -> Iterator[Numbers]:
        """Numbers of the rows at some positions of the epoch, as many at a time as are drawn together."""
        block = self.story.plan.block
        size = sum(self.story.dim(name) for name in self.story.modalities)
        window = max(1, min(_WINDOW, _WINDOW_VALUES // (block * size)))
        first, last = self.first, self.first + self.rows
        if self.shuffle:
            inner = np.arange(first - first % block + block, last, block, dtype=np.int64)
            edges = np.concatenate([[first], inner, [last]])
            yield from Epoch(edges, self.batch_size, self.seed, self.epoch, window).positions(start, stop)
            return
        place, end = first + start, first + stop
        while place < end:
            until = min(place - place % block + window * block, end)
            yield np.arange(place, until, dtype=np.int64)
            place = until

    def _drawn(self, numbers: Numbers) -> Arrays:
        """What the story draws for some rows, in their order; each block that they lie in is drawn once."""
        block = self.story.plan.block
        blocks, inside = np.unique(numbers // block, return_inverse=True)
        parts = [self.story.sample(block, self.seed, int(one) * block) for one in blocks]
        places = inside * block + numbers % block
        drawn = {name: np.concatenate([part[name] for part in parts])[places] for name in parts[0]}
        return {"sample_id": numbers, **drawn}

    def _mapped(self, drawn: Arrays) -> Batch:
        said = {
            name: caption_rows(self.story, name, drawn)
            for name in {caption_of(c) for c in self.columns if c.kind in ("text", "words", "tokens")}
        }
        return {column.name: self._values(column, drawn, said) for column in self.columns}

    def _values(self, column: Column, drawn: Arrays, said: Mapping[str, Arrays]) -> torch.Tensor | list[str]:
        match column.kind:
            case "modality":
                return self._observed(column.name, flow_input(self.story, column.name, drawn))
            case "text":
                return [str(text) for text in said[column.name]["text"]]
            case "words" | "tokens":
                values = said[caption_of(column)][column.kind]
            case "latent":
                values = drawn[column.name.removeprefix("z_")]
            case _:
                values = drawn[column.name]
        return torch.from_numpy(np.array(values)).to(self.device)

    def _observed(self, modality: str, latents: np.ndarray[Any, Any]) -> torch.Tensor:
        rows = torch.from_numpy(np.ascontiguousarray(latents)).to(self.device, non_blocking=True)
        one = self._maps[modality]
        on_cpu = self.device.type == "cpu"
        with torch.no_grad(), one_thread() if on_cpu else nullcontext():
            observed = map_rows(one, rows)
            if one.may_saturate:
                refuse_saturated(modality, observed, one.saturated(rows), rows.numel())
        # Looking at every value of another device would make it wait for each batch.
        if on_cpu and not bool(observed.isfinite().all()):
            raise DatasetError(
                f"column `{modality}`: expected finite numbers. A bijection left the range of its numbers; check its "
                "certificate with `infoloom flow check`."
            )
        return observed


def _part(rows: int, split: str | None, splits: str | Mapping[str, float | int] | None) -> tuple[int, int]:
    """First row of a split and the row after its last."""
    named = split_rows(rows, parse_splits(splits) if isinstance(splits, str) else splits or {"train": rows})
    ends = list(accumulate(count for _, count in named))
    parts = {name: (end - count, end) for (name, count), end in zip(named, ends, strict=True)}
    if split is None:
        return 0, rows
    if split not in parts:
        raise DatasetError(
            f"split `{split}`: expected one of {', '.join(parts)}. Name it in `splits`, as in "
            "`train=0.8,test=0.2`."
        )
    return parts[split]


def _columns(story: Story, names: Sequence[str] | None) -> tuple[Column, ...]:
    known = {column.name: column for column in plan_columns(story, latents=True, pairs=())}
    if names is None:
        return tuple(column for column in known.values() if column.kind in _USUAL)
    unknown = [name for name in names if name not in known]
    if not names:
        raise DatasetError("columns `[]`: expected at least one. Leave `columns` out for the usual ones.")
    if unknown:
        raise DatasetError(f"column `{unknown[0]}`: expected one of {', '.join(known)}.")
    return tuple(known[name] for name in names)
