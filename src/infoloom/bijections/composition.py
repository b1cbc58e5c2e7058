"""One bijection after another, rows taken in fixed batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from infoloom.bijections.base import Bijection
from infoloom.errors import FlowError

__all__ = ["Composition", "in_fixed_batches"]


class Composition(Bijection):
    """x = f_k(… f_1(z)).

    Args:
        parts: Bijections in the order they are applied; each takes what the one before gives.

    Raises:
        FlowError: No parts, or shapes that do not fit.
    """

    def __init__(self, parts: Sequence[Bijection]) -> None:
        if not parts:
            raise FlowError("composition: expected at least one bijection. Write `identity(d)` for none.")
        for before, after in pairwise(parts):
            if before.shape_out != after.shape_in:
                raise FlowError(
                    f"composition: expected shapes that fit, got {before.shape_out} before {after.shape_in}."
                )
        self.parts = tuple(parts)
        self.shape_in, self.shape_out = parts[0].shape_in, parts[-1].shape_out

    def forward(self, z: Tensor) -> Tensor:
        for part in self.parts:
            z = part.forward(z)
        return z

    def inverse(self, x: Tensor) -> Tensor:
        for part in reversed(self.parts):
            x = part.inverse(x)
        return x

    def log_det(self, z: Tensor) -> Tensor:
        total = z.new_zeros(len(z))
        for part in self.parts:
            total = total + part.log_det(z)
            z = part.forward(z)
        return total

    def certificate(self) -> Mapping[str, Any]:
        """The certificates of the parts that are not exact; passes when all parts do."""
        found = [part.certificate() for part in self.parts]
        inexact = [one for one in found if one.get("kind") != "exact"]
        if not inexact:
            return {"kind": "exact", "passes": True}
        if len(inexact) == 1:
            return inexact[0]
        return {
            "kind": "composition",
            "passes": all(one.get("passes", False) for one in inexact),
            "parts": inexact,
        }


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
