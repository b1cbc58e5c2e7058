"""Rows in batches of one size, so that a row comes out the same however many are asked for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["in_fixed_batches"]


def in_fixed_batches(function: Callable[[Tensor], Tensor], values: Tensor, size: int) -> Tensor:
    """Apply a function to rows in batches of one size, the last one padded.

    Matrix and convolution routines may order their sums by the number of rows; with one size a row comes out the
    same to
    the bit however many rows are asked for.

    Args:
        function: Maps (size, …) to (size, …).
        values: Rows, (n, …).
        size: Rows of a batch.
    """
    done = []
    for start in range(0, len(values), size):
        rows = values[start : start + size]
        missing = size - len(rows)
        if missing:
            rows = torch.cat([rows, rows[-1:].expand(missing, *rows.shape[1:])])
        done.append(function(rows)[: size - missing])
    return torch.cat(done) if done else function(values.new_zeros((size, *values.shape[1:])))[:0]
