"""Batches computed on an accelerator while the batch before is trained on."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from infoloom.datasets.reading.stream import Batch

__all__ = ["ahead"]


def ahead(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches, each launched on a second CUDA stream before the one before it is given.

    The reader's stream waits for a batch before it is given, and the batch's memory is kept until that stream has used
    it. Away from CUDA nothing is computed ahead.

    Args:
        batches: What launches the work of a batch when it is asked for the next.
        device: Where it computes.
    """
    if device.type != "cuda":
        yield from batches
        return
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    ready = _launched(batches, side)
    while ready is not None:
        following = _launched(batches, side)
        batch, done = ready
        using = torch.cuda.current_stream(device)
        using.wait_event(done)
        for values in batch.values():
            if isinstance(values, torch.Tensor):
                values.record_stream(using)
        yield batch
        ready = following


def _launched(batches: Iterator[Batch], side: torch.cuda.Stream) -> tuple[Batch, torch.cuda.Event] | None:
    with torch.cuda.stream(side):
        batch = next(batches, None)
        return None if batch is None else (batch, side.record_event())
